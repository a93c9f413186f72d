/*
 * shares.h - which elements of the flat arrays each rank owns, bucket by bucket
 *
 *   flat array:  embedding | layer 0 | layer 1 | ... | last norm, output matrix
 *   buckets:     layers in a row, or what is before or behind them
 *   each bucket: rank 0's elements | rank 1's | ...
 *
 * A backward pass completes the buckets from the last to the first. Each is summed, and sent, as soon as it
 * is complete, by all ranks at once: that is why every rank owns a part of every bucket. Borders between
 * ranks lie where a matrix of Muon or a piece of SHARES_PIECE elements begins, so that each matrix has one
 * owner.
 */
#ifndef TRAIN_SHARES_H
#define TRAIN_SHARES_H

#include "pipeline/model/params.h"

#include <stdbool.h>

enum { SHARES_PIECE = 1 << 18 }; /* elements */

struct shares {
    int size, rank;
    size_t buckets;
    size_t *cut;       /* buckets * size + 1 borders; owned, as is: */
    struct range *own; /* of each bucket the elements of this rank */
    size_t owned;      /* elements of this rank */
};

/* bucket: elements of a bucket at least, but for the first; the last norm alone may be one. Dies when there
 * is no memory. */
void shares_make(struct shares *s, const struct params *layout, int size, int rank, bool use_muon,
                 size_t bucket);
void shares_free(struct shares *s);
/* Rank r has the elements cut[0] .. cut[1] of bucket b. */
static inline const size_t *shares_of(const struct shares *s, size_t b, int r)
{
    return &s->cut[b * (size_t)s->size + (size_t)r];
}
size_t shares_owned_by(const struct shares *s, int r);
size_t shares_widest_bucket(const struct shares *s); /* elements */
size_t shares_widest_own(const struct shares *s);    /* elements of this rank in a bucket, at most */
/* Borders of the pieces of which a norm is summed, whatever the number of ranks: each parameter by itself,
 * cut where shares may be cut. *n pieces, n + 1 borders; the caller frees them. */
size_t *shares_pieces(const struct params *layout, size_t *n);

#endif
