/*
 * tile.h - small matrix products on packed tiles, for attention and gemm.c
 *
 *   C (M,N) = A (M,K) * B (K,N), or += when add; C is f32
 *
 * A and B are made of 4-byte words. f32: a word is a number. dot: a word is a pair of bf16, two neighbours
 * along K (the even one in the low half), and a product of words is the sum of the two products:
 * AVX512_BF16's vdpbf16ps, twice the rate of f32. K counts words.
 *
 * A's word (m,k) is at p[m*row + k*col], so A may be read transposed. Rows of B and C
 * are contiguous, ldb and ldc apart; N is a multiple of VL (callers pad with zeros).
 * Blocks of TILE_ROWS x TILE_WIDE vectors stay in registers over the whole of K.
 */
#ifndef KERNELS_CPU_TILE_H
#define KERNELS_CPU_TILE_H

#include "kernels/vec.h"

/* The rows of a block in attention, the most rows of any block, and its vectors in a row. */
enum { TILE_ROWS = 4, TILE_MOST = 6, TILE_WIDE = VL == 16 ? 4 : 2 };

struct tile_a {
    const float *p;
    size_t row, col;
};

/* acc + a*b, word by word. Written as assembly because only some machines of this level have the instruction;
 * the caller has checked that this one does. */
INLINE vf tile_add(vf acc, vf a, vf b, const bool dot)
{
#if VL == 16
    if (dot) {
        __asm__("vdpbf16ps %2, %1, %0" : "+v"(acc) : "v"(a), "v"(b));
        return acc;
    }
#endif
    (void)dot;
    return acc + a * b;
}

/* A number of A, or a pair of bf16, which may begin at any of them. */
INLINE float tile_value(const void *p)
{
    float x;
    memcpy(&x, p, sizeof x);
    return x;
}

/* Sets acc to a block of C, or to zero when C is NULL. */
INLINE void tile_begin(vf acc[TILE_MOST][TILE_WIDE], const float *C, size_t ldc, const int rows,
                       const int wide)
{
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int w = 0; w < wide; w++)
            acc[r][w] = C ? vload_f32(C + r * ldc + w * VL) : vzero();
}

/* acc += A B */
INLINE void tile_sum(vf acc[TILE_MOST][TILE_WIDE], struct tile_a a, const float *B, size_t ldb, int K,
                     const int rows, const int wide, const bool dot)
{
    for (int k = 0; k < K; k++) {
        vf b[TILE_WIDE];
#pragma GCC unroll 4
        for (int w = 0; w < wide; w++)
            b[w] = vload_f32(B + k * ldb + w * VL);
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) {
            vf x = vset(tile_value(a.p + r * a.row + k * a.col));
#pragma GCC unroll 4
            for (int w = 0; w < wide; w++)
                acc[r][w] = tile_add(acc[r][w], x, b[w], dot);
        }
    }
}

INLINE void tile_block(float *C, size_t ldc, struct tile_a a, const float *B, size_t ldb, int K, bool add,
                       const int rows, const int wide, const bool dot)
{
    vf acc[TILE_MOST][TILE_WIDE];
    tile_begin(acc, add ? C : NULL, ldc, rows, wide);
    tile_sum(acc, a, B, ldb, K, rows, wide, dot);
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int w = 0; w < wide; w++)
            vstore_f32(C + r * ldc + w * VL, acc[r][w]);
}

INLINE void tile_columns(float *C, size_t ldc, struct tile_a a, const float *B, size_t ldb, int N, int K,
                         bool add, const int rows, const bool dot)
{
    int n = 0;
    for (; n + TILE_WIDE * VL <= N; n += TILE_WIDE * VL)
        tile_block(C + n, ldc, a, B + n, ldb, K, add, rows, TILE_WIDE, dot);
    for (; n < N; n += VL)
        tile_block(C + n, ldc, a, B + n, ldb, K, add, rows, 1, dot);
}

INLINE void tile_rows(float *C, size_t ldc, struct tile_a a, const float *B, size_t ldb, int M, int N, int K,
                      bool add, const bool dot)
{
    int m = 0;
    for (; m + TILE_ROWS <= M; m += TILE_ROWS, a.p += TILE_ROWS * a.row)
        tile_columns(C + m * ldc, ldc, a, B, ldb, N, K, add, TILE_ROWS, dot);
    for (; m < M; m++, a.p += a.row)
        tile_columns(C + m * ldc, ldc, a, B, ldb, N, K, add, 1, dot);
}

/* Each function exists once in a file, whatever the number of calls, so that code stays small. */
#define TILE_COPY static __attribute__((noinline, unused)) void

TILE_COPY tile_f32(float *C, size_t ldc, struct tile_a a, const float *B, size_t ldb, int M, int N, int K,
                   bool add)
{
    tile_rows(C, ldc, a, B, ldb, M, N, K, add, false);
}

TILE_COPY tile_dot(float *C, size_t ldc, struct tile_a a, const float *B, size_t ldb, int M, int N, int K,
                   bool add)
{
    tile_rows(C, ldc, a, B, ldb, M, N, K, add, true);
}

INLINE void tile_product(float *C, size_t ldc, struct tile_a a, const float *B, size_t ldb, int M, int N,
                         int K, bool add, const bool dot)
{
    if (dot)
        tile_dot(C, ldc, a, B, ldb, M, N, K, add);
    else
        tile_f32(C, ldc, a, B, ldb, M, N, K, add);
}

#endif
