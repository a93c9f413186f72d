/*
 * cublaslt.c - products by cuBLASLt, which is opened when the backend starts
 *
 * The library is column-major, so a row-major matrix is transposed for it, and C^T = B^T A^T is computed. For
 * each shape the first algorithm that the library's heuristic names and then accepts is kept: timing several
 * would make the bits depend on chance. Partial sums may only be added in f32: not through atomics (INPLACE),
 * and not rounded to bf16 first (OUTPUT_TYPE). No epilogues. f32 operands are multiplied in f32, never in
 * TF32 (CUBLAS_COMPUTE_32F).
 */
#include "kernels/cuda/product.h"

#include <cublasLt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "kernels/cuda/library.h"

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define LIBRARY "libcublasLt.so." TEXT(CUBLAS_VER_MAJOR)

/* Recommended by the library's manual: 32 MiB from Hopper on, 4 MiB before. */
enum { WORKSPACE_HOPPER = 32 << 20, WORKSPACE = 4 << 20, SHAPES = 512, MAX_ALIGNMENT = 256, CANDIDATES = 8 };

#define FUNCTIONS(F)                                                                                         \
    F(cublasLtGetVersion)                                                                                    \
    F(cublasLtGetStatusName)                                                                                 \
    F(cublasLtCreate)                                                                                        \
    F(cublasLtDestroy)                                                                                       \
    F(cublasLtMatmul)                                                                                        \
    F(cublasLtMatmulAlgoGetHeuristic)                                                                        \
    F(cublasLtMatmulDescCreate)                                                                              \
    F(cublasLtMatmulDescDestroy)                                                                             \
    F(cublasLtMatmulDescSetAttribute)                                                                        \
    F(cublasLtMatrixLayoutCreate)                                                                            \
    F(cublasLtMatrixLayoutDestroy)                                                                           \
    F(cublasLtMatmulPreferenceCreate)                                                                        \
    F(cublasLtMatmulPreferenceDestroy)                                                                       \
    F(cublasLtMatmulPreferenceSetAttribute)

static struct {
#define MEMBER(f) __typeof__(f) *f;
    FUNCTIONS(MEMBER)
#undef MEMBER
} lt;

struct shape {
    struct product p;
    uint32_t alignment; /* bytes, which all three operands share; 0: this entry is free */
};

struct prepared {
    struct shape shape;
    cublasLtMatmulDesc_t op;
    cublasLtMatrixLayout_t a, b, c;        /* layouts of C^T = B^T A^T: the library's A is our B */
    cublasLtMatmulAlgo_t algo[CANDIDATES]; /* in the order of the library's preference, best first */
    int n, at;                             /* n: candidates; algo[at] is in use */
    bool kept;                             /* algo[at] has launched: no other will be tried */
    cublasStatus_t status;                 /* result of the last call for this shape */
};

struct products {
    cublasLtHandle_t handle;
    void *workspace;
    size_t workspace_bytes;
    struct prepared v[SHAPES];
    size_t n;
    char text[48], failure[320];
};

/* ---- the library ---- */

int products_find(char *why, size_t cap)
{
    if (lt.cublasLtMatmul)
        return 0;
    const struct library_function all[] = {
#define ENTRY(f) {#f, (void **)&lt.f},
        FUNCTIONS(ENTRY)
#undef ENTRY
    };
    const char *lacks;
    char reason[256];
    void *lib = library_open(LIBRARY, reason, sizeof reason);
    if (!lib)
        snprintf(why, cap, "%s (wanted: CUDA toolkit %d, or its directory in LD_LIBRARY_PATH)", reason,
                 CUBLAS_VER_MAJOR);
    else if (!library_functions(lib, all, sizeof all / sizeof *all, &lacks))
        snprintf(why, cap, "%s lacks %s", LIBRARY, lacks);
    else
        return 0;
    memset(&lt, 0, sizeof lt);
    return -1;
}

struct products *products_open(const struct gpu *g, char *err, size_t cap)
{
    if (products_find(err, cap) != 0)
        return NULL;
    struct products *p = calloc(1, sizeof *p);
    size_t version = lt.cublasLtGetVersion();
    if (!p || lt.cublasLtCreate(&p->handle) != CUBLAS_STATUS_SUCCESS) {
        snprintf(err, cap, "cuBLASLt %zu does not start on %s", version, g->name);
        products_close(p);
        return NULL;
    }
    p->workspace_bytes = g->major >= 9 ? WORKSPACE_HOPPER : WORKSPACE;
    p->workspace = gpu_alloc(p->workspace_bytes);
    if (!p->workspace) {
        snprintf(err, cap, "%s: no memory for cuBLASLt's workspace (%zu MB)", g->name,
                 p->workspace_bytes >> 20);
        products_close(p);
        return NULL;
    }
    snprintf(p->text, sizeof p->text, "cuBLASLt %zu.%zu.%zu", version / 10000, version / 100 % 100,
             version % 100);
    return p;
}

static void forget(struct prepared *e)
{
    if (e->a)
        lt.cublasLtMatrixLayoutDestroy(e->a);
    if (e->b)
        lt.cublasLtMatrixLayoutDestroy(e->b);
    if (e->c)
        lt.cublasLtMatrixLayoutDestroy(e->c);
    if (e->op)
        lt.cublasLtMatmulDescDestroy(e->op);
    *e = (struct prepared){0};
}

void products_close(struct products *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < SHAPES; i++)
        forget(&p->v[i]);
    if (p->handle)
        lt.cublasLtDestroy(p->handle);
    gpu_free(p->workspace);
    free(p);
}

const char *products_describe(const struct products *p)
{
    return p->text;
}

size_t products_bytes(const struct products *p)
{
    return p->workspace_bytes;
}

const char *products_error(const struct products *p)
{
    return p->failure[0] ? p->failure : NULL;
}

/* ---- a shape ---- */

static cudaDataType_t type(enum dtype t)
{
    return t == DTYPE_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

static cudaDataType_t type_a(const struct product *p)
{
    return p->fp8 == OPERANDS_FP8_GRADIENT ? CUDA_R_8F_E5M2 : p->fp8 ? CUDA_R_8F_E4M3 : type(p->in);
}

static cudaDataType_t type_b(const struct product *p)
{
    return p->fp8 ? CUDA_R_8F_E4M3 : type(p->in);
}

/* Whether the last call for this shape succeeded. */
static bool took(struct prepared *e, cublasStatus_t status)
{
    e->status = status;
    return status == CUBLAS_STATUS_SUCCESS;
}

static bool op_set(struct prepared *e, cublasLtMatmulDescAttributes_t which, const void *v, size_t bytes)
{
    return took(e, lt.cublasLtMatmulDescSetAttribute(e->op, which, v, bytes));
}

/* In the forward pass fp8 sums are not promoted to f32 at intervals, which is faster and exact enough there
 * (as in Transformer Engine). */
static bool fp8_set(struct prepared *e, const struct product *p)
{
    int8_t fast = p->fp8 == OPERANDS_FP8;
    return !p->fp8 || (op_set(e, CUBLASLT_MATMUL_DESC_A_SCALE_POINTER, &p->b_scale, sizeof p->b_scale) &&
                       op_set(e, CUBLASLT_MATMUL_DESC_B_SCALE_POINTER, &p->a_scale, sizeof p->a_scale) &&
                       op_set(e, CUBLASLT_MATMUL_DESC_FAST_ACCUM, &fast, sizeof fast));
}

static uint32_t alignment(const void *p)
{
    uintptr_t x = (uintptr_t)p | MAX_ALIGNMENT;
    return (uint32_t)(x & -x);
}

/* Length of a stored row of A, in elements. */
static int leading_a(const struct product *p)
{
    return p->a_t ? p->M : p->K;
}

static int leading_b(const struct product *p)
{
    return p->b_t ? p->K : p->N;
}

static bool layouts(struct prepared *e)
{
    const struct product *p = &e->shape.p;
    cublasOperation_t no = CUBLAS_OP_N, yes = CUBLAS_OP_T;
    uint64_t M = (uint64_t)p->M, N = (uint64_t)p->N, K = (uint64_t)p->K;
    return took(e, lt.cublasLtMatmulDescCreate(&e->op, CUBLAS_COMPUTE_32F, CUDA_R_32F)) &&
           op_set(e, CUBLASLT_MATMUL_DESC_TRANSA, p->b_t ? &yes : &no, sizeof no) &&
           op_set(e, CUBLASLT_MATMUL_DESC_TRANSB, p->a_t ? &yes : &no, sizeof no) && fp8_set(e, p) &&
           took(e, lt.cublasLtMatrixLayoutCreate(&e->a, type_b(p), p->b_t ? K : N, p->b_t ? N : K,
                                                 leading_b(p))) &&
           took(e, lt.cublasLtMatrixLayoutCreate(&e->b, type_a(p), p->a_t ? M : K, p->a_t ? K : M,
                                                 leading_a(p))) &&
           took(e, lt.cublasLtMatrixLayoutCreate(&e->c, type(p->out), N, M, p->N));
}

static bool preference_set(struct prepared *e, cublasLtMatmulPreference_t pref,
                           cublasLtMatmulPreferenceAttributes_t which, const void *v, size_t bytes)
{
    return took(e, lt.cublasLtMatmulPreferenceSetAttribute(pref, which, v, bytes));
}

static void choose(struct products *p, struct prepared *e)
{
    cublasLtMatmulPreference_t pref = NULL;
    cublasLtMatmulHeuristicResult_t found[CANDIDATES];
    uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE;
    uint32_t bytes = e->shape.alignment;
    int n = 0;
    bool ok = took(e, lt.cublasLtMatmulPreferenceCreate(&pref)) &&
              preference_set(e, pref, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &p->workspace_bytes,
                             sizeof p->workspace_bytes) &&
              preference_set(e, pref, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes) &&
              preference_set(e, pref, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES, &bytes, sizeof bytes) &&
              preference_set(e, pref, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES, &bytes, sizeof bytes) &&
              preference_set(e, pref, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES, &bytes, sizeof bytes) &&
              preference_set(e, pref, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES, &bytes, sizeof bytes) &&
              took(e, lt.cublasLtMatmulAlgoGetHeuristic(p->handle, e->op, e->a, e->b, e->c, e->c, pref,
                                                        CANDIDATES, found, &n));
    for (int i = 0; ok && i < n; i++)
        if (took(e, found[i].state))
            e->algo[e->n++] = found[i].algo;
    if (pref)
        lt.cublasLtMatmulPreferenceDestroy(pref);
}

static const char *type_name(cudaDataType_t t)
{
    return t == CUDA_R_16BF ? "bf16" : t == CUDA_R_32F ? "f32" : t == CUDA_R_8F_E4M3 ? "e4m3" : "e5m2";
}

/* Reports a failure with everything that decides which algorithms exist: often this is the only clue from a
 * machine that we do not have. */
static void fail(struct products *p, const struct prepared *e, const char *what)
{
    const struct product *d = &e->shape.p;
    if (!gpu_record_spoil() && !p->failure[0])
        snprintf(p->failure, sizeof p->failure,
                 "%s: %s (%s) for C %s A B: M %d, N %d, K %d; A %s%s, rows of %d; B %s%s, rows of %d; C %s, "
                 "rows of %d; aligned to %u bytes",
                 p->text, what, lt.cublasLtGetStatusName(e->status), d->add ? "+=" : "=", d->M, d->N, d->K,
                 type_name(type_a(d)), d->a_t ? " transposed" : "", leading_a(d), type_name(type_b(d)),
                 d->b_t ? " transposed" : "", leading_b(d), type_name(type(d->out)), d->N,
                 e->shape.alignment);
}

static bool same(const struct shape *a, const struct shape *b)
{
    return a->alignment == b->alignment && a->p.M == b->p.M && a->p.N == b->p.N && a->p.K == b->p.K &&
           a->p.a_t == b->p.a_t && a->p.b_t == b->p.b_t && a->p.add == b->p.add && a->p.in == b->p.in &&
           a->p.out == b->p.out && a->p.fp8 == b->p.fp8;
}

/* Returns the entry of this shape, which is prepared at its first use. When the table is full (prompts of
 * many lengths) it is emptied. */
static struct prepared *prepare(struct products *p, const struct shape *s)
{
    size_t h = (size_t)s->p.M * 31 + (size_t)s->p.N * 131071 + (size_t)s->p.K * 8191 + s->alignment +
               s->p.a_t * 2u + s->p.add + s->p.fp8 * 64u;
    struct prepared *e = &p->v[h % SHAPES];
    while (e->shape.alignment && !same(&e->shape, s))
        e = e == &p->v[SHAPES - 1] ? p->v : e + 1;
    if (e->shape.alignment)
        return e;
    if (p->n == SHAPES / 2) {
        for (size_t i = 0; i < SHAPES; i++)
            forget(&p->v[i]);
        p->n = 0;
        e = &p->v[h % SHAPES];
    }
    p->n++;
    e->shape = *s;
    if (layouts(e))
        choose(p, e);
    return e;
}

static bool launch(struct products *p, struct prepared *e, cudaStream_t s, void *C, const void *A,
                   const void *B, const struct product *d)
{
    float alpha = 1, beta = d->add ? 1 : 0;
    return fp8_set(e, d) &&
           took(e, lt.cublasLtMatmul(p->handle, e->op, &alpha, B, e->a, A, e->b, &beta, C, e->c, C, e->c,
                                     &e->algo[e->at], p->workspace, p->workspace_bytes, s));
}

/* The heuristic may name an algorithm that the library then refuses. It refuses before anything is launched,
 * so the next can be tried. While recording this is impossible, since a refusal may have ended the recording:
 * the product is then repeated without recording. */
void products_run(struct products *p, cudaStream_t s, void *C, const void *A, const void *B, struct product d)
{
    struct shape shape = {.p = d,
                          .alignment = alignment((void *)((uintptr_t)A | (uintptr_t)B | (uintptr_t)C))};
    struct prepared *e = prepare(p, &shape);
    if (e->n == 0) {
        fail(p, e, "no algorithm");
        return;
    }
    while (!launch(p, e, s, C, A, B, &d)) {
        if (e->kept || e->at + 1 == e->n || gpu_record_spoil()) {
            fail(p, e, "refused");
            return;
        }
        e->at++;
    }
    e->kept = true;
}
