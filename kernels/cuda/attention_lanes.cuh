/*
 * attention_lanes.cuh - rows of a head spread over a group of lanes, and the online softmax over such rows
 */
#ifndef KERNELS_CUDA_ATTENTION_LANES_CUH
#define KERNELS_CUDA_ATTENTION_LANES_CUH

#include "kernels/cuda/attention.cuh"

/* The part of a row of D elements that one lane holds: VEC elements from `at`, of which min(VEC, left) exist.
 */
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

/* The dot product of two rows, returned to all lanes of the group. The whole warp must take part. */
template <int lanes> DEVICE float dot_share(const float (&x)[VEC], const float (&y)[VEC])
{
    float sum = 0;
#pragma unroll
    for (int e = 0; e < VEC; e++)
        sum += x[e] * y[e];
    return lanes_sum<lanes>(sum);
}

/* The running softmax of a row: maximum m of the scores so far, l = sum of e^(s-m), o = sum of e^(s-m) v. */
struct running {
    float m, l, o[VEC];
};

/* s: minus infinity for a key that the query must not see. */
DEVICE void running_add(struct running &r, float s, const float (&v)[VEC])
{
    float m = fmaxf(r.m, s), base = m == -INFINITY ? 0 : m, shrink = expf(r.m - base), p = expf(s - base);
    r.m = m;
    r.l = r.l * shrink + p;
#pragma unroll
    for (int e = 0; e < VEC; e++)
        r.o[e] = r.o[e] * shrink + p * v[e];
}

/* Joins the running softmax of the warp's groups; all groups get the result. */
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

/* Calls f<T, wide, lanes>(...) for rows of D elements; wide says whether all pointers are aligned. */
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
