/*
 * attention.cuh - code that the attention kernels share: rows of heads in memory, tiles in shared memory,
 * fragments for mma
 */
#ifndef KERNELS_CUDA_ATTENTION_CUH
#define KERNELS_CUDA_ATTENTION_CUH

#include <assert.h>
#include "kernels/cuda/common.cuh"

#define LOG2E 1.44269504088896340736f
#define LN2 0.69314718055994530942f

/* Whether the tensor-core kernels support this type and shape. */
static inline bool attention_tensor(enum dtype act, struct attention_shape s)
{
    return act == DTYPE_BF16 && (s.D == 64 || s.D == 128);
}

/* ---- offsets in elements: from the start of a tensor to row 0 of a head of sequence b, and between rows
 * ---- */

struct attention_rows {
    size_t q, k, v, out; /* to row 0 of head h, or of key/value head g = h / (H / Hkv) */
    size_t qk_row, qkv_row, out_row;
};

DEVICE struct attention_rows head_rows(struct attention_shape s, int b, int h, int g)
{
    struct attention_rows r;
    size_t token = (size_t)b * s.T;
    r.qk_row = (size_t)(s.H + s.Hkv) * s.D;
    r.qkv_row = r.qk_row + (size_t)s.Hkv * s.D;
    r.out_row = (size_t)s.H * s.D;
    r.q = token * r.qk_row + (size_t)h * s.D;
    r.k = token * r.qk_row + (size_t)(s.H + g) * s.D;
    r.v = token * r.qkv_row + (size_t)(s.H + s.Hkv + g) * s.D;
    r.out = token * r.out_row + (size_t)h * s.D;
    return r;
}

/* One block for each `rows` queries or keys of a head. x is the tile and varies fastest: blocks that run at
 * the same time read rows of one head and find them in L2. y (the head) and z (the sequence) are short, as a
 * grid requires. No block needs a division to find its place, so values derived from the place stay in
 * uniform registers; with a division dkv_kernel<128> spilled for sm_120. */
static inline dim3 attention_grid(struct attention_shape s, int heads, int rows)
{
    assert(s.B <= UINT16_MAX && heads <= UINT16_MAX);
    return dim3((unsigned)ceil_div(s.T, rows), heads, s.B);
}

/* The scratch of backward: delta[b,h,t] = dout.out, then the lowest `first` of every TILE queries for each b
 * and h. */
enum { ATTENTION_TILE = 64 };

static inline size_t attention_delta_bytes(struct attention_shape s)
{
    return round_up((size_t)s.B * s.H * s.T * sizeof(float), 256);
}

/* ---- tiles: rows of D bf16 in shared memory. The 16-byte piece c of row r is stored at c ^ r % 8, so that
 * the pieces of one column in eight rows lie in different banks. ---- */

template <int D> DEVICE bf16 *tile_at(bf16 *tile, int row, int piece)
{
    return tile + (row * (D / 8) + (piece ^ (row & 7))) * 8;
}

/* Starts copying `rows` rows, `stride` elements apart; rows from `valid` on become zeros. */
template <int D, int rows, int threads>
DEVICE void tile_load(bf16 *tile, const bf16 *from, size_t stride, int valid)
{
#pragma unroll
    for (int i = threadIdx.x; i < rows * D / 8; i += threads) {
        int row = i / (D / 8), piece = i % (D / 8);
        bool take = row < valid;
        cp_async16(tile_at<D>(tile, row, piece), from + (take ? row * stride : 0) + piece * 8, take);
    }
}

/* Loads rows row .. +16, columns 16k .. +16 as operand a of mma. */
template <int D> DEVICE void fragment_a(unsigned (&a)[4], bf16 *tile, int row, int k)
{
    int lane = threadIdx.x % WARP;
    ldmatrix(a, tile_at<D>(tile, row + lane % 16, 2 * k + lane / 16));
}

/* Loads the transpose of the tile as operand b of mma: b's columns are rows row .. +16 of the tile, and b's
 * rows are its columns 16k .. +16. b[0,1] holds the first eight columns, b[2,3] the other eight. */
template <int D> DEVICE void fragment_b_rows(unsigned (&b)[4], bf16 *tile, int row, int k)
{
    int lane = threadIdx.x % WARP;
    ldmatrix(b, tile_at<D>(tile, row + lane / 16 * 8 + lane % 8, 2 * k + lane / 8 % 2));
}

/* Loads the tile, not transposed, as operand b of mma: rows row .. +16, columns 16n .. +16. */
template <int D> DEVICE void fragment_b_columns(unsigned (&b)[4], bf16 *tile, int row, int n)
{
    int lane = threadIdx.x % WARP;
    ldmatrix_transposed(b, tile_at<D>(tile, row + lane / 8 % 2 * 8 + lane % 8, 2 * n + lane / 16));
}

/* Rounds two neighbouring accumulators to bf16 as operand a of mma: columns 0 .. 8 and 8 .. 16. */
DEVICE void fragment_of(unsigned (&a)[4], const float (&left)[4], const float (&right)[4])
{
    a[0] = pack_bf16(left[0], left[1]);
    a[1] = pack_bf16(left[2], left[3]);
    a[2] = pack_bf16(right[0], right[1]);
    a[3] = pack_bf16(right[2], right[3]);
}

/* Writes c (16, D) times scale[row / 8] to 16 rows of memory, by way of the warp's own 16 rows of a tile.
 * Rows from `valid` on are not written. */
template <int D>
DEVICE void store_rows(bf16 *to, size_t stride, int valid, bf16 *tile, int row, const float (&c)[D / 8][4],
                       float scale0, float scale1)
{
    int lane = threadIdx.x % WARP;
    __syncwarp(); /* other lanes may still read these rows */
#pragma unroll
    for (int n = 0; n < D / 8; n++) {
        store4(tile_at<D>(tile, row + lane / 4, n) + 2 * (lane % 4),
               pack_bf16(c[n][0] * scale0, c[n][1] * scale0));
        store4(tile_at<D>(tile, row + lane / 4 + 8, n) + 2 * (lane % 4),
               pack_bf16(c[n][2] * scale1, c[n][3] * scale1));
    }
    __syncwarp();
#pragma unroll
    for (int i = lane; i < 16 * D / 8; i += WARP) {
        int r = i / (D / 8), piece = i % (D / 8);
        if (r < valid)
            store16(to + r * stride + piece * 8, load16(tile_at<D>(tile, row + r, piece)));
    }
}

/* Returns the least x of the block. ints: shared memory, one int for each warp. */
DEVICE int block_min(int x, int *ints)
{
    int lane = threadIdx.x % WARP, n = blockDim.x / WARP;
#pragma unroll
    for (int i = WARP / 2; i > 0; i /= 2) {
        int other = shfl_xor(x, i);
        x = other < x ? other : x;
    }
    if (lane == 0)
        ints[threadIdx.x / WARP] = x;
    __syncthreads();
    for (int i = 0; i < n; i++)
        x = ints[i] < x ? ints[i] : x;
    return x;
}

/* Reductions over the four lanes that share a row of an accumulator. */
DEVICE float row_max(float x)
{
    x = fmaxf(x, shfl_xor(x, 1));
    return fmaxf(x, shfl_xor(x, 2));
}

DEVICE float row_sum(float x)
{
    x += shfl_xor(x, 1);
    return x + shfl_xor(x, 2);
}

/* ---- launchers of the other files ---- */

void attention_plain_forward(cudaStream_t s, enum dtype act, void *out, float *lse, const void *qk,
                             const void *qkv, const int32_t *first, struct attention_shape shape);
void attention_plain_backward(cudaStream_t s, enum dtype act, void *dqk, void *dqkv, const void *dout,
                              const void *out, const float *lse, const void *qk, const void *qkv,
                              const int32_t *first, struct attention_shape shape, void *scratch);

#endif
