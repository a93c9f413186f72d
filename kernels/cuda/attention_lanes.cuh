/*
 * attention_lanes.cuh - rows of a head spread over a group of lanes, and the online softmax over such rows
 */
#ifndef KERNELS_CUDA_ATTENTION_LANES_CUH
#define KERNELS_CUDA_ATTENTION_LANES_CUH

#include "kernels/cuda/attention.cuh"

/* What a lane has of a row of D: VEC elements from `at`; `left` of the row begin there. */
struct share {
    int group, at, left;
};

template <int lanes> DEVICE struct share share_of(int D)
{
    int lane = threadIdx.x % WARP;
    struct share s = {lane / lanes, lane % lanes * VEC, D - lane % lanes * VEC};
    return s;
}

template <bool wide, class T> DEVICE void get_share(float (&x)[VEC], const T *row, struct share s)
{
    get_some<wide>(x, row + s.at, s.left);
}

template <bool wide, class T> DEVICE void put_share(T *row, const float (&x)[VEC], struct share s)
{
    put_some<wide>(row + s.at, x, s.left);
}

/* Of two rows, known to all lanes of the group; the whole warp takes part. */
template <int lanes> DEVICE float dot_share(const float (&x)[VEC], const float (&y)[VEC])
{
    float sum = 0;
#pragma unroll
    for (int e = 0; e < VEC; e++)
        sum += x[e] * y[e];
    return lanes_sum<lanes>(sum);
}

/* Maximum of the scores so far, sum of e^(s-m), sum of e^(s-m) v */
struct running {
    float m, l, o[VEC];
};

/* s: minus infinity for a key that is not seen */
DEVICE void running_add(struct running &r, float s, const float (&v)[VEC])
{
    float m = fmaxf(r.m, s), base = m == -INFINITY ? 0 : m, shrink = expf(r.m - base), p = expf(s - base);
    r.m = m;
    r.l = r.l * shrink + p;
#pragma unroll
    for (int e = 0; e < VEC; e++)
        r.o[e] = r.o[e] * shrink + p * v[e];
}

/* What the warp's groups have, joined; all get it. */
template <int lanes> DEVICE void running_join(struct running &r)
{
#pragma unroll
    for (int d = lanes; d < WARP; d *= 2) {
        float m = fmaxf(r.m, shfl_xor(r.m, d)), shrink = m == -INFINITY ? 0 : expf(r.m - m);
        r.m = m;
        r.l *= shrink;
        r.l += shfl_xor(r.l, d);
#pragma unroll
        for (int e = 0; e < VEC; e++) {
            r.o[e] *= shrink;
            r.o[e] += shfl_xor(r.o[e], d);
        }
    }
}

static_assert(CUDA_WIDEST_HEAD == WARP * VEC, "a warp holds a row");

/* Calls f<T, wide, lanes>(...): rows of D elements, all pointers aligned or not. */
#define FOR_LANES(act, D, aligned, f, ...)                                                                   \
    do {                                                                                                     \
        assert((D) <= CUDA_WIDEST_HEAD);                                                                     \
        if ((act) == DTYPE_BF16)                                                                             \
            FOR_LANES_OF(bf16, D, aligned, f, __VA_ARGS__);                                                  \
        else                                                                                                 \
            FOR_LANES_OF(float, D, aligned, f, __VA_ARGS__);                                                 \
    } while (0)
#define FOR_LANES_OF(T, D, aligned, f, ...)                                                                  \
    do {                                                                                                     \
        if ((aligned) && (D) == 64)                                                                          \
            f<T, true, 8>(__VA_ARGS__);                                                                      \
        else if ((aligned) && (D) == 128)                                                                    \
            f<T, true, 16>(__VA_ARGS__);                                                                     \
        else                                                                                                 \
            f<T, false, 32>(__VA_ARGS__);                                                                    \
    } while (0)

#endif
