/*
 * fp8.c - operands of fp8 products, against the nearest of all numbers of the format
 */
#include "tests/cuda/gpu/cuda.h"
#include <cuda_runtime_api.h>
#include "kernels/cuda/fp8.h"

static const struct format {
    enum fp8 name;
    int mantissa, bias, codes; /* codes: of finite numbers that are not negative */
    double most;
} formats[] = {{FP8_E4M3, 3, 7, 0x7f, 448}, {FP8_E5M2, 2, 15, 0x7c, 57344}};

static double decoded(const struct format *f, int code)
{
    int exponent = code >> f->mantissa, m = code & ((1 << f->mantissa) - 1), one = 1 << f->mantissa;
    return exponent ? ldexp(one + m, exponent - f->bias - f->mantissa) : ldexp(m, 1 - f->bias - f->mantissa);
}

/* Among equals the even code. */
static int nearest(const struct format *f, double x)
{
    double a = fabs(x), best = INFINITY;
    int code = 0;
    if (isnan(x))
        return 0x7f;
    for (int i = 0; i < f->codes; i++) {
        double far = fabs(decoded(f, i) - a);
        if (far < best || (far == best && i % 2 == 0)) {
            best = far;
            code = i;
        }
    }
    return code | (signbit(x) ? 0x80 : 0);
}

/* Which of the NaNs is the machine's to choose. */
static bool is_nan(const struct format *f, int code)
{
    return f->mantissa == 3 ? (code & 0x7f) == 0x7f : (code & 0x7f) > 0x7c;
}

static int rounded_up(int n, int most)
{
    return (n < most ? n + FP8_MULTIPLE - 1 : most) / FP8_MULTIPLE * FP8_MULTIPLE;
}

static void fetch(void *to, const void *from, size_t bytes)
{
    CHECK(cudaMemcpy(to, from, bytes, cudaMemcpyDeviceToHost) == cudaSuccess, "memcpy");
}

/* q, t or both; x as given */
static void quantise(const struct format *f, struct array x, int R, int C, bool with_q, bool with_t)
{
    size_t n = (size_t)R * (size_t)C;
    uint8_t *q = with_q ? scratch_new(n) : NULL, *t = with_t ? scratch_new(n) : NULL, *host = malloc(n);
    float *unscale = scratch_new(sizeof *unscale), inverse;
    double most = 0;
    cuda_fp8_quantise(NULL, f->name, q, t, unscale, x.device, R, C, scratch_new(cuda_fp8_quantise_scratch()));
    fetch(&inverse, unscale, sizeof inverse);
    for (size_t i = 0; i < n; i++)
        most = fmax(most, fabs(array_get(x, i)));
    double s = 1 / (double)inverse;
    int exponent;
    bool fits = most * s <= f->most && most * s > f->most / 2;
    CHECK(frexp(s, &exponent) == 0.5 && (most == 0 || isinf(most) || fits || s == 0x1p126),
          "%d x %d: scale %g for a largest magnitude of %g", R, C, s, most);
    s = isinf(most) ? 0 : s;
    for (int transposed = 0; transposed < 2; transposed++) {
        if (!(transposed ? with_t : with_q))
            continue;
        fetch(host, transposed ? t : q, n);
        for (size_t i = 0; i < n; i++) {
            size_t at = transposed ? i % (size_t)C * (size_t)R + i / (size_t)C : i;
            double value = array_get(x, i);
            int want = nearest(f, isinf(value) ? NAN : value * s);
            CHECK(host[at] == want || (is_nan(f, want) && is_nan(f, host[at])),
                  "%d x %d, e%dm%d%s: [%zu] is %02x, want %02x for %g * %g", R, C, 7 - f->mantissa,
                  f->mantissa, transposed ? ", transposed" : "", i, host[at], want, value, s);
        }
    }
    free(host);
}

/* Magnitudes from the largest down to what becomes zero */
static void spread(struct array x)
{
    for (size_t i = 0; i < x.n; i++)
        ((uint16_t *)x.host)[i] = (uint16_t)(below(2) << 15 | (127 - below(26)) << 7 | below(128));
    array_send(x);
}

static void set_all(struct array x, uint16_t bits)
{
    for (size_t i = 0; i < x.n; i++)
        ((uint16_t *)x.host)[i] = bits;
    array_send(x);
}

void test_fp8(void)
{
    int major = 0, R = rounded_up(shape->B * shape->T, 144), C = rounded_up(shape->C, 208);
    CHECK(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, 0) == cudaSuccess, "attribute");
    if (act != DTYPE_BF16 || shape->misaligned || major < 9)
        return;
    test_start("fp8");
    struct array x = act_new((size_t)R * (size_t)C, 3);
    for (const struct format *f = formats; f < formats + 2; f++) {
        quantise(f, x, R, C, true, true);
        spread(x);
        quantise(f, x, R, C, true, false);
        ((uint16_t *)x.host)[7] = 0x7fc0; /* a NaN changes itself alone */
        array_send(x);
        quantise(f, x, R, C, false, true);
        ((uint16_t *)x.host)[x.n - 1] = 0xff80; /* an infinity: zeros and NaN */
        array_send(x);
        quantise(f, x, R, C, true, true);
        set_all(x, 0);
        quantise(f, x, R, C, true, true);
        set_all(x, 0x8003); /* -2.75e-40 */
        quantise(f, x, R, C, true, true);
        set_all(x, 0x3fe8); /* 1.8125: just too large for one power of two more */
        quantise(f, x, R, C, true, true);
        set_all(x, 0x7f7f); /* the largest */
        quantise(f, x, R, C, true, true);
    }
    test_end();
}
