/*
 * plan.h - how long a training step takes on many GPUs, and whether it fits: arithmetic from a table of
 * constants
 *
 *   products of matrices   FLOPs of the step / (GPUs x peak x efficiency); model_flops_per_token counts
 *                          causal attention as half; recomputing the forward pass takes a third more
 *   efficiency             limit x width / (width + 608): narrow matrices fill a GPU badly
 *   update                 bytes of gradient, weights and own share of the optimizer / memory bandwidth
 *   gradients, weights     each goes round once (reduce-scatter, all-gather): (N-1)/N of its bytes through
 *                          a GPU's link, (nodes-1)/nodes of them through a node's network, at 80 % of the
 *                          rates
 *   hidden                 gradients travel during the backward pass of the last micro-batch
 *
 * The limits of efficiency were fitted to rows of 8 GPUs of llm-foundry's public benchmark, 125m to 7b on
 * A100 and 760m to 7b on H100 (github.com/mosaicml/llm-foundry, scripts/train/benchmarking/README.md): the
 * formula is within 8 % of each. H200 is taken as H100 with its own memory.
 */
#ifndef PLANNER_PLAN_H
#define PLANNER_PLAN_H

#include "pipeline/model/config.h"

struct gpu {
    const char *name;
    double peak;              /* FLOP/s of dense bf16 products */
    double limit;             /* of efficiency, for wide matrices */
    double memory;            /* bytes */
    double memory_rate, link; /* bytes/s: of memory; to the other GPUs of the node, each way */
};

const struct gpu *gpu_at(size_t i); /* NULL: i is past the last one */
const struct gpu *gpu_find(const char *name);

struct plan_request {
    struct model_config model;
    int row_tokens;
    const struct gpu *gpu;
    uint64_t gpus, gpus_per_node;
    double net;            /* bytes/s that a node sends */
    uint64_t batch_tokens; /* of a step, in all */
    uint64_t micro_rows;   /* rows at a time on a GPU; 0: as many as fit, at most 64 */
    uint64_t wire_bytes;   /* of a number that is sent */
    bool recompute;
    double efficiency; /* measured; 0: by the formula */
    bool any_memory;   /* whether it fits is not asked; micro_rows is given */
};

struct plan {
    double efficiency;                                        /* of the products */
    uint64_t micro_rows;                                      /* 0: nothing fits */
    double weights, gradient, optimizer, activations, memory; /* bytes on a GPU; their sum */
    double compute, update, gradients, shared_weights;        /* seconds of a step */
    double hidden, step; /* seconds: of gradients behind compute; of the whole step */
    double tokens_per_s; /* of all GPUs */
};

/* Returns 0, or -1 with the reason in err: the batch cannot be divided, or the model does not fit. */
int plan_make(struct plan *p, const struct plan_request *r, char *err, size_t cap);

/* A speed that somebody published, and the run that had it. None of these were used to fit the constants. */
struct figure {
    const char *run, *gpu;
    struct plan_request request; /* but for the GPU */
    double tokens_per_s;         /* of all GPUs */
    const char *source;
};
const struct figure *figure_at(size_t i); /* NULL: i is past the last one */

#endif
