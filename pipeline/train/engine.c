#include "pipeline/train/engine_learned.h"

#include "pipeline/lib/log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct numbers) % 8 == 0 && sizeof(struct far) % 8 == 0,
               "a checkpoint holds them as 8-byte words");

size_t engine_bytes(const struct hybrid_config *c, size_t weights, enum dtype act)
{
    size_t one = 4 + HYBRID_K * dtype_bytes(act);
    return weights * (4 + one + (c->gate0 ? one : 0));
}

static int allocate(struct engine *e)
{
    size_t f32 = e->total * sizeof(float), act = e->total * dtype_bytes(e->host.w->act);
    bool ok = (e->mean = e->ops->alloc(e->dev, f32)) && (e->mark = e->ops->alloc(e->dev, f32));
    for (int j = 0; ok && j < HYBRID_K; j++)
        ok = (e->D[j] = e->ops->alloc(e->dev, act));
    if (e->c->gate0)
        ok = ok && (e->far_mark = e->ops->alloc(e->dev, f32)) && (e->far = calloc(1, sizeof *e->far));
    for (int j = 0; ok && e->c->gate0 && j < HYBRID_K; j++)
        ok = (e->far_D[j] = e->ops->alloc(e->dev, act));
    e->n = calloc(1, sizeof *e->n);
    e->rows = calloc((size_t)e->host.B * ((size_t)e->host.T + 1), sizeof *e->rows);
    return ok && e->n && e->rows ? 0 : -1;
}

struct engine *engine_open(const struct hybrid_config *c, bool learned, uint64_t seed,
                           const struct engine_host *host, char *err, size_t cap)
{
    struct engine *e = calloc(1, sizeof *e);
    if (e) {
        *e = (struct engine){.c = c,
                             .seed = seed,
                             .host = *host,
                             .ops = host->w->ops,
                             .dev = host->w->dev,
                             .total = host->w->layout.total};
        if (groups_make(&e->groups, &host->w->layout, host->w->c.L) == 0 && allocate(e) == 0 &&
            (!learned || (e->rssm = learned_open(e))))
            return e;
    }
    snprintf(err, cap, "no memory for the engine (%.1f MB)",
             (double)engine_bytes(c, host->w->layout.total, host->w->act) / 1e6);
    engine_close(e);
    return NULL;
}

void engine_close(struct engine *e)
{
    if (!e)
        return;
    e->ops->free(e->dev, e->mean);
    e->ops->free(e->dev, e->mark);
    e->ops->free(e->dev, e->far_mark);
    for (int j = 0; j < HYBRID_K; j++) {
        e->ops->free(e->dev, e->D[j]);
        e->ops->free(e->dev, e->far_D[j]);
    }
    learned_close(e->rssm);
    groups_free(&e->groups);
    free(e->n);
    free(e->far);
    free(e->rows);
    free(e);
}

void engine_begin(struct engine *e)
{
    if (!e)
        return;
    size_t bytes = e->total * sizeof(float);
    memset(e->n, 0, sizeof *e->n);
    phases_init(&e->n->phases, e->c);
    bandit_init(&e->n->bandit, e->seed, 0.3);
    e->n->random = e->seed ^ 0x5bd1e995;
    e->ops->copy(e->dev, e->mean, e->host.w->theta, bytes);
    e->ops->copy(e->dev, e->mark, e->host.w->theta, bytes);
}

void engine_enter(struct engine *e, uint64_t step, enum phase next, const char *why)
{
    struct numbers *n = e->n;
    log_begin(e, step, "phase");
    log_text(e, "from", phase_name((enum phase)n->phases.phase));
    log_text(e, "to", phase_name(next));
    log_text(e, "why", why);
    log_number(e, "cycle", (double)n->phases.cycle);
    log_number(e, "horizon", n->phases.horizon);
    log_number(e, "confidence", n->choice.confidence);
    log_number(e, "engine_seconds", e->seconds);
    log_end(e);
    phases_enter(&n->phases, e->c, next);
}

static bool drifts(const struct engine *e)
{
    const struct numbers *n = e->n;
    return n->choice.drift && n->prior.blocks > 0 && n->phases.backoff == 0 &&
           (n->phases.phase == PHASE_FULL || n->phases.phase == PHASE_CORRECT);
}

void engine_before(struct engine *e, uint64_t step)
{
    if (!e || e->n->phases.phase == PHASE_OFF)
        return;
    double began = now_seconds();
    if (e->n->probe_rows == 0 && e->n->phases.phase != PHASE_WARMUP)
        probe_choose_rows(e);
    if (e->n->phases.phase == PHASE_PREDICT)
        predict(e, step);
    if (drifts(e)) {
        double ratio = schedule_lr(e->host.schedule, step) / e->host.schedule->peak;
        engine_move(e, e->host.w->theta, e->host.w->work, e->host.w->theta, e->n->c, e->c->drift * ratio);
        e->n->drifted += e->c->drift * ratio;
    }
    e->seconds += now_seconds() - began;
}

bool engine_spoils_gradient(struct engine *e)
{
    bool now = e && e->fault == FAULT_NAN && e->n->phases.phase == PHASE_CORRECT && e->n->phases.steps >= 2;
    if (now)
        e->fault = FAULT_NONE;
    return now;
}

bool engine_judge(struct engine *e, uint64_t step, double loss, double grad_norm)
{
    if (!e || e->n->phases.phase == PHASE_OFF)
        return true;
    const char *wrong = divergence_judge(&e->n->divergence, loss, grad_norm, e->c->band);
    if (!wrong || (e->n->phases.phase != PHASE_CORRECT && !drifts(e)))
        return true;
    e->n->phases.backoff = e->c->backoff;
    e->n->choice.drift = 0;
    if (e->n->phases.phase == PHASE_CORRECT) {
        engine_rollback(e, step, wrong);
        return false;
    }
    log_begin(e, step, "backoff");
    log_text(e, "why", wrong);
    log_end(e);
    return true;
}

static enum rate_trend rate_after(const struct schedule *s, uint64_t step)
{
    if (step + 1 < schedule_warm_steps(s))
        return RATE_RISES;
    return schedule_stable(s, step + 1) ? RATE_HOLDS : RATE_FALLS;
}

void engine_after(struct engine *e, uint64_t step, double loss)
{
    if (!e || e->n->phases.phase == PHASE_OFF)
        return;
    struct numbers *n = e->n;
    enum phase next;
    double began = now_seconds();
    e->ops->ema_step(e->dev, e->host.w->theta, NULL, e->mean, e->total, (float)(1 - 1 / e->c->mean_steps), 0);
    n->block_loss += isfinite(loss) ? loss : 0;
    n->block_losses += isfinite(loss);
    const char *why = phases_step(&n->phases, e->c, loss, rate_after(e->host.schedule, step), &next);
    bool ends = why != NULL;
    if (ends && next == PHASE_OFF)
        engine_enter(e, step + 1, next, why);
    else if (ends && n->phases.phase == PHASE_CORRECT)
        correct_end(e, step + 1);
    else {
        if (phases_block_ends(&n->phases, e->c, ends))
            block_end(e, step + 1);
        if (ends)
            engine_enter(e, step + 1, next, why);
    }
    e->seconds += now_seconds() - began;
}

void engine_summary(const struct engine *e)
{
    if (!e)
        return;
    const struct numbers *n = e->n;
    double mean, deviation;
    bandit_gain(&n->bandit, 0, (double)(e->c->full + e->c->correct), &mean, &deviation);
    say("engine: %llu cycles, %llu jumps accepted, %llu rejected, %llu rolled back, %llu virtual steps; "
        "drift gains %.1f ± %.1f "
        "steps a cycle; forecast R2 %.3f; %.1f s of its own",
        (unsigned long long)n->phases.cycle, (unsigned long long)n->accepted, (unsigned long long)n->rejected,
        (unsigned long long)n->rollbacks, (unsigned long long)n->virtual_steps, mean, deviation,
        score_r2(&n->score, e->rssm ? FORECAST_LEARNED : FORECAST_ANALYTIC), e->seconds);
}
