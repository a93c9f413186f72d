/*
 * embedding.c - a token's id becomes a vector: row `id` of the embedding matrix
 *
 *   x[n,c]        = W[ids[n],c]
 *   dW[ids[n],c] += dx[n,c]
 *
 * Shapes   ids: (N). x, dx: (N,C) act. W: (V,C) act. dW: (V,C) f32.
 * Writes   x is overwritten. dW is added to: a token that occurs twice gets both gradients.
 */
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

void reference_embedding_forward(struct device *dev, void *x, const void *W, const int32_t *ids, int N, int C)
{
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t c = 0; c < (size_t)C; c++)
            store(dev, x, n * C + c, load(dev, W, (size_t)ids[n] * C + c));
}

void reference_embedding_backward(struct device *dev, float *dW, const void *dx, const int32_t *ids, int N,
                                  int C, int V)
{
    (void)V;
    for (size_t n = 0; n < (size_t)N; n++)
        for (size_t c = 0; c < (size_t)C; c++)
            dW[(size_t)ids[n] * C + c] += (float)load(dev, dx, n * C + c);
}
