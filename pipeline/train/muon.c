#include "pipeline/train/muon.h"

#include <math.h>

enum { ITERATIONS = 5 };
/* the quintic a x + b x^3 + c x^5 that grows small singular values fastest */
static const float A = 3.4445f, B = -4.7750f, C = 2.0315f;

bool muon_takes(const struct param *p)
{
    return param_is_matrix(p) && p->kind != PARAM_EMBED && p->kind != PARAM_HEAD;
}

static void extents(const struct params *layout, size_t *matrix, size_t *side)
{
    *matrix = *side = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct param *p = &layout->v[i];
        if (!muon_takes(p))
            continue;
        size_t shorter = (size_t)(p->rows < p->cols ? p->rows : p->cols);
        *matrix = p->n > *matrix ? p->n : *matrix;
        *side = shorter > *side ? shorter : *side;
    }
}

double muon_flops(const struct params *layout)
{
    double sum = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct param *p = &layout->v[i];
        double shorter = p->rows < p->cols ? p->rows : p->cols;
        if (muon_takes(p))
            sum += ITERATIONS * (4 * shorter * (double)p->n + 2 * shorter * shorter * shorter);
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

/* x = A x + (B G + C G^2) x with G = x x^T; what is symmetric needs no transpose */
static void iterate_wide(struct muon *s, const struct ops *o, struct device *dev, int rows, int cols)
{
    size_t gram = (size_t)rows * (size_t)rows;
    o->linear_forward(dev, s->a, s->x, s->x, rows, cols, rows);
    o->linear_forward(dev, s->b, s->a, s->a, rows, rows, rows);
    o->axpby(dev, s->b, B, s->a, C, gram);
    o->axpby(dev, s->y, A, s->x, 0, (size_t)rows * (size_t)cols);
    o->linear_backward_input(dev, s->y, s->b, s->x, rows, cols, rows, true);
}

/* x = A x + x (B G + C G^2) with G = x^T x: the smaller Gram matrix of a tall x */
static void iterate_tall(struct muon *s, const struct ops *o, struct device *dev, int rows, int cols)
{
    size_t gram = (size_t)cols * (size_t)cols;
    o->zero(dev, s->gram, gram * sizeof(float));
    o->linear_backward_weight(dev, s->gram, s->x, s->x, rows, cols, cols);
    o->to_act(dev, s->a, s->gram, gram);
    o->linear_forward(dev, s->b, s->a, s->a, cols, cols, cols);
    o->axpby(dev, s->b, B, s->a, C, gram);
    o->linear_forward(dev, s->y, s->x, s->b, rows, cols, cols);
    o->axpby(dev, s->y, A, s->x, 1, (size_t)rows * (size_t)cols);
}

void muon_step(struct muon *s, struct weights *w, const struct param *p, float *m, const float *grad, float grad_scale,
               float lr, float momentum, float weight_decay)
{
    const struct ops *o = w->ops;
    struct device *dev = w->dev;
    float *mp = m + p->offset, *theta = w->theta + p->offset;
    o->scale(dev, mp, momentum, p->n);
    o->axpy(dev, mp, grad_scale, grad + p->offset, p->n);
    o->copy(dev, s->u, mp, p->n * sizeof(float));
    o->scale(dev, s->u, momentum, p->n);
    o->axpy(dev, s->u, grad_scale, grad + p->offset, p->n);
    o->normalise(dev, s->u, 1e-12, p->n);
    o->to_act(dev, s->x, s->u, p->n);
    for (int i = 0; i < ITERATIONS; i++) {
        (p->rows > p->cols ? iterate_tall : iterate_wide)(s, o, dev, p->rows, p->cols);
        void *t = s->x;
        s->x = s->y;
        s->y = t;
    }
    o->to_f32(dev, s->u, s->x, p->n);
    o->scale(dev, theta, 1 - lr * weight_decay, p->n);
    o->axpy(dev, theta, -lr * 0.2f * sqrtf((float)(p->rows > p->cols ? p->rows : p->cols)), s->u, p->n);
    if (w->work != w->theta)
        o->to_act(dev, (char *)w->work + p->offset * dtype_bytes(w->act), theta, p->n);
}
