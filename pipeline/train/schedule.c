#include "pipeline/train/schedule.h"

#include <math.h>

/* at least one step of warm-up: AdamW's first steps are sign steps */
static uint64_t share_of(const struct schedule *s, double share, uint64_t least)
{
    uint64_t n = (uint64_t)llround(share * (double)s->steps);
    return n < least ? least : n;
}

uint64_t schedule_warm_steps(const struct schedule *s)
{
    return share_of(s, s->warmup, 1);
}

uint64_t schedule_decay_begin(const struct schedule *s)
{
    return s->steps - (s->kind == SCHEDULE_WSD ? share_of(s, s->decay, 0) : 0);
}

bool schedule_stable(const struct schedule *s, uint64_t step)
{
    if (step < schedule_warm_steps(s))
        return false;
    return schedule_lr(s, step) >= s->peak * (s->kind == SCHEDULE_COSINE ? 1 - 0.25 * (1 - s->min_ratio) : 1);
}

double schedule_lr(const struct schedule *s, uint64_t step)
{
    uint64_t last = s->steps ? s->steps - 1 : 0, warm = schedule_warm_steps(s),
             down = s->steps - schedule_decay_begin(s);
    if (step > last)
        step = last;
    if (step < warm)
        return s->peak * (double)(step + 1) / (double)warm;
    if (s->kind == SCHEDULE_COSINE)
        down = s->steps - warm;
    if (step < s->steps - down)
        return s->peak;
    double done = (double)(step + 1 - (s->steps - down)) / (double)down;
    return s->peak * (s->min_ratio + (1 - s->min_ratio) * 0.5 * (1 + cos(M_PI * done)));
}
