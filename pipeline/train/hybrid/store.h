/*
 * store.h - residual store: what forecasts got wrong, found again by the state of training they were made in
 *
 * A ring of entries (key, residual, weight of each number). A lookup takes the nearest entries:
 *   r[i] = sum_j w_j r_j[i] / sum_j w_j      over the `neighbours` nearest entries j that have number i
 *   w_j  = exp(-|key - key_j|^2 / (2 s^2)) decay^age_j      age: how many entries came after j
 * s^2 is the mean squared distance of those neighbours, so that the units of the keys do not matter.
 */
#ifndef HYBRID_STORE_H
#define HYBRID_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/train/hybrid/arrays.h"

enum { STORE_MAX_NEIGHBOURS = 64, STORE_ARRAYS = 4 };

struct store_config {
    int capacity;   /* 512; 1 .. 2^20 entries */
    int n_key;      /* 32, the encoder's features */
    int n_residual; /* numbers of a residual: (k + 1) for each group */
    int neighbours; /* 8, <= STORE_MAX_NEIGHBOURS */
    float decay;    /* 0.98 */
};
void store_config_default(struct store_config *c, int n_key, int n_residual);

struct store;

struct store *store_new(const struct store_config *c); /* NULL: no memory, or a size out of range */
void store_free(struct store *s);                      /* NULL is fine */
size_t store_count(const struct store *s);             /* entries held */
/* key: (n_key); residual: (n_residual), NaN where it is not known. -1, and nothing changed: an infinity, or
 * NaN in key. */
int store_add(struct store *s, const float *key, const float *residual);
/* out: (n_residual), 0 where no neighbour knows. */
void store_lookup(const struct store *s, const float *key, float *out);

/* At most STORE_ARRAYS, "store. ..."; see arrays.h. */
size_t store_arrays(struct store *s, struct state_array *out, size_t cap);
int store_check(struct store *s, char *err, size_t cap); /* 0, or -1 with err */

#endif
