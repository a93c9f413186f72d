/*
 * swiglu.cu - the gated unit: y = silu(gate) * up
 *
 *   s = 1 / (1 + e^-gate);  dup = dy * gate * s;  dgate = dy * up * s * (1 + gate * (1 - s))
 *
 * Mapping  a thread takes VEC elements of a row.
 * Numerics in f32, one rounding at the store.
 * Cost     bound by memory: forward moves 3 elements a result, backward 5.
 * Oracle   kernels/cpu/swiglu.c
 * Source   Shazeer 2020, arXiv:2002.05202
 */
#include "kernels/cuda/common.cuh"

enum { THREADS = 256 };

DEVICE float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* Finds the row and first column of the thread's elements; false: the thread has none. */
DEVICE bool place(size_t *n, int *c, int N, int F)
{
    unsigned each = ((unsigned)F + VEC - 1) / VEC, i = blockIdx.x * THREADS + threadIdx.x;
    *n = i / each;
    *c = (int)(i % each) * VEC;
    return *n < (size_t)N;
}

static unsigned blocks_for(int N, int F)
{
    return blocks_of((size_t)N * ceil_div(F, VEC), THREADS);
}

template <class T, bool wide> KERNEL(THREADS) forward_kernel(T *y, const T *gate_up, int N, int F)
{
    size_t n;
    int c;
    start_next();
    await_previous();
    if (!place(&n, &c, N, F))
        return;
    float gate[VEC], up[VEC];
    const T *row = gate_up + n * 2 * F + c;
    get_some<wide>(gate, row, F - c);
    get_some<wide>(up, row + F, F - c);
#pragma unroll
    for (int i = 0; i < VEC; i++)
        gate[i] *= sigmoid(gate[i]) * up[i];
    put_some<wide>(y + n * F + c, gate, F - c);
}

template <class T, bool wide>
KERNEL(THREADS)
backward_kernel(T *dgate_up, const T *dy, const T *gate_up, int N, int F)
{
    size_t n;
    int c;
    if (!place(&n, &c, N, F))
        return;
    float gate[VEC], up[VEC], d[VEC];
    size_t at = n * 2 * F + c;
    get_some<wide>(gate, gate_up + at, F - c);
    get_some<wide>(up, gate_up + at + F, F - c);
    get_some<wide>(d, dy + n * F + c, F - c);
#pragma unroll
    for (int i = 0; i < VEC; i++) {
        float s = sigmoid(gate[i]), dgate = d[i] * up[i] * s * (1.0f + gate[i] * (1.0f - s));
        up[i] = d[i] * gate[i] * s;
        gate[i] = dgate;
    }
    put_some<wide>(dgate_up + at, gate, F - c);
    put_some<wide>(dgate_up + at + F, up, F - c);
}

template <class T, bool wide> static void forward(cudaStream_t s, void *y, const void *gate_up, int N, int F)
{
    LAUNCH_EARLY(N == 1, (forward_kernel<T, wide>), blocks_for(N, F), THREADS, 0, s, (T *)y,
                 (const T *)gate_up, N, F);
}

void cuda_swiglu_forward(cudaStream_t s, enum dtype act, void *y, const void *gate_up, int N, int F)
{
    FOR_ACT(act, F % VEC == 0 && aligned16(y, gate_up), forward, s, y, gate_up, N, F);
}

template <class T, bool wide>
static void backward(cudaStream_t s, void *dgate_up, const void *dy, const void *gate_up, int N, int F)
{
    LAUNCH((backward_kernel<T, wide>), blocks_for(N, F), THREADS, 0, s, (T *)dgate_up, (const T *)dy,
           (const T *)gate_up, N, F);
}

void cuda_swiglu_backward(cudaStream_t s, enum dtype act, void *dgate_up, const void *dy, const void *gate_up,
                          int N, int F)
{
    FOR_ACT(act, F % VEC == 0 && aligned16(dgate_up, dy, gate_up), backward, s, dgate_up, dy, gate_up, N, F);
}
