/*
 * windows.c - windows of equal length, some at a time; losses that an earlier window gave are not counted
 * again
 *
 * A stretch is a range of tokens that windows cover without a gap: the whole source or, with a limit, one of
 * several parts of it.
 */
#include "pipeline/eval/windows.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>

struct scoring {
    const struct loaded *m;
    struct shard_set *s;
    const char *dir;
    const struct window_plan *plan;
    struct tally *t;
    struct activations *a;
    uint64_t begin, end;     /* the current stretch, in which tokens begin+1 .. end-1 are predicted */
    int B, T;                /* size of the micro-batches */
    uint16_t *bytes;         /* text bytes of each token */
    int32_t *tokens, *fresh; /* (B,T+1); new targets of each row */
    void *raw;               /* T+1 tokens as they lie in the source */
    float *loss;             /* (B,T) */
};

static void check_source(const struct loaded *m, const struct shard_set *s, const char *dir)
{
    uint64_t theirs = shard_set_tokenizer_hash(s), ours = tokenizer_hash(m->tok);
    if (theirs != ours)
        die("%s: its tokens are of tokenizer %016llx, but %s is %016llx", dir, (unsigned long long)theirs,
            m->tokenizer_path, (unsigned long long)ours);
    if (shard_set_vocab_size(s) > (uint32_t)m->w.c.V)
        die("%s: vocabulary of %u, but the model's has %d", dir, shard_set_vocab_size(s), m->w.c.V);
    if (shard_set_tokens(s) < 2)
        die("%s: %llu tokens: nothing to predict. Was a document held out (shard --val)?", dir,
            (unsigned long long)shard_set_tokens(s));
}

/* Text bytes of every id; special tokens have none. */
static uint16_t *token_bytes(const struct loaded *m)
{
    uint16_t *bytes = xcalloc((size_t)m->w.c.V, sizeof *bytes);
    for (uint32_t id = 0; id < tokenizer_vocab_size(m->tok); id++) {
        size_t n = 0;
        if (!tokenizer_is_special(m->tok, id) && tokenizer_bytes(m->tok, id, &n))
            bytes[id] = (uint16_t)(n < UINT16_MAX ? n : UINT16_MAX);
    }
    return bytes;
}

static void read_row(struct scoring *r, uint64_t begin, int32_t *row)
{
    char err[512];
    size_t n = (size_t)r->T + 1;
    if (shard_set_read(r->s, begin, n, r->raw, err, sizeof err) != 0)
        die("%s", err);
    for (size_t i = 0; i < n; i++) {
        uint32_t id = shard_set_token_width(r->s) == 2 ? ((uint16_t *)r->raw)[i] : ((uint32_t *)r->raw)[i];
        if (id >= shard_set_vocab_size(r->s))
            die("%s: token %llu is %u, outside the vocabulary of %u", r->dir, (unsigned long long)(begin + i),
                id, shard_set_vocab_size(r->s));
        row[i] = (int32_t)id;
    }
}

/* Fills rows from the target *next on; returns how many, and moves *next. */
static int fill_batch(struct scoring *r, uint64_t *next)
{
    int rows = 0;
    for (; rows < r->B && *next < r->end; rows++) {
        uint64_t last = *next + (uint64_t)(*next == r->begin + 1 ? r->T : r->plan->stride);
        last = last < r->end ? last : r->end;
        read_row(r, last - 1 - (uint64_t)r->T, r->tokens + (size_t)rows * ((size_t)r->T + 1));
        r->fresh[rows] = (int32_t)(last - *next);
        *next = last;
    }
    return rows;
}

static void end_document(struct scoring *r)
{
    tally_end_document(r->t);
    if (r->plan->tokens)
        token_sink_gap(r->plan->tokens);
}

static void add_row(struct scoring *r, int i)
{
    const int32_t *row = r->tokens + (size_t)i * ((size_t)r->T + 1);
    const float *loss = r->loss + (size_t)i * (size_t)r->T;
    for (int t = r->T - r->fresh[i]; t < r->T; t++) {
        tally_add(r->t, (double)loss[t], r->bytes[row[t + 1]]);
        if (r->plan->tokens)
            token_sink_add(r->plan->tokens, row[t + 1], (double)loss[t]);
        if ((uint32_t)row[t + 1] == shard_set_eos(r->s))
            end_document(r);
    }
}

static void prepare(struct scoring *r, uint64_t stretch)
{
    char err[256];
    r->T = (uint64_t)r->plan->T < stretch ? r->plan->T : (int)stretch;
    r->B = r->T < EVAL_BATCH_TOKENS ? EVAL_BATCH_TOKENS / r->T : 1;
    r->a = activations_alloc(&r->m->w, r->B, r->T, ACT_FORWARD, err, sizeof err);
    if (!r->a)
        die("%s: %s", r->dir, err);
    r->bytes = token_bytes(r->m);
    r->tokens = xcalloc((size_t)r->B * ((size_t)r->T + 1), sizeof *r->tokens);
    r->fresh = xcalloc((size_t)r->B, sizeof *r->fresh);
    r->raw = xcalloc((size_t)r->T + 1, sizeof(uint32_t));
    r->loss = xcalloc((size_t)r->B * (size_t)r->T, sizeof *r->loss);
}

static void run_stretch(struct scoring *r, uint64_t done, uint64_t all)
{
    int mask = r->plan->document_mask ? (int)shard_set_eos(r->s) : -1;
    for (uint64_t next = r->begin + 1; next < r->end && !stop_signal;) {
        int rows = fill_batch(r, &next);
        model_run(&r->m->w, r->a, r->tokens, rows, r->T, mask, r->loss, NULL, 0);
        loaded_check(r->m);
        for (int i = 0; i < rows; i++)
            add_row(r, i);
        progress(r->dir, done + next - 1 - r->begin, all, "tokens", NULL);
    }
    if (r->t->open.tokens > 0)
        end_document(r);
}

void windows_run(const struct loaded *m, struct shard_set *s, const char *dir, const struct window_plan *plan,
                 struct tally *t)
{
    struct scoring r = {.m = m, .s = s, .dir = dir, .plan = plan, .t = t};
    check_source(m, s, dir);
    uint64_t longest = plan->stretch ? (uint64_t)plan->stretch : EVAL_STRETCH;
    uint64_t targets = shard_set_tokens(s) - 1, want = targets, stretches = 1;
    if (plan->limit && plan->limit < targets) {
        want = plan->limit;
        stretches = (want + longest - 1) / longest;
    }
    prepare(&r, want / stretches);
    for (uint64_t i = 0; i < stretches && !stop_signal; i++) {
        uint64_t done = want * i / stretches;
        r.begin = targets / stretches * i;
        r.end = r.begin + (want * (i + 1) / stretches - done) + 1;
        run_stretch(&r, done, want);
    }
    progress_end();
    activations_free(r.a);
    free(r.bytes);
    free(r.tokens);
    free(r.fresh);
    free(r.raw);
    free(r.loss);
}
