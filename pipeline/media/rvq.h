/*
 * rvq.h - residual vector quantisation: each level has codes for the residual of the levels before it
 *
 *   x  ~  codes[0][k0] + codes[1][k1] + ... + codes[levels-1][k]
 *
 * Encoding keeps the RVQ_BEAM best beginnings at every level, not only the nearest code, and takes the best
 * sum in the end. Learning: k-means++ (Arthur & Vassilvitskii 2007), Lloyd's iterations, and codes that are
 * nearest to no point start again at the worst represented point. All arithmetic is in whole numbers: equal
 * points and seed give equal codes, on any machine, with any number of threads. Sources: Juang & Gray 1982
 * (residual); Zeghidour et al. 2021, arXiv:2107.03312 (audio).
 */
#ifndef MEDIA_RVQ_H
#define MEDIA_RVQ_H

#include <stddef.h>
#include <stdint.h>

#include "pipeline/media/nearest.h"

enum { RVQ_MAX_LEVELS = 8, RVQ_BEAM = 4 };

struct rvq {
    size_t dim, levels, size;              /* components of a vector; levels; codes of a level */
    int16_t *codes;                        /* (levels, size, dim), within +-nearest_limit(dim) */
    struct nearest *index[RVQ_MAX_LEVELS]; /* made by rvq_ready */
};

void rvq_init(struct rvq *q, size_t dim, size_t levels, size_t size); /* codes are 0 */
void rvq_ready(struct rvq *q); /* called when the codes are complete, before encoding */
void rvq_free(struct rvq *q);

/* points (n,dim), components within +-nearest_limit(dim); out (n,levels). Thread-safe. */
void rvq_encode(const struct rvq *q, const int16_t *points, size_t n, uint16_t *out);
/* codes (n,levels), each below size; out (n,dim). */
void rvq_decode(const struct rvq *q, const uint16_t *codes, size_t n, int32_t *out);

/* x -= c, limited to the range that nearest_find accepts. */
void rvq_subtract(int16_t *x, const int16_t *c, size_t dim);

struct rvq_report {
    double error[RVQ_MAX_LEVELS +
                 1]; /* mean squared error of a vector after that many levels, with greedy encoding */
    size_t used[RVQ_MAX_LEVELS]; /* codes that are nearest to some point */
    int iterations[RVQ_MAX_LEVELS];
};

/* Learns all levels from points (n,dim), n >= 1, which become the residuals. */
void rvq_train(struct rvq *q, int16_t *points, size_t n, uint64_t seed, int threads,
               struct rvq_report *report, void (*progress)(size_t level, int iteration));

#endif
