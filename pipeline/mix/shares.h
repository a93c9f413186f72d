/*
 * shares.h - which source each row of a mix comes from
 *
 * Pure arithmetic on integers: the same numbers on every machine, from any row on.
 *
 * Share. Source i with weight w_i of a total S is owed n * w_i / S of the first n rows. Its draw j
 * (from 0) may not come before it is owed more than j rows and not after it is owed j + 1, which is
 *     first row   floor(j * S / w_i)          (from 0)
 *     deadline    ceil((j + 1) * S / w_i)     (rows done by then)
 * Of the sources that may be drawn, the one with the earliest deadline is: a schedule that meets every
 * deadline exists, and earliest-deadline-first finds it (unit jobs, one processor). So after every row each
 * source is less than one row from what it is owed. Tijdeman 1980 (chairman
 * assignment); Baruah et al. 1996 (proportionate progress).
 */
#ifndef MIX_SHARES_H
#define MIX_SHARES_H

#include <stddef.h>
#include <stdint.h>

enum { SHARES_MAX = 64 };

struct shares {
    size_t n;
    uint64_t total, row; /* S, and the number of rows done */
    struct shares_source {
        uint64_t weight;          /* in lowest terms */
        uint64_t drawn;           /* j */
        uint64_t first;           /* floor(j * S / w) */
        uint64_t next, rest;      /* (j + 1) * S = next * w + rest */
        uint64_t step, step_rest; /* S = step * w + step_rest */
    } s[SHARES_MAX];
};

/* weights: each in 1 .. 2^56, n <= SHARES_MAX. */
void shares_init(struct shares *s, const uint64_t *weights, size_t n);
size_t shares_next(struct shares *s); /* the next row's source; its `drawn` counts it already */
/* As if shares_next had been called `row` times from the start; row <= 2^62. Walks no more rows than lie
 * between two draws of the rarest source, S / w: its state is not known from arithmetic alone. */
void shares_seek(struct shares *s, uint64_t row);

/* "40", "0.125": an exact multiple of 1e-9, times 1e9, in 1 .. 1e15. 0, or -1 when it is not such a number.
 */
int weight_parse(const char *s, size_t len, uint64_t *out);

#endif
