#include "pipeline/eval/requests.h"
#include "pipeline/eval/windows.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How much longer a token takes over a cache than in a batch (models of 6 and 34 million weights, one
 * thread). */
#define CACHED_COST 1.3

static int longest_first(const void *a, const void *b)
{
    const struct request *x = a, *y = b;
    return y->n != x->n ? y->n - x->n : x->score < y->score ? -1 : x->score > y->score;
}

/* Runs rows r[0..B) of up to width+1 tokens; after a row's end comes padding, which no earlier token can see.
 */
static void run_batch(const struct loaded *m, struct activations *a, struct request *r, int B, int width,
                      int32_t *tokens, float *loss)
{
    size_t stride = (size_t)width + 1;
    for (int b = 0; b < B; b++) {
        int32_t *row = tokens + (size_t)b * stride;
        memset(row, 0, stride * sizeof *row);
        memcpy(row, r[b].tokens, (size_t)r[b].n * sizeof *row);
    }
    model_run(&m->w, a, tokens, B, width, -1, loss, NULL, 0);
    loaded_check(m);
    for (int b = 0; b < B; b++) {
        *r[b].score = 0;
        for (int t = r[b].begin; t < r[b].n; t++) /* loss t-1 belongs to token t */
            *r[b].score -= (double)loss[(size_t)b * (size_t)width + (size_t)t - 1];
    }
}

/* Rows of like length go through the model together. */
static void run_batched(const struct loaded *m, struct request *r, size_t n, int T)
{
    char err[256];
    int rows = T < EVAL_BATCH_TOKENS ? EVAL_BATCH_TOKENS / T : 1;
    size_t room = (size_t)rows * (size_t)T;
    struct activations *a = activations_alloc(&m->w, rows, T, ACT_FORWARD, err, sizeof err);
    if (!a)
        die("%s", err);
    int32_t *tokens = xcalloc(2 * room, sizeof *tokens);
    float *loss = xcalloc(room, sizeof *loss);
    qsort(r, n, sizeof *r, longest_first);
    for (size_t i = 0; i < n && !stop_signal;) {
        int width = (r[i].n - 1 + 7) / 8 * 8; /* rounded up, so that there are few different shapes */
        width = width < T ? width : T;
        size_t B = room / (size_t)width;
        B = B < n - i ? B : n - i;
        run_batch(m, a, r + i, (int)B, width, tokens, loss);
        i += B;
        progress("choices", i, n, "choices", NULL);
    }
    progress_end();
    free(tokens);
    free(loss);
    activations_free(a);
}

/* How many tokens of row r need not be computed after row `before`: what both begin with, without the token
 * that predicts the choice's first one. */
static int shared(const struct request *r, const struct request *before)
{
    int most = before && before->n < r->begin ? before->n - 1 : r->begin - 1, k = 0;
    while (before && k < most && r->tokens[k] == before->tokens[k])
        k++;
    return k;
}

/* The tokens that run_rows_cached computes. */
static uint64_t cached_tokens(const struct request *r, size_t n)
{
    uint64_t all = 0;
    for (size_t i = 0; i < n; i++)
        all += (uint64_t)(r[i].n - 1 - shared(&r[i], i > 0 ? &r[i - 1] : NULL));
    return all;
}

/* Adds what the logits (V) say about a token. */
static void add_token(struct request *r, const float *logits, int V, int32_t id)
{
    int best = 0;
    double sum = 0;
    for (int i = 1; i < V; i++)
        best = logits[i] > logits[best] ? i : best;
    for (int i = 0; i < V; i++)
        sum += exp((double)logits[i] - (double)logits[best]);
    *r->score += (double)logits[id] - (double)logits[best] - log(sum);
    if (r->greedy)
        *r->greedy &= best == id;
}

static void run_cached(const struct loaded *m, struct kv_cache *kv, struct request *r, float *logits)
{
    const size_t V = (size_t)m->w.c.V;
    int len = kv_cache_len(kv, 0), first = r->begin - 1;
    if (first > len)
        model_extend(&m->w, kv, 0, r->tokens + len, first - len, NULL);
    *r->score = 0;
    if (r->greedy)
        *r->greedy = true;
    for (int t = first, n; t < r->n - 1; t += n) {
        n = r->n - 1 - t < KV_CHUNK ? r->n - 1 - t : KV_CHUNK;
        model_extend(&m->w, kv, 0, r->tokens + t, n, n == 1 ? logits : NULL);
        if (n > 1)
            model_chunk_logits(&m->w, kv, 0, n, logits);
        for (int i = 0; i < n; i++)
            add_token(r, logits + (size_t)i * V, m->w.c.V, r->tokens[t + i + 1]);
    }
    loaded_check(m);
}

/* One row after the other over a cache; the tokens that a row begins with like the one before it are computed
 * once. */
static void run_rows_cached(const struct loaded *m, struct request *r, size_t n, int T)
{
    char err[256];
    struct kv_cache *kv = kv_cache_alloc(&m->w, 1, T, err, sizeof err);
    if (!kv)
        die("%s", err);
    float *logits = xcalloc((size_t)KV_CHUNK * (size_t)m->w.c.V, sizeof *logits);
    for (size_t i = 0; i < n && !stop_signal; i++) {
        kv_cache_truncate(kv, 0, shared(&r[i], i > 0 ? &r[i - 1] : NULL));
        run_cached(m, kv, &r[i], logits);
        progress("choices", i + 1, n, "choices", NULL);
    }
    progress_end();
    free(logits);
    kv_cache_free(kv);
}

/* Rows over a cache are computed one by one, which costs more a token than a batch does. A GPU computes
 * batches: there a few tokens at a time cost as much as many. */
static bool cache_is_faster(const struct loaded *m, const struct request *r, size_t n)
{
    uint64_t rows = 0;
    if (strcmp(m->w.ops->name, "cuda") == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        rows += (uint64_t)r[i].n - 1;
    return CACHED_COST * cached_tokens(r, n) < (double)rows;
}

void requests_run(const struct loaded *m, struct request *r, size_t n, int T, enum scoring_way way)
{
    if (way == SCORE_CACHED || (way == SCORE_AUTO && cache_is_faster(m, r, n)))
        run_rows_cached(m, r, n, T);
    else
        run_batched(m, r, n, T);
}
