/*
 * sources.c - the sources of a mix: named, opened, held against each other; the header of their stream
 */
#include "pipeline/mix/mix.h"

#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static void parse_source(struct mix *m, const char *word)
{
    const char *eq = strchr(word, '='), *colon = eq ? strchr(eq, ':') : NULL;
    struct mix_source *s = &m->s[m->n];
    if (!eq || !colon || colon[1] == 0)
        usage_error("'%s': a source is NAME=WEIGHT:DIR", word);
    size_t len = (size_t)(eq - word);
    if (len == 0 || len > 32 ||
        strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") < len)
        usage_error("'%s': a name is 1 to 32 letters, digits, '_', '.' and '-'", word);
    if (m->n == BATCH_MAX_SOURCES)
        usage_error("more than %d sources", BATCH_MAX_SOURCES);
    *s = (struct mix_source){.name = xasprintf("%.*s", (int)len, word), .dir = colon + 1};
    if (weight_parse(eq + 1, (size_t)(colon - eq - 1), &s->weight) != 0)
        usage_error("'%s': a weight is a number above 0, below a million, with at most 9 decimals", word);
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->s[i].name, s->name) == 0)
            usage_error("two sources are named '%s'", s->name);
    s->key = XXH3_64bits(s->name, len);
    m->n++;
}

static void open_source(const struct mix *m, struct mix_source *s, const struct mix_source *first)
{
    char err[4096];
    apart_input_dir(s->dir);
    s->source = shard_set_open(s->dir, false, err, sizeof err);
    if (!s->source)
        die("%s", err);
    uint64_t n = shard_set_tokens(s->source);
    s->windows = n > 0 ? (n - 1) / m->T : 0;
    if (s->windows == 0)
        die("%s: %" PRIu64 " tokens are too few for a row of %" PRIu64, s->dir, n, m->T + 1);
    order_init(&s->order, s->windows, m->T * shard_set_token_width(s->source), m->seed, s->key);
    if (shard_set_vocab_size(s->source) != shard_set_vocab_size(first->source))
        die("%s has a vocabulary of %u, %s of %u: encode them with the same tokenizer", first->dir,
            shard_set_vocab_size(first->source), s->dir, shard_set_vocab_size(s->source));
    if (shard_set_tokenizer_hash(s->source) != shard_set_tokenizer_hash(first->source) ||
        shard_set_eos(s->source) != shard_set_eos(first->source))
        die("%s and %s were made with different tokenizers (%016" PRIx64 " and %016" PRIx64 ")", first->dir,
            s->dir, shard_set_tokenizer_hash(first->source), shard_set_tokenizer_hash(s->source));
}

/* Hashes everything that decides which rows are drawn. Weights count in lowest terms: 40/60 equals 2/3.
 * Whether a source is read in chapters follows from its size, but early versions had no chapters, so it is
 * hashed as well. */
static uint64_t mix_hash(const struct mix *m)
{
    struct strbuf b = {0};
    strbuf_addf(&b, "mix 1 seed %" PRIu64 " T %" PRIu64 " B %" PRIu64 "\n", m->seed, m->T, m->B);
    for (size_t i = 0; i < m->n; i++) {
        strbuf_addf(&b, "%s %" PRIu64 " %016" PRIx64 "\n", m->s[i].name, m->shares.s[i].weight,
                    shard_set_hash(m->s[i].source));
        if (m->s[i].order.n_chapters > 1)
            strbuf_addf(&b, "chapters %" PRIu64 "\n", m->s[i].order.n_chapters);
    }
    uint64_t h = XXH3_64bits(b.s, b.len);
    strbuf_free(&b);
    return h;
}

static void seal_header(struct mix *m)
{
    const struct shard_set *s = m->s[0].source;
    m->header = (struct batch_header){
        .B = (uint32_t)m->B,
        .T = (uint32_t)m->T,
        .vocab_size = shard_set_vocab_size(s),
        .n_sources = (uint32_t)m->n,
        .tokenizer_hash = shard_set_tokenizer_hash(s),
        .seed = m->seed,
        .mix_hash = mix_hash(m),
        .first_step = m->number_from + m->start_step,
        .eos_id = shard_set_eos(s),
    };
    batch_header_seal(&m->header);
    if (batch_header_check(&m->header) != BATCH_OK)
        usage_error("-B %" PRIu64 " rows of -T %" PRIu64 " tokens are more than a step may hold (%d MiB)",
                    m->B, m->T, BATCH_MAX_RECORD >> 20);
}

void mix_open(struct mix *m, char **words, int n)
{
    uint64_t weights[BATCH_MAX_SOURCES];
    for (int i = 0; i < n; i++)
        parse_source(m, words[i]);
    for (size_t i = 0; i < m->n; i++) {
        open_source(m, &m->s[i], &m->s[0]);
        weights[i] = m->s[i].weight;
    }
    shares_init(&m->shares, weights, m->n);
    seal_header(m);
    m->plan = xcalloc(m->B, sizeof *m->plan);
}

void mix_close(struct mix *m)
{
    for (size_t i = 0; i < m->n; i++) {
        shard_set_close(m->s[i].source);
        free(m->s[i].name);
    }
    free(m->plan);
}

double mix_epochs(const struct mix *m, size_t i, uint64_t drawn)
{
    return (double)drawn / (double)m->s[i].windows;
}

/* Checks how often sources will repeat, when the last step is known. */
void mix_check_repeats(struct mix *m)
{
    struct shares end = m->shares;
    if (m->steps == MIX_NEVER)
        return;
    shares_seek(&end, m->steps * m->B);
    for (size_t i = 0; i < m->n; i++) {
        double e = mix_epochs(m, i, end.s[i].drawn);
        m->s[i].warned = true;
        if (m->max_epochs > 0 && e > (double)m->max_epochs)
            die("%s: %s would be read %.2f times in %" PRIu64 " steps, more than --max-epochs %" PRIu64
                ": fewer steps, a smaller weight, or more data",
                m->s[i].name, m->s[i].dir, e, m->steps, m->max_epochs);
        if (e > MIX_WARN_EPOCHS && !m->dry_run)
            warn("%s: %s will be read %.1f times in %" PRIu64 " steps; more than %d teaches little new",
                 m->s[i].name, m->s[i].dir, e, m->steps, MIX_WARN_EPOCHS);
    }
}
