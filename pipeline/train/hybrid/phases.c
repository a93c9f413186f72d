#include "pipeline/train/hybrid/phases.h"

#include <math.h>
#include <stddef.h>

void phases_init(struct phases *p, const struct hybrid_config *c)
{
    *p = (struct phases){.phase = PHASE_WARMUP, .horizon = c->horizon};
}

const char *phase_name(enum phase p)
{
    static const char *const names[] = {"warmup", "full", "predict", "correct", "off"};
    return p < N_PHASES ? names[p] : "?";
}

static bool settled(struct phases *p, double loss)
{
    p->recent[0] += loss;
    if (++p->window < PHASE_WINDOW)
        return false;
    bool stable = p->recent[1] > 0 && p->recent[0] > 0.97 * p->recent[1];
    p->recent[1] = p->recent[0];
    p->recent[0] = 0;
    p->window = 0;
    return stable;
}

const char *phases_step(struct phases *p, const struct hybrid_config *c, double loss, enum rate_trend rate,
                        enum phase *next)
{
    bool calm = settled(p, isfinite(loss) ? loss : 0);
    p->steps++;
    p->block_steps++;
    p->total++;
    *next = (enum phase)p->phase;
    if (p->phase == PHASE_OFF)
        return NULL;
    if (rate == RATE_FALLS) {
        *next = PHASE_OFF;
        return "the decay begins";
    }
    if (p->phase == PHASE_WARMUP) {
        *next = PHASE_FULL;
        return rate == RATE_RISES              ? NULL
               : p->total >= c->warmup_max     ? "longest warm-up is over"
               : p->total >= c->warmup && calm ? "statistics are stable"
                                               : NULL;
    }
    *next = p->phase == PHASE_FULL ? PHASE_PREDICT : PHASE_FULL;
    return p->steps >= p->length ? "its steps are done" : NULL;
}

bool phases_block_ends(const struct phases *p, const struct hybrid_config *c, bool phase_ends)
{
    return phase_ends || (p->phase != PHASE_CORRECT && p->block_steps >= c->block);
}

void phases_enter(struct phases *p, const struct hybrid_config *c, enum phase next)
{
    /* without a jump the cycle has no CORRECT: FULL is that much longer */
    bool declined = p->phase == PHASE_PREDICT && next == PHASE_FULL;
    p->length = next == PHASE_CORRECT ? c->correct : c->full + (declined ? c->correct : 0);
    p->phase = (uint64_t)next;
    p->steps = 0;
    if (next == PHASE_PREDICT)
        p->cycle++;
}

static double within(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

void phases_accepted(struct phases *p, const struct hybrid_config *c)
{
    p->horizon = within(p->horizon * c->grow, c->horizon_min, c->horizon_max);
}

void phases_rejected(struct phases *p, const struct hybrid_config *c)
{
    p->horizon = within(p->horizon * c->shrink, c->horizon_min, c->horizon_max);
}
