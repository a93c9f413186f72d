/*
 * parallel.h - one run on several ranks: who has which rows, sums of gradients, and state in shares
 *
 *   rows of an update -> parts (tree.h) -> each rank: gradients of its parts, summed up the tree
 *   -> sums go to the rank that owns the elements, which adds them up the rest of the tree
 *   -> norm from all, optimizer on the own elements -> new weights go to all
 *
 * A rank owns the elements cut[rank] .. cut[rank+1] of every flat array: it alone has the optimizer's state
 * of them (ZeRO-1: Rajbhandari et al. 2020, arXiv:1910.02054). Cuts lie where a matrix of Muon or a piece of
 * PARALLEL_PIECE elements begins, so that each matrix has one owner. All ranks have all weights.
 *
 * The sum, the norm and the update are functions of the rows and of --parts, not of the number of ranks:
 * with equal devices and numbers of threads any number gives the same bits. With one part and one rank the
 * gradient is summed and its norm taken as one array.
 */
#ifndef TRAIN_PARALLEL_H
#define TRAIN_PARALLEL_H

#include "pipeline/cluster/cluster.h"
#include "pipeline/cluster/tree.h"
#include "pipeline/train/optim.h"

enum {
    PARALLEL_PIECE = 1 << 18,  /* elements: a norm is a sum over pieces */
    PARALLEL_BUCKET = 1 << 20, /* elements that are on their way at a time, from each rank */
    PARALLEL_BUCKET_BYTES = PARALLEL_BUCKET * 4,
};

struct parallel {
    struct cluster *c;
    uint32_t parts; /* of an update, at most */
    const struct weights *w;
    size_t *cut;   /* size + 1 borders; owned, and all below */
    size_t *piece; /* pieces + 1 borders */
    size_t pieces;
    size_t *piece_cut; /* size + 1: bytes of `squares` that each rank fills in */
    double *squares;   /* of each piece */
    float **sum; /* device: depth buffers for sums on their way; sum[0] is the gradient itself, borrowed */
    int depth;
    struct tree tree; /* of this rank, in the update at hand */
    float *inbox;     /* device: a bucket of every node of the others; NULL: one rank */
    size_t inbox_nodes;
    char *mailbox; /* host: buckets for messages, when the device has memory of its own */
};

/* Elements of a message, for arrays of n elements. */
static inline size_t parallel_bucket(size_t n)
{
    return n < PARALLEL_BUCKET ? n : PARALLEL_BUCKET;
}
/* Which elements each rank owns. cut has room for size + 1. */
void parallel_cut(size_t *cut, int size, const struct params *layout, bool use_muon);
/* Bytes of device memory that parallel_alloc takes. */
size_t parallel_bytes(const struct cluster *c, uint32_t parts, size_t n);
/* cut: from parallel_cut, taken over. grad: layout.total elements. -1: no memory. */
int parallel_alloc(struct parallel *p, struct cluster *c, uint32_t parts, const struct weights *w,
                   size_t *cut, float *grad);
void parallel_free(struct parallel *p);
/* Bytes that all ranks together send for an update of all rows, over the number of ranks. */
double parallel_wire_bytes(const struct parallel *p);
/* The gradient is one array, summed by one rank, in no parts. */
bool parallel_is_plain(const struct parallel *p);

/* Parts first .. end-1 of an update of so many rows are this rank's; *leaves: of how many. */
void parallel_share(const struct parallel *p, uint32_t rows, uint32_t *leaves, uint32_t *first,
                    uint32_t *end);
/* Rows of a part. */
uint32_t parallel_first_row(uint32_t leaves, uint32_t part, uint32_t rows);
/* Where the gradient of the next part goes; parallel_add takes it from there. Parts come in order. */
float *parallel_next(struct parallel *p);
void parallel_add(struct parallel *p, uint32_t part);
/* After the last: the own elements of the gradient become the sum over all ranks. */
void parallel_reduce(struct parallel *p, uint32_t leaves);
/* The norm of the whole gradient, after parallel_reduce: begun, waited for with cluster_wait, and ended. */
void parallel_norm_begin(struct parallel *p);
double parallel_norm_end(const struct parallel *p);
/* After the optimizer changed the own weights: those of all. */
void parallel_spread(struct parallel *p, struct weights *w);
/* An array of layout.total f32 elements becomes the mean of the ranks' arrays, summed in the tree of the
 * ranks: a power of two of them. The gradient's memory is used. */
void parallel_average(struct parallel *p, float *array);
/* Rank 0 gets the whole of an array of which each rank has its own elements at `own`, in `whole`. */
void parallel_collect(struct parallel *p, void *whole, const void *own, size_t element);

#endif
