/*
 * sampler.c - draws from V logits in a few passes over them: tokens that top-k, top-p and min-p cannot keep
 * are never sorted
 */
#include "pipeline/model/sampler.h"

#include "kernels/vec.h"
#include "pipeline/lib/random.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    BLOCK = 1024
}; /* weights are summed in blocks of so many tokens, so that a draw looks into only one block */
_Static_assert(VL == 4, "the same draws on every machine");

struct sampler {
    int V;
    struct sampling o;
    uint64_t key, drawn;    /* key and drawn, the number of the draw, determine the random number */
    float *x;               /* (V) owned: logits after penalty and temperature */
    float *e;               /* (V) owned: e^(x - the largest) */
    double *sums, total;    /* (V / BLOCK, rounded up) owned: the sum of e in each block; total: of all */
    struct candidate *c;    /* (V) owned: a heap */
    struct candidate *kept; /* (V) owned: likeliest first */
    uint8_t *seen;          /* (V) owned: whether a token occurs in the history */
};

struct sampler *sampler_new(int V, const struct sampling *o, uint64_t seed)
{
    struct sampler *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->V = V;
    sampler_set(s, o);
    s->x = calloc((size_t)V, sizeof *s->x);
    s->e = calloc((size_t)V, sizeof *s->e);
    s->sums = calloc((size_t)V / BLOCK + 1, sizeof *s->sums);
    s->c = calloc((size_t)V, sizeof *s->c);
    s->kept = calloc((size_t)V, sizeof *s->kept);
    s->seen = calloc((size_t)V, 1);
    if (!s->x || !s->e || !s->sums || !s->c || !s->kept || !s->seen) {
        sampler_free(s);
        return NULL;
    }
    sampler_reseed(s, seed);
    return s;
}

void sampler_set(struct sampler *s, const struct sampling *o)
{
    s->o = *o;
    if (s->o.temperature < 1e-6)
        s->o.temperature = 0; /* values below would overflow f32, and amount to greedy sampling */
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    free(s->x);
    free(s->e);
    free(s->sums);
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

static bool unlikelier(const struct candidate *a, const struct candidate *b)
{
    return likelier(b, a);
}

/* above(x, y): x is nearer to the top of the heap than y. */
INLINE void sift(struct candidate *heap, size_t n, size_t i,
                 bool (*above)(const struct candidate *, const struct candidate *))
{
    struct candidate moving = heap[i];
    for (size_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && above(&heap[child + 1], &heap[child]))
            child++;
        if (!above(&heap[child], &moving))
            break;
        heap[i] = heap[child];
    }
    heap[i] = moving;
}

static bool in_vocabulary(const struct sampler *s, int32_t id)
{
    return id >= 0 && id < s->V;
}

/* Penalises each token of the history once, however often it occurs. */
static void penalise(struct sampler *s, const float *logits, const int32_t *history, size_t n)
{
    float penalty = (float)s->o.repetition_penalty;
    for (size_t i = 0; i < n; i++) {
        int32_t id = history[i];
        if (!in_vocabulary(s, id) || s->seen[id])
            continue;
        s->seen[id] = 1;
        s->x[id] = logits[id] > 0 ? logits[id] / penalty : logits[id] * penalty;
    }
    for (size_t i = 0; i < n; i++)
        if (in_vocabulary(s, history[i]))
            s->seen[history[i]] = 0;
}

/* Computes the logits after penalty and temperature, and returns the largest; -inf and NaN (from a broken
 * model) become unlikely, not undefined. */
static float prepare(struct sampler *s, const float *logits, const int32_t *history, size_t n_history)
{
    float t = s->o.temperature > 0 ? (float)s->o.temperature : 1, top = -HUGE_VALF;
    memcpy(s->x, logits, (size_t)s->V * sizeof *logits);
    if (s->o.repetition_penalty != 1)
        penalise(s, logits, history, n_history);
    vf most = vset(top);
    size_t n = (size_t)s->V, i = 0;
    for (; i + VL <= n; i += VL) {
        vf x = vmax(vload_f32(s->x + i) / t,
                    vset(-HUGE_VALF)); /* when the first operand is NaN, vmax returns the second */
        vstore_f32(s->x + i, x);
        most = vmax(most, x);
    }
    for (; i < n; i++) {
        s->x[i] = s->x[i] == s->x[i] ? s->x[i] / t : -HUGE_VALF;
        top = s->x[i] > top ? s->x[i] : top;
    }
    return fmaxf(top, vmaximum(most));
}

/* Computes the weights e^(x - top) of `left` tokens from `from` on; the largest x itself gets weight 1, even
 * if it is infinite. The sum of the vector is added to sum, in two halves. */
INLINE void weigh_some(struct sampler *s, size_t from, size_t left, float top, __m128d sum[2])
{
    vf x = vget(s->x, from, left, DTYPE_F32), e = vexp(x - top);
    vi is_top = x == vset(top);
    e = (vf)(((vi)vset(1) & is_top) | ((vi)e & ~is_top));
    e = left < VL ? vkeep(e, 0, (int)left, 0) : e;
    vput(s->e, from, left, e, DTYPE_F32);
    sum[0] += _mm_cvtps_pd(e);
    sum[1] += _mm_cvtps_pd(_mm_movehl_ps(e, e));
}

static void weigh(struct sampler *s, float top)
{
    size_t n = (size_t)s->V;
    s->total = 0;
    for (size_t from = 0; from < n; from += BLOCK) {
        size_t end = from + BLOCK < n ? from + BLOCK : n;
        __m128d sum[2] = {0};
        for (size_t i = from; i < end; i += VL)
            weigh_some(s, i, end - i, top, sum);
        sum[0] += sum[1];
        s->sums[from / BLOCK] = sum[0][0] + sum[0][1];
        s->total += s->sums[from / BLOCK];
    }
}

static size_t greedy(struct sampler *s, float top)
{
    int32_t best = 0;
    while (best + 1 < s->V && s->x[best] != top)
        best++;
    s->kept[0] = (struct candidate){top, best, 1};
    return 1;
}

/* Computes the weights of c[0..n), as weigh does; the first candidate is the likeliest. */
static void weigh_kept(struct candidate *c, size_t n)
{
    for (size_t i = 0; i < n; i++)
        c[i].p = c[i].logit == c[0].logit ? 1 : exp((double)c[i].logit - (double)c[0].logit);
}

static void renormalise(struct candidate *c, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += c[i].p;
    for (size_t i = 0; i < n; i++)
        c[i].p /= sum;
}

/* Moves the k likeliest tokens to kept. c is a heap of the k likeliest so far, with the least likely on top.
 */
static size_t take_most(struct sampler *s, size_t k)
{
    for (size_t i = 0; i < k; i++)
        s->c[i] = (struct candidate){s->x[i], (int32_t)i, 0};
    for (size_t i = k / 2; i-- > 0;)
        sift(s->c, k, i, unlikelier);
    for (size_t i = k; i < (size_t)s->V; i++) {
        if (s->x[i] <= s->c[0].logit)
            continue;
        s->c[0] = (struct candidate){s->x[i], (int32_t)i, 0};
        sift(s->c, k, 0, unlikelier);
    }
    for (size_t n = k; n-- > 0;) {
        s->kept[n] = s->c[0];
        s->c[0] = s->c[n];
        sift(s->c, n, 0, unlikelier);
    }
    return k;
}

/* Collects in c, in the order of ids, the tokens whose weight is at least `least`. */
static size_t gather(struct sampler *s, double least)
{
    size_t n = 0;
    for (int i = 0; i < s->V; i++)
        if (s->e[i] >= least)
            s->c[n++] = (struct candidate){s->x[i], i, s->e[i]};
    return n;
}

/* Moves the likeliest of c[0..n) to kept, in order, until their weights reach `mass`. */
static size_t take(struct sampler *s, size_t n, double mass)
{
    size_t got = 0;
    double sum = 0;
    for (size_t i = n / 2; i-- > 0;)
        sift(s->c, n, i, likelier);
    while (n > 0 && (got == 0 || sum < mass)) {
        s->kept[got] = s->c[0];
        sum += s->kept[got++].p;
        s->c[0] = s->c[--n];
        sift(s->c, n, 0, likelier);
    }
    return got;
}

static size_t top_p(struct candidate *c, size_t n, double p)
{
    double sum = 0;
    size_t kept = 0;
    renormalise(c, n);
    while (kept < n && (kept == 0 || sum < p))
        sum += c[kept++].p;
    return kept;
}

/* Requires the likeliest candidate to come first. */
static size_t min_p(struct candidate *c, size_t n, double share)
{
    double top = c[0].p;
    size_t kept = 0;
    while (kept < n && c[kept].p >= share * top)
        kept++;
    return kept;
}

static bool limited(const struct sampler *s)
{
    return s->o.top_k > 0 && s->o.top_k < s->V;
}

static const struct candidate *of_top_k(struct sampler *s, size_t *n)
{
    *n = take_most(s, (size_t)s->o.top_k);
    weigh_kept(s->kept, *n);
    if (s->o.top_p < 1)
        *n = top_p(s->kept, *n, s->o.top_p);
    *n = min_p(s->kept, *n, s->o.min_p);
    renormalise(s->kept, *n);
    return s->kept;
}

/* Selects among all V tokens. Tokens that weigh less than a V-th of 1 - top_p together weigh less than 1 -
 * top_p, so they are not needed to reach top_p. */
static const struct candidate *of_all(struct sampler *s, size_t *n)
{
    double spare = s->o.top_p < 1 ? (1 - s->o.top_p) * s->total / s->V : 0;
    struct candidate *c = s->c;
    *n = gather(s, fmin(1, fmax(spare, s->o.min_p)));
    if (s->o.top_p < 1) {
        *n = take(s, *n, s->o.top_p * s->total);
        c = s->kept;
    }
    renormalise(c, *n);
    return c;
}

const struct candidate *sampler_distribution(struct sampler *s, const float *logits, const int32_t *history,
                                             size_t n_history, size_t *n)
{
    float top = prepare(s, logits, history, n_history);
    if (s->o.temperature == 0) {
        *n = greedy(s, top);
        return s->kept;
    }
    if (limited(s))
        return of_top_k(s, n);
    weigh(s, top);
    return of_all(s, n);
}

/* Returns the token at which the sum of weights, in the order of ids, exceeds u of the total. Sums in
 * different orders differ slightly: where the sum within the block ends too early, the block's last token is
 * drawn. */
static int32_t draw_from_all(const struct sampler *s, double u)
{
    double sum = 0, wanted = u * s->total;
    int32_t i = 0;
    for (int b = 0; i + BLOCK < s->V && sum + s->sums[b] <= wanted; b++, i += BLOCK)
        sum += s->sums[b];
    for (int32_t end = i + BLOCK < s->V ? i + BLOCK : s->V; i < end; i++) {
        sum += s->e[i];
        if (sum > wanted)
            return i;
    }
    while (s->e[--i] == 0)
        ;
    return i;
}

int32_t sampler_next(struct sampler *s, const float *logits, const int32_t *history, size_t n_history)
{
    size_t n, i = 0;
    double u = (double)(mix64(s->key + ++s->drawn * RANDOM_GAMMA) >> 11) * 0x1p-53, sum;
    if (s->o.temperature > 0 && !limited(s) && s->o.top_p >= 1 && s->o.min_p <= 0) {
        weigh(s, prepare(s, logits, history, n_history));
        return draw_from_all(s, u);
    }
    const struct candidate *c = sampler_distribution(s, logits, history, n_history, &n);
    for (sum = c[0].p; sum <= u && i + 1 < n;)
        sum += c[++i].p;
    return c[i].id;
}
