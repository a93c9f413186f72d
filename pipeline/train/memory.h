/*
 * memory.h - how much a run will take, known and said before it starts
 */
#ifndef TRAIN_MEMORY_H
#define TRAIN_MEMORY_H

#include "formats/batch.h"
#include "pipeline/model/transformer.h"

struct memory_request {
    const struct ops *ops;
    struct device *dev;
    const struct model_config *model;
    const struct batch_header *h;
    enum dtype act;
    uint64_t optimizer;         /* bytes that it and what extrapolates weights take */
    bool recompute, bf16_alone; /* weights_alloc_bf16 */
    uint64_t rows;              /* at a time at most */
    uint64_t micro;             /* rows at a time; 0: to be chosen */
};

struct memory_plan { /* bytes */
    uint64_t weights, optimizer, gradient, activations;
    uint64_t scratch;          /* of the backend */
    uint64_t batches, program; /* on the host: code, libraries, tokenizer */
    uint64_t device,
        host; /* of the first five, of the others; all of the host where the device is the machine */
    uint64_t micro;
};

/* Fills the plan and prints it. Dies with the numbers when the device or the machine has not that much
 * memory. */
void memory_plan_make(struct memory_plan *p, const struct memory_request *r);
uint64_t memory_peak(void); /* of this process so far, resident bytes */

#endif
