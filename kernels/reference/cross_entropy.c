/*
 * cross_entropy.c - how badly the model predicted each next token, and the gradient of that
 *
 *   p[n,v]       = e^logits[n,v] / sum_w e^logits[n,w]                     softmax
 *   loss[n]      = -log p[n,target]
 *   dlogits[n,v] = scale * (p[n,v] - (v == target ? 1 : 0))
 *
 * The row's largest logit m is subtracted first: e^(l-m) / sum e^(l-m) is the same, and no e^ overflows.
 *
 * Shapes   logits: (N,V) act. loss: (N) f32.
 *          targets: (N), negative where a token has no target: its loss and gradient are 0.
 * Writes   loss is overwritten. The gradient overwrites the logits, unless scale is 0: then they stay.
 */
#include <math.h>
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

/* log sum_v e^logits[v] of the row that starts at element `row` */
static double log_sum_exp(const struct device *dev, const void *logits, size_t row, int V)
{
    double most = -INFINITY, sum = 0;
    for (size_t v = 0; v < (size_t)V; v++)
        most = fmax(most, load(dev, logits, row + v));
    for (size_t v = 0; v < (size_t)V; v++)
        sum += exp(load(dev, logits, row + v) - most);
    return most + log(sum);
}

void reference_cross_entropy(struct device *dev, float *loss, void *logits, const int32_t *targets, int N,
                             int V, float scale)
{
    for (size_t n = 0; n < (size_t)N; n++) {
        bool counts = targets[n] >= 0;
        double lse = log_sum_exp(dev, logits, n * V, V);
        loss[n] = counts ? (float)(lse - load(dev, logits, n * V + targets[n])) : 0;
        for (int v = 0; scale != 0 && v < V; v++) {
            double p = exp(load(dev, logits, n * V + v) - lse);
            store(dev, logits, n * V + v, counts ? scale * (p - (v == targets[n])) : 0);
        }
    }
}
