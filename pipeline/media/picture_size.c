/*
 * picture_size.c - crops and shrinks pictures
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/media/picture.h"

void picture_crop(struct picture *p)
{
    uint32_t side = p->width < p->height ? p->width : p->height;
    uint32_t x = (p->width - side) / 2, y = (p->height - side) / 2;
    for (uint32_t row = 0; row < side; row++)
        memmove(p->rgb + (size_t)row * side * 3, p->rgb + ((size_t)(y + row) * p->width + x) * 3,
                (size_t)side * 3);
    p->width = p->height = side;
}

/* Shrinks along one axis: `lines` lines of n samples of `step` bytes become lines of m samples, m <= n. A
 * sample that overlaps two new ones counts for both in proportion, computed in whole numbers: an old sample
 * has m units, a new one n. */
static void shrink_row(uint8_t *out, const uint8_t *in, uint32_t n, uint32_t m, size_t in_step,
                       size_t out_step)
{
    for (uint32_t i = 0; i < m; i++) {
        uint64_t from = (uint64_t)i * n, to = from + n, sum[3] = {0}; /* in units of 1 / m sample */
        for (uint64_t s = from / m; s * m < to; s++) {
            uint64_t a = s * m > from ? s * m : from, b = (s + 1) * m < to ? (s + 1) * m : to;
            for (int c = 0; c < 3; c++)
                sum[c] += (b - a) * in[s * in_step + c];
        }
        for (int c = 0; c < 3; c++)
            out[i * out_step + c] = (uint8_t)((sum[c] + n / 2) / n);
    }
}

void picture_shrink(struct picture *p, uint32_t side)
{
    uint32_t longer = p->width > p->height ? p->width : p->height;
    if (side == 0 || longer <= side)
        return;
    uint32_t w = (uint32_t)(((uint64_t)p->width * side + longer / 2) / longer);
    uint32_t h = (uint32_t)(((uint64_t)p->height * side + longer / 2) / longer);
    w = w ? w : 1, h = h ? h : 1;
    uint8_t *narrow = xmalloc((size_t)w * p->height * 3), *small = xmalloc((size_t)w * h * 3);
    for (uint32_t y = 0; y < p->height; y++)
        shrink_row(narrow + (size_t)y * w * 3, p->rgb + (size_t)y * p->width * 3, p->width, w, 3, 3);
    for (uint32_t x = 0; x < w; x++)
        shrink_row(small + (size_t)x * 3, narrow + (size_t)x * 3, p->height, h, (size_t)w * 3, (size_t)w * 3);
    free(narrow);
    free(p->rgb);
    *p = (struct picture){w, h, small};
}
