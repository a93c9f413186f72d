#include "pipeline/train/lookahead.h"

size_t lookahead_bytes(const struct lookahead *l, size_t n)
{
    return ((l->beta > 0 ? 1 : 0) + (l->every > 0 ? 2 : 0)) * n * sizeof(float);
}

int lookahead_alloc(struct lookahead *l, const struct weights *w)
{
    size_t bytes = w->layout.total * sizeof(float);
    l->mean = l->beta > 0 ? w->ops->alloc(w->dev, bytes) : NULL;
    l->anchor = l->every > 0 ? w->ops->alloc(w->dev, bytes) : NULL;
    l->velocity = l->every > 0 ? w->ops->alloc(w->dev, bytes) : NULL;
    if ((l->beta <= 0 || l->mean) && (l->every == 0 || (l->anchor && l->velocity)))
        return 0;
    lookahead_free(l, w);
    return -1;
}

void lookahead_free(struct lookahead *l, const struct weights *w)
{
    w->ops->free(w->dev, l->mean);
    w->ops->free(w->dev, l->anchor);
    w->ops->free(w->dev, l->velocity);
    l->mean = l->anchor = l->velocity = NULL;
}

void lookahead_begin(struct lookahead *l, const struct weights *w)
{
    size_t bytes = w->layout.total * sizeof(float);
    if (l->mean)
        w->ops->copy(w->dev, l->mean, w->theta, bytes);
    if (l->anchor) {
        w->ops->copy(w->dev, l->anchor, w->theta, bytes);
        w->ops->zero(w->dev, l->velocity, bytes);
    }
}

void lookahead_before(struct lookahead *l, struct weights *w, const struct schedule *s, uint64_t step)
{
    float ahead = 0;
    if (!l->mean)
        return;
    if (schedule_stable(s, step) && step >= l->start)
        ahead = l->beta * (float)(schedule_lr(s, step) / s->peak) * (1 - l->gamma) / l->gamma;
    w->ops->ema_step(w->dev, w->theta, w->work, l->mean, w->layout.total, l->gamma, ahead);
}

void lookahead_step(struct lookahead *l, struct weights *w)
{
    const struct ops *o = w->ops;
    size_t n = w->layout.total;
    o->scale(w->dev, l->velocity, l->mu, n);
    o->axpy(w->dev, l->velocity, 1, w->theta, n);
    o->axpy(w->dev, l->velocity, -1, l->anchor, n);
    o->scale(w->dev, w->theta, l->eta, n);
    o->axpy(w->dev, w->theta, 1 - l->eta, l->anchor, n);
    o->axpy(w->dev, w->theta, l->eta * l->mu, l->velocity, n);
    o->copy(w->dev, l->anchor, w->theta, n * sizeof(float));
    weights_publish(w);
}

void lookahead_after(struct lookahead *l, struct weights *w, const struct schedule *s, uint64_t step)
{
    if (l->anchor && !l->apart && (step + 1) % l->every == 0 && schedule_stable(s, step))
        lookahead_step(l, w);
}
