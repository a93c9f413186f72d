/*
 * gemm.c - matrix products in blocks, from packed panels (product.h)
 *
 * A pass takes up to CHUNK columns of C and DEPTH words along K. It first packs B: panels of PANEL columns,
 * in the order in which tile_block (tile.h) reads them. Then each block of TALL rows of A meets each panel,
 * ROWS rows at a time. A is read where it lies, unless it is transposed: its blocks are then packed too.
 *
 *   words      f32: one number; dot: a pair of bf16, two neighbours along K
 *   panel      (depth, PANEL) words of B: 256 KiB at most, read from the second-level cache
 *   block      TALL rows of A: 384 KiB at most, in the same cache
 *
 * Mapping  panels are packed in parallel; (block, panel) pairs are shared evenly. A thread computes an
 *          element of C alone, in the order of k, so its bits do not depend on the number of threads.
 * Numerics f32 sums, one rounding at the store: several passes along K keep a bf16 C in f32 in between.
 * Source   Goto & van de Geijn 2008, doi:10.1145/1356052.1356053
 */
#include "kernels/cpu/attention.h"
#include "kernels/cpu/product.h"
#include "kernels/cpu/table.h"

enum {
    ROWS = TILE_MOST,
    PANEL = TILE_WIDE * VL,
    CHUNK = 1024, /* a multiple of PANEL */
    DEPTH = 1024, /* measured: 512 is equal, 256 is 8 % slower (Zen 4) */
    TALL = 96,    /* a multiple of ROWS and VL; 192 is equal */
    LINE = 16,    /* words of a cache line */
    AHEAD = 32,   /* rows that packing prefetches into the second-level cache: 2 % of a weight gradient */
};

struct gemm {
    struct product p;
    const void *A, *B;
    void *C;
    float *panels;  /* B, packed: at most CHUNK columns of this pass */
    float *partial; /* (M, CHUNK): C in f32 between two passes; NULL: C is f32 or one pass does all */
    int words;      /* of K */
    int k, depth;   /* this pass: words [k, k+depth), */
    int n, columns; /* columns [n, n+columns) */
};

static int least(int a, int b)
{
    return a < b ? a : b;
}

bool gemm_does(const struct device *dev, const struct product *p)
{
    bool whole_words = p->in == DTYPE_F32 || p->K % 2 == 0 || (p->a_t && !p->b_t);
    bool can = p->in == DTYPE_F32 ? VL >= 8 : dev->bf16_dot;
    return dev->own_products && can && whole_words && !p->a_row && !(p->add && p->out == DTYPE_BF16);
}

/* dst (depth words, width) = the words of `rows` rows of src, `columns` wide and `stride` apart; zeros after
 * their ends. dst's rows are width apart, a multiple of VL. */
INLINE void pack_down(float *dst, int width, const void *src, size_t stride, int rows, int columns, int depth,
                      const bool dot)
{
#if VL == 16
    if (dot) {
        const uint16_t *p = src;
        for (int k = 0; k < depth; k++, p += 2 * stride)
            for (int c = 0; c < width; c += VL) {
                int left = least(columns - c, VL);
                __mmask16 there = left > 0 ? (1u << left) - 1 : 0, odd = 2 * k + 1 < rows ? there : 0;
                __builtin_prefetch((const void *)((uintptr_t)(p + c) + 2 * AHEAD * stride), 0, 2);
                __builtin_prefetch((const void *)((uintptr_t)(p + c) + 2 * (AHEAD + 1) * stride), 0, 2);
                vstore_f32(dst + (size_t)k * width + c, vpair(_mm256_maskz_loadu_epi16(there, p + c),
                                                              _mm256_maskz_loadu_epi16(odd, p + stride + c)));
            }
        return;
    }
#endif
    (void)rows, (void)dot;
    for (int k = 0; k < depth; k++)
        for (int c = 0; c < width; c += VL)
            vstore_f32(dst + (size_t)k * width + c,
                       c < columns ? vget(src, k * stride + c, columns - c, DTYPE_F32) : vzero());
}

/* dst (depth, PANEL) = the transpose of `columns` rows of src, `stride` words apart; zeros after the last. */
static void pack_across(float *dst, const float *src, size_t stride, int columns, int depth)
{
    for (int k = 0; k < depth; k += LINE) {
        int n = least(LINE, depth - k), c = 0;
        for (; n == LINE && c + 4 <= columns; c += 4)
            transpose(dst + (size_t)k * PANEL + c, PANEL, src + c * stride + k, stride, 4, LINE);
        for (; c < PANEL; c++)
            for (int i = k; i < k + n; i++)
                dst[(size_t)i * PANEL + c] = c < columns ? tile_value(src + c * stride + i) : 0;
    }
}

/* Elements of K that the words of this pass hold, from the k-th word on. */
static int rows_of(const struct gemm *g, const bool dot)
{
    return least(step(dot) * g->depth, g->p.K - step(dot) * g->k);
}

INLINE void pack_panel(const struct gemm *g, int panel, const bool dot)
{
    int n = g->n + panel * PANEL, columns = least(PANEL, g->p.N - n);
    size_t k = (size_t)step(dot) * g->k, K = g->p.K, N = g->p.N;
    float *dst = g->panels + (size_t)panel * PANEL * g->depth;
    if (g->p.b_t)
        pack_across(dst, act_at(g->B, n * K + k, g->p.in), g->words, columns, g->depth);
    else
        pack_down(dst, PANEL, act_at(g->B, k * N + n, g->p.in), N, rows_of(g, dot), columns, g->depth, dot);
}

/* Each number of rows has code of its own, for A by rows (col 1) and packed (row 1, col TALL). */
#define TILE(rows)                                                                                           \
    case rows:                                                                                               \
        tile_block(C, ldc, a, B, PANEL, K, add, rows, TILE_WIDE, dot);                                       \
        break
INLINE void tile_any(float *C, size_t ldc, struct tile_a a, const float *B, int K, bool add, int rows,
                     const bool dot)
{
    switch (rows) {
        TILE(1);
        TILE(2);
        TILE(3);
        TILE(4);
        TILE(5);
        TILE(6);
    }
}

TILE_COPY by_rows_dot(float *C, size_t ldc, const float *a, size_t row, const float *B, int K, bool add,
                      int rows)
{
    tile_any(C, ldc, (struct tile_a){a, row, 1}, B, K, add, rows, true);
}

TILE_COPY by_rows_f32(float *C, size_t ldc, const float *a, size_t row, const float *B, int K, bool add,
                      int rows)
{
    tile_any(C, ldc, (struct tile_a){a, row, 1}, B, K, add, rows, false);
}

TILE_COPY packed_dot(float *C, size_t ldc, const float *a, const float *B, int K, bool add, int rows)
{
    tile_any(C, ldc, (struct tile_a){a, 1, TALL}, B, K, add, rows, true);
}

TILE_COPY packed_f32(float *C, size_t ldc, const float *a, const float *B, int K, bool add, int rows)
{
    tile_any(C, ldc, (struct tile_a){a, 1, TALL}, B, K, add, rows, false);
}

/* Tiles of bf16 with dot products: C, whose rows are N apart, = start + A B, where start is f32, its rows are
 * CHUNK apart, and NULL stands for zero. */
INLINE void block_bf16(uint16_t *C, size_t N, const float *start, struct tile_a a, const float *B, int K,
                       const int rows)
{
    vf acc[TILE_MOST][TILE_WIDE];
    tile_begin(acc, start, CHUNK, rows, TILE_WIDE);
    tile_sum(acc, a, B, PANEL, K, rows, TILE_WIDE, true);
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int w = 0; w < TILE_WIDE; w++)
            store_dot(C + r * N + w * VL, acc[r][w]);
}

#define TILE_BF16(rows)                                                                                      \
    case rows:                                                                                               \
        block_bf16(C, N, start, (struct tile_a){a, row, 1}, B, K, rows);                                     \
        break
TILE_COPY by_rows_bf16(uint16_t *C, size_t N, const float *start, const float *a, size_t row, const float *B,
                       int K, int rows)
{
    switch (rows) {
        TILE_BF16(1);
        TILE_BF16(2);
        TILE_BF16(3);
        TILE_BF16(4);
        TILE_BF16(5);
        TILE_BF16(6);
    }
}

/* Stores a tile into C, whose rows are N apart, as C's type. */
INLINE void store_tile(void *C, size_t N, const float *tile, size_t ldc, int rows, int columns,
                       enum dtype out, const bool dot)
{
    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c += VL) {
            vf a = vload_f32(tile + r * ldc + c);
            if (dot && out == DTYPE_BF16 && columns - c >= VL)
                store_dot((uint16_t *)C + r * N + c, a);
            else
                vput(C, r * N + c, columns - c, a, out);
        }
}

/* Multiplies rows m..m+rows of A, which start at a, with a panel, into C or what stands for it. */
INLINE void multiply_tile(const struct gemm *g, int m, int rows, const float *a, int panel, const bool dot)
{
    int n = g->n + panel * PANEL, columns = least(PANEL, g->p.N - n);
    bool add = g->k > 0 || g->p.add, last = g->k + g->depth == g->words, bf16 = g->p.out == DTYPE_BF16;
    const float *B = g->panels + (size_t)panel * PANEL * g->depth;
    size_t N = g->p.N, ldc = PANEL;
    float own[ROWS * PANEL], *tile = own;
    void *C = act_at(g->C, m * N + n, g->p.out);

    if (dot && bf16 && last && columns == PANEL && !g->p.a_t) {
        const float *start = g->k > 0 ? g->partial + m * (size_t)CHUNK + panel * PANEL : NULL;
        by_rows_bf16(C, N, start, a, g->words, B, g->depth, rows);
        return;
    }
    if (g->partial) {
        ldc = CHUNK;
        tile = g->partial + m * ldc + panel * PANEL;
    } else if (!bf16 && columns == PANEL) {
        ldc = N;
        tile = C;
    } else if (add) {
        for (int r = 0; r < rows; r++)
            for (int c = 0; c < PANEL; c += VL)
                vstore_f32(own + r * PANEL + c,
                           c < columns ? vget(C, r * N + c, columns - c, DTYPE_F32) : vzero());
    }
    if (g->p.a_t)
        (dot ? packed_dot : packed_f32)(tile, ldc, a, B, g->depth, add, rows);
    else
        (dot ? by_rows_dot : by_rows_f32)(tile, ldc, a, g->words, B, g->depth, add, rows);
    if (tile != C && (last || !g->partial))
        store_tile(C, N, tile, ldc, rows, columns, g->p.out, dot);
}

/* The pairs of blocks and panels from `from` up to `to`; a block's panels follow each other. */
INLINE void multiply_pairs(const struct gemm *g, float *block, int from, int to, const bool dot)
{
    int panels = (g->columns + PANEL - 1) / PANEL, packed = -1;
    size_t k = (size_t)step(dot) * g->k, M = g->p.M;
    for (int i = from; i < to; i++) {
        int m = i / panels * TALL, rows = least(TALL, g->p.M - m);
        const float *a = block;
        if (!g->p.a_t)
            a = (const float *)act_at(g->A, m * (size_t)g->p.K + k, g->p.in);
        else if (packed != m)
            pack_down(block, TALL, act_at(g->A, k * M + m, g->p.in), M, rows_of(g, dot), rows, g->depth, dot);
        packed = m;
        for (int r = 0; r < rows; r += ROWS)
            multiply_tile(g, m + r, least(ROWS, rows - r), a + (g->p.a_t ? (size_t)r : r * (size_t)g->words),
                          i % panels, dot);
    }
}

/* One pass. Every thread of the team calls it. */
INLINE void pass(const struct gemm *g, float *block, int threads, const bool dot)
{
    int panels = (g->columns + PANEL - 1) / PANEL, blocks = (g->p.M + TALL - 1) / TALL, from, to;
#pragma omp for schedule(static)
    for (int i = 0; i < panels; i++)
        pack_panel(g, i, dot);
    device_share(blocks * panels, omp_get_thread_num(), threads, &from, &to);
    multiply_pairs(g, block, from, to, dot);
#pragma omp barrier
}

INLINE void passes(struct device *dev, struct gemm g, float *blocks, int depth, const bool dot)
{
#pragma omp parallel num_threads(dev->threads) firstprivate(g)
    for (g.n = 0; g.n < g.p.N; g.n += CHUNK)
        for (g.k = 0; g.k < g.words; g.k += depth) {
            g.columns = least(CHUNK, g.p.N - g.n);
            g.depth = least(depth, g.words - g.k);
            pass(&g, blocks + (size_t)omp_get_thread_num() * TALL * depth, dev->threads, dot);
        }
}

void gemm(struct device *dev, void *C, const void *A, const void *B, struct product p)
{
    bool dot = p.in == DTYPE_BF16;
    struct gemm g = {.p = p, .A = A, .B = B, .C = C, .words = (p.K + step(dot) - 1) / step(dot)};
    int n_passes = (g.words + DEPTH - 1) / DEPTH, depth = (g.words + n_passes - 1) / n_passes;
    size_t columns = least(CHUNK, (p.N + PANEL - 1) / PANEL * PANEL);
    g.panels = device_scratch(dev, SCRATCH_A, columns * depth * sizeof *g.panels);
    if (n_passes > 1 && p.out == DTYPE_BF16)
        g.partial = device_scratch(dev, SCRATCH_C, (size_t)p.M * CHUNK * sizeof *g.partial);
    float *blocks = NULL;
    if (p.a_t)
        blocks = device_scratch(dev, SCRATCH_B, (size_t)dev->threads * TALL * depth * sizeof *blocks);
#if VL == 16
    if (dot) {
        passes(dev, g, blocks, depth, true);
        return;
    }
#endif
    passes(dev, g, blocks, depth, false);
}

size_t gemm_scratch_bytes(const struct device *dev, const struct step_extent *e)
{
    if (!dev->own_products)
        return 0;
    size_t blocks = (size_t)dev->threads * TALL * DEPTH, tokens = (size_t)e->s.B * e->s.T;
    size_t partial =
        (tokens > (size_t)e->C ? tokens : (size_t)e->C) * CHUNK; /* Muon's products have C rows */
    return ((size_t)CHUNK * DEPTH + blocks + partial) * sizeof(float);
}
