/*
 * platform.cuh - macros and functions that kernels use beyond plain CUDA C: launches, shared memory, PTX
 *
 * tests/cuda/shim/platform.cuh implements them on the host. Kernels use only what both files offer.
 */
#ifndef KERNELS_CUDA_PLATFORM_CUH
#define KERNELS_CUDA_PLATFORM_CUH

#include <cuda_runtime.h>
#include <stdint.h>
#include "kernels/cuda/gpu.h"

#define DEVICE static __device__ __forceinline__
#define KERNEL(threads) static __global__ void __launch_bounds__(threads)
/* The kernel stands in parentheses where it has template arguments. */
#define LAUNCH(kernel, grid, block, shared, stream, ...) kernel<<<grid, block, shared, stream>>>(__VA_ARGS__)
/* Launches a kernel that begins with await_previous. Where `when`, it may be started while the kernels before
 * it in the stream are still running. */
#define LAUNCH_EARLY(when, kernel, grid, block, shared, stream, ...)                                         \
    launch_early(when, kernel, grid, block, shared, stream, __VA_ARGS__)
/* Declares `count` elements of shared memory, in the outermost block of a function. */
#define STATIC_SHARED(type, name, count) __shared__ type name[count]

/* The dynamic shared memory of the launch, 128-byte aligned. */
template <class T> DEVICE T *dynamic_shared(void)
{
    extern __shared__ __align__(128) unsigned char dynamic_shared_bytes[];
    return reinterpret_cast<T *>(dynamic_shared_bytes);
}

/* Must be called before the launch of a kernel that takes more than 48 KiB; at most 99 KiB, for sm_120. */
template <class K> static void allow_shared(K *kernel, size_t bytes)
{
    cudaFuncSetAttribute(reinterpret_cast<const void *>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                         (int)bytes);
}

/* ---- a kernel beside the one before it: programmatic dependent launch, from compute capability 9.0 on ----
 */

/* Once all blocks have called this or ended, a kernel launched early after this one may start. */
DEVICE void start_next(void)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

/* Waits until the kernels before this one have ended and their writes are visible. Until then a kernel
 * touches no memory except to prefetch. Every thread calls this, because the end of a kernel also tells the
 * next kernel that all before have ended. */
DEVICE void await_previous(void)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

/* Asks the L2 cache to fetch bytes, where the hardware can; p and bytes are multiples of 16. The cache sees
 * later writes, so this may come before await_previous. */
DEVICE void prefetch(const void *p, unsigned bytes)
{
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 900
    asm volatile("cp.async.bulk.prefetch.L2.global [%0], %1;" ::"l"(p), "r"(bytes) : "memory");
#endif
}

template <class... P, class... A>
static void launch_early(bool when, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared,
                         cudaStream_t stream, A... arguments)
{
    cudaLaunchAttribute overlap = {};
    overlap.id = cudaLaunchAttributeProgrammaticStreamSerialization;
    overlap.val.programmaticStreamSerializationAllowed = 1;
    cudaLaunchConfig_t config = {};
    config.gridDim = grid;
    config.blockDim = block;
    config.dynamicSmemBytes = shared;
    config.stream = stream;
    config.attrs = &overlap;
    config.numAttrs = when && gpu_overlap();
    cudaLaunchKernelEx(&config, kernel, arguments...);
}

/* ---- memory ---- */

DEVICE uint4 load16(const void *p)
{
    return *static_cast<const uint4 *>(p);
}

DEVICE void store16(void *p, uint4 x)
{
    *static_cast<uint4 *>(p) = x;
}

/* x is two bf16. */
DEVICE void store4(void *p, unsigned x)
{
    *static_cast<unsigned *>(p) = x;
}

DEVICE void store2(void *p, unsigned x)
{
    *static_cast<uint16_t *>(p) = (uint16_t)x;
}

DEVICE void store8(void *p, unsigned first, unsigned second)
{
    *static_cast<uint2 *>(p) = uint2{first, second};
}

DEVICE unsigned load4(const void *p)
{
    return *static_cast<const unsigned *>(p);
}

DEVICE unsigned shared_address(const void *p)
{
    return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

/* Starts copying 16 bytes to shared memory, or zeros when `take` is false. */
DEVICE void cp_async16(void *shared, const void *global, bool take)
{
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(shared)), "l"(global),
                 "r"(take ? 16 : 0)
                 : "memory");
}

DEVICE void cp_async_commit(void)
{
    asm volatile("cp.async.commit_group;" ::: "memory");
}

/* Waits until all but the last `pending` groups of this thread have arrived. */
template <int pending> DEVICE void cp_async_wait(void)
{
    asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
}

/* ---- the lanes of a warp, all of which take part ---- */

template <class T> DEVICE T shfl_xor(T x, int mask)
{
    return __shfl_xor_sync(~0u, x, mask);
}

/* Lanes below delta get their own value. */
template <class T> DEVICE T shfl_up(T x, int delta)
{
    return __shfl_up_sync(~0u, x, delta);
}

/* Returns the lanes that hold an equal x, one bit each. */
DEVICE unsigned match_any(unsigned x)
{
    return __match_any_sync(~0u, x);
}

/* ---- numbers ---- */

DEVICE float bits_float(unsigned u)
{
    return __uint_as_float(u);
}

DEVICE unsigned float_bits(float f)
{
    return __float_as_uint(f);
}

/* Returns two bf16, rounded to nearest even. */
DEVICE unsigned pack_bf16(float lo, float hi)
{
    unsigned d;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(d) : "f"(hi), "f"(lo));
    return d;
}

/* Returns two fp8 in the lower half, rounded to nearest even; values that are too large become the largest.
 * GPUs before sm_89 lack this instruction. */
#if !defined(__CUDA_ARCH__) || __CUDA_ARCH__ >= 890
#define CVT_FP8(d, type, lo, hi)                                                                             \
    asm("cvt.rn.satfinite." type "x2.f32 %0, %1, %2;" : "=h"(d) : "f"(hi), "f"(lo))
#else
#define CVT_FP8(d, type, lo, hi) (d = 0, __trap())
#endif

DEVICE unsigned pack_e4m3(float lo, float hi)
{
    unsigned short d;
    CVT_FP8(d, "e4m3", lo, hi);
    return d;
}

DEVICE unsigned pack_e5m2(float lo, float hi)
{
    unsigned short d;
    CVT_FP8(d, "e5m2", lo, hi);
    return d;
}

DEVICE float exp2_fast(float x)
{
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}

DEVICE int popcount(unsigned x)
{
    return __popc(x);
}

/* ---- tensor cores ---- */

/* Loads four 8x8 matrices of bf16. Row r of matrix i is 16 bytes at the address that lane 8i + r gives; lane
 * l receives in d[i] elements 2(l%4), +1 of row l/4 of matrix i (transposed: of its column l/4). */
DEVICE void ldmatrix(unsigned (&d)[4], const void *p)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(shared_address(p))
                 : "memory");
}

DEVICE void ldmatrix_transposed(unsigned (&d)[4], const void *p)
{
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(d[0]), "=r"(d[1]), "=r"(d[2]), "=r"(d[3])
                 : "r"(shared_address(p))
                 : "memory");
}

/* d (16,8) f32 += a (16,16) b (16,8). Lane l holds d[0,1]: row l/4, columns 2(l%4), +1; d[2,3]: row l/4 + 8.
 * a[0]: row l/4, columns 2(l%4), +1; a[1]: row + 8; a[2], a[3]: rows as a[0], a[1] at columns + 8. b0: rows
 * 2(l%4), +1 of column l/4; b1: rows + 8. */
DEVICE void mma_bf16(float (&d)[4], const unsigned (&a)[4], unsigned b0, unsigned b1)
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
        "{%0,%1,%2,%3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

#endif
