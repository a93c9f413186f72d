/*
 * rvq_train.c - learns the codes of each level by k-means
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/random.h"
#include "pipeline/media/rvq.h"

enum {
    MAX_ITERATIONS = 16,
    SEED_POINTS = 8,         /* number of points for each code from which the first codes are drawn */
    SEED_ROUND = 16,         /* codes drawn before distances are updated */
    BLOCK = 1024,            /* points a thread takes at a time */
    PARALLEL_FROM = 1 << 20, /* number of distances from which waking threads pays */
};
static const double enough = 0.002; /* iterations stop when one improves the error by less than this */

struct kmeans {
    const int16_t *points;
    size_t n, dim, size;
    int16_t *codes;
    uint32_t *nearest;  /* the nearest code of each point */
    uint32_t *distance; /* squared distance of each point to that code */
    uint64_t random;
    int threads;
};

/* Finds the nearest codes of the first n points. */
static void assign(struct kmeans *k, const int16_t *codes, size_t size, size_t n, uint32_t *nearest,
                   uint32_t *distance)
{
    struct nearest *ix = nearest_new(codes, size, k->dim);
#pragma omp parallel for schedule(dynamic) num_threads(k->threads) if (n * size > PARALLEL_FROM)
    for (size_t i = 0; i < n; i += BLOCK) {
        int32_t score[BLOCK];
        size_t here = n - i < BLOCK ? n - i : BLOCK;
        nearest_find(ix, k->points + i * k->dim, here, 1, nearest + i, score);
        for (size_t p = 0; p < here; p++) {
            const int16_t *x = k->points + (i + p) * k->dim;
            int64_t d2 = score[p];
            for (size_t d = 0; d < k->dim; d++)
                d2 += x[d] * x[d];
            distance[i + p] = (uint32_t)d2;
        }
    }
    nearest_free(ix);
}

/* k-means++: points far from all codes chosen so far are likely to become codes. Returns the number of codes,
 * which is smaller than size when the points have fewer different values. */
static size_t seed_codes(struct kmeans *k)
{
    size_t n = k->n < k->size * SEED_POINTS ? k->n : k->size * SEED_POINTS, made = 1;
    uint64_t *sums = xcalloc(n + 1, sizeof *sums);
    uint32_t *nearest = xcalloc(n, sizeof *nearest), *distance = xcalloc(n, sizeof *distance);
    memset(k->distance, 0xff, n * sizeof *k->distance);
    memcpy(k->codes, k->points + random_next(&k->random) % n * k->dim, k->dim * sizeof *k->codes);
    for (size_t fresh = 1; made < k->size;) {
        assign(k, k->codes + (made - fresh) * k->dim, fresh, n, nearest, distance);
        for (size_t i = 0; i < n; i++) {
            k->distance[i] = distance[i] < k->distance[i] ? distance[i] : k->distance[i];
            sums[i + 1] = sums[i] + k->distance[i];
        }
        if (sums[n] == 0)
            break;
        for (fresh = 0; fresh < SEED_ROUND && made < k->size; fresh++) {
            uint64_t at = random_next(&k->random) % sums[n];
            size_t low = 0, high = n; /* the last i with sums[i] <= at */
            while (high - low > 1) {
                size_t middle = (low + high) / 2;
                *(sums[middle] <= at ? &low : &high) = middle;
            }
            memcpy(k->codes + made++ * k->dim, k->points + low * k->dim, k->dim * sizeof *k->codes);
        }
    }
    free(sums);
    free(nearest);
    free(distance);
    return made;
}

struct far_point {
    uint32_t distance;
    size_t i;
};

static int farthest_first(const void *a, const void *b)
{
    const struct far_point *x = a, *y = b;
    if (x->distance != y->distance)
        return x->distance > y->distance ? -1 : 1;
    return x->i < y->i ? -1 : x->i > y->i;
}

/* Codes that are nearest to no point become the points that are represented worst. */
static void restart_dead(struct kmeans *k, const uint64_t *counts)
{
    size_t dead = 0, at = 0;
    for (size_t c = 0; c < k->size; c++)
        dead += counts[c] == 0;
    if (dead == 0)
        return;
    struct far_point *far = xcalloc(k->n, sizeof *far);
    for (size_t i = 0; i < k->n; i++)
        far[i] = (struct far_point){k->distance[i], i};
    qsort(far, k->n, sizeof *far, farthest_first);
    for (size_t c = 0; c < k->size && at < k->n && far[at].distance > 0; c++)
        if (counts[c] == 0)
            memcpy(k->codes + c * k->dim, k->points + far[at++].i * k->dim, k->dim * sizeof *k->codes);
    free(far);
}

static int16_t divide(int64_t sum, int64_t count)
{
    return (int16_t)((sum >= 0 ? sum + count / 2 : sum - count / 2) / count);
}

/* Moves the codes to the means of their points. */
static void move_codes(struct kmeans *k, int64_t *sums, uint64_t *counts)
{
    memset(sums, 0, k->size * k->dim * sizeof *sums);
    memset(counts, 0, k->size * sizeof *counts);
    for (size_t i = 0; i < k->n; i++) {
        int64_t *s = sums + k->nearest[i] * k->dim;
        const int16_t *x = k->points + i * k->dim;
        counts[k->nearest[i]]++;
        for (size_t d = 0; d < k->dim; d++)
            s[d] += x[d];
    }
    int limit = nearest_limit(k->dim);
    for (size_t c = 0; c < k->size; c++)
        for (size_t d = 0; d < k->dim && counts[c] > 0; d++) {
            int16_t v = divide(sums[c * k->dim + d], (int64_t)counts[c]);
            k->codes[c * k->dim + d] = (int16_t)(v > limit ? limit : v < -limit ? -limit : v);
        }
}

static double mean_error(const struct kmeans *k)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < k->n; i++)
        sum += k->distance[i];
    return (double)sum / (double)k->n;
}

static void clamp_codes(struct kmeans *k)
{
    int limit = nearest_limit(k->dim);
    for (size_t i = 0; i < k->size * k->dim; i++)
        k->codes[i] = (int16_t)(k->codes[i] > limit ? limit : k->codes[i] < -limit ? -limit : k->codes[i]);
}

/* Runs Lloyd's iterations; nearest and distance then belong to the final codes. */
static int lloyd(struct kmeans *k, size_t level, void (*show)(size_t level, int iteration))
{
    int64_t *sums = xcalloc(k->size * k->dim, sizeof *sums);
    uint64_t *counts = xcalloc(k->size, sizeof *counts);
    double before = 0;
    int iteration = 0;
    for (;; iteration++) {
        clamp_codes(k);
        assign(k, k->codes, k->size, k->n, k->nearest, k->distance);
        double error = mean_error(k);
        show(level, iteration);
        if (iteration == MAX_ITERATIONS || error == 0 || stop_signal ||
            (iteration > 0 && before - error < enough * before))
            break;
        before = error;
        move_codes(k, sums, counts);
        restart_dead(k, counts);
    }
    free(sums);
    free(counts);
    return iteration;
}

static size_t count_used(const struct kmeans *k)
{
    char *used = xcalloc(k->size, 1);
    size_t n = 0;
    for (size_t i = 0; i < k->n; i++) {
        n += !used[k->nearest[i]];
        used[k->nearest[i]] = 1;
    }
    free(used);
    return n;
}

void rvq_train(struct rvq *q, int16_t *points, size_t n, uint64_t seed, int threads,
               struct rvq_report *report, void (*show)(size_t level, int iteration))
{
    struct kmeans k = {
        .points = points, .n = n, .dim = q->dim, .size = q->size, .random = seed, .threads = threads};
    k.nearest = xcalloc(n, sizeof *k.nearest);
    k.distance = xcalloc(n, sizeof *k.distance);
    *report = (struct rvq_report){0};
    for (size_t i = 0; i < n * q->dim; i++)
        report->error[0] += points[i] * points[i];
    report->error[0] /= (double)n;
    for (size_t l = 0; l < q->levels && !stop_signal; l++) {
        k.codes = q->codes + l * q->size * q->dim;
        seed_codes(&k);
        report->iterations[l] = lloyd(&k, l, show);
        report->used[l] = count_used(&k);
        report->error[l + 1] = mean_error(&k);
        for (size_t i = 0; i < n; i++)
            rvq_subtract(points + i * q->dim, k.codes + k.nearest[i] * q->dim, q->dim);
    }
    free(k.nearest);
    free(k.distance);
    rvq_ready(q);
}
