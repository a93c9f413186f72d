#include "pipeline/train/muon.h"

#include <math.h>

enum { ITERATIONS = 5 };
/* the quintic a x + b x^3 + c x^5 that grows small singular values fastest */
static const float A = 3.4445f, B = -4.7750f, C = 2.0315f;

bool muon_takes(const struct param *p)
{
    return param_is_matrix(p) && p->kind != PARAM_EMBED && p->kind != PARAM_HEAD;
}

static int shorter_side(const struct param *p)
{
    return p->rows < p->cols ? p->rows : p->cols;
}

/* Where the steps are done on the Gram matrix alone. A step multiplies the errors of small singular values by
 * A^2: too much for bf16. */
static bool by_gram(const struct param *p, enum dtype act)
{
    return act == DTYPE_F32 && p->n >= 2 * (size_t)shorter_side(p) * (size_t)shorter_side(p);
}

static void extents(const struct params *layout, size_t *matrix, size_t *side)
{
    *matrix = *side = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct param *p = &layout->v[i];
        if (!muon_takes(p))
            continue;
        size_t shorter = (size_t)shorter_side(p);
        *matrix = p->n > *matrix ? p->n : *matrix;
        *side = shorter > *side ? shorter : *side;
    }
}

double muon_flops(const struct params *layout, int depth, enum dtype act)
{
    double sum = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct param *p = &layout->v[i];
        double shorter = shorter_side(p), square = 2 * shorter * shorter * shorter,
               rectangle = 2 * shorter * (double)p->n;
        if (muon_takes(p) && p->layer < depth)
            sum += by_gram(p, act) ? 2 * rectangle + (4 * ITERATIONS - 3) * square
                                   : ITERATIONS * (2 * rectangle + square);
    }
    return sum;
}

size_t muon_bytes(const struct params *layout, enum dtype act)
{
    size_t matrix, side;
    extents(layout, &matrix, &side);
    return (matrix + side * side) * (sizeof(float) + 2 * dtype_bytes(act));
}

int muon_alloc(struct muon *s, const struct weights *w)
{
    size_t matrix, side, act = dtype_bytes(w->act);
    extents(&w->layout, &matrix, &side);
    s->u = w->ops->alloc(w->dev, matrix * sizeof(float));
    s->x = w->ops->alloc(w->dev, matrix * act);
    s->y = w->ops->alloc(w->dev, matrix * act);
    s->gram = w->ops->alloc(w->dev, side * side * sizeof(float));
    s->a = w->ops->alloc(w->dev, side * side * act);
    s->b = w->ops->alloc(w->dev, side * side * act);
    if (s->u && s->x && s->y && s->gram && s->a && s->b)
        return 0;
    muon_free(s, w);
    return -1;
}

void muon_free(struct muon *s, const struct weights *w)
{
    void *all[] = {s->u, s->x, s->y, s->gram, s->a, s->b};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        w->ops->free(w->dev, all[i]);
    *s = (struct muon){0};
}

/* a = x x^T, or x^T x of a tall x: the smaller Gram matrix */
static void gram_of_x(struct muon *s, const struct ops *o, struct device *dev, int rows, int cols)
{
    if (rows <= cols) {
        o->linear_forward(dev, s->a, s->x, s->x, rows, cols, rows);
        return;
    }
    size_t gram = (size_t)cols * (size_t)cols;
    o->linear_backward_weight(dev, s->gram, s->x, s->x, rows, cols, cols, false);
    o->to_act(dev, s->a, s->gram, gram);
}

/* b = B a + C a^2; what is symmetric needs no transpose */
static void polynomial(struct muon *s, const struct ops *o, struct device *dev, int k)
{
    o->linear_forward(dev, s->b, s->a, s->a, k, k, k);
    o->axpby(dev, s->b, B, s->a, C, (size_t)k * (size_t)k);
}

/* x = c x + S x, or c x + x S of a tall x; S (k,k) symmetric */
static void apply(struct muon *s, const struct ops *o, struct device *dev, float c, const void *S, int rows,
                  int cols)
{
    size_t n = (size_t)rows * (size_t)cols;
    if (rows <= cols) {
        o->axpby(dev, s->y, c, s->x, 0, n);
        o->linear_backward_input(dev, s->y, S, s->x, rows, cols, rows, true);
    } else {
        o->linear_forward(dev, s->y, s->x, S, rows, cols, cols);
        o->axpby(dev, s->y, c, s->x, 1, n);
    }
    void *t = s->x;
    s->x = s->y;
    s->y = t;
}

/* t = S b + A S: S times A I + b */
static void times(struct muon *s, const struct ops *o, struct device *dev, void *t, const void *S, int k)
{
    o->linear_forward(dev, t, S, s->b, k, k, k);
    o->axpby(dev, t, A, S, 1, (size_t)k * (size_t)k);
}

/* All steps at once: x = (c I + r) x, where c I + r is the product of the steps' polynomials p of G and each
 * makes G of p^2 G. Large products twice instead of twice a step. r and t lie in u, which is in x already and
 * has 2 k^2 elements or more. */
static void orthogonalise_by_gram(struct muon *s, const struct ops *o, struct device *dev, int rows, int cols)
{
    int k = rows < cols ? rows : cols;
    size_t square = (size_t)k * (size_t)k;
    float c = A, *r = s->u, *t = s->u + square;
    gram_of_x(s, o, dev, rows, cols);
    polynomial(s, o, dev, k);
    o->copy(dev, r, s->b, square * sizeof(float));
    for (int i = 1; i < ITERATIONS; i++) {
        times(s, o, dev, t, s->a, k);
        times(s, o, dev, s->a, t, k);
        polynomial(s, o, dev, k);
        times(s, o, dev, t, r, k);
        o->axpby(dev, t, c, s->b, 1, square);
        float *next = t;
        t = r;
        r = next;
        c *= A;
    }
    apply(s, o, dev, c, r, rows, cols);
}

static void orthogonalise(struct muon *s, const struct ops *o, struct device *dev, int rows, int cols)
{
    for (int i = 0; i < ITERATIONS; i++) {
        gram_of_x(s, o, dev, rows, cols);
        polynomial(s, o, dev, rows < cols ? rows : cols);
        apply(s, o, dev, A, s->b, rows, cols);
    }
}

void muon_step(struct muon *s, struct weights *w, const struct param *p, float *m, const float *grad,
               float grad_scale, float lr, float momentum, float weight_decay)
{
    const struct ops *o = w->ops;
    struct device *dev = w->dev;
    float *theta = w->theta + p->offset;
    o->scale(dev, m, momentum, p->n);
    o->axpy(dev, m, grad_scale, grad + p->offset, p->n);
    o->copy(dev, s->u, m, p->n * sizeof(float));
    o->scale(dev, s->u, momentum, p->n);
    o->axpy(dev, s->u, grad_scale, grad + p->offset, p->n);
    o->normalise(dev, s->u, 1e-12, p->n);
    o->to_act(dev, s->x, s->u, p->n);
    (by_gram(p, w->act) ? orthogonalise_by_gram : orthogonalise)(s, o, dev, p->rows, p->cols);
    o->to_f32(dev, s->u, s->x, p->n);
    o->scale(dev, theta, 1 - lr * weight_decay, p->n);
    o->axpy(dev, theta, -lr * 0.2f * sqrtf((float)(p->rows > p->cols ? p->rows : p->cols)), s->u, p->n);
    if (w->work != w->theta)
        o->to_act(dev, (char *)w->work + p->offset * dtype_bytes(w->act), theta, p->n);
}
