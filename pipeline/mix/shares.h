/*
 * shares.h - which source each row of a mix comes from
 *
 * Pure arithmetic on integers: the same numbers on every machine, from any row on.
 *
 * Source i with weight w_i of a total S is owed n * w_i / S of the first n rows. Its draw j (from 0) must not
 * come before it is owed more than j rows, nor after it is owed j + 1, which means
 *     first row   floor(j * S / w_i)          (from 0)
 *     deadline    ceil((j + 1) * S / w_i)     (rows done by then)
 * Among the sources that may be drawn, the one with the earliest deadline is drawn: a schedule that meets
 * every deadline exists, and earliest-deadline-first finds it (unit jobs, one processor). So after every row
 * each source is less than one row from what it is owed. Tijdeman 1980 (chairman assignment); Baruah et al.
 * 1996 (proportionate progress).
 */
#ifndef MIX_SHARES_H
#define MIX_SHARES_H

#include <stddef.h>
#include <stdint.h>

enum { SHARES_MAX = 64 };

struct shares {
    size_t n;
    uint64_t total, row; /* S, and the number of rows drawn so far */
    struct shares_source {
        uint64_t weight;          /* in lowest terms */
        uint64_t drawn;           /* j: draws made so far */
        uint64_t first;           /* floor(j * S / w): the first row of the next draw */
        uint64_t next, rest;      /* (j + 1) * S = next * w + rest: next, rounded up, is the deadline */
        uint64_t step, step_rest; /* S = step * w + step_rest */
    } s[SHARES_MAX];
};

/* Weights are within 1 .. 2^56, n <= SHARES_MAX. */
void shares_init(struct shares *s, const uint64_t *weights, size_t n);
/* Returns the source of the next row, whose `drawn` then includes that row. */
size_t shares_next(struct shares *s);
/* Sets the state that `row` calls of shares_next from the start would leave; row <= 2^62. It simulates no
 * more rows than lie between two draws of the rarest source, S / w. */
void shares_seek(struct shares *s, uint64_t row);

/* Parses "40" or "0.125": an exact multiple of 1e-9, returned times 1e9, within 1 .. 1e15. Returns 0, or -1
 * when it is not such a number. */
int weight_parse(const char *s, size_t len, uint64_t *out);

#endif
