/*
 * draw.c - the rows of a step, and their tokens
 */
#include "pipeline/mix/mix.h"

#include "pipeline/lib/log.h"

#include <inttypes.h>
#include <string.h>

enum { PREFETCH_ROWS = 4 };

/* Makes draw k of a source, k from 0. */
static struct batch_row draw(struct mix *m, size_t i, uint64_t k)
{
    struct mix_source *s = &m->s[i];
    uint64_t epoch = k / s->windows;
    if (epoch > UINT32_MAX)
        die("%s: %s has been read 2^32 times", s->name, s->dir);
    return (struct batch_row){
        .source = (uint16_t)i, .epoch = (uint32_t)epoch, .offset = order_at(&s->order, k) * m->T};
}

bool mix_plan_step(struct mix *m)
{
    for (uint64_t i = 0; i < m->B; i++) {
        size_t s = shares_next(&m->shares);
        m->plan[i] = draw(m, s, m->shares.s[s].drawn - 1);
        if (m->max_epochs > 0 && m->plan[i].epoch >= m->max_epochs) {
            say("%s has been read %" PRIu64 " times: the stream ends here, as --max-epochs asks",
                m->s[s].name, m->max_epochs);
            return false;
        }
        if (m->plan[i].epoch >= MIX_WARN_EPOCHS && !m->s[s].warned) {
            warn("%s: %s is being read for the %" PRIu32 "th time", m->s[s].name, m->s[s].dir,
                 m->plan[i].epoch + 1);
            m->s[s].warned = true;
        }
    }
    return true;
}

/* Prefetches row i. Rows come from random places in hundreds of megabytes, so half the time of copying them
 * would be waiting for memory. */
static void prefetch_row(struct mix *m, uint64_t i)
{
    if (i < m->B)
        shard_set_prefetch(m->s[m->plan[i].source].source, m->plan[i].offset, m->T + 1);
}

void mix_fill_step(struct mix *m, void *record)
{
    char err[4096];
    size_t row_bytes = (size_t)(m->T + 1) * m->header.token_width;
    char *tokens = batch_tokens(&m->header, record);
    memcpy(batch_rows(record), m->plan, m->B * sizeof *m->plan);
    for (uint64_t i = 0; i < PREFETCH_ROWS; i++)
        prefetch_row(m, i);
    for (uint64_t i = 0; i < m->B; i++) {
        prefetch_row(m, i + PREFETCH_ROWS);
        const struct mix_source *s = &m->s[m->plan[i].source];
        if (shard_set_read(s->source, m->plan[i].offset, m->T + 1, tokens + i * row_bytes, err, sizeof err) !=
            0)
            die("%s", err);
    }
}
