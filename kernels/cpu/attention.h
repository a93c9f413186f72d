/*
 * attention.h - what the attention files share: packing of heads into f32 tiles, the mask
 *
 * A unit of work is one sequence and one key/value head with the query heads that use it; one thread does all of it.
 * Keys and values are packed once a unit, queries in blocks of BLOCK_Q, and products are taken
 * against blocks of BLOCK_K keys (tile.h). Widths are padded with zeros to multiples of VL.
 */
#ifndef KERNELS_CPU_ATTENTION_H
#define KERNELS_CPU_ATTENTION_H

#include "kernels/cpu/device.h"
#include "kernels/cpu/tile.h"

enum { BLOCK_Q = 32, BLOCK_K = 64 };

#define MASKED (-1e30f)

INLINE int pad(int n)
{
    return (n + VL - 1) / VL * VL;
}

/* Columns of keys [from, to) that queries q0..q0+rows of a sequence may see between them; from is a multiple of VL. */
INLINE void visible(const int32_t *first, int q0, int rows, int *from, int *to)
{
    int lo = first ? first[q0] : 0;
    for (int r = 1; first && r < rows; r++)
        lo = first[q0 + r] < lo ? first[q0 + r] : lo;
    *from = lo / VL * VL;
    *to = q0 + rows;
}

/* dst (rows, pad(D)) = scale * src, rows stride apart */
INLINE void pack_rows(float *dst, const void *src, size_t stride, int rows, int D, float scale, enum dtype t)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < D; c += VL)
            vstore_f32(dst + (size_t)r * pad(D) + c, vget(src, r * stride + c, D - c, t) * scale);
}

/* src (rows, D) = scale * the first D columns of tile (rows, pad(D)) */
INLINE void unpack_rows(void *dst, size_t stride, const float *tile, int rows, int D, float scale, enum dtype t)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < D; c += VL)
            vput(dst, r * stride + c, D - c, vload_f32(tile + (size_t)r * pad(D) + c) * scale, t);
}

/* dst (pad(D), pad(rows)) = transpose of tile (pad(rows), pad(D)) */
INLINE void transpose(float *dst, const float *tile, int rows, int D)
{
    int height = pad(rows), width = pad(D);
    for (int r = 0; r < height; r += VL)
        for (int c = 0; c < width; c++) {
            float column[VL];
            for (int i = 0; i < VL; i++)
                column[i] = tile[(size_t)(r + i) * width + c];
            vstore_f32(dst + (size_t)c * height + r, vload_f32(column));
        }
}

/* Scores of keys k..k+VL; those outside [lo, hi) become `other`. */
INLINE vf mask(vf s, int k, int lo, int hi, float other)
{
    return k >= lo && k + VL <= hi ? s : vkeep(s, lo - k, hi - k, other);
}

#endif
