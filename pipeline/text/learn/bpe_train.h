/*
 * bpe_train.h - learn merges from counted words (Sennrich et al. 2016)
 *
 *   b = bpe_new()
 *   bpe_add(b, word, len, count), ...      in any order: the result is the same
 *   t = bpe_learn(b, &opts, &n_merges)
 *
 * Each step merges the most frequent pair; of equals, the one whose left symbol, then whose
 * right symbol, comes first: bytes in the order of their spellings in tokenizer.json (! to ~,
 * then those from 0xa1 on, then space and controls), then merges in the order in which they were made. This
 * is what the `tokenizers` library does, and the merges are the same; tokenizer.md names the exceptions.
 */
#ifndef LEARN_BPE_TRAIN_H
#define LEARN_BPE_TRAIN_H

#include "pipeline/text/vocabulary/tokenizer.h"
#include "pipeline/text/learn/word_counts.h"

enum {
    BPE_MIN_VOCAB = 256 + 32,
    BPE_TOKEN_BYTES =
        64, /* the average a token that all tokens together may take: tokenizer.json stays readable */
};

struct bpe_opts {
    uint32_t vocab_size; /* >= BPE_MIN_VOCAB, <= VOCABULARY_MAX */
    uint64_t min_count;  /* pairs rarer than this are not merged; >= 1 */
    void (*progress)(uint32_t done, uint32_t total);
};

struct bpe;
struct bpe *bpe_new(void);
/* Words have up to WORD_MAX bytes. All places (a byte each, and one a word) together are at most
 * BPE_MAX_PLACES. */
void bpe_add(struct bpe *b, const char *word, size_t len, uint64_t count);
#define BPE_MAX_PLACES 0xfffff000u
/* Memory that learning takes for one word, at most (measured): bytes. */
size_t bpe_memory(size_t len);
/* Frees b. *n_merges: how many were found. NULL: stop_signal. */
struct tokenizer *bpe_learn(struct bpe *b, const struct bpe_opts *opts, uint32_t *n_merges);

#endif
