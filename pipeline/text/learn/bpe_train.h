/*
 * bpe_train.h - learns merges from counted words (Sennrich et al. 2016)
 *
 *   b = bpe_new()
 *   bpe_add(b, word, len, count), ...      in any order, which does not affect the result
 *   t = bpe_learn(b, &opts, &n_merges)
 *
 * Each step merges the most frequent pair; among equals, the one whose left symbol, then whose right symbol,
 * comes first: bytes in the order of their spellings in tokenizer.json (! to ~, then those from 0xa1 on, then
 * space and controls), then merges in the order in which they were made. The `tokenizers` library does this
 * too and finds the same merges; tokenizer.md names the exceptions.
 */
#ifndef LEARN_BPE_TRAIN_H
#define LEARN_BPE_TRAIN_H

#include "pipeline/text/vocabulary/tokenizer.h"
#include "pipeline/text/learn/word_counts.h"

enum {
    BPE_MIN_VOCAB = 256 + 32,
    BPE_TOKEN_BYTES =
        64, /* average bytes that a token may take, over all tokens: keeps tokenizer.json readable */
};

struct bpe_opts {
    uint32_t vocab_size; /* >= BPE_MIN_VOCAB, <= VOCABULARY_MAX */
    uint64_t min_count;  /* pairs rarer than this are not merged; >= 1 */
    void (*progress)(uint32_t done, uint32_t total);
};

struct bpe;
struct bpe *bpe_new(void);
/* Words have up to WORD_MAX bytes. All places together (one a byte, and one a word) are at most
 * BPE_MAX_PLACES. */
void bpe_add(struct bpe *b, const char *word, size_t len, uint64_t count);
#define BPE_MAX_PLACES 0xfffff000u
/* The most memory that learning takes for one word, in bytes (measured). */
size_t bpe_memory(size_t len);
/* Frees b. *n_merges: how many merges were found. NULL: stop_signal. */
struct tokenizer *bpe_learn(struct bpe *b, const struct bpe_opts *opts, uint32_t *n_merges);

#endif
