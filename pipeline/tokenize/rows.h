/*
 * rows.h - writes documents as padded batches in JSON, for other programs that train or run models
 *
 *   rows_add(r, ids, n, last) ... rows_end(r)
 *
 * Each line is a batch: {"input_ids": [[...]], "attention_mask": [[...]], "labels": [[...]]}. Each row is a
 * document and EOS. Documents longer than `length` lose their end, but keep EOS. Padding has attention 0 and
 * the label -100, so that it never enters a loss; other labels are the ids themselves.
 */
#ifndef TOKENIZE_ROWS_H
#define TOKENIZE_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "pipeline/lib/fs.h"

enum { ROWS_IGNORED = -100 }; /* the label that cross-entropy leaves out, in PyTorch and Transformers */

struct rows {
    size_t batch;  /* rows a line, >= 1; the last line may have fewer */
    size_t length; /* length of a row, >= 1; 0: that of the longest in the batch */
    bool left;     /* pad on the left */
    uint32_t pad, eos;
    void (*write)(void *arg, const char *s, size_t n);
    void *arg;
    uint64_t truncated; /* rows, so far */

    uint32_t *ids; /* ids of this batch's rows, one after the other; owned, freed by rows_end */
    size_t *ends;  /* where each row ends in ids */
    size_t n, n_ids, cap;
};

/* A piece of a document. */
void rows_add(struct rows *r, const uint32_t *ids, size_t n, bool last);
/* Writes what is left. */
void rows_end(struct rows *r);

#endif
