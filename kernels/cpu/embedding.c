/*
 * embedding.c - looking up rows of the embedding, and adding gradients to them
 *
 * Mapping  forward by rows; backward by columns: each thread owns some columns of dW and adds the rows in
 *          order, so repeated ids need no atomics and the bits do not depend on the number of threads.
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

void embedding_forward(struct device *dev, void *x, const void *W, const int32_t *ids, int N, int C)
{
    size_t row = (size_t)C * dtype_bytes(dev->act);
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int n = 0; n < N; n++)
        memcpy((char *)x + n * row, (const char *)W + ids[n] * row, row);
}

INLINE void add_columns(float *dW, const void *dx, const int32_t *ids, int N, int C, int lo, int hi,
                        enum dtype t)
{
    for (int n = 0; n < N; n++) {
        float *d = dW + (size_t)ids[n] * C;
        for (int c = lo; c < hi; c += VL) {
            int left = hi - c;
            vput(d, c, left, vget(d, c, left, DTYPE_F32) + vget(dx, (size_t)n * C + c, left, t), DTYPE_F32);
        }
    }
}

void embedding_backward(struct device *dev, float *dW, const void *dx, const int32_t *ids, int N, int C,
                        int V)
{
    assert(V > 0);
    (void)V;
    int lines = (C + 15) / 16;
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int t = 0; t < dev->threads; t++) {
        int lo, hi;
        device_share(lines, t, dev->threads, &lo, &hi);
        lo *= 16;
        hi = hi * 16 < C ? hi * 16 : C;
        FOR_ACT(dev, add_columns, dW, dx, ids, N, C, lo, hi);
    }
}
