/*
 * fim.h - fill in the middle: a document is cut in three, and the middle moves to the end
 *
 *   PSM  <|fim_prefix|> prefix <|fim_suffix|> suffix <|fim_middle|> middle
 *   SPM  <|fim_prefix|> <|fim_suffix|> suffix <|fim_middle|> prefix middle
 *
 * Cuts fall between characters, uniformly; half of the documents become PSM,
 * half SPM. What happens to a document depends on its bytes and the seed alone.
 * Source: Bavarian et al. 2022, arXiv:2207.14255 (SPM: its second variant).
 */
#ifndef TOKENIZE_FIM_H
#define TOKENIZE_FIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fim_cut {
    bool spm;
    size_t from, to; /* the middle: text[from..to) */
};

/* False: this document stays as it is. rate: share of documents that are cut, 0 to 1. */
bool fim_choose(const char *text, size_t len, double rate, uint64_t seed, struct fim_cut *cut);

#endif
