/*
 * sampler.c - filters over a heap: only the candidates that top-k and top-p may keep are ever put in order
 */
#include "pipeline/model/sampler.h"

#include "pipeline/lib/random.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

struct sampler {
    int V;
    struct sampling o;
    uint64_t key, drawn;        /* the draw number `drawn` is a function of both */
    struct candidate *c;        /* (V) owned */
    struct candidate *kept;     /* (V) owned: likeliest first */
    uint8_t *seen;              /* (V) owned: in the history */
};

struct sampler *sampler_new(int V, const struct sampling *o, uint64_t seed)
{
    struct sampler *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->V = V;
    s->o = *o;
    if (s->o.temperature < 1e-6)
        s->o.temperature = 0;           /* what lies below would overflow f32, and is the same */
    s->c = calloc((size_t)V, sizeof *s->c);
    s->kept = calloc((size_t)V, sizeof *s->kept);
    s->seen = calloc((size_t)V, 1);
    if (!s->c || !s->kept || !s->seen) {
        sampler_free(s);
        return NULL;
    }
    sampler_reseed(s, seed);
    return s;
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    free(s->c);
    free(s->kept);
    free(s->seen);
    free(s);
}

void sampler_reseed(struct sampler *s, uint64_t seed)
{
    s->key = mix64(seed + RANDOM_GAMMA);
    s->drawn = 0;
}

static bool likelier(const struct candidate *a, const struct candidate *b)
{
    return a->logit > b->logit || (a->logit == b->logit && a->id < b->id);
}

static void sift(struct candidate *heap, size_t n, size_t i)
{
    struct candidate moving = heap[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && likelier(&heap[child + 1], &heap[child]))
            child++;
        if (!likelier(&heap[child], &moving))
            break;
        heap[i] = heap[child];
    }
    heap[i] = moving;
}

/* Logits after penalty and temperature; -inf and NaN (a broken model) become unlikely, not undefined. */
static void prepare(struct sampler *s, const float *logits, const int32_t *history, size_t n_history)
{
    bool penalised = s->o.repetition_penalty != 1;
    float penalty = (float)s->o.repetition_penalty, t = s->o.temperature > 0 ? (float)s->o.temperature : 1;
    for (size_t i = 0; penalised && i < n_history; i++)
        if (history[i] >= 0 && history[i] < s->V)
            s->seen[history[i]] = 1;
    for (int i = 0; i < s->V; i++) {
        float x = logits[i] == logits[i] ? logits[i] : -HUGE_VALF;
        if (s->seen[i])
            x = x > 0 ? x / penalty : x * penalty;
        s->c[i] = (struct candidate){x / t, i, 0};
    }
    for (size_t i = 0; penalised && i < n_history; i++)
        if (history[i] >= 0 && history[i] < s->V)
            s->seen[history[i]] = 0;
}

static size_t greedy(struct sampler *s)
{
    size_t best = 0;
    for (size_t i = 1; i < (size_t)s->V; i++)
        if (likelier(&s->c[i], &s->c[best]))
            best = i;
    s->kept[0] = s->c[best];
    s->kept[0].p = 1;
    return 1;
}

/* Softmax over c[0..n). */
static void softmax(struct candidate *c, size_t n)
{
    float top = c[0].logit;
    double sum = 0;
    for (size_t i = 1; i < n; i++)
        top = c[i].logit > top ? c[i].logit : top;
    for (size_t i = 0; i < n; i++) {
        c[i].p = c[i].logit == top ? 1 : exp((double)c[i].logit - (double)top);
        sum += c[i].p;
    }
    for (size_t i = 0; i < n; i++)
        c[i].p /= sum;
}

static void renormalise(struct candidate *c, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += c[i].p;
    for (size_t i = 0; i < n; i++)
        c[i].p /= sum;
}

/* Moves the likeliest to kept, in order: at most k of them, and none after their p reach `mass`. */
static size_t take(struct sampler *s, size_t k, double mass)
{
    size_t n = (size_t)s->V, got = 0;
    double sum = 0;
    for (size_t i = n / 2; i-- > 0;)
        sift(s->c, n, i);
    while (got < k && n > 0 && (got == 0 || sum < mass)) {
        s->kept[got] = s->c[0];
        sum += s->kept[got++].p;
        s->c[0] = s->c[--n];
        if (n > 0)
            sift(s->c, n, 0);
    }
    return got;
}

static size_t top_p(struct candidate *c, size_t n, double p)
{
    double sum = 0;
    size_t kept = 0;
    while (kept < n && (kept == 0 || sum < p))
        sum += c[kept++].p;
    return kept;
}

static size_t min_p(struct candidate *c, size_t n, double share)
{
    double top = 0;
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        top = c[i].p > top ? c[i].p : top;
    for (size_t i = 0; i < n; i++)
        if (c[i].p >= share * top)
            c[kept++] = c[i];
    return kept;
}

const struct candidate *sampler_distribution(struct sampler *s, const float *logits, const int32_t *history,
                                             size_t n_history, size_t *n)
{
    bool limited = s->o.top_k > 0 && s->o.top_k < s->V;
    struct candidate *c = s->kept;
    prepare(s, logits, history, n_history);
    if (s->o.temperature == 0) {
        *n = greedy(s);
        return c;
    }
    if (limited) {
        *n = take(s, (size_t)s->o.top_k, INFINITY);
        softmax(c, *n);
        if (s->o.top_p < 1)
            *n = top_p(c, *n, s->o.top_p);
    } else {
        softmax(s->c, (size_t)s->V);
        if (s->o.top_p < 1) {
            *n = take(s, (size_t)s->V, s->o.top_p);
        } else {
            c = s->c;
            *n = (size_t)s->V;
        }
    }
    if (s->o.min_p > 0)
        *n = min_p(c, *n, s->o.min_p);
    renormalise(c, *n);
    return c;
}

int32_t sampler_next(struct sampler *s, const float *logits, const int32_t *history, size_t n_history)
{
    size_t n, i = 0;
    const struct candidate *c = sampler_distribution(s, logits, history, n_history, &n);
    double u = (double)(mix64(s->key + ++s->drawn * RANDOM_GAMMA) >> 11) * 0x1p-53, sum = c[0].p;
    while (sum <= u && i + 1 < n)
        sum += c[++i].p;
    return c[i].id;
}
