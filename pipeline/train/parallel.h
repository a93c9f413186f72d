/*
 * parallel.h - one run on several ranks: who has which rows, sums of gradients, and state in shares
 *
 *   rows of an update -> parts (tree.h) -> each rank: gradients of its parts, summed up the tree
 *   -> sums go to the rank that owns the elements, which adds them up the rest of the tree
 *   -> norm from all, optimizer on the own elements -> new weights go to all
 *
 * A rank owns the elements that shares.h gives it: it alone has the optimizer's state of them (ZeRO-1:
 * Rajbhandari et al. 2020, arXiv:1910.02054). All ranks have all weights. Sums are exchanged bucket by bucket
 * while the backward pass of the last part goes on:
 *
 *   parallel_begin(p, rows, &part, &end);
 *   for (; part < end; part++) {
 *       the gradient of the part, into parallel_next(p);   the last backward pass of the last part comes
 *                                                          after parallel_open(p, part), and calls
 *                                                          parallel_ready(p, from) now and then
 *       parallel_add(p, part);                             of all parts but the last
 *   }
 *   parallel_reduce(p);
 *
 * The sum, the norm and the update are functions of the rows, of --parts and --wire, not of the number of
 * ranks: with equal devices and numbers of threads any number gives the same bits. With --wire bf16 every
 * node of the tree but the root is rounded to bf16, also where it is not sent. With one part and one rank the
 * gradient is summed and its norm taken as one array.
 */
#ifndef TRAIN_PARALLEL_H
#define TRAIN_PARALLEL_H

#include "pipeline/cluster/cluster.h"
#include "pipeline/cluster/tree.h"
#include "pipeline/train/optim.h"
#include "pipeline/train/shares.h"

enum { PARALLEL_SLOTS = CLUSTER_GROUPS - 1 }; /* buckets on their way at a time */

/* What a bucket needs while it is on its way; the messages are in f32 or bf16. NULL: not needed. */
struct parallel_slot {
    float *inbox;   /* device: the own elements of every node of the others */
    char *half_in;  /* device, bf16: the same, as it came */
    char *half_out; /* device, bf16: the bucket of every node of this rank */
    char *in, *out; /* host: these messages, where they do not go from GPU to GPU */
    double began;   /* for a trace */
};

struct parallel {
    struct cluster *c;
    uint32_t parts; /* of an update, at most */
    bool half;      /* gradients are bf16 on the wire; the device computes in bf16 */
    const struct weights *w;
    struct shares shares; /* owned, as are all arrays below */
    size_t *piece;        /* pieces + 1 borders */
    size_t pieces;
    size_t *square_of; /* of each piece: where its square is among them, which lie by owner */
    size_t *piece_cut; /* size + 1: bytes of `squares` that each rank fills in */
    double *squares;
    float **sum; /* device: depth buffers for sums on their way; sum[0] is the gradient itself, borrowed */
    int depth;
    void *rounded; /* device, bf16: a bucket of a node that is being rounded */
    struct parallel_slot slot[PARALLEL_SLOTS];

    /* The update at hand. Buckets are counted from the last one of the flat array to the first. */
    uint32_t leaves;              /* parts that it has */
    bool rounds;                  /* half, and it is gradients that are summed */
    bool open;                    /* the last part's gradient is being completed */
    struct tree tree, joined;     /* of this rank: before and after the last part was added */
    size_t settled, begun, ended; /* buckets that are complete, exchanged, and summed over all ranks */
};

/* Bytes of device memory that parallel_alloc takes, for arrays of n elements. */
size_t parallel_bytes(const struct cluster *c, uint32_t parts, size_t n, const struct shares *s, bool half);
/* shares: taken over. grad: layout.total elements. -1: no memory. */
int parallel_alloc(struct parallel *p, struct cluster *c, uint32_t parts, bool half, const struct weights *w,
                   struct shares *shares, float *grad);
void parallel_free(struct parallel *p);
/* Bytes that all ranks together send for an update of all rows, over the number of ranks. */
double parallel_wire_bytes(const struct parallel *p);
/* The gradient is one array, summed by one rank, in no parts. */
bool parallel_is_plain(const struct parallel *p);

/* An update of so many rows: parts *first .. *end - 1 are this rank's. */
void parallel_begin(struct parallel *p, uint32_t rows, uint32_t *first, uint32_t *end);
/* Rows of a part. */
uint32_t parallel_first_row(uint32_t leaves, uint32_t part, uint32_t rows);
/* Where the gradient of the next part goes. Parts come in order. */
float *parallel_next(struct parallel *p);
void parallel_add(struct parallel *p, uint32_t part);
void parallel_open(struct parallel *p, uint32_t part);
/* The gradient of the last part is complete from this element on. Before parallel_open this does nothing. */
void parallel_ready(struct parallel *p, size_t from);
/* After the last part: the own elements of the gradient become the sum over all ranks. */
void parallel_reduce(struct parallel *p);
/* The norm of the whole gradient, after parallel_reduce: begun, waited for with cluster_wait, and ended. */
void parallel_norm_begin(struct parallel *p);
double parallel_norm_end(const struct parallel *p);
/* After the optimizer changed the own weights: those of all. */
void parallel_spread(struct parallel *p, struct weights *w);
/* An array of layout.total f32 elements becomes the mean of the ranks' arrays, summed in the tree of the
 * ranks: a power of two of them. The gradient's memory is used. */
void parallel_average(struct parallel *p, float *array);

#endif
