/*
 * qk_norm_rope.cu - RMSNorm of each query and key head, then rotary position embedding
 *
 *   a = x * r * g,  r = 1 / sqrt(mean x^2 + eps)                 (one head of one token, D wide)
 *   y[i]       = a[i] cos_i - a[i+D/2] sin_i
 *   y[i + D/2] = a[i+D/2] cos_i + a[i] sin_i                     (i < D/2)
 *   backward: da is dy rotated by the opposite angle, then as rmsnorm.cu
 *   without gains there is no norm: a = x, and dx is da
 *
 * Mapping  a group of `lanes` lanes handles a head of a token; a lane holds VEC elements of each half at
 *          once: 4 lanes for D 64, 8 for D 128, otherwise 32 and as many rounds as are needed. A block takes
 *          a piece of the tokens; dgq and dgk stay in registers, are summed by block into partials, and these
 *          in order by a last kernel.
 * Cost     bound by memory: forward 2, backward 3 elements.
 * Oracle   kernels/cpu/qk_norm_rope.c
 * Source   Su et al. 2021, arXiv:2104.09864; per-head norm as in Qwen3
 */
#include "kernels/cuda/common.cuh"

enum { THREADS = 256, WARPS = THREADS / WARP, PIECES = 512 };

/* One lane's share of a head: VEC elements of the first half (a), and those D/2 after them (b). */
struct pair {
    float a[VEC], b[VEC];
};

template <bool wide, class T> DEVICE void get_pair(struct pair &p, const T *x, int i, int half)
{
    get_some<wide>(p.a, x + i, half - i);
    get_some<wide>(p.b, x + half + i, half - i);
}

template <bool wide, class T> DEVICE void put_pair(T *y, const struct pair &p, int i, int half)
{
    put_some<wide>(y + i, p.a, half - i);
    put_some<wide>(y + half + i, p.b, half - i);
}

struct heads {
    int N, H, Hkv, D;
};

template <class T, bool wide, int lanes>
KERNEL(THREADS)
forward_kernel(T *qk, float *rstd, const T *qkv, const float *gq, const float *gk, const float *rope,
               const int32_t *positions, struct heads s, float eps)
{
    unsigned heads = s.H + s.Hkv, lane = threadIdx.x % lanes,
             item = (blockIdx.x * THREADS + threadIdx.x) / lanes;
    int half = s.D / 2;
    bool here =
        item < s.N * heads; /* lanes without an item still take part, since sums are over whole warps */
    size_t n = here ? item / heads : 0, h = here ? item % heads : 0;
    const T *x = qkv + (n * (heads + s.Hkv) + h) * s.D;
    float square = 0;
    struct pair p;
    start_next();
    await_previous();
    for (int i = lane * VEC; i < half; i += lanes * VEC) {
        get_pair<wide>(p, x, i, half);
#pragma unroll
        for (int k = 0; k < VEC; k++)
            square += p.a[k] * p.a[k] + p.b[k] * p.b[k];
    }
    float r = 1.0f / sqrtf(lanes_sum<lanes>(square) / s.D + eps);
    if (!here)
        return;
    if (lane == 0)
        rstd[item] = r;
    const float *g = h < (size_t)s.H ? gq : gk, *turn = rope + (size_t)positions[n] * s.D;
    for (int i = lane * VEC; i < half; i += lanes * VEC) {
        struct pair gain, angle;
        if (lanes * VEC < half)
            get_pair<wide>(p, x, i, half); /* with several rounds p holds only the last */
        get_pair<wide>(gain, g, i, half);
        get_pair<wide>(angle, turn, i, half);
#pragma unroll
        for (int k = 0; k < VEC; k++) {
            float a = p.a[k] * r * gain.a[k], b = p.b[k] * r * gain.b[k];
            p.a[k] = a * angle.a[k] - b * angle.b[k];
            p.b[k] = b * angle.a[k] + a * angle.b[k];
        }
        put_pair<wide>(qk + (size_t)item * s.D, p, i, half);
    }
}

/* ---- backward ---- */

/* Turns d into the gradient before the rotation. */
DEVICE void turn_back(struct pair &d, const struct pair &angle)
{
#pragma unroll
    for (int k = 0; k < VEC; k++) {
        float u = d.a[k], w = d.b[k];
        d.a[k] = u * angle.a[k] + w * angle.b[k];
        d.b[k] = w * angle.a[k] - u * angle.b[k];
    }
}

/* Sums the dg of all groups of the block in one round into partial (D): first the groups of each warp, then
 * the warps, in a fixed order. gather: shared (WARPS, 2, lanes * VEC). */
template <int lanes>
DEVICE void sum_groups(float *partial, const struct pair &dg, float *gather, int base, int half)
{
    enum { ROUND = lanes * VEC };
    int lane = threadIdx.x % WARP;
    float *mine = gather + threadIdx.x / WARP * 2 * ROUND + lane * VEC;
    __syncthreads(); /* an earlier call may still be reading gather */
#pragma unroll
    for (int k = 0; k < VEC; k++) {
        float a = groups_sum<lanes>(dg.a[k]), b = groups_sum<lanes>(dg.b[k]);
        if (lane < lanes) {
            mine[k] = a;
            mine[ROUND + k] = b;
        }
    }
    __syncthreads();
    for (int e = threadIdx.x; e < 2 * ROUND; e += THREADS) {
        int at = base + e % ROUND;
        float sum = 0;
        for (int w = 0; w < WARPS; w++)
            sum += gather[w * 2 * ROUND + e];
        if (at < half)
            partial[e / ROUND * half + at] = sum;
    }
}

/* partial (pieces, 2, D): partial sums of dgq and dgk. Round `base` covers elements base .. base + lanes *
 * VEC of each half. */
template <class T, bool wide, int lanes>
KERNEL(THREADS)
backward_kernel(T *dqkv, float *partial, const T *dqk, const T *qkv, const float *rstd, const float *gq,
                const float *gk, const float *rope, const int32_t *positions, struct heads s, int tokens)
{
    STATIC_SHARED(float, gather, WARPS * 2 * lanes * VEC);
    unsigned heads = s.H + s.Hkv, lane = threadIdx.x % lanes, first = blockIdx.x * tokens * heads;
    int half = s.D / 2, end = (int)(blockIdx.x + 1) * tokens < s.N ? (int)(blockIdx.x + 1) * tokens : s.N;
    unsigned last = end * heads;
    for (int base = 0; base < half; base += lanes * VEC) {
        int i = base + lane * VEC;
        struct pair dgq = {}, dgk = {};
        for (unsigned from = first; from < last; from += THREADS / lanes) {
            unsigned item = from + threadIdx.x / lanes;
            bool here = item < last;
            size_t n = here ? item / heads : 0, h = here ? item % heads : 0,
                   in = (n * (heads + s.Hkv) + h) * s.D;
            const float *g = h < (size_t)s.H ? gq : gk, *turn = rope + (size_t)positions[n] * s.D;
            float r = here ? rstd[item] : 0, dot = 0;
            struct pair d, x, gain, angle;
            for (int j = lane * VEC; j < half && here; j += lanes * VEC) {
                get_pair<wide>(d, dqk + (size_t)item * s.D, j, half);
                get_pair<wide>(x, qkv + in, j, half);
                get_pair<wide>(gain, g, j, half);
                get_pair<wide>(angle, turn, j, half);
                turn_back(d, angle);
#pragma unroll
                for (int k = 0; k < VEC; k++)
                    dot += d.a[k] * x.a[k] * gain.a[k] + d.b[k] * x.b[k] * gain.b[k];
            }
            float scale = lanes_sum<lanes>(dot) / s.D * r * r * r;
            if (!here || i >= half)
                continue;
            if (lanes * VEC < half) { /* with several rounds they hold only the last */
                get_pair<wide>(d, dqk + (size_t)item * s.D, i, half);
                get_pair<wide>(x, qkv + in, i, half);
                get_pair<wide>(gain, g, i, half);
                get_pair<wide>(angle, turn, i, half);
                turn_back(d, angle);
            }
            bool query = h < (size_t)s.H;
#pragma unroll
            for (int k = 0; k < VEC; k++) {
                float da = d.a[k] * x.a[k] * r, db = d.b[k] * x.b[k] * r;
                dgq.a[k] += query ? da : 0;
                dgq.b[k] += query ? db : 0;
                dgk.a[k] += query ? 0 : da;
                dgk.b[k] += query ? 0 : db;
                d.a[k] = d.a[k] * gain.a[k] * r - x.a[k] * scale;
                d.b[k] = d.b[k] * gain.b[k] * r - x.b[k] * scale;
            }
            put_pair<wide>(dqkv + in, d, i, half);
        }
        float *mine = partial + (size_t)blockIdx.x * 2 * s.D;
        sum_groups<lanes>(mine, dgq, gather, base, half);
        sum_groups<lanes>(mine + s.D, dgk, gather, base, half);
    }
}

/* One block for each element of dgq, then of dgk, writes or adds the sum over the pieces. */
KERNEL(WARP)
add_pieces_kernel(float *dgq, float *dgk, const float *partial, int pieces, int D, bool accumulate)
{
    int c = blockIdx.x;
    float sum = 0;
    for (int p = threadIdx.x; p < pieces; p += WARP)
        sum += partial[(size_t)p * 2 * D + c];
    sum = warp_sum(sum);
    float *to = c < D ? dgq + c : dgk + c - D;
    if (threadIdx.x == 0)
        *to = (accumulate ? *to : 0) + sum;
}

/* ---- rotation alone ---- */

/* Turns the query and key heads of every token, or back when sign is -1: from rows of from_heads heads into
 * rows of to_heads. */
template <class T, bool wide, int lanes>
KERNEL(THREADS)
turn_kernel(T *to, int to_heads, const T *from, int from_heads, const float *rope, const int32_t *positions,
            struct heads s, float sign)
{
    unsigned heads = s.H + s.Hkv, lane = threadIdx.x % lanes,
             item = (blockIdx.x * THREADS + threadIdx.x) / lanes;
    int half = s.D / 2;
    start_next();
    await_previous();
    if (item >= s.N * heads)
        return;
    size_t n = item / heads, h = item % heads;
    const float *turn = rope + (size_t)positions[n] * s.D;
    for (int i = lane * VEC; i < half; i += lanes * VEC) {
        struct pair p, angle;
        get_pair<wide>(p, from + (n * from_heads + h) * s.D, i, half);
        get_pair<wide>(angle, turn, i, half);
#pragma unroll
        for (int k = 0; k < VEC; k++) {
            float a = p.a[k], b = p.b[k], sine = angle.b[k] * sign;
            p.a[k] = a * angle.a[k] - b * sine;
            p.b[k] = b * angle.a[k] + a * sine;
        }
        put_pair<wide>(to + (n * to_heads + h) * s.D, p, i, half);
    }
}

template <class T, bool wide, int lanes>
static void turn(cudaStream_t st, void *to, int to_heads, const void *from, int from_heads, const float *rope,
                 const int32_t *positions, struct heads s, float sign)
{
    size_t items = (size_t)s.N * (s.H + s.Hkv);
    LAUNCH_EARLY(s.N == 1, (turn_kernel<T, wide, lanes>), blocks_of(items * lanes, THREADS), THREADS, 0, st,
                 (T *)to, to_heads, (const T *)from, from_heads, rope, positions, s, sign);
}

/* ---- launchers ---- */

static int
piece_tokens(int N) /* tokens of a block; enough of them that the final sums cost little in comparison */
{
    size_t each = ceil_div((size_t)N, PIECES);
    return (int)(each > 16 ? each : 16);
}

template <class T, bool wide, int lanes>
static void forward(cudaStream_t st, void *qk, float *rstd, const void *qkv, const float *gq, const float *gk,
                    const float *rope, const int32_t *positions, struct heads s, float eps)
{
    size_t items = (size_t)s.N * (s.H + s.Hkv);
    LAUNCH_EARLY(s.N == 1, (forward_kernel<T, wide, lanes>), blocks_of(items * lanes, THREADS), THREADS, 0,
                 st, (T *)qk, rstd, (const T *)qkv, gq, gk, rope, positions, s, eps);
}

template <class T, bool wide, int lanes>
static void backward(cudaStream_t st, void *dqkv, float *dgq, float *dgk, const void *dqk, const void *qkv,
                     const float *rstd, const float *gq, const float *gk, const float *rope,
                     const int32_t *positions, struct heads s, bool accumulate, float *partial)
{
    int tokens = piece_tokens(s.N), pieces = (int)ceil_div((size_t)s.N, tokens);
    LAUNCH((backward_kernel<T, wide, lanes>), pieces, THREADS, 0, st, (T *)dqkv, partial, (const T *)dqk,
           (const T *)qkv, rstd, gq, gk, rope, positions, s, tokens);
    LAUNCH(add_pieces_kernel, 2 * s.D, WARP, 0, st, dgq, dgk, partial, pieces, s.D, accumulate);
}

/* Calls f<T, wide, lanes> for the type and the width of a head. */
#define FOR_HEADS(act, D, aligned, f, ...)                                                                   \
    do {                                                                                                     \
        if ((act) == DTYPE_BF16)                                                                             \
            FOR_HEADS_OF(bf16, D, aligned, f, __VA_ARGS__);                                                  \
        else                                                                                                 \
            FOR_HEADS_OF(float, D, aligned, f, __VA_ARGS__);                                                 \
    } while (0)
#define FOR_HEADS_OF(T, D, aligned, f, ...)                                                                  \
    do {                                                                                                     \
        if ((aligned) && (D) == 64)                                                                          \
            f<T, true, 4>(__VA_ARGS__);                                                                      \
        else if ((aligned) && (D) == 128)                                                                    \
            f<T, true, 8>(__VA_ARGS__);                                                                      \
        else                                                                                                 \
            f<T, false, 32>(__VA_ARGS__);                                                                    \
    } while (0)

void cuda_qk_norm_rope_forward(cudaStream_t st, enum dtype act, void *qk, float *rstd,
                               const struct qk_norm_rope *in, float eps)
{
    struct heads s = {in->N, in->H, in->Hkv, in->D};
    int heads = s.H + s.Hkv;
    if (in->gq)
        FOR_HEADS(act, in->D, aligned16(qk, in->qkv, in->gq, in->gk, in->rope), forward, st, qk, rstd,
                  in->qkv, in->gq, in->gk, in->rope, in->positions, s, eps);
    else
        FOR_HEADS(act, in->D, aligned16(qk, in->qkv, in->rope), turn, st, qk, heads, in->qkv, heads + s.Hkv,
                  in->rope, in->positions, s, 1);
}

size_t cuda_qk_norm_rope_backward_scratch(int N, int H, int Hkv, int D)
{
    (void)H;
    (void)Hkv;
    return ceil_div((size_t)N, piece_tokens(N)) * 2 * D * sizeof(float);
}

void cuda_qk_norm_rope_backward(cudaStream_t st, enum dtype act, void *dqkv, float *dgq, float *dgk,
                                const void *dqk, const float *rstd, const struct qk_norm_rope *in,
                                bool accumulate, void *scratch)
{
    struct heads s = {in->N, in->H, in->Hkv, in->D};
    int heads = s.H + s.Hkv;
    if (in->gq)
        FOR_HEADS(act, in->D, aligned16(dqkv, dqk, in->qkv, in->gq, in->gk, in->rope), backward, st, dqkv,
                  dgq, dgk, dqk, in->qkv, rstd, in->gq, in->gk, in->rope, in->positions, s, accumulate,
                  (float *)scratch);
    else
        FOR_HEADS(act, in->D, aligned16(dqkv, dqk, in->rope), turn, st, dqkv, heads + s.Hkv, dqk, heads,
                  in->rope, in->positions, s, -1);
}
