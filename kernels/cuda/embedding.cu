/*
 * embedding.cu - looking up rows of the embedding, and adding gradients to them
 *
 * Mapping  forward: a thread copies VEC elements. Backward: the rows are sorted by id, stably (radix sort,
 *          DIGIT_BITS a pass); a block then takes RUN sorted rows and a strip of columns and sums runs of
 *          equal ids. A run inside of the block is added to dW at once; parts of a run that crosses blocks go
 *          to partials (the run that came from the left, the run that goes on to the right), which the last
 *          kernel adds in order. No id has two writers, so there are no atomics on floats and the bits do not
 *          depend on timing.
 * Cost     bound by memory: N*C elements read once, each row of dW that occurs read and written once.
 * Oracle   kernels/cpu/embedding.c
 */
#include "kernels/cuda/common.cuh"

enum { THREADS = 256, WARPS = THREADS / WARP, DIGIT_BITS = 8, DIGITS = 1 << DIGIT_BITS, ROUNDS = 8 };
enum { TILE = THREADS * ROUNDS, RUN = 32, SUM_THREADS = 128, STRIP = SUM_THREADS * VEC };

template <class T, bool wide>
KERNEL(THREADS)
forward_kernel(T *x, const T *W, const int32_t *ids, int N, int C)
{
    unsigned each = ((unsigned)C + VEC - 1) / VEC, i = blockIdx.x * THREADS + threadIdx.x;
    size_t n = i / each;
    int c = (int)(i % each) * VEC;
    if (n >= (size_t)N)
        return;
    float row[VEC];
    get_some<wide>(row, W + (size_t)ids[n] * C + c, C - c);
    put_some<wide>(x + n * C + c, row, C - c);
}

template <class T, bool wide>
static void forward(cudaStream_t s, void *x, const void *W, const int32_t *ids, int N, int C)
{
    LAUNCH((forward_kernel<T, wide>), blocks_of((size_t)N * ceil_div(C, VEC), THREADS), THREADS, 0, s, (T *)x,
           (const T *)W, ids, N, C);
}

void cuda_embedding_forward(cudaStream_t s, enum dtype act, void *x, const void *W, const int32_t *ids, int N,
                            int C)
{
    FOR_ACT(act, C % VEC == 0 && aligned16(x, W), forward, s, x, W, ids, N, C);
}

/* ---- sorting ---- */

struct sorted {
    int32_t *id, *row;
};

/* Counts how many of a tile's rows have each digit, and finds the place of each of the thread's rows among
 * the rows of its warp with an equal digit. Warp w of the tile has WARP * ROUNDS consecutive rows. counts:
 * (WARPS, DIGITS) shared; place: in the order of the rows. */
DEVICE void count_digits(unsigned *counts, unsigned (&place)[ROUNDS], const int32_t *id, int N, int shift)
{
    unsigned lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    for (int i = threadIdx.x; i < WARPS * DIGITS; i += THREADS)
        counts[i] = 0;
    __syncthreads();
#pragma unroll
    for (int k = 0; k < ROUNDS; k++) {
        int i = blockIdx.x * TILE + (warp * ROUNDS + k) * WARP + lane;
        unsigned digit = i < N ? id[i] >> shift & (DIGITS - 1) : DIGITS;
        unsigned same = match_any(digit), before = same & ((1u << lane) - 1);
        unsigned *count = counts + warp * DIGITS + digit % DIGITS;
        place[k] = (i < N ? *count : 0) + popcount(before);
        __syncwarp();
        if (!before && i < N)
            *count += popcount(same);
        __syncwarp();
    }
    __syncthreads();
}

/* totals (DIGITS, tiles) is written. */
KERNEL(THREADS) count_kernel(unsigned *totals, const int32_t *id, int N, int shift)
{
    STATIC_SHARED(unsigned, counts, WARPS *DIGITS);
    unsigned place[ROUNDS], sum = 0;
    count_digits(counts, place, id, N, shift);
    for (int w = 0; w < WARPS; w++)
        sum += counts[w * DIGITS + threadIdx.x];
    totals[(size_t)threadIdx.x * gridDim.x + blockIdx.x] = sum;
}

/* Replaces x[i] by the sum of the elements before it, with one block. */
KERNEL(THREADS) scan_kernel(unsigned *x, int n)
{
    STATIC_SHARED(unsigned, warps, WARPS);
    int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, each = (n + THREADS - 1) / THREADS;
    int begin = threadIdx.x * each, end = begin + each < n ? begin + each : n;
    unsigned mine = 0, upto, before = 0;
    for (int i = begin; i < end; i++)
        mine += x[i];
    upto = mine;
#pragma unroll
    for (int d = 1; d < WARP; d *= 2) {
        unsigned left = shfl_up(upto, d);
        upto += lane >= d ? left : 0;
    }
    if (lane == WARP - 1)
        warps[warp] = upto;
    __syncthreads();
    for (int w = 0; w < warp; w++)
        before += warps[w];
    before += upto - mine;
    for (int i = begin; i < end; i++) {
        unsigned here = x[i];
        x[i] = before;
        before += here;
    }
}

/* Moves each row to the place that its digit gives it. from.row NULL: the rows are still in their original
 * order. */
KERNEL(THREADS)
scatter_kernel(struct sorted to, struct sorted from, const unsigned *offsets, int N, int shift)
{
    STATIC_SHARED(unsigned, counts, WARPS *DIGITS);
    unsigned place[ROUNDS], lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    count_digits(counts, place, from.id, N, shift);
    unsigned at = offsets[(size_t)threadIdx.x * gridDim.x + blockIdx.x];
    for (int w = 0; w < WARPS; w++) {
        unsigned here = counts[w * DIGITS + threadIdx.x];
        counts[w * DIGITS + threadIdx.x] = at;
        at += here;
    }
    __syncthreads();
#pragma unroll
    for (int k = 0; k < ROUNDS; k++) {
        int i = blockIdx.x * TILE + (warp * ROUNDS + k) * WARP + lane;
        if (i >= N)
            continue;
        int32_t id = from.id[i];
        unsigned target = counts[warp * DIGITS + (id >> shift & (DIGITS - 1))] + place[k];
        to.id[target] = id;
        to.row[target] = from.row ? from.row[i] : i;
    }
}

/* ---- summing ---- */

/* partial (blocks, 2, C): the part of a run that began in a block to the left, and the part of a run that
 * goes on to the right. */
template <class T, bool wide>
KERNEL(SUM_THREADS)
sum_kernel(float *dW, float *partial, const T *dx, struct sorted s, int N, int C)
{
    int c = blockIdx.y * STRIP + threadIdx.x * VEC, begin = blockIdx.x * RUN;
    int end = begin + RUN < N ? begin + RUN : N;
    float *left = partial + (size_t)blockIdx.x * 2 * C + c, *right = left + C, sum[VEC];
    bool came = begin > 0 && s.id[begin - 1] == s.id[begin];
    if (c >= C)
        return;
    for (int i = begin; i < end;) {
        int32_t id = s.id[i];
#pragma unroll
        for (int k = 0; k < VEC; k++)
            sum[k] = 0;
        for (; i < end && s.id[i] == id; i++) {
            float x[VEC];
            get_some<wide>(x, dx + (size_t)s.row[i] * C + c, C - c);
#pragma unroll
            for (int k = 0; k < VEC; k++)
                sum[k] += x[k];
        }
        bool goes = i == end && end < N && s.id[end] == id;
        if (came) {
            put_some<wide>(left, sum, C - c);
        } else if (goes) {
            put_some<wide>(right, sum, C - c);
        } else {
            float *to = dW + (size_t)id * C + c, old[VEC];
            get_some<wide>(old, to, C - c);
#pragma unroll
            for (int k = 0; k < VEC; k++)
                old[k] += sum[k];
            put_some<wide>(to, old, C - c);
        }
        came = false;
    }
}

/* Joins runs that cross blocks: the block in which a run begins adds all of its parts. */
KERNEL(SUM_THREADS) join_kernel(float *dW, const float *partial, struct sorted s, int N, int C)
{
    int c = blockIdx.y * SUM_THREADS + threadIdx.x, first = blockIdx.x * RUN, end = first + RUN;
    if (c >= C || end >= N || s.id[end - 1] != s.id[end])
        return;
    int32_t id = s.id[end];
    if (s.id[first] == id && first > 0 && s.id[first - 1] == id)
        return; /* the run began further left */
    float sum = partial[((size_t)blockIdx.x * 2 + 1) * C + c];
    for (int b = blockIdx.x + 1; b * RUN < N && s.id[b * RUN] == id; b++)
        sum += partial[(size_t)b * 2 * C + c];
    dW[(size_t)id * C + c] += sum;
}

template <class T, bool wide>
static void sum(cudaStream_t st, float *dW, float *partial, const void *dx, struct sorted s, int N, int C)
{
    unsigned runs =
        (unsigned)ceil_div((size_t)N, RUN); /* runs go in the grid's x, since y is limited to 65,535 */
    LAUNCH((sum_kernel<T, wide>), dim3(runs, (unsigned)ceil_div(C, STRIP)), SUM_THREADS, 0, st, dW, partial,
           (const T *)dx, s, N, C);
    LAUNCH(join_kernel, dim3(runs, (unsigned)ceil_div(C, SUM_THREADS)), SUM_THREADS, 0, st, dW, partial, s, N,
           C);
}

/* The scratch holds the partials, then the totals, then two copies of (id, row). */
static size_t partial_bytes(int N, int C)
{
    return round_up(ceil_div((size_t)N, RUN) * 2 * C * sizeof(float), 256);
}

static size_t totals_bytes(int N)
{
    return round_up(ceil_div((size_t)N, TILE) * DIGITS * sizeof(unsigned), 256);
}

size_t cuda_embedding_backward_scratch(int N, int C)
{
    return partial_bytes(N, C) + totals_bytes(N) + 4 * (size_t)N * sizeof(int32_t);
}

void cuda_embedding_backward(cudaStream_t st, enum dtype act, float *dW, const void *dx, const int32_t *ids,
                             int N, int C, int V, void *scratch)
{
    float *partial = (float *)scratch;
    unsigned *totals = (unsigned *)((char *)scratch + partial_bytes(N, C)),
             tiles = (unsigned)ceil_div((size_t)N, TILE);
    int32_t *pool = (int32_t *)((char *)totals + totals_bytes(N));
    struct sorted from = {(int32_t *)ids, NULL}, to = {pool, pool + N},
                  other = {pool + 2 * (size_t)N, pool + 3 * (size_t)N};
    for (int shift = 0; shift == 0 || (uint64_t)(V - 1) >> shift > 0; shift += DIGIT_BITS) {
        LAUNCH(count_kernel, tiles, THREADS, 0, st, totals, from.id, N, shift);
        LAUNCH(scan_kernel, 1, THREADS, 0, st, totals, (int)tiles * DIGITS);
        LAUNCH(scatter_kernel, tiles, THREADS, 0, st, to, from, totals, N, shift);
        from = to;
        to = other;
        other = from;
    }
    FOR_ACT(act, C % VEC == 0 && aligned16(dW, dx), sum, st, dW, partial, dx, from, N, C);
}
