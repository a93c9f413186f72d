/*
 * check.c - whether the blocks of tokens that a run would read are whole
 */
#include "pipeline/mix/mix.h"

#include "pipeline/lib/log.h"

#include <inttypes.h>

/* Whether the rows up to `end` read a source more often than max_epochs allows. */
static bool reads_too_often(const struct mix *m, const struct shares *from, uint64_t end)
{
    struct shares to = m->shares;
    shares_seek(&to, end * m->B);
    for (size_t i = 0; i < m->n; i++)
        if (to.s[i].drawn > from->s[i].drawn && to.s[i].drawn > m->max_epochs * m->s[i].windows)
            return true;
    return false;
}

/* Returns the step before which a stream without --steps ends. */
static uint64_t last_step(const struct mix *m, const struct shares *from)
{
    uint64_t low = m->start_step, high = MIX_MAX_STEPS; /* it may end before low, and after high may not */
    if (m->max_epochs == 0)
        return MIX_MAX_STEPS;
    while (low < high) {
        uint64_t at = high - (high - low) / 2;
        if (reads_too_often(m, from, at))
            high = at - 1;
        else
            low = at;
    }
    return low;
}

/* The draws from number `from` up to `to`. Two epochs of draws, wherever they begin, hold each window. */
static bool check_draws(struct mix *m, struct mix_source *s, uint64_t from, uint64_t to)
{
    char err[4096];
    uint64_t n = to - from < 2 * s->windows ? to - from : 2 * s->windows;
    for (uint64_t k = 0; k < n; k++) {
        if (stop_signal)
            return false;
        if (shard_set_read(s->source, order_at(&s->order, from + k) * m->T, m->T + 1, NULL, err,
                           sizeof err) != 0)
            die("%s", err);
        progress(s->name, k + 1, n, "rows", NULL);
    }
    progress_end();
    return true;
}

bool mix_check_blocks(struct mix *m)
{
    struct shares from = m->shares, to = m->shares;
    shares_seek(&from, m->start_step * m->B);
    uint64_t end = m->steps == MIX_NEVER ? last_step(m, &from) : m->steps;
    if (end > m->start_step)
        shares_seek(&to, end * m->B);
    for (size_t i = 0; end > m->start_step && i < m->n; i++)
        if (!check_draws(m, &m->s[i], from.s[i].drawn, to.s[i].drawn))
            return false;
    return true;
}
