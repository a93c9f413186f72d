/*
 * validate.h - loss and bits per byte on held-out shards, during training
 *
 * Every validation reads the same windows: val_tokens of a source, spread evenly over it,
 * in windows of T tokens. Bits per byte count the end-of-document token's loss and no bytes for it.
 */
#ifndef TRAIN_VALIDATE_H
#define TRAIN_VALIDATE_H

#include "formats/shard.h"
#include "pipeline/cluster/cluster.h"
#include "pipeline/lib/cli.h"
#include "pipeline/model/transformer.h"
#include "pipeline/text/vocabulary/tokenizer.h"

struct val_source {
    char *name;
    struct shard_set *source;
    int T; /* of a window: shorter when the source is */
    uint64_t windows, available;
    double loss, bits_per_byte;          /* results of the last run */
    double finished_loss, finished_bits; /* of the weights as they are forecast (finish.h); NaN: are not */
    uint64_t tokens;
};

struct validation {
    struct val_source *v; /* owned */
    size_t n;
    struct cluster *cluster;
    int rows, T;           /* of a micro-batch */
    uint32_t *token_bytes; /* text bytes of each id */
    /* scratch */
    int32_t *tokens;
    uint64_t round; /* windows between two exchanges */
    float *loss;    /* of a round */
    size_t *border; /* ranks + 1: bytes of loss that each rank fills in */
    void *raw;
};

/* list: NAME=DIR. Dies when one cannot be opened, is of another tokenizer, or has fewer than two tokens. */
struct validation *validation_open(struct cluster *cluster, const struct str_list *list,
                                   const struct tokenizer *tok, int rows, int T, uint64_t val_tokens);
void validation_close(struct validation *v); /* NULL is fine */
/* Each rank takes some of the windows; all add up the losses of all, in one order. Fills the results; returns
 * the mean loss of the sources. doc_mask_eos as in model_run. */
double validation_run(struct validation *v, const struct weights *w, struct activations *a, int doc_mask_eos);

#endif
