/*
 * ops_test - every op of the CPU backend, at every level of the instruction set that this machine has
 *
 * One table of shapes; each op runs on each shape in f32 and in bf16:
 *   forward   against the plain double implementation of ops_reference.h
 *   backward  against central differences of that implementation
 * Twice: the second run must give the same bits. Arrays stand at odd offsets between guard bytes, so
 * that writes outside them show (reads do under AddressSanitizer). Elements of large arrays are sampled.
 *
 * Each level runs in a process of its own, since oneDNN's level can be set only once; `ops_test v3` runs one.
 * Seeds are fixed; a failure names level, type, shape, op, array and element.
 */
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include "tests/check.h"
#include "tests/ops_reference.h"

struct shape {
    const char *name;
    int threads, B, T, H, Hkv, D, C, F, V;
    int document;       /* documents of about that many tokens; 0: no mask */
};

static const struct shape shapes[] = {
    {"smallest", 1, 1, 1, 1, 1, 2, 1, 1, 2, 0},
    {"odd", 2, 3, 7, 3, 1, 6, 5, 3, 11, 0},
    {"odd documents", 3, 2, 33, 2, 1, 10, 37, 29, 9001, 5},
    {"blocks", 2, 2, 64, 4, 2, 16, 32, 64, 64, 0},
    {"block + 1", 2, 1, 65, 4, 4, 32, 96, 33, 65, 0},
    {"grouped", 2, 2, 97, 6, 2, 64, 100, 130, 513, 40},
    {"nano", 2, 1, 256, 4, 4, 64, 256, 704, 1024, 0},
    {"nano documents", 3, 1, 250, 4, 2, 64, 256, 704, 515, 90},
    {"100m", 2, 1, 100, 12, 12, 64, 768, 2048, 2048, 0},
};

enum { GUARD = 64, MAX_ARRAYS = 32, SAMPLES = 24 };

/* An array in the device's memory between guards, and its values as doubles. */
struct array {
    char *base;
    void *p;
    size_t n;
    enum dtype t;
    double *v;
};

static const struct ops *ops;
static struct device *dev;
static enum dtype act;
static const struct shape *shape;
static const char *op;
static struct array arrays[MAX_ARRAYS];
static int array_count;
static uint64_t inputs, choices;   /* states of the generators of inputs, and of which elements are compared */
static uint64_t digest;
static bool compare;            /* first run of a shape: check values; second: only the bits */
static unsigned long checked;

static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static double uniform(void)     /* -1 .. 1 */
{
    return (double)(next(&inputs) >> 11) * 0x1p-52 - 1;
}

static int below(int n)
{
    return (int)(next(&inputs) % (unsigned)n);
}

static float widen(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

/* Rounds to nearest even by asking which neighbour is closer, unlike the kernels. */
static uint16_t narrow(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    uint16_t down = u >> 16;
    double below_it = fabs((double)f - widen(down)), above_it = fabs((double)widen(down + 1) - f);
    return below_it < above_it || (below_it == above_it && !(down & 1)) ? down : down + 1;
}

static void *array_at(const struct array *a, size_t i)
{
    return (char *)a->p + i * dtype_bytes(a->t);
}

static void array_read(struct array *a)
{
    size_t bytes = a->n * dtype_bytes(a->t);
    char *copy = malloc(bytes);
    ops->download(dev, copy, a->p, bytes);
    for (size_t i = 0; i < a->n; i++)
        a->v[i] = a->t == DTYPE_BF16 ? widen(((uint16_t *)copy)[i]) : ((float *)copy)[i];
    for (size_t i = 0; i < bytes; i += 8) {
        uint64_t word = 0;
        memcpy(&word, copy + i, bytes - i < 8 ? bytes - i : 8);
        digest = (digest ^ word) * 0x9e3779b97f4a7c15u;
        digest ^= digest >> 29;
    }
    free(copy);
}

static struct array array_new(size_t n, enum dtype t, double scale)
{
    size_t bytes = n * dtype_bytes(t);
    struct array a = {.n = n, .t = t};
    a.base = ops->alloc(dev, bytes + 3 * GUARD);
    CHECK(a.base, "no memory");
    CHECK((uintptr_t)a.base % 64 == 0, "alignment");
    for (size_t i = 0; i < bytes; i += 61)
        CHECK(a.base[i] == 0, "alloc gives zeros");
    a.p = a.base + GUARD + dtype_bytes(t) * (size_t)(shape->T % 2);
    a.v = malloc(n * sizeof *a.v);
    memset(a.base, 0xa5, bytes + 3 * GUARD);
    for (size_t i = 0; i < n; i++) {
        float f = (float)(scale * uniform());
        if (t == DTYPE_BF16) {
            uint32_t bits;
            memcpy(&bits, &f, 4);
            ((uint16_t *)a.p)[i] = bits >> 16;
            f = widen(bits >> 16);
        } else {
            ((float *)a.p)[i] = f;
        }
        a.v[i] = f;
    }
    CHECK(array_count < MAX_ARRAYS, "arrays");
    return arrays[array_count++] = a;
}

static struct array act_new(size_t n, double scale)
{
    return array_new(n, act, scale);
}

static struct array f32_new(size_t n, double scale)
{
    return array_new(n, DTYPE_F32, scale);
}

static void begin(const char *name)
{
    op = name;
    array_count = 0;
}

/* Checks the guards of all arrays of this op and frees them. */
static void end(void)
{
    for (int i = 0; i < array_count; i++) {
        struct array *a = &arrays[i];
        size_t bytes = a->n * dtype_bytes(a->t), lead = (char *)a->p - a->base;
        for (size_t k = 0; k < 3 * GUARD; k++) {
            size_t byte = k < lead ? k : k + bytes;
            CHECK(a->base[byte] == (char)0xa5, "%s %s %s: array %d: byte %zd outside of it written", ops->name,
                  shape->name, op, i, (ssize_t)byte - (ssize_t)lead);
        }
        ops->free(dev, a->base);
        free(a->v);
    }
}

/* |got - want| <= relative*|want| + absolute, where one rounding to the type is allowed for. */
static void same(const char *what, size_t i, double got, double want, double scale)
{
    double relative = act == DTYPE_BF16 ? 0x1p-8 : 4e-6;
    double bound = relative * fabs(want) + (act == DTYPE_BF16 ? 4e-5 : 1e-5) * scale;
    checked++;
    CHECK(fabs(got - want) <= bound, "%s %s, shape %s, %s: %s[%zu] is %.9g, want %.9g", ops->name,
          act == DTYPE_BF16 ? "bf16" : "f32", shape->name, op, what, i, got, want);
}

/* ---- gradients by central differences ---- */

struct gradient {
    const char *what;
    const struct array *got;    /* what backward wrote or added to */
    size_t offset;              /* of the first element in got; rows of `row` elements, `stride` apart */
    const double *before;       /* what backward added to; NULL: it overwrites */
    double *x;                  /* the reference's input */
    size_t row, stride, n;
    double (*loss)(void *ctx, size_t i);        /* every part of the loss that x[i] reaches */
    void *ctx;
    double slack;               /* times the usual tolerance: sums of many roundings */
};

static void check_gradient(const struct gradient *d)
{
    double want[4096], scale = 0;
    size_t at[4096], count = d->n <= 2 * SAMPLES ? d->n : SAMPLES;
    if (!compare)
        return;
    for (size_t k = 0; k < count; k++) {
        size_t i = count == d->n ? k : (size_t)(next(&choices) % d->n), g = i / d->row * d->stride + i % d->row;
        double keep = d->x[g], h = 1e-4;
        d->x[g] = keep + h;
        double up = d->loss(d->ctx, i);
        d->x[g] = keep - h;
        double down = d->loss(d->ctx, i);
        d->x[g] = keep;
        at[k] = g;
        want[k] = (up - down) / (2 * h);
        scale = fabs(want[k]) > scale ? fabs(want[k]) : scale;
    }
    for (size_t k = 0; k < count; k++) {
        size_t g = d->offset + at[k];
        same(d->what, g, d->got->v[g], want[k] + (d->before ? d->before[g] : 0), d->slack * scale + 1e-3);
    }
}

static double *snapshot(const struct array *a)
{
    double *copy = malloc(a->n * sizeof *copy);
    memcpy(copy, a->v, a->n * sizeof *copy);
    return copy;
}

/* ---- the ops ---- */

static int tokens(void)
{
    return shape->B * shape->T;
}

static void test_embedding(void)
{
    int N = tokens(), C = shape->C, V = shape->V;
    begin("embedding");
    struct array W = act_new((size_t)V * C, 1), x = act_new((size_t)N * C, 1), dW = f32_new((size_t)V * C, 1);
    int32_t *ids = malloc(N * sizeof *ids);
    for (int n = 0; n < N; n++)
        ids[n] = below(2) ? below(V) : 1;       /* one id often */
    ops->embedding_forward(dev, x.p, W.p, ids, N, C);
    array_read(&x);
    for (int i = 0; i < N * C; i++)
        same("x", i, x.v[i], W.v[(size_t)ids[i / C] * C + i % C], 0);
    double *want = snapshot(&dW);
    for (int i = 0; i < N * C; i++)
        want[(size_t)ids[i / C] * C + i % C] += x.v[i];
    ops->embedding_backward(dev, dW.p, x.p, ids, N, C, V);
    array_read(&dW);
    for (size_t i = 0; compare && i < dW.n; i++)
        same("dW", i, dW.v[i], want[i], 1);
    free(want);
    free(ids);
    end();
}

struct rmsnorm_ctx {
    const double *x, *g, *dy;
    int N, C;
};

static double rmsnorm_row_loss(const struct rmsnorm_ctx *c, int n)
{
    double y[4096], sum = 0;
    ref_rmsnorm_row(y, c->x + (size_t)n * c->C, c->g, c->C, 1e-6);
    for (int i = 0; i < c->C; i++)
        sum += y[i] * c->dy[(size_t)n * c->C + i];
    return sum;
}

static double rmsnorm_loss_x(void *ctx, size_t i)
{
    struct rmsnorm_ctx *c = ctx;
    return rmsnorm_row_loss(c, (int)(i / c->C));
}

static double rmsnorm_loss_g(void *ctx, size_t i)
{
    struct rmsnorm_ctx *c = ctx;
    double sum = 0;
    (void)i;
    for (int n = 0; n < c->N; n++)
        sum += rmsnorm_row_loss(c, n);
    return sum;
}

static void rmsnorm_forward_with(const struct array *x, const struct array *delta, const struct array *g,
                                 struct array *sum, struct array *y, struct array *rstd)
{
    int N = tokens(), C = shape->C;
    double row[4096];
    ops->rmsnorm_forward(dev, y->p, rstd->p, delta ? sum->p : NULL, x->p, delta ? delta->p : NULL, g->p, N, C, 1e-6f);
    array_read(y);
    array_read(rstd);
    array_read(sum);
    for (int n = 0; compare && n < N; n++) {
        const double *s = (delta ? sum : x)->v + (size_t)n * C;
        double r = ref_rmsnorm_row(row, s, g->v, C, 1e-6);
        checked++;
        CHECK(fabs(rstd->v[n] - r) <= 1e-5 * r, "rstd[%d] is %g, want %g", n, rstd->v[n], r);
        for (int c = 0; c < C; c++) {
            size_t i = (size_t)n * C + c;
            same("y", i, y->v[i], row[c], 1);
            if (delta)
                same("sum", i, sum->v[i], x->v[i] + delta->v[i], 0.1);
        }
    }
}

static void test_rmsnorm(void)
{
    int N = tokens(), C = shape->C;
    size_t n = (size_t)N * C;
    begin("rmsnorm");
    struct array x = act_new(n, 2), delta = act_new(n, 1), g = f32_new(C, 2), sum = act_new(n, 1);
    struct array y = act_new(n, 1), rstd = f32_new(N, 1), dx = act_new(n, 1), dg = f32_new(C, 1);
    rmsnorm_forward_with(&x, NULL, &g, &sum, &y, &rstd);
    rmsnorm_forward_with(&x, &delta, &g, &sum, &y, &rstd);

    struct array in_place = act_new(n, 1);      /* sum may alias x */
    ops->copy(dev, in_place.p, x.p, n * dtype_bytes(act));
    ops->rmsnorm_forward(dev, y.p, rstd.p, in_place.p, in_place.p, delta.p, g.p, N, C, 1e-6f);
    CHECK(!memcmp(in_place.p, sum.p, n * dtype_bytes(act)), "sum in place of x");

    double *dx0 = snapshot(&dx), *dg0 = snapshot(&dg);
    array_read(&y);                             /* stands for dy */
    struct rmsnorm_ctx ctx = {sum.v, g.v, y.v, N, C};
    ops->rmsnorm_backward(dev, dx.p, dg.p, y.p, sum.p, g.p, rstd.p, N, C);
    array_read(&dx);
    array_read(&dg);
    check_gradient(&(struct gradient){"dx", &dx, 0, dx0, sum.v, n, n, n, rmsnorm_loss_x, &ctx, 1});
    check_gradient(&(struct gradient){"dg", &dg, 0, dg0, g.v, C, C, C, rmsnorm_loss_g, &ctx, 1});
    free(dx0);
    free(dg0);
    end();
}

/* All elements of small results, a sample of large ones. */
static size_t sample(size_t n, size_t k)
{
    return n <= 4096 ? k : next(&choices) % n;
}

static size_t sample_count(size_t n)
{
    return !compare ? 0 : n <= 4096 ? n : 1500;
}

static void linear_with(int N, int I, int O)
{
    double size = sqrt(I > O ? I : O);
    begin("linear");
    struct array x = act_new((size_t)N * I, 1), W = act_new((size_t)O * I, 1), y = act_new((size_t)N * O, 1);
    struct array dx = act_new((size_t)N * I, 1), dW = f32_new((size_t)O * I, 1);

    ops->linear_forward(dev, y.p, x.p, W.p, N, I, O);
    array_read(&y);
    for (size_t k = 0; k < sample_count(y.n); k++) {
        size_t i = sample(y.n, k);
        same("y", i, y.v[i], ref_product(x.v, I, 1, W.v, 1, I, i / O, i % O, I), size);
    }
    double *dx0 = snapshot(&dx), *dW0 = snapshot(&dW);
    ops->linear_backward_input(dev, dx.p, y.p, W.p, N, I, O, true);
    array_read(&dx);
    for (size_t k = 0; k < sample_count(dx.n); k++) {
        size_t i = sample(dx.n, k);
        same("dx +=", i, dx.v[i], dx0[i] + ref_product(y.v, O, 1, W.v, I, 1, i / I, i % I, O), size * size);
    }
    ops->linear_backward_input(dev, dx.p, y.p, W.p, N, I, O, false);
    array_read(&dx);
    for (size_t k = 0; k < sample_count(dx.n); k++) {
        size_t i = sample(dx.n, k);
        same("dx =", i, dx.v[i], ref_product(y.v, O, 1, W.v, I, 1, i / I, i % I, O), size * size);
    }
    ops->linear_backward_weight(dev, dW.p, y.p, x.p, N, I, O);
    array_read(&dW);
    for (size_t k = 0; k < sample_count(dW.n); k++) {
        size_t i = sample(dW.n, k);
        same("dW", i, dW.v[i], dW0[i] + ref_product(y.v, 1, O, x.v, I, 1, i / I, i % I, N), size * sqrt(N));
    }
    free(dx0);
    free(dW0);
    end();
}

static void test_linear(void)
{
    int N = tokens(), C = shape->C, width = (shape->H + 2 * shape->Hkv) * shape->D;
    linear_with(N, C, width);
    linear_with(N, shape->F, C);
    linear_with(1, C, 2 * shape->F);
    linear_with(N < 32 ? N : 32, C, shape->V);
}

static struct attention_shape attention(void)
{
    return (struct attention_shape){shape->B, shape->T, shape->H, shape->Hkv, shape->D};
}

struct rope_ctx {
    const double *qkv, *gq, *gk, *rope, *dqk;
    const int32_t *positions;
    int N, H, Hkv, D;
};

static double rope_head_loss(const struct rope_ctx *c, int n, int h)
{
    double y[256], sum = 0;
    size_t in = (size_t)(c->H + 2 * c->Hkv) * c->D, out = (size_t)(c->H + c->Hkv) * c->D;
    ref_norm_rope(y, c->qkv + n * in + (size_t)h * c->D, h < c->H ? c->gq : c->gk,
                  c->rope + (size_t)c->positions[n] * c->D, c->D, 1e-6);
    for (int d = 0; d < c->D; d++)
        sum += y[d] * c->dqk[n * out + (size_t)h * c->D + d];
    return sum;
}

static double rope_loss_x(void *ctx, size_t i)
{
    struct rope_ctx *c = ctx;
    size_t row = (size_t)(c->H + c->Hkv) * c->D;
    return rope_head_loss(c, (int)(i / row), (int)(i % row / c->D));
}

static double rope_loss_g(void *ctx, size_t i)
{
    struct rope_ctx *c = ctx;
    double sum = 0;
    (void)i;
    for (int n = 0; n < c->N; n++)
        for (int h = 0; h < c->H + c->Hkv; h++)
            sum += rope_head_loss(c, n, h);
    return sum;
}

static void test_qk_norm_rope(void)
{
    int N = tokens(), H = shape->H, Hkv = shape->Hkv, D = shape->D, heads = H + Hkv;
    size_t in = (size_t)(heads + Hkv) * D, out = (size_t)heads * D;
    begin("qk_norm_rope");
    struct array qkv = act_new(N * in, 1), gq = f32_new(D, 1), gk = f32_new(D, 1), qk = act_new(N * out, 1);
    struct array rope = f32_new((size_t)shape->T * D, 1), rstd = f32_new((size_t)N * heads, 1);
    struct array dqk = act_new(N * out, 1), dqkv = act_new(N * in, 1), dgq = f32_new(D, 1), dgk = f32_new(D, 1);
    int32_t *positions = malloc(N * sizeof *positions);
    for (int n = 0; n < N; n++)
        positions[n] = below(shape->T);
    for (int i = 0; i < shape->T * D; i++) {
        double angle = i / D * pow(1e4, -2.0 * (i % (D / 2)) / D);
        rope.v[i] = ((float *)rope.p)[i] = (float)(i % D < D / 2 ? cos(angle) : sin(angle));
    }

    ops->qk_norm_rope_forward(dev, qk.p, rstd.p, qkv.p, gq.p, gk.p, rope.p, positions, N, H, Hkv, D, 1e-6f);
    array_read(&qk);
    array_read(&rstd);
    for (int n = 0; compare && n < N; n++)
        for (int h = 0; h < heads; h++) {
            double y[256];
            double r = ref_norm_rope(y, qkv.v + n * in + (size_t)h * D, h < H ? gq.v : gk.v,
                                     rope.v + (size_t)positions[n] * D, D, 1e-6);
            CHECK(fabs(rstd.v[n * heads + h] - r) <= 1e-5 * r, "rstd");
            for (int d = 0; d < D; d++)
                same("qk", n * out + (size_t)h * D + d, qk.v[n * out + (size_t)h * D + d], y[d], 1);
        }

    double *dgq0 = snapshot(&dgq), *dgk0 = snapshot(&dgk), *dqkv0 = snapshot(&dqkv);
    struct rope_ctx c = {qkv.v, gq.v, gk.v, rope.v, dqk.v, positions, N, H, Hkv, D};
    ops->qk_norm_rope_backward(dev, dqkv.p, dgq.p, dgk.p, dqk.p, qkv.p, rstd.p, gq.p, gk.p, rope.p, positions, N, H,
                               Hkv, D);
    array_read(&dqkv);
    array_read(&dgq);
    array_read(&dgk);
    check_gradient(&(struct gradient){"dqkv", &dqkv, 0, NULL, qkv.v, out, in, N * out, rope_loss_x, &c, 1});
    check_gradient(&(struct gradient){"dgq", &dgq, 0, dgq0, gq.v, D, D, D, rope_loss_g, &c, 1});
    check_gradient(&(struct gradient){"dgk", &dgk, 0, dgk0, gk.v, D, D, D, rope_loss_g, &c, 1});
    for (size_t i = 0; i < dqkv.n; i++)         /* the values' part is not this op's */
        CHECK(i % in < out || dqkv.v[i] == dqkv0[i], "dqkv[%zu] belongs to the values", i);
    free(dgq0);
    free(dgk0);
    free(dqkv0);
    free(positions);
    end();
}

struct attention_ctx {
    const double *qk, *qkv, *dout;
    const int32_t *first;
    struct attention_shape s;
};

static double query_loss(const struct attention_ctx *c, int b, int i, int h)
{
    double out[256], sum = 0;
    ref_attend(out, c->qk, c->qkv, c->first, b, i, h, c->s);
    for (int d = 0; d < c->s.D; d++)
        sum += out[d] * c->dout[((size_t)(b * c->s.T + i) * c->s.H + h) * c->s.D + d];
    return sum;
}

static double loss_q(void *ctx, size_t at)
{
    struct attention_ctx *c = ctx;
    int n = (int)(at / (c->s.H * c->s.D)), h = (int)(at % (c->s.H * c->s.D)) / c->s.D;
    return query_loss(c, n / c->s.T, n % c->s.T, h);
}

static double loss_kv(void *ctx, size_t at)
{
    struct attention_ctx *c = ctx;
    int n = (int)(at / (c->s.Hkv * c->s.D)), g = (int)(at % (c->s.Hkv * c->s.D)) / c->s.D, group = c->s.H / c->s.Hkv;
    double sum = 0;
    for (int i = n % c->s.T; i < c->s.T; i++)
        for (int h = g * group; h < (g + 1) * group; h++)
            sum += query_loss(c, n / c->s.T, i, h);
    return sum;
}

static int32_t *documents(void)
{
    int32_t *first = malloc(tokens() * sizeof *first);
    for (int n = 0; n < tokens(); n++)
        first[n] = n % shape->T == 0 ? 0 : below(shape->document) == 0 ? n % shape->T : first[n - 1];
    return first;
}

static void check_attention(const struct array *out, const struct array *lse, const struct attention_ctx *c)
{
    struct attention_shape s = c->s;
    size_t n = (size_t)s.B * s.T * s.H;
    for (size_t k = 0; k < sample_count(n); k++) {
        size_t i = sample(n, k);
        int row = (int)(i / s.H), h = (int)(i % s.H);
        double want[256];
        double l = ref_attend(want, c->qk, c->qkv, c->first, row / s.T, row % s.T, h, s);
        double got = lse->v[((size_t)(row / s.T) * s.H + h) * s.T + row % s.T];
        CHECK(fabs(got - l) <= 2e-5 * (1 + fabs(l)), "%s %s lse of query %zu is %g, want %g", ops->name, shape->name, i,
              got, l);
        for (int d = 0; d < s.D; d++)
            same("out", i * s.D + d, out->v[i * s.D + d], want[d], act == DTYPE_BF16 ? 60 : 1);    /* p in bf16 */
    }
}

static void test_attention(void)
{
    struct attention_shape s = attention();
    int N = tokens(), D = s.D;
    size_t qk_row = (size_t)(s.H + s.Hkv) * D, qkv_row = qk_row + (size_t)s.Hkv * D, q_row = (size_t)s.H * D;
    size_t kv_row = (size_t)s.Hkv * D;
    begin("attention");
    struct array qk = act_new(N * qk_row, 2), qkv = act_new(N * qkv_row, 1), out = act_new(N * q_row, 1);
    struct array lse = f32_new((size_t)N * s.H, 1), dout = act_new(N * q_row, 1), dqk = act_new(N * qk_row, 1);
    struct array dqkv = act_new(N * qkv_row, 1);
    int32_t *first = shape->document ? documents() : NULL;
    struct attention_ctx c = {qk.v, qkv.v, dout.v, first, s};

    ops->attention_forward(dev, out.p, lse.p, qk.p, qkv.p, first, s);
    array_read(&out);
    array_read(&lse);
    check_attention(&out, &lse, &c);

    double *dqkv0 = snapshot(&dqkv), slack = act == DTYPE_BF16 ? 400 : 1;
    ops->attention_backward(dev, dqk.p, dqkv.p, dout.p, out.p, lse.p, qk.p, qkv.p, first, s);
    array_read(&dqk);
    array_read(&dqkv);
    check_gradient(&(struct gradient){"dq", &dqk, 0, NULL, qk.v, q_row, qk_row, N * q_row, loss_q, &c, slack});
    check_gradient(&(struct gradient){"dk", &dqk, q_row, NULL, qk.v + q_row, kv_row, qk_row, N * kv_row, loss_kv, &c,
                                      slack});
    check_gradient(&(struct gradient){"dv", &dqkv, qk_row, NULL, qkv.v + qk_row, kv_row, qkv_row, N * kv_row, loss_kv,
                                      &c, slack});
    for (size_t i = 0; i < dqkv.n; i++)
        CHECK(i % qkv_row >= qk_row || dqkv.v[i] == dqkv0[i], "dqkv[%zu] belongs to q and k", i);
    free(dqkv0);
    free(first);
    end();
}

/* Feeding a sequence to the cache in pieces attends as one causal pass over it does. */
static void test_cached(void)
{
    struct attention_shape s = attention();
    int T = s.T, D = s.D;
    size_t qk_row = (size_t)(s.H + s.Hkv) * D, qkv_row = qk_row + (size_t)s.Hkv * D, q_row = (size_t)s.H * D;
    size_t kv_row = (size_t)s.Hkv * D;
    begin("attention_cached");
    s.B = 1;
    struct array qk = act_new(T * qk_row, 2), qkv = act_new(T * qkv_row, 1), out = act_new(T * q_row, 1);
    struct array k = act_new(T * kv_row, 1), v = act_new(T * kv_row, 1);
    for (int past = 0, n; past < T; past += n) {
        n = past + 5 < T && below(2) ? 5 : 1;
        n = past == 0 && T > 40 ? 37 : n;
        const void *q = array_at(&qk, past * qk_row);
        int32_t at = past;          /* every other time the device is told only how far the cache may reach */
        const int32_t *past_at = past % 2 ? &at : NULL;
        int most = past_at ? s.T - n : past;
        ops->kv_append(dev, k.p, v.p, q, array_at(&qkv, past * qkv_row), n, most, past_at, s.H, s.Hkv, D);
        ops->attention_cached(dev, array_at(&out, past * q_row), q, k.p, v.p, n, most, past_at, s.H, s.Hkv, D);
    }
    array_read(&out);
    for (size_t j = 0; j < sample_count((size_t)T * s.H); j++) {
        size_t i = sample((size_t)T * s.H, j);
        double want[256];
        ref_attend(want, qk.v, qkv.v, NULL, 0, (int)(i / s.H), (int)(i % s.H), s);
        for (int d = 0; d < D; d++)
            same("out", i * D + d, out.v[i * D + d], want[d], 1);
    }
    end();
}

struct swiglu_ctx {
    const double *x, *dy;
    int F;
};

static double swiglu_loss(void *ctx, size_t i)
{
    struct swiglu_ctx *c = ctx;
    size_t n = i / (2 * c->F), f = i % c->F;
    const double *row = c->x + n * 2 * c->F;
    return ref_swiglu(row[f], row[c->F + f]) * c->dy[n * c->F + f];
}

static void test_swiglu(void)
{
    int N = tokens(), F = shape->F;
    begin("swiglu");
    struct array x = act_new((size_t)N * 2 * F, 8), y = act_new((size_t)N * F, 1), dy = act_new((size_t)N * F, 1);
    struct array dx = act_new((size_t)N * 2 * F, 1);
    struct swiglu_ctx c = {x.v, dy.v, F};
    ops->swiglu_forward(dev, y.p, x.p, N, F);
    ops->swiglu_backward(dev, dx.p, dy.p, x.p, N, F);
    array_read(&y);
    array_read(&dx);
    for (size_t i = 0; compare && i < y.n; i++) {
        const double *row = x.v + i / F * 2 * F;
        same("y", i, y.v[i], ref_swiglu(row[i % F], row[F + i % F]), 0.1);
    }
    check_gradient(&(struct gradient){"dgate_up", &dx, 0, NULL, x.v, 1, 1, x.n, swiglu_loss, &c, 1});
    end();
}

struct loss_ctx {
    const double *logits;
    const int32_t *targets;
    int V;
};

static double logit_loss(void *ctx, size_t i)
{
    struct loss_ctx *c = ctx;
    size_t n = i / c->V;
    return c->targets[n] < 0 ? 0 : 0.5 * ref_cross_entropy(c->logits + n * c->V, c->V, c->targets[n]);
}

static void test_cross_entropy(void)
{
    int N = tokens() < 40 ? tokens() : 40, V = shape->V;
    begin("cross_entropy");
    struct array logits = act_new((size_t)N * V, 8), loss = f32_new(N, 1), keep = act_new((size_t)N * V, 1);
    int32_t *targets = malloc(N * sizeof *targets);
    for (int n = 0; n < N; n++)
        targets[n] = n % 5 == 3 ? -1 : below(V);
    targets[0] = V - 1;
    ops->copy(dev, keep.p, logits.p, keep.n * dtype_bytes(act));
    array_read(&keep);
    struct loss_ctx c = {keep.v, targets, V};

    for (int pass = 0; pass < 2; pass++) {      /* first without gradient */
        ops->cross_entropy(dev, loss.p, logits.p, targets, N, V, pass ? 0.5f : 0);
        array_read(&loss);
        for (int n = 0; compare && n < N; n++) {
            double want = targets[n] < 0 ? 0 : ref_cross_entropy(keep.v + (size_t)n * V, V, targets[n]);
            CHECK(fabs(loss.v[n] - want) <= 2e-6 * (1 + want), "%s loss[%d] is %.9g, want %.9g", ops->name, n,
                  loss.v[n], want);
        }
        CHECK(pass || !memcmp(logits.p, keep.p, keep.n * dtype_bytes(act)), "scale 0 leaves the logits alone");
    }
    array_read(&logits);
    check_gradient(&(struct gradient){"dlogits", &logits, 0, NULL, keep.v, 1, 1, logits.n, logit_loss, &c, 1e-3});
    for (int n = 0; compare && n < N; n++) {
        double sum = 0, at = targets[n] < 0 ? 0 : logits.v[(size_t)n * V + targets[n]];
        for (int v = 0; v < V; v++)
            sum += logits.v[(size_t)n * V + v];
        CHECK(targets[n] >= 0 || sum == 0, "a row without target has no gradient");
        CHECK(fabs(sum) <= (act == DTYPE_BF16 ? 1e-2 : 1e-5), "row %d of the gradient sums to %g", n, sum);
        if (targets[n] >= 0)
            same("dlogits[target]", n, at, 0.5 * (exp(-ref_cross_entropy(keep.v + (size_t)n * V, V, targets[n])) - 1),
                 0.1);
    }
    free(targets);
    end();
}

/* Logits of any size: the maximum is subtracted first. */
static void test_extremes(void)
{
    static const float rows[][4] = {{88, 89, -90, 3}, {3e4f, 1, 2, 3}, {-3e4f, -3e4f, -3e4f, -3e4f}, {200, -200, 0, 0}};
    begin("extremes");
    for (int i = 0; i < 4; i++) {
        struct array logits = act_new(4, 1), loss = f32_new(1, 1);
        double exact[4];
        int32_t target = 1;
        for (int k = 0; k < 4; k++)
            ((float *)loss.p)[0] = rows[i][k], ops->to_act(dev, array_at(&logits, k), loss.p, 1);
        array_read(&logits);
        memcpy(exact, logits.v, sizeof exact);
        ops->cross_entropy(dev, loss.p, logits.p, &target, 1, 4, 1.0f);
        array_read(&loss);
        array_read(&logits);
        double want = ref_cross_entropy(exact, 4, 1);
        CHECK(fabs(loss.v[0] - want) <= 1e-6 * (1 + want), "loss is %g, want %g", loss.v[0], want);
        for (int k = 0; k < 4; k++)
            same("dlogits", k, logits.v[k], exp(-ref_cross_entropy(exact, 4, k)) - (k == 1), 1e-2);
    }
    end();
}

static void test_vectors(void)
{
    size_t n = (size_t)tokens() * shape->F * 3 + 1;
    begin("vectors");
    struct array x = f32_new(n, 1), y = f32_new(n, 1), a = act_new(n, 1), z = f32_new(n, 1);
    double squares = 0, dot = 0;
    for (size_t i = 0; i < n; i++) {
        squares += x.v[i] * x.v[i];
        dot += x.v[i] * y.v[i];
    }
    double got = ops->sum_squares(dev, x.p, n), got_dot = ops->dot(dev, x.p, y.p, n);
    CHECK(fabs(got - squares) <= 1e-12 * squares, "sum_squares %.17g, want %.17g", got, squares);
    CHECK(fabs(got_dot - dot) <= 1e-12 * squares + 1e-12, "dot %.17g, want %.17g", got_dot, dot);
    CHECK(got == ops->sum_squares(dev, x.p, n), "sum_squares twice");

    ops->to_act(dev, a.p, x.p, n);
    ops->to_f32(dev, z.p, a.p, n);
    array_read(&a);
    array_read(&z);
    for (size_t i = 0; i < n; i++) {
        CHECK(a.v[i] == (act == DTYPE_BF16 ? widen(narrow((float)x.v[i])) : x.v[i]), "to_act[%zu]", i);
        CHECK(z.v[i] == a.v[i], "to_f32[%zu]", i);
    }
    struct array b = act_new(n, 1);
    double *b0 = snapshot(&b);
    ops->axpby(dev, b.p, 2.0f, a.p, -0.5f, n);
    array_read(&b);
    for (size_t i = 0; i < n; i++)
        same("axpby", i, b.v[i], 2 * a.v[i] - 0.5 * b0[i], 1);
    free(b0);
    ops->to_act(dev, b.p, x.p, n);
    memset(b.p, 0xff, dtype_bytes(act));            /* a NaN that must not be read */
    ops->axpby(dev, b.p, 1.0f, a.p, 0.0f, n);
    array_read(&b);
    CHECK(b.v[0] == a.v[0] && b.v[n - 1] == a.v[n - 1], "axpby reads y although b is 0");
    ops->axpy(dev, z.p, -0.75f, y.p, n);
    array_read(&z);
    ops->scale(dev, y.p, 3.0f, n);
    double *y0 = snapshot(&y);
    array_read(&y);
    for (size_t i = 0; i < n; i++) {
        CHECK(fabs(z.v[i] - (a.v[i] - 0.75 * y0[i])) <= 1e-6, "axpy[%zu]", i);
        CHECK(fabs(y.v[i] - 3 * y0[i]) <= 1e-6, "scale[%zu]", i);
    }
    ops->zero(dev, y.p, n * sizeof(float));
    array_read(&y);
    for (size_t i = 0; i < n; i++)
        CHECK(y.v[i] == 0, "zero[%zu]", i);
    free(y0);
    end();
}

/* bf16 rounding of every kind of number. */
static void test_rounding(void)
{
    static const uint32_t bits[] = {0,          0x80000000, 0x3f808000, 0x3f818000, 0x3f808001, 0x7f7fffff, 0x7f800000,
                                    0xff800000, 1,          0x8000,     0x18000,    0x7f800001, 0xffc00000, 0x7fffffff,
                                    0x3f7fffff, 0x477fffff, 0xbf808000, 0x007fffff};
    enum { COUNT = sizeof bits / sizeof *bits };
    if (act != DTYPE_BF16)
        return;
    begin("rounding");
    for (int lane = 0; lane < 40; lane++) {     /* full vectors and tails */
        struct array x = f32_new(COUNT + lane, 1), a = act_new(COUNT + lane, 1);
        memcpy((char *)x.p + lane * 4, bits, sizeof bits);
        ops->to_act(dev, a.p, x.p, COUNT + lane);
        for (int i = 0; i < COUNT; i++) {
            float f;
            uint16_t h = ((uint16_t *)a.p)[lane + i];
            memcpy(&f, &bits[i], 4);
            CHECK(isnan(f) ? isnan(widen(h)) : isinf(f) ? widen(h) == f
                  : bits[i] == 0x7f7fffff       ? isinf(widen(h))
                                                : h == narrow(f),
                  "%s: %08x rounds to %04x", ops->name, bits[i], h);
        }
        if (lane % 10 == 9) {
            end();
            begin("rounding");
        }
    }
    end();
}

static void test_adamw(void)
{
    size_t n = (size_t)shape->C * shape->F + 3;
    struct adamw a = {1e-2f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.271f, 0.142625f, 0.5f};
    begin("adamw");
    struct array w = f32_new(n, 1), m = f32_new(n, 0.1), v = f32_new(n, 0.1), g = f32_new(n, 1), work = act_new(n, 1);
    for (size_t i = 0; i < n; i++)
        v.v[i] = ((float *)v.p)[i] = (float)fabs(v.v[i]);
    double *w0 = snapshot(&w), *m0 = snapshot(&m), *v0 = snapshot(&v);
    ops->adamw_step(dev, w.p, act == DTYPE_F32 ? w.p : work.p, m.p, v.p, g.p, n, a);
    array_read(&w);
    array_read(&m);
    array_read(&v);
    array_read(&work);
    for (size_t i = 0; i < n; i++) {
        double grad = (double)a.grad_scale * g.v[i];
        double mean = (double)a.beta1 * m0[i] + (1 - (double)a.beta1) * grad;
        double square = (double)a.beta2 * v0[i] + (1 - (double)a.beta2) * grad * grad;
        double step = mean / a.bias1 / (sqrt(square / a.bias2) + a.eps) + (double)a.weight_decay * w0[i];
        CHECK(fabs(m.v[i] - mean) <= 1e-6 && fabs(v.v[i] - square) <= 1e-6, "%s moments[%zu]", ops->name, i);
        CHECK(fabs(w.v[i] - (w0[i] - a.lr * step)) <= 2e-6 * (1 + a.lr * fabs(step)),
              "%s theta[%zu] is %.9g, want %.9g", ops->name, i, w.v[i], w0[i] - a.lr * step);
        CHECK(act == DTYPE_F32 || work.v[i] == widen(narrow((float)w.v[i])), "work[%zu]", i);
    }
    ops->adamw_step(dev, w.p, NULL, m.p, v.p, g.p, n, a);       /* work may be NULL */
    array_read(&w);
    free(w0);
    free(m0);
    free(v0);
    end();
}

static void test_ema_step(void)
{
    size_t n = (size_t)shape->C * shape->F + 3;
    begin("ema_step");
    struct array w = f32_new(n, 1), mean = f32_new(n, 1), work = act_new(n, 1);
    double *w0 = snapshot(&w), *m0 = snapshot(&mean), *k0 = snapshot(&work);
    ops->ema_step(dev, w.p, act == DTYPE_F32 ? w.p : work.p, mean.p, n, 0.9f, 0);
    array_read(&w);
    array_read(&mean);
    array_read(&work);
    for (size_t i = 0; i < n; i++) {
        CHECK(w.v[i] == w0[i] && work.v[i] == k0[i], "written although ahead is 0");
        CHECK(fabs(mean.v[i] - (0.9 * m0[i] + 0.1 * w0[i])) <= 1e-6, "mean[%zu]", i);
        m0[i] = mean.v[i];
    }
    ops->ema_step(dev, w.p, act == DTYPE_F32 ? w.p : work.p, mean.p, n, 0.75f, 0.5f);
    array_read(&w);
    array_read(&mean);
    array_read(&work);
    for (size_t i = 0; i < n; i++) {
        double m = 0.75 * m0[i] + 0.25 * w0[i], want = w0[i] + 0.5 * (w0[i] - m);
        CHECK(fabs(mean.v[i] - m) <= 1e-6 && fabs(w.v[i] - want) <= 2e-6, "%s theta[%zu] is %.9g, want %.9g", ops->name,
              i, w.v[i], want);
        CHECK(act == DTYPE_F32 || work.v[i] == widen(narrow((float)w.v[i])), "work[%zu]", i);
    }
    ops->ema_step(dev, w.p, NULL, mean.p, n, 0.75f, 0.5f);
    array_read(&w);
    free(w0);
    free(m0);
    free(k0);
    end();
}

/* Spans of two groups with a gap between them. */
static void test_directions(void)
{
    size_t n = (size_t)shape->C * shape->F * 2 + 11, cut = n / 3 + 1;
    const struct span spans[] = {{0, cut, 1}, {cut + 5, n / 8 + 1, 0}, {cut + 5 + n / 8 + 1, n - cut - 5 - n / 8 - 1, 1}};
    float c[2 * OPS_DIRECTIONS];
    begin("directions");
    for (int k = 0; k <= OPS_DIRECTIONS; k++) {
        struct array x = f32_new(n, 1), y = f32_new(n, 1), work = act_new(n, 1), d = act_new(n, 1), D[OPS_DIRECTIONS];
        const void *p[OPS_DIRECTIONS];
        for (int j = 0; j < k; j++) {
            D[j] = act_new(n, 1);
            p[j] = D[j].p;
        }
        for (int i = 0; i < 2 * OPS_DIRECTIONS; i++)
            c[i] = (float)uniform();
        double *y0 = snapshot(&y), *work0 = snapshot(&work), *d0 = snapshot(&d), out[2 * 25], want[2 * 25] = {0};
        ops->gram(dev, out, p, k, x.p, k == 2 ? NULL : y.p, spans, 3, 2);
        ops->direction(dev, d.p, k == 1 ? 0 : 0.7f, 0.3f, x.p, y.p, p, k, c, spans, 3);
        ops->combine(dev, y.p, act == DTYPE_F32 ? y.p : work.p, x.p, p, k, c, spans, 3);
        array_read(&y);
        array_read(&work);
        array_read(&d);
        for (size_t i = 0; i < n; i++) {
            int g = i >= cut && i < cut + 5 ? -1 : i >= cut && i < cut + 5 + n / 8 + 1 ? 0 : 1;
            double sum = 0, v[OPS_DIRECTIONS + 1];
            if (g < 0) {
                CHECK(y.v[i] == y0[i] && work.v[i] == work0[i] && d.v[i] == d0[i], "written between spans, at %zu", i);
                continue;
            }
            for (int j = 0; j < k; j++) {
                v[j] = D[j].v[i];
                sum += (double)c[g * k + j] * v[j];
            }
            v[k] = x.v[i] - (k == 2 ? 0 : y0[i]);
            for (int j = 0; j <= k; j++)
                for (int l = 0; l <= k; l++)
                    want[(g * (k + 1) + j) * (k + 1) + l] += v[j] * v[l];
            CHECK(fabs(y.v[i] - (x.v[i] + sum)) <= 4e-6, "%s combine[%zu] is %.9g, want %.9g", ops->name, i, y.v[i],
                  x.v[i] + sum);
            CHECK(act == DTYPE_F32 || work.v[i] == widen(narrow((float)y.v[i])), "work[%zu]", i);
            same("direction", i, d.v[i], (k == 1 ? 0 : 0.7 * d0[i]) + 0.3 * (x.v[i] - y0[i]) + sum, 1);
        }
        for (int i = 0; i < 2 * (k + 1) * (k + 1); i++) {
            double bound = 1e-5 * (double)n;        /* elements are below 2 */
            CHECK(fabs(out[i] - want[i]) <= bound, "%s gram[%d] of %d is %.9g, want %.9g", ops->name, i, k, out[i], want[i]);
        }
        free(y0);
        free(work0);
        free(d0);
        end();
        begin("directions");
    }
    struct array x = f32_new(n, 1), D = act_new(n, 1);      /* in place, without a working copy, d one of D */
    double *x0 = snapshot(&x), *d0 = snapshot(&D);
    const void *p = D.p;
    ops->combine(dev, x.p, NULL, x.p, &p, 1, c, spans, 1);
    ops->direction(dev, D.p, 0.5f, 0, x.p, x.p, &p, 1, c, spans, 1);
    array_read(&x);
    array_read(&D);
    for (size_t i = 0; i < cut; i++) {
        CHECK(fabs(x.v[i] - (x0[i] + (double)c[1] * d0[i])) <= 2e-6, "in place, %zu", i);
        same("direction on itself", i, D.v[i], (0.5 + (double)c[1]) * d0[i], 1);
    }
    free(x0);
    free(d0);
    end();
}

static float stored(const struct array *a, size_t i)
{
    return a->t == DTYPE_BF16 ? widen(((uint16_t *)a->p)[i]) : ((float *)a->p)[i];
}

/* The state in bf16: each result is one of the two neighbours of the f32 step's, and over many their mean is that. */
static void test_adamw_bf16(void)
{
    enum { N = 40000 };
    struct adamw a = {1e-4f, 0.9f, 0.95f, 1e-8f, 0.1f, 0.271f, 0.142625f, 0.5f};
    bool alone = act == DTYPE_BF16;     /* the weights in bf16 alone, too */
    if (shape != shapes)
        return;
    begin("adamw_bf16");
    struct array w = f32_new(N, 1), work = act_new(N, 1), g = f32_new(N, 1);
    struct array m = array_new(N, DTYPE_BF16, 0.1), v = array_new(N, DTYPE_BF16, 0.1);
    for (size_t i = 0; i < N; i++)
        ((uint16_t *)v.p)[i] &= 0x7fff, v.v[i] = fabs(v.v[i]);
    double off[3] = {0}, ulps[3] = {0};
    double *w0 = snapshot(alone ? &work : &w), *m0 = snapshot(&m), *v0 = snapshot(&v);
    ops->adamw_step_bf16(dev, alone ? NULL : w.p, work.p, m.p, v.p, g.p, N, a, 12, 1000);
    for (size_t i = 0; i < N; i++) {
        double grad = (double)a.grad_scale * g.v[i];
        double want[3] = {(double)a.beta1 * m0[i] + (1 - (double)a.beta1) * grad,
                          (double)a.beta2 * v0[i] + (1 - (double)a.beta2) * grad * grad, 0};
        want[2] = w0[i] - a.lr * (want[0] / a.bias1 / (sqrt(want[1] / a.bias2) + a.eps) + (double)a.weight_decay * w0[i]);
        float got[3] = {stored(&m, i), stored(&v, i), alone ? stored(&work, i) : stored(&w, i)};
        for (int k = 0; k < (alone ? 3 : 2); k++) {
            double ulp = ldexp(1, ilogb(want[k]) - 7);
            CHECK(fabs(got[k] - want[k]) < ulp * 1.001, "%s: array %d, element %zu is %.9g, want %.9g", ops->name, k, i,
                  (double)got[k], want[k]);
            off[k] += (got[k] - want[k]) / ulp;
            ulps[k]++;
        }
        CHECK(alone || (fabs(got[2] - want[2]) < 2e-6 && stored(&work, i) == got[2]), "theta[%zu]", i);
    }
    for (int k = 0; k < (alone ? 3 : 2); k++)       /* a deviation of at most 0.5 each: five of their mean's */
        CHECK(fabs(off[k] / ulps[k]) < 5 * 0.5 / sqrt(N), "%s: array %d is off by %g of a bf16 step", ops->name, k, off[k] / ulps[k]);
    array_read(&m);
    array_read(&v);
    array_read(&work);
    free(w0);
    free(m0);
    free(v0);
    end();
}

static void run_all(void)
{
    test_embedding();
    test_rmsnorm();
    test_linear();
    test_qk_norm_rope();
    test_attention();
    test_cached();
    test_swiglu();
    test_cross_entropy();
    test_vectors();
    test_adamw();
    test_adamw_bf16();
    test_ema_step();
    test_directions();
}

static void run_level(void)
{
    char err[200];
    ops = ops_cpu();
    for (int type = 0; type < 2; type++) {
        act = type ? DTYPE_BF16 : DTYPE_F32;
        for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
            uint64_t first_digest = 0;
            shape = &shapes[i];
            dev = ops->open(act, shape->threads, err, sizeof err);
            CHECK(dev, "%s", err);
            for (int pass = 0; pass < 2; pass++) {
                inputs = choices = 1000 + i;
                digest = 0xcbf29ce484222325u;
                compare = pass == 0;
                run_all();
                CHECK(pass == 0 || digest == first_digest, "%s %s %s: the second run gives other bits", ops->name,
                      act == DTYPE_BF16 ? "bf16" : "f32", shape->name);
                first_digest = digest;
            }
            compare = true;
            if (i == 0) {
                test_extremes();
                test_rounding();
                printf("%s: %s\n", ops->name, ops->describe(dev));
            }
            CHECK(ops->scratch_bytes(dev) > 0, "scratch is counted");
            ops->close(dev);
        }
    }
    printf("%s: %lu values checked\n", ops->name, checked);
}

/* A program of its own for each level; threads that wait do not spin, for the machine may be busy. */
static void start_level(const char *program, const char *level)
{
    int status;
    pid_t child = fork();
    CHECK(child >= 0, "fork");
    if (child == 0) {
        setenv("TRITTER_ISA", level, 1);
        setenv("OMP_WAIT_POLICY", "passive", 1);
        execl("/proc/self/exe", program, level, (char *)NULL);
        _exit(127);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0, "level %s", level);
}

int main(int argc, char **argv)
{
    static const char *const levels[] = {"v4", "v3", "v2"};
    test_begin(280);
    for (int i = 0; argc == 1 && i < 3; i++)
        start_level(argv[0], levels[i]);
    if (argc == 2) {
        const char *name = ops_cpu()->name;
        if (strcmp(name + strlen(name) - 2, argv[1]))
            printf("%s: not on this machine\n", argv[1]);
        else
            run_level();
    }
    return 0;
}
