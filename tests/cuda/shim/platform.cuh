/*
 * platform.cuh - the host's side of kernels/cuda/platform.cuh: CUDA C's words, and twins of the PTX wrappers
 *
 * Given to g++ with -include, so that it takes the place of the device's file (same include guard). What CUDA
 * says of each operation is in that file and in the PTX manual; the layouts of fragments here were written
 * from the manual's figures.
 */
#ifndef KERNELS_CUDA_PLATFORM_CUH
#define KERNELS_CUDA_PLATFORM_CUH

#include "tests/cuda/shim/cuda_runtime_api.h"
#include "tests/cuda/shim/shim.h"

#include <cmath>
#include <cstdint>
#include <cstring>

#define DEVICE static inline
#define KERNEL(threads) static void
#define __syncthreads() shim_syncthreads(__FILE__, __LINE__)
#define __syncwarp() shim_syncwarp()

struct dim3 {
    unsigned x, y, z;
    dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
    {
    }
};
struct alignas(16) uint4 {
    unsigned x, y, z, w;
};

/* The shim's own functions are not watched. */
#define UNWATCHED __attribute__((no_sanitize("thread"), noinline, unused)) static

#define LAUNCH(kernel, grid, block, shared, stream, ...)                                                     \
    ((void)(stream), shim_launch(#kernel, false, kernel, grid, block, shared, __VA_ARGS__))
#define LAUNCH_EARLY(when, kernel, grid, block, shared, stream, ...)                                         \
    ((void)(when), (void)(stream), shim_launch(#kernel, true, kernel, grid, block, shared, __VA_ARGS__))
#define STATIC_SHARED(type, name, count)                                                                     \
    static char name##_key;                                                                                  \
    type *const name = (type *)shim_static_shared(&name##_key, sizeof(type) * (count))

template <class... P, class... A>
static void shim_launch(const char *name, bool early, void (*kernel)(P...), dim3 grid, dim3 block,
                        size_t shared, A... arguments)
{
    auto body = [=] { kernel(arguments...); };
    shim_run(
        name, early, {grid.x, grid.y, grid.z}, {block.x, block.y, block.z}, shared,
        [](void *f) { (*(decltype(body) *)f)(); }, &body, sizeof body);
}

template <class T> static T *dynamic_shared(void)
{
    return (T *)shim_dynamic_shared();
}

template <class K> static void allow_shared(K *kernel, size_t bytes)
{
    shim_allow_shared((const void *)kernel, bytes);
}

/* ---- beside the kernel before: here it has always ended, and it is checked that this one waits for that
 * ---- */

static inline void start_next(void)
{
}

static inline void await_previous(void)
{
    shim_await();
}

static inline void prefetch(const void *p, unsigned bytes)
{
    shim_prefetch(p, bytes);
}

/* ---- memory ---- */

UNWATCHED uint4 load16(const void *p)
{
    uint4 x;
    shim_touch_aligned(p, 16, false);
    memcpy(&x, p, 16);
    return x;
}

UNWATCHED void store16(void *p, uint4 x)
{
    shim_touch_aligned(p, 16, true);
    memcpy(p, &x, 16);
}

UNWATCHED void store4(void *p, unsigned x)
{
    shim_touch_aligned(p, 4, true);
    memcpy(p, &x, 4);
}

UNWATCHED void store2(void *p, unsigned x)
{
    shim_touch_aligned(p, 2, true);
    memcpy(p, &x, 2);
}

UNWATCHED void store8(void *p, unsigned first, unsigned second)
{
    unsigned x[2] = {first, second};
    shim_touch_aligned(p, 8, true);
    memcpy(p, x, 8);
}

UNWATCHED unsigned load4(const void *p)
{
    unsigned x;
    shim_touch_aligned(p, 4, false);
    memcpy(&x, p, 4);
    return x;
}

UNWATCHED void cp_async16(void *shared, const void *global, bool take)
{
    shim_cp_async(shared, global, take ? 16 : 0);
}

UNWATCHED void cp_async_commit(void)
{
    shim_cp_commit();
}

template <int pending> static void cp_async_wait(void)
{
    shim_cp_wait(pending);
}

/* ---- the lanes of a warp ---- */

template <class T> UNWATCHED T shfl_xor(T x, int mask)
{
    const unsigned char *all = shim_exchange(2, &x, sizeof x);
    memcpy(&x, all + ((shim_thread() % SHIM_LANES) ^ (unsigned)mask) * SHIM_SLOT, sizeof x);
    return x;
}

template <class T> UNWATCHED T shfl_up(T x, int delta)
{
    int lane = (int)(shim_thread() % SHIM_LANES);
    const unsigned char *all = shim_exchange(3, &x, sizeof x);
    memcpy(&x, all + (lane >= delta ? lane - delta : lane) * SHIM_SLOT, sizeof x);
    return x;
}

UNWATCHED unsigned match_any(unsigned x)
{
    const unsigned char *all = shim_exchange(4, &x, sizeof x);
    unsigned same = 0;
    for (int i = 0; i < SHIM_LANES; i++)
        same |= (unsigned)!memcmp(all + i * SHIM_SLOT, &x, sizeof x) << i;
    return same;
}

/* ---- numbers ---- */

UNWATCHED float bits_float(unsigned u)
{
    float f;
    memcpy(&f, &u, 4);
    return f;
}

UNWATCHED unsigned float_bits(float f)
{
    unsigned u;
    memcpy(&u, &f, 4);
    return u;
}

UNWATCHED unsigned bf16_bits(float f)
{
    unsigned u = float_bits(f);
    return f != f ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}

UNWATCHED unsigned pack_bf16(float lo, float hi)
{
    return bf16_bits(lo) | bf16_bits(hi) << 16;
}

/* fp8: sign, exponent of that bias, `mantissa` bits */
UNWATCHED unsigned fp8_bits(float f, int mantissa, int bias, float most, unsigned most_bits)
{
    unsigned sign = float_bits(f) >> 24 & 0x80;
    float a = fabsf(f);
    if (f != f)
        return 0x7f;
    if (a >= most)
        return sign | most_bits;
    int e = a == 0 ? 1 - bias : ilogbf(a);
    e = e < 1 - bias ? 1 - bias : e;
    return sign | (((unsigned)(e + bias - 1) << mantissa) + (unsigned)lrintf(ldexpf(a, mantissa - e)));
}

UNWATCHED unsigned pack_e4m3(float lo, float hi)
{
    return fp8_bits(lo, 3, 7, 448, 0x7e) | fp8_bits(hi, 3, 7, 448, 0x7e) << 8;
}

UNWATCHED unsigned pack_e5m2(float lo, float hi)
{
    return fp8_bits(lo, 2, 15, 57344, 0x7b) | fp8_bits(hi, 2, 15, 57344, 0x7b) << 8;
}

static inline float exp2_fast(float x)
{
    return exp2f(x);
}

static inline int popcount(unsigned x)
{
    return __builtin_popcount(x);
}

/* ---- tensor cores: warp.cpp ---- */

static inline void ldmatrix(unsigned (&d)[4], const void *p)
{
    shim_ldmatrix(d, p, false);
}

static inline void ldmatrix_transposed(unsigned (&d)[4], const void *p)
{
    shim_ldmatrix(d, p, true);
}

static inline void mma_bf16(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
{
    shim_mma_bf16(d, a, b0, b1);
}

#endif
