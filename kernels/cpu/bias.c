/*
 * bias.c - adds a vector to each row, and sums rows for its gradient
 *
 *   y[n,o] += b[o];  db[o] = or += sum_n dy[n,o]
 *
 * Mapping  forward: rows over threads. backward: strips of STRIP columns over threads, so that a sum's order
 *          does not depend on the number of threads.
 * Numerics sums in f32, of at most BLOCK rows and then of these sums, so that errors stay small.
 */
#include "kernels/cpu/device.h"
#include "kernels/cpu/table.h"
#include "kernels/vec.h"

enum { STRIP = 64, BLOCK = 256 }; /* columns: some cache lines of a row; rows */

INLINE void forward(struct device *dev, void *y, const float *b, int N, int O, enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static) if (N > 1)
    for (int n = 0; n < N; n++)
        for (int o = 0; o < O; o += VL) {
            size_t at = (size_t)n * O + o;
            vput(y, at, O - o, vget(y, at, O - o, t) + vget(b, o, O - o, DTYPE_F32), t);
        }
}

void bias_forward(struct device *dev, void *y, const float *b, int N, int O)
{
    FOR_ACT(dev, forward, dev, y, b, N, O);
}

INLINE void sum_columns(float *db, const void *dy, int N, int O, int o, bool accumulate, enum dtype t)
{
    vf total = accumulate ? vget(db, o, O - o, DTYPE_F32) : vzero();
    for (int from = 0; from < N; from += BLOCK) {
        int to = from + BLOCK < N ? from + BLOCK : N;
        vf sum = vzero();
        for (int n = from; n < to; n++)
            sum += vget(dy, (size_t)n * O + o, O - o, t);
        total += sum;
    }
    vput(db, o, O - o, total, DTYPE_F32);
}

INLINE void backward(struct device *dev, float *db, const void *dy, int N, int O, bool accumulate,
                     enum dtype t)
{
#pragma omp parallel for num_threads(dev->threads) schedule(static)
    for (int strip = 0; strip < O; strip += STRIP)
        for (int o = strip; o < strip + STRIP && o < O; o += VL)
            sum_columns(db, dy, N, O, o, accumulate, t);
}

void bias_backward(struct device *dev, float *db, const void *dy, int N, int O, bool accumulate)
{
    FOR_ACT(dev, backward, dev, db, dy, N, O, accumulate);
}
