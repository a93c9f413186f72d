/*
 * attention.h - what the attention files share: packing of heads into tiles, the mask
 *
 * A unit of work is one sequence and one key/value head with the query heads that use it; one thread computes
 * a whole unit. Keys and values are packed once per unit, queries in blocks of BLOCK_Q, and they are
 * multiplied with blocks of BLOCK_K keys (tile.h). Sizes are padded with zeros to multiples of VL.
 *
 * Tiles hold f32, or (dot) pairs of bf16, two neighbours along the axis that is summed over. One head of
 * `rows` tokens, D wide, is packed in three ways; W = pad(D), or pad(D)/2 with dot:
 *   by rows        (rows, W)                pairs along D
 *   transposed     (W, pad(rows))           pairs along D: the transpose of the words
 *   by row pairs   (pad(rows)/2, pad(D))    pairs along the rows; f32: the same as by rows
 */
#ifndef KERNELS_CPU_ATTENTION_H
#define KERNELS_CPU_ATTENTION_H

#include "kernels/cpu/device.h"
#include "kernels/cpu/tile.h"

enum { BLOCK_Q = 32, BLOCK_K = 128 };

#define MASKED (-1e30f)

INLINE int pad(int n)
{
    return (n + VL - 1) / VL * VL;
}

/* How many numbers a word holds. */
INLINE int step(const bool dot)
{
    return dot ? 2 : 1;
}

/* Sets [from, to) to the keys that any of the queries q0..q0+rows of a sequence may see; from is a multiple
 * of VL. */
INLINE void visible(const int32_t *first, int q0, int rows, int *from, int *to)
{
    int lo = first ? first[q0] : 0;
    for (int r = 1; first && r < rows; r++)
        lo = first[q0 + r] < lo ? first[q0 + r] : lo;
    *from = lo / VL * VL;
    *to = q0 + rows;
}

/* Stores a vector as bf16, for tiles that hold pairs. */
INLINE void store_dot(uint16_t *p, vf a)
{
#if VL == 16
    _mm256_storeu_si256((__m256i *)p, vnarrow_quick(a));
#else
    vstore_bf16(p, a);
#endif
}

/* The rows of src are `stride` apart. Rows up to the next multiple of VL are zeroed. */
INLINE void pack_rows(float *dst, const void *src, size_t stride, int rows, int D, enum dtype t,
                      const bool dot)
{
    int width = pad(D) / step(dot);
    for (int r = 0; r < rows; r++) {
        float *row = dst + (size_t)r * width;
        if (dot) {
            memcpy(row, act_at(src, r * stride, t), D * 2);
            memset((char *)row + D * 2, 0, (pad(D) - D) * 2);
        } else {
            for (int c = 0; c < D; c += VL)
                vstore_f32(row + c, vget(src, r * stride + c, D - c, t));
        }
    }
    memset(dst + (size_t)rows * width, 0, (size_t)(pad(rows) - rows) * width * sizeof *dst);
}

INLINE void pack_row_pairs(float *dst, const void *src, size_t stride, int rows, int D, enum dtype t,
                           const bool dot)
{
    if (!dot) {
        pack_rows(dst, src, stride, rows, D, t, false);
        return;
    }
#if VL == 16
    for (int r = 0; r < pad(rows); r += 2)
        for (int c = 0; c < D; c += VL) {
            vf even = r < rows ? vget(src, r * stride + c, D - c, t) : vzero();
            vf odd = r + 1 < rows ? vget(src, (r + 1) * stride + c, D - c, t) : vzero();
            vstore_f32(dst + (size_t)r / 2 * pad(D) + c, vpair(vnarrow_quick(even), vnarrow_quick(odd)));
        }
#endif
}

/* dst (width, height) = transpose of src (height, width); both sizes are multiples of 4. Rows are to_row and
 * from_row apart. */
INLINE void transpose(float *dst, size_t to_row, const float *src, size_t from_row, int height, int width)
{
    for (int r = 0; r < height; r += 4)
        for (int c = 0; c < width; c += 4) {
            const float *from = src + r * from_row + c;
            float *to = dst + c * to_row + r;
            __m128 r0 = _mm_loadu_ps(from), r1 = _mm_loadu_ps(from + from_row);
            __m128 r2 = _mm_loadu_ps(from + 2 * from_row), r3 = _mm_loadu_ps(from + 3 * from_row);
            _MM_TRANSPOSE4_PS(r0, r1, r2, r3);
            _mm_storeu_ps(to, r0);
            _mm_storeu_ps(to + to_row, r1);
            _mm_storeu_ps(to + 2 * to_row, r2);
            _mm_storeu_ps(to + 3 * to_row, r3);
        }
}

/* space is working memory of pad(rows) x pad(D) words. */
INLINE void pack_transposed(float *dst, float *space, const void *src, size_t stride, int rows, int D,
                            enum dtype t, const bool dot)
{
    pack_rows(space, src, stride, rows, D, t, dot);
    transpose(dst, pad(rows), space, pad(D) / step(dot), pad(rows), pad(D) / step(dot));
}

/* dst's rows, stride apart, = scale * the first D columns of an f32 tile (rows, pad(D)) */
INLINE void unpack_rows(void *dst, size_t stride, const float *tile, int rows, int D, float scale,
                        enum dtype t)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < D; c += VL)
            vput(dst, r * stride + c, D - c, vload_f32(tile + (size_t)r * pad(D) + c) * scale, t);
}

/* Scores of keys k..k+VL, where those outside [lo, hi) are replaced by `other`. */
INLINE vf mask(vf s, int k, int lo, int hi, float other)
{
    return k >= lo && k + VL <= hi ? s : vkeep(s, lo - k, hi - k, other);
}

/* Calls unit with two constants, the element type and whether tiles are bf16, so that each case is compiled
 * apart. */
#define ATTENTION_UNIT(dev, unit, t, ...)                                                                    \
    do {                                                                                                     \
        if ((t) == DTYPE_BF16 && VL == 16 && (dev)->bf16_dot)                                                \
            unit(__VA_ARGS__, DTYPE_BF16, true);                                                             \
        else                                                                                                 \
            unit(__VA_ARGS__, t, false);                                                                     \
    } while (0)

#endif
