#include "pipeline/train/local.h"

#include "pipeline/train/loop.h"

bool local_together(const struct trainer *t)
{
    return t->cfg->sync_every == 0 || t->met_step == t->step;
}

void local_meet(struct trainer *t)
{
    parallel_average(&t->parallel, t->w.theta);
    lookahead_step(&t->ahead, &t->w);
    t->met_step = t->step;
}

void local_average_state(struct trainer *t)
{
    if (t->cfg->sync_every == 0)
        return;
    parallel_average(&t->parallel, t->opt.m);
    parallel_average(&t->parallel, t->opt.v);
}
