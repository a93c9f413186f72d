/*
 * rate.h - how fast the device multiplies matrices, and which share of that a run reaches
 *
 * Model FLOPs utilisation (MFU), one convention everywhere: the FLOPs that the model needs for its tokens
 * (model_flops_per_token: 6 a weight in products, and causal attention counted once; recomputation does not
 * count), divided by what the device could do in the same time: the rate measured here, and the one its maker
 * prints.
 */
#ifndef TRAIN_RATE_H
#define TRAIN_RATE_H

#include "kernels/ops.h"

struct rate {
    double measured; /* FLOP/s of one large square product; 0: no memory for it, or the reference backend */
    double nominal;  /* 0: not known */
};

/* Dies when the device fails at it. */
void rate_measure(struct rate *r, const struct ops *ops, struct device *dev, enum dtype act);
/* ", MFU 41.2 % of 790.1 TFLOP/s measured, 33.0 % of 989.0 nominal"; what is not known is left out. */
void rate_text(char *out, size_t cap, const struct rate *r, double flops);

#endif
