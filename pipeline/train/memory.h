/*
 * memory.h - how much a run will take, known and said before it starts
 */
#ifndef TRAIN_MEMORY_H
#define TRAIN_MEMORY_H

#include "formats/batch.h"
#include "pipeline/model/transformer.h"

struct memory_plan {                /* bytes */
    uint64_t weights, optimizer, gradient, activations, batches;
    uint64_t scratch;               /* of the backend */
    uint64_t program;               /* code, libraries, tokenizer */
    uint64_t total;
    uint64_t micro;                 /* rows at a time */
};

/* optimizer: bytes that it and what extrapolates weights take. Chooses the micro-batch when asked for 0 rows, and returns it. Dies when the machine has not that much memory. */
uint64_t memory_plan_make(struct memory_plan *p, const struct ops *ops, struct device *dev,
                          const struct model_config *m, enum dtype act, const struct batch_header *h, uint64_t optimizer,
                          uint64_t micro);
void     memory_plan_print(const struct memory_plan *p);
uint64_t memory_peak(void);         /* of this process so far, resident bytes */

#endif
