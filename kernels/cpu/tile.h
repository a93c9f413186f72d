/*
 * tile.h - small f32 matrix products on packed tiles, for attention
 *
 *   C (M,N) = A (M,K) * B (K,N), or += when add
 *
 * A element (m,k) is at A[m*a_row + k*a_col], so A may be read transposed. Rows of B and C
 * are contiguous, ldb and ldc apart; N is a multiple of VL (callers pad with zeros).
 * Blocks of 4 rows x WIDE vectors stay in registers over the whole of K.
 */
#ifndef KERNELS_CPU_TILE_H
#define KERNELS_CPU_TILE_H

#include "kernels/cpu/vec.h"

enum { TILE_ROWS = 4, TILE_WIDE = VL == 16 ? 4 : 2 };

struct tile_a {
    const float *p;
    size_t row, col;
};

INLINE void tile_block(float *C, size_t ldc, struct tile_a a, const float *B, size_t ldb, int K, bool add,
                       const int rows, const int wide)
{
    vf acc[TILE_ROWS][TILE_WIDE];
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int w = 0; w < wide; w++)
            acc[r][w] = add ? vload_f32(C + r * ldc + w * VL) : vzero();
    for (int k = 0; k < K; k++) {
        vf b[TILE_WIDE];
#pragma GCC unroll 4
        for (int w = 0; w < wide; w++)
            b[w] = vload_f32(B + k * ldb + w * VL);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) {
            vf x = vset(a.p[r * a.row + k * a.col]);
#pragma GCC unroll 4
            for (int w = 0; w < wide; w++)
                acc[r][w] += x * b[w];
        }
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int w = 0; w < wide; w++)
            vstore_f32(C + r * ldc + w * VL, acc[r][w]);
}

INLINE void tile_columns(float *C, size_t ldc, struct tile_a a, const float *B, size_t ldb, int N, int K, bool add,
                         const int rows)
{
    int n = 0;
    for (; n + TILE_WIDE * VL <= N; n += TILE_WIDE * VL)
        tile_block(C + n, ldc, a, B + n, ldb, K, add, rows, TILE_WIDE);
    for (; n < N; n += VL)
        tile_block(C + n, ldc, a, B + n, ldb, K, add, rows, 1);
}

static __attribute__((unused)) void tile_product(float *C, size_t ldc, struct tile_a a, const float *B, size_t ldb,
                                                 int M, int N, int K, bool add)
{
    int m = 0;
    for (; m + TILE_ROWS <= M; m += TILE_ROWS)
        tile_columns(C + m * ldc, ldc, (struct tile_a){a.p + m * a.row, a.row, a.col}, B, ldb, N, K, add, TILE_ROWS);
    for (; m < M; m++)
        tile_columns(C + m * ldc, ldc, (struct tile_a){a.p + m * a.row, a.row, a.col}, B, ldb, N, K, add, 1);
}

#endif
