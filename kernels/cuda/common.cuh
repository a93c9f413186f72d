/*
 * common.cuh - code that the kernels share: activations as f32, eight elements at a time, sums over warps and
 * blocks
 */
#ifndef KERNELS_CUDA_COMMON_CUH
#define KERNELS_CUDA_COMMON_CUH

#include <assert.h>
#include "kernels/cuda/kernels.h"
#include "kernels/cuda/platform.cuh"

struct bf16 {
    uint16_t bits;
};

enum { WARP = 32, VEC = 8 }; /* VEC: elements of a wide access: 16 bytes of bf16, or 32 bytes of f32 */

/* Calls f<T, wide>(...) where T, float or bf16, is the type of activations, and wide says whether accesses of
 * VEC elements are aligned. */
#define FOR_ACT(act, wide, f, ...)                                                                           \
    do {                                                                                                     \
        if ((act) == DTYPE_BF16 && (wide))                                                                   \
            f<bf16, true>(__VA_ARGS__);                                                                      \
        else if ((act) == DTYPE_BF16)                                                                        \
            f<bf16, false>(__VA_ARGS__);                                                                     \
        else if (wide)                                                                                       \
            f<float, true>(__VA_ARGS__);                                                                     \
        else                                                                                                 \
            f<float, false>(__VA_ARGS__);                                                                    \
    } while (0)

static inline bool aligned16(const void *p)
{
    return (uintptr_t)p % 16 == 0;
}

template <class... P> static inline bool aligned16(const void *p, const P *...more)
{
    return aligned16(p) && aligned16(more...);
}

static inline size_t ceil_div(size_t n, size_t d)
{
    return (n + d - 1) / d;
}

static inline size_t round_up(size_t n, size_t d)
{
    return ceil_div(n, d) * d;
}

/* Number of blocks of `threads` threads for `count` items, one item a thread. The result fits 32 bits, so
 * that kernels need no 64-bit division, which would cost a thread as much as its memory accesses. */
static inline unsigned blocks_of(size_t count, unsigned threads)
{
    size_t blocks = ceil_div(count, threads);
    assert(blocks * threads <= UINT32_MAX);
    return (unsigned)blocks;
}

/* ---- elements ---- */

DEVICE float get(const float *p)
{
    return *p;
}

DEVICE float get(const bf16 *p)
{
    return bits_float((unsigned)p->bits << 16);
}

DEVICE void put(float *p, float x)
{
    *p = x;
}

DEVICE void put(bf16 *p, float x)
{
    p->bits = (uint16_t)pack_bf16(x, 0);
}

/* Returns x as it reads after being stored as a T. */
DEVICE float rounded(const float *, float x)
{
    return x;
}

DEVICE float rounded(const bf16 *, float x)
{
    return bits_float(pack_bf16(0, x) & 0xffff0000u);
}

DEVICE void unpack4(float *x, uint4 u)
{
    x[0] = bits_float(u.x);
    x[1] = bits_float(u.y);
    x[2] = bits_float(u.z);
    x[3] = bits_float(u.w);
}

DEVICE void get_vec(float (&x)[VEC], const float *p)
{
    unpack4(x, load16(p));
    unpack4(x + 4, load16(p + 4));
}

DEVICE void get_vec(float (&x)[VEC], const bf16 *p)
{
    uint4 u = load16(p);
    unsigned w[4] = {u.x, u.y, u.z, u.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        x[2 * i] = bits_float(w[i] << 16);
        x[2 * i + 1] = bits_float(w[i] & 0xffff0000u);
    }
}

DEVICE void put_vec(float *p, const float (&x)[VEC])
{
    store16(p, uint4{float_bits(x[0]), float_bits(x[1]), float_bits(x[2]), float_bits(x[3])});
    store16(p + 4, uint4{float_bits(x[4]), float_bits(x[5]), float_bits(x[6]), float_bits(x[7])});
}

DEVICE void put_vec(bf16 *p, const float (&x)[VEC])
{
    store16(
        p, uint4{pack_bf16(x[0], x[1]), pack_bf16(x[2], x[3]), pack_bf16(x[4], x[5]), pack_bf16(x[6], x[7])});
}

/* Reads up to VEC elements, of which `left` exist; the others read as zero. wide: left is a multiple of VEC.
 */
template <bool wide, class T> DEVICE void get_some(float (&x)[VEC], const T *p, long left)
{
    if (wide && left >= VEC) {
        get_vec(x, p);
        return;
    }
#pragma unroll
    for (int i = 0; i < VEC; i++)
        x[i] = !wide && i < left ? get(p + i) : 0;
}

template <bool wide, class T> DEVICE void put_some(T *p, const float (&x)[VEC], long left)
{
    if (wide && left >= VEC)
        put_vec(p, x);
#pragma unroll
    for (int i = 0; i < VEC; i++)
        if (!wide && i < left)
            put(p + i, x[i]);
}

/* ---- sums and maxima, always combined in one fixed order ---- */

template <class T> DEVICE T warp_sum(T x)
{
#pragma unroll
    for (int i = WARP / 2; i > 0; i /= 2)
        x += shfl_xor(x, i);
    return x;
}

/* Sum over the aligned group of `lanes` lanes (a power of two) that this lane belongs to. */
template <int lanes> DEVICE float lanes_sum(float x)
{
#pragma unroll
    for (int i = lanes / 2; i > 0; i /= 2)
        x += shfl_xor(x, i);
    return x;
}

/* Sum over the lanes at the same place in each of the warp's groups of `lanes` lanes. */
template <int lanes> DEVICE float groups_sum(float x)
{
#pragma unroll
    for (int i = lanes; i < WARP; i *= 2)
        x += shfl_xor(x, i);
    return x;
}

/* Sum over the whole block, returned to every thread. warps: a shared array with one T for each warp. */
template <class T> DEVICE T block_sum(T x, T *warps)
{
    int lane = threadIdx.x % WARP, n = blockDim.x / WARP;
    x = warp_sum(x);
    __syncthreads(); /* an earlier call may still be reading warps */
    if (lane == 0)
        warps[threadIdx.x / WARP] = x;
    __syncthreads();
    return warp_sum(lane < n ? warps[lane] : (T)0);
}

DEVICE float warp_max(float x)
{
#pragma unroll
    for (int i = WARP / 2; i > 0; i /= 2)
        x = fmaxf(x, shfl_xor(x, i));
    return x;
}

/* Largest x of the block. warps: a shared array, one float for each warp, not in use; the number of warps is
 * a power of two. */
DEVICE float block_max(float x, float *warps)
{
    int lane = threadIdx.x % WARP;
    x = warp_max(x);
    if (lane == 0)
        warps[threadIdx.x / WARP] = x;
    __syncthreads();
    return warp_max(warps[lane % (blockDim.x / WARP)]);
}

#endif
