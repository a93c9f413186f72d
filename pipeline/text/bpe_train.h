/*
 * bpe_train.h - learn merges from counted words (Sennrich et al. 2016)
 *
 * Each step merges the most frequent pair; of equals, the one of lower ids. A
 * pair that spells an existing token is passed over, so that each token is made in
 * one way. Equal counts give an equal tokenizer.
 */
#ifndef TEXT_BPE_TRAIN_H
#define TEXT_BPE_TRAIN_H

#include "pipeline/text/tokenizer.h"
#include "pipeline/text/word_counts.h"

enum {
    BPE_MAX_WORD = 256,         /* longer pre-tokens are not counted: tables, base64, rulers */
    BPE_MIN_VOCAB = 256 + 32,
};

struct bpe_opts {
    uint32_t vocab_size;        /* >= BPE_MIN_VOCAB, <= VOCABULARY_MAX */
    uint64_t min_count;         /* pairs rarer than this are not merged; >= 1 */
    void (*progress)(uint32_t done, uint32_t total);
};

/* Frees counts. *n_merges: how many were found. NULL: stop_signal. */
struct tokenizer *bpe_train(struct word_counts *counts, const struct bpe_opts *opts, uint32_t *n_merges);

/* The layout of ids: tokenizer.md. */
struct layout {
    uint32_t n_text;            /* bytes and merges: ids from 0 */
    uint32_t n_special;         /* after them */
    uint32_t n_image, n_audio;  /* codes, after these */
};
struct layout vocabulary_layout(uint32_t vocab_size);
/* Sets what follows the text ids, and fills text ids from n_made on with unused ones. */
void vocabulary_add_rest(struct tokenizer *t, const struct layout *l, uint32_t n_made);

#endif
