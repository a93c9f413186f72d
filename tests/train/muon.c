#include "tests/train/train.h"

#include "pipeline/train/muon.h"
#include "pipeline/train/optim.h"

#include <math.h>
#include <string.h>

static char err[1024];

/* Muon on a wide and on a tall matrix: the update has the length it promises and nearly orthonormal rows
 * (columns), on the side of the gradient; what Muon does not take is as AdamW leaves it. */
void muon(void)
{
    struct weights w;
    struct device *dev;
    open_model(&w, &dev, DTYPE_F32);
    struct optim o = {.beta1 = 0.9f,
                      .beta2 = 0.95f,
                      .eps = 1e-8f,
                      .use_muon = true,
                      .momentum = 0.95f,
                      .rate = OPTIM_EQUAL_RATES};
    CHECK(optim_alloc(&o, &w, err, sizeof err) == 0, "%s", err);
    size_t n = w.layout.total, taken = 0;
    float *before = malloc(n * 4), *grad = w.ops->alloc(dev, n * 4);
    memcpy(before, w.theta, n * 4);
    for (size_t i = 0; i < w.layout.count; i++)
        for (size_t k = 0; k < w.layout.v[i].n; k++)
            grad[w.layout.v[i].offset + k] = sinf((float)(k * k % 1009 + i));
    optim_step(&o, &w, grad, 1, 0.01, 1);
    for (size_t i = 0; i < w.layout.count; i++) {
        const struct param *p = &w.layout.v[i];
        int k = p->rows < p->cols ? p->rows : p->cols, longer = p->rows < p->cols ? p->cols : p->rows;
        double squares = 0, along = 0, factor = 0.01 * 0.2 * sqrt((double)longer);
        for (size_t j = p->offset; j < p->offset + p->n; j++) {
            double d = before[j] - w.theta[j];
            squares += d * d;
            along += d * grad[j];
        }
        CHECK(along > 0, "%s: against the gradient", p->name);
        if (!muon_takes(p)) {
            CHECK(near(squares, 1e-4 * (double)p->n, 1e-2), "%s: not AdamW's first step", p->name);
            continue;
        }
        taken++; /* k singular values, each within 0.68 and 1.2 of the factor, as the quintic leaves them */
        CHECK(squares > 0.4 * factor * factor * k && squares < 1.5 * factor * factor * k, "%s: %g", p->name,
              squares / (factor * factor * k));
    }
    CHECK(taken == 7 * (size_t)w.c.L);
    w.ops->free(dev, grad);
    free(before);
    optim_free(&o, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* x (k,n) = a x + (b G + c G^2) x, G = x x^T, five times; in double, by definition */
static void newton_schulz(double *x, int k, int n)
{
    double G[32 * 32], S[32 * 32], y[1536];
    for (int step = 0; step < 5; step++) {
        for (int i = 0; i < k * k; i++) {
            G[i] = 0;
            for (int j = 0; j < n; j++)
                G[i] += x[i / k * n + j] * x[i % k * n + j];
        }
        for (int i = 0; i < k * k; i++) {
            S[i] = -4.7750 * G[i] + (i / k == i % k ? 3.4445 : 0);
            for (int j = 0; j < k; j++)
                S[i] += 2.0315 * G[i / k * k + j] * G[j * k + i % k];
        }
        for (int i = 0; i < k * n; i++) {
            y[i] = 0;
            for (int j = 0; j < k; j++)
                y[i] += S[i / n * k + j] * x[j * n + i % n];
        }
        memcpy(x, y, (size_t)(k * n) * sizeof *y);
    }
}

/* The update of a matrix of known shape, also where Muon works on the Gram matrix alone (muon.c: by_gram);
 * singular values from 1 down to 1e-4. There each of the five steps multiplies the rounding of small singular
 * values by up to 3.4445^2: 2^-24 * 3.4445^10 = 0.014 of them, and rows of such values have elements up to
 * about 0.3. The order of a product's sums decides how much of it is seen: 0.0019 to 0.0026 on three
 * instruction sets. */
void muon_of(int rows, int cols)
{
    struct weights w;
    struct device *dev;
    struct muon s;
    struct param p = {.rows = rows, .cols = cols, .n = (size_t)rows * (size_t)cols};
    int k = rows < cols ? rows : cols, n = rows < cols ? cols : rows;
    open_model(&w, &dev, DTYPE_F32);
    CHECK(p.n <= 1536 && k <= 32 && muon_alloc(&s, &w) == 0);
    float *grad = w.ops->alloc(dev, p.n * 4), *m = w.ops->alloc(dev, p.n * 4);
    double x[1536], norm = 0;
    for (int i = 0; i < k * n; i++) {
        x[i] = sin(i * i % 1009 + 1) * pow(10, -4.0 * (i / n) / k);
        grad[rows < cols ? i : i % n * k + i / n] = (float)x[i]; /* a tall one is its transpose */
        norm += x[i] * x[i];
        w.theta[i] = 0;
    }
    for (int i = 0; i < k * n; i++)
        x[i] /= sqrt(norm);
    newton_schulz(x, k, n);
    muon_step(&s, &w, &p, m, grad, 1, 1, 0.95f, 0);
    double limit = n >= 2 * k ? 0.014 * 0.3 : 1e-5;
    for (int i = 0; i < k * n; i++) {
        double got = w.theta[rows < cols ? i : i % n * k + i / n] / (-0.2 * sqrt((double)n));
        CHECK(fabs(got - x[i]) < limit, "%d x %d: element %d is %g, want %g", rows, cols, i, got, x[i]);
    }
    w.ops->free(dev, grad);
    w.ops->free(dev, m);
    muon_free(&s, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}
