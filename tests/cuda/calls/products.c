/*
 * products.c - which algorithm cublaslt.c takes, over a cuBLASLt that names eight and refuses some
 */
#include <cublasLt.h>
#include <dlfcn.h>
#include <string.h>

#include "kernels/cuda/product.h"
#include "tests/check.h"
#include "tests/cuda/calls/calls.h"

enum { NAMED = 8 };

static struct {
    int named;        /* algorithms that the heuristic knows */
    unsigned refused; /* bits of those that do not launch */
    int calls, taken; /* calls: of Matmul; taken: the algorithm of the last call that launched */
} library;

static size_t version(void)
{
    return 130100;
}

static const char *status_name(cublasStatus_t status)
{
    return status == CUBLAS_STATUS_NOT_SUPPORTED ? "NOT_SUPPORTED" : "?";
}

/* Creates and destroys things, sets attributes of them. */
static cublasStatus_t nothing(void)
{
    return CUBLAS_STATUS_SUCCESS;
}

static cublasStatus_t heuristic(cublasLtHandle_t handle, cublasLtMatmulDesc_t op, cublasLtMatrixLayout_t a,
                                cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c, cublasLtMatrixLayout_t d,
                                cublasLtMatmulPreference_t preference, int most,
                                cublasLtMatmulHeuristicResult_t *found, int *n)
{
    (void)handle, (void)op, (void)a, (void)b, (void)c, (void)d, (void)preference;
    for (*n = 0; *n < most && *n < library.named; ++*n)
        found[*n] =
            (cublasLtMatmulHeuristicResult_t){.algo.data[0] = (uint64_t)*n, .state = CUBLAS_STATUS_SUCCESS};
    return *n > 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_SUPPORTED;
}

static cublasStatus_t matmul(cublasLtHandle_t handle, cublasLtMatmulDesc_t op, const void *alpha,
                             const void *A, cublasLtMatrixLayout_t a, const void *B, cublasLtMatrixLayout_t b,
                             const void *beta, const void *C, cublasLtMatrixLayout_t c, void *D,
                             cublasLtMatrixLayout_t d, const cublasLtMatmulAlgo_t *algo, void *workspace,
                             size_t bytes, cudaStream_t s)
{
    (void)handle, (void)op, (void)alpha, (void)A, (void)a, (void)B, (void)b, (void)beta, (void)C, (void)c,
        (void)D, (void)d;
    (void)workspace, (void)bytes, (void)s;
    library.calls++;
    if (library.refused >> algo->data[0] & 1)
        return CUBLAS_STATUS_NOT_SUPPORTED;
    library.taken = (int)algo->data[0];
    return CUBLAS_STATUS_SUCCESS;
}

WRAPPED(dlopen);
WRAPPED(dlsym);
WRAPPED(cudaMalloc);
WRAPPED(cudaFree);
__typeof__(dlopen) __real_dlopen;
__typeof__(dlsym) __real_dlsym;

void *__wrap_dlopen(const char *file, int mode)
{
    return file && strncmp(file, "libcublasLt.so.", 15) == 0 ? &library : __real_dlopen(file, mode);
}

void *__wrap_dlsym(void *restrict handle, const char *restrict name)
{
    if (handle != &library)
        return __real_dlsym(handle, name);
    return strcmp(name, "cublasLtGetVersion") == 0               ? (void *)version
           : strcmp(name, "cublasLtGetStatusName") == 0          ? (void *)status_name
           : strcmp(name, "cublasLtMatmulAlgoGetHeuristic") == 0 ? (void *)heuristic
           : strcmp(name, "cublasLtMatmul") == 0                 ? (void *)matmul
                                                                 : (void *)nothing;
}

cudaError_t __wrap_cudaMalloc(void **p, size_t bytes)
{
    *p = malloc(bytes);
    return cudaSuccess;
}

cudaError_t __wrap_cudaFree(void *p)
{
    free(p);
    return cudaSuccess;
}

static struct products *open_with(int named, unsigned refused)
{
    char err[200];
    const struct gpu g = {.major = 9};
    struct products *p = products_open(&g, err, sizeof err);
    CHECK(p, "%s", err);
    library = (__typeof__(library)){.named = named, .refused = refused, .taken = -1};
    return p;
}

/* Number of calls that it took. */
static int multiply(struct products *p)
{
    static _Alignas(256) float C[8 * 16], A[24 * 8], B[24 * 16];
    const struct product d = {
        .M = 8, .N = 16, .K = 24, .a_t = true, .add = true, .in = DTYPE_BF16, .out = DTYPE_F32};
    int before = library.calls;
    products_run(p, NULL, C, A, B, d);
    return library.calls - before;
}

static void first_that_launches(void)
{
    struct products *p = open_with(NAMED, 3);
    CHECK(multiply(p) == 3 && library.taken == 2 && !products_error(p),
          "the third is the first that launches");
    library.refused = 0;
    CHECK(multiply(p) == 1 && library.taken == 2, "it is kept, although a better one would launch now");
    library.refused = 4;
    CHECK(multiply(p) == 1 && products_error(p), "no other is taken when it fails one day");
    products_close(p);
}

static void none(void)
{
    static const char shape[] = " for C += A B: M 8, N 16, K 24; A bf16 transposed, rows of 8; B bf16, rows "
                                "of 16; C f32, rows of 16; aligned to 256 bytes";
    struct products *p = open_with(NAMED, 255);
    CHECK(multiply(p) == NAMED && strstr(products_error(p), "cuBLASLt 13.1.0: refused (NOT_SUPPORTED)") &&
              strstr(products_error(p), shape),
          "%s", products_error(p));
    products_close(p);
    p = open_with(0, 0);
    CHECK(multiply(p) == 0 && strstr(products_error(p), "no algorithm (NOT_SUPPORTED)") &&
              strstr(products_error(p), shape),
          "%s", products_error(p));
    products_close(p);
}

/* A refusal may end a recording: no other is tried, and nothing has failed. */
static void in_a_recording(void)
{
    struct products *p = open_with(NAMED, 1);
    CHECK(gpu_record_begin(NULL) && multiply(p) == 1 && !gpu_record_end(NULL) && !products_error(p),
          "given up");
    CHECK(multiply(p) == 2 && library.taken == 1 && !products_error(p), "then done in the open");
    CHECK(gpu_record_begin(NULL) && multiply(p) == 1 && gpu_record_end(NULL) && library.taken == 1,
          "and recorded");
    products_close(p);
}

void test_products(void)
{
    first_that_launches();
    none();
    in_a_recording();
}
