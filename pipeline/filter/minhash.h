/*
 * minhash.h - which texts are nearly the same: MinHash signatures, in bands
 *
 * A text is the set of its n-grams of SHINGLE words, after simplify.h. For each of BANDS * ROWS hash
 * functions the signature holds the least hash of the set; two texts agree in one of them with the
 * probability s, their Jaccard similarity. A band is ROWS of them. Texts that agree in a whole band are
 * near-duplicates: with the probability 1 - (1 - s^ROWS)^BANDS, one half at s = 0.69. A text of fewer than
 * SHINGLE words has no signature. Sources: Broder 1997; Leskovec, Rajaraman & Ullman, Mining of Massive
 * Datasets, 3.4. Settings: those of datatrove and FineWeb (Penedo et al. 2024, arXiv:2406.17557).
 */
#ifndef FILTER_MINHASH_H
#define FILTER_MINHASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/filter/words.h"

enum { SHINGLE = 5, BANDS = 14, ROWS = 8 };

/* Computes a key for each band: two texts are near-duplicates when they have a key in common. False: the text
 * is too short, and the keys are as they were. */
bool minhash(const struct words *w, uint64_t keys[BANDS]);
/* A hash of n words in their order. */
uint64_t words_hash(const struct word *w, unsigned n);

#endif
