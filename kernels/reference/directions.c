/*
 * directions.c - weights that are moved along a few saved directions, for extrapolation
 *
 *   ema_step    mean = keep mean + (1 - keep) theta;  theta += ahead (theta - mean);  work = theta
 *   combine     y = x + sum_j c[g,j] D_j;  work = y
 *   direction   d = keep d + gain (a - b) + sum_j c[g,j] D_j
 *   gram        out[g,j,l] = v_j . v_l over group g, where v is D_0 .. D_{k-1}, then a - b
 *
 * Shapes   theta, mean, x, y, a, b: f32. work, d and each of the k arrays D_j: act. All are as long as all
 *          weights together. c: (groups,k). out: (groups,k+1,k+1).
 *          A span is a range of elements that belongs to one group g; elements in no span are left alone.
 */
#include "kernels/reference/element.h"
#include "kernels/reference/table.h"

/* work may be NULL. When ahead is 0, only the mean changes. */
void reference_ema_step(struct device *dev, float *theta, void *work, float *mean, size_t n, float keep,
                        float ahead)
{
    for (size_t i = 0; i < n; i++) {
        double m = keep * mean[i] + (1.0 - keep) * theta[i];
        mean[i] = (float)m;
        if (ahead == 0)
            continue;
        theta[i] = (float)(theta[i] + ahead * (theta[i] - m));
        if (work)
            store(dev, work, i, theta[i]);
    }
}

/* sum_j c[j] D_j[i] */
static double sum_directions(const struct device *dev, const void *const *D, int k, const float *c, size_t i)
{
    double sum = 0;
    for (int j = 0; j < k; j++)
        sum += c[j] * load(dev, D[j], i);
    return sum;
}

void reference_combine(struct device *dev, float *y, void *work, const float *x, const void *const *D, int k,
                       const float *c, const struct span *spans, int n_spans)
{
    for (const struct span *s = spans; s < spans + n_spans; s++)
        for (size_t i = s->offset; i < s->offset + s->n; i++) {
            y[i] = (float)(x[i] + sum_directions(dev, D, k, c + s->group * k, i));
            if (work)
                store(dev, work, i, y[i]);
        }
}

/* When keep is 0, d is not read. d may be one of D. */
void reference_direction(struct device *dev, void *d, float keep, float gain, const float *a, const float *b,
                         const void *const *D, int k, const float *c, const struct span *spans, int n_spans)
{
    for (const struct span *s = spans; s < spans + n_spans; s++)
        for (size_t i = s->offset; i < s->offset + s->n; i++) {
            double kept = keep != 0 ? keep * load(dev, d, i) : 0;
            double difference = (double)a[i] - b[i];
            store(dev, d, i, kept + gain * difference + sum_directions(dev, D, k, c + s->group * k, i));
        }
}

/* b may be NULL: then the last vector is a. */
void reference_gram(struct device *dev, double *out, const void *const *D, int k, const float *a,
                    const float *b, const struct span *spans, int n_spans, int n_groups)
{
    int side = k + 1;
    memset(out, 0, (size_t)n_groups * side * side * sizeof *out);
    for (const struct span *s = spans; s < spans + n_spans; s++)
        for (size_t i = s->offset; i < s->offset + s->n; i++) {
            double v[OPS_DIRECTIONS + 1];
            for (int j = 0; j < k; j++)
                v[j] = load(dev, D[j], i);
            v[k] = (double)a[i] - (b ? b[i] : 0);
            for (int j = 0; j < side; j++)
                for (int l = 0; l < side; l++)
                    out[(s->group * side + j) * side + l] += v[j] * v[l];
        }
}
