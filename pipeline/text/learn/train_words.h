/*
 * train_words.h - counts the pre-tokens of all documents, with threads and in bounded memory
 *
 * Each thread counts into a table of its own; a table that outgrows its share goes to
 * disk (word_runs.h). The counts are exact and depend on neither threads nor memory.
 */
#ifndef LEARN_TRAIN_WORDS_H
#define LEARN_TRAIN_WORDS_H

#include "formats/wordcounts.h"
#include "pipeline/stream/input.h"
#include "pipeline/text/vocabulary/batches.h"
#include "pipeline/text/learn/bpe_train.h"

struct train_words;

/* memory: bytes for all tables together. Reads until the end of the input, or stop_signal. */
struct train_words *train_words_count(struct input *in, const struct feed_opts *feed, size_t n_threads,
                                      uint64_t memory);
/* Writes the words to a file (formats/wordcounts.h) and frees them. head: part and of are given, the rest is
 * filled in.
 */
void train_words_write(struct train_words *t, FILE *f, struct wordcounts_head *head);
/* The words of n files, which are the n parts of a corpus; dies when they are not. */
struct train_words *train_words_read(char **paths, size_t n, uint64_t memory);
/* Passes the words to the learner and frees them. When learning from all words would take more than `memory`
 * bytes, the rarest are left out; among equally rare ones their hashes decide. */
struct train_totals {
    uint64_t documents, bytes, words; /* words: distinct ones */
    uint64_t left_out,
        left_out_count; /* distinct words left out; none of them occurred more often than left_out_count */
    uint64_t spilled;   /* bytes written to disk */
};
void train_words_learn(struct train_words *t, struct bpe *b, uint64_t memory, struct train_totals *totals);

#endif
