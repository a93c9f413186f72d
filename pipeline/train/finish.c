#include "pipeline/train/finish.h"

/* The averages' memories as shares of the steps since they began; docs/results/engine.md compares them. */
static const double memory[FINISH_AVERAGES] = {0.07, 0.14, 0.25};
static const float prior[FINISH_AVERAGES] = {0, 1, 0};

size_t finish_bytes(size_t n, enum dtype act)
{
    return n * (sizeof(float) + FINISH_AVERAGES * dtype_bytes(act));
}

int finish_alloc(struct finish *f, const struct weights *w)
{
    if (!f->on)
        return 0;
    bool there = groups_make(&f->groups, &w->layout, w->c.L) == 0;
    f->mark = w->ops->alloc(w->dev, w->layout.total * sizeof(float));
    there = there && f->mark;
    for (int j = 0; j < FINISH_AVERAGES; j++) {
        f->D[j] = w->ops->alloc(w->dev, w->layout.total * dtype_bytes(w->act));
        there = there && f->D[j];
    }
    for (int i = 0; i < f->groups.count * FINISH_AVERAGES; i++)
        f->c[i] = prior[i % FINISH_AVERAGES];
    if (there)
        return 0;
    finish_free(f, w);
    return -1;
}

void finish_free(struct finish *f, const struct weights *w)
{
    w->ops->free(w->dev, f->mark);
    for (int j = 0; j < FINISH_AVERAGES; j++)
        w->ops->free(w->dev, f->D[j]);
    groups_free(&f->groups);
    *f = (struct finish){0};
}

void finish_begin(struct finish *f, const struct weights *w)
{
    if (!f->on)
        return;
    w->ops->copy(w->dev, f->mark, w->theta, w->layout.total * sizeof(float));
    for (int j = 0; j < FINISH_AVERAGES; j++)
        w->ops->zero(w->dev, f->D[j], w->layout.total * dtype_bytes(w->act));
}

uint64_t finish_interval(uint64_t age)
{
    uint64_t steps = (uint64_t)(memory[0] * (double)age / FINISH_FOLDS);
    return steps < 1 ? 1 : steps;
}

double finish_keep(uint64_t age, int j)
{
    double steps = (double)finish_interval(age), remembered = memory[j] * (double)age;
    return remembered > steps ? 1 - steps / remembered : 0;
}

void finish_after(struct finish *f, const struct weights *w, uint64_t age)
{
    if (!f->on || age % finish_interval(age) != 0)
        return;
    for (int j = 0; j < FINISH_AVERAGES;
         j++) { /* mean = keep mean + (1-keep) theta, as seen from the new theta */
        float keep = (float)finish_keep(age, j);
        w->ops->direction(w->dev, f->D[j], keep, keep, f->mark, w->theta, NULL, 0, NULL, f->groups.spans,
                          f->groups.n_spans);
    }
    w->ops->copy(w->dev, f->mark, w->theta, w->layout.total * sizeof(float));
}

void finish_enter(const struct finish *f, struct weights *w, float *spare)
{
    const void *D[FINISH_AVERAGES] = {f->D[0], f->D[1], f->D[2]};
    w->ops->copy(w->dev, spare, w->theta, w->layout.total * sizeof(float));
    w->ops->combine(w->dev, w->theta, w->work, f->mark, D, FINISH_AVERAGES, f->c, f->groups.spans,
                    f->groups.n_spans);
}

void finish_leave(struct weights *w, float *spare, size_t kept)
{
    w->ops->copy(w->dev, w->theta + kept, spare + kept, (w->layout.total - kept) * sizeof(float));
    w->ops->zero(w->dev, spare, w->layout.total * sizeof(float));
    weights_publish(w);
}
