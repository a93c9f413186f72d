/*
 * engine_correct.c - the end of CORRECT: was the jump right, what did it miss; and the way back when it was
 * not
 */
#include "pipeline/train/engine_learned.h"

#include "pipeline/lib/log.h"

#include <math.h>
#include <string.h>

void engine_rollback(struct engine *e, uint64_t step, const char *why)
{
    struct numbers *n = e->n;
    struct weights *w = e->host.w;
    double began = now_seconds();
    e->ops->copy(e->dev, w->theta, e->mark, e->total * sizeof(float));
    weights_publish(w);
    engine_move(e, e->mean, NULL, e->mean, n->jump.moved, -1);
    n->rollbacks++;
    phases_rejected(&n->phases, e->c);
    n->phases.block_steps = 0;
    n->drifted = 0;
    n->block_loss = n->block_losses = 0;
    n->cycle_virtual = 0;
    log_begin(e, step, "rollback");
    log_text(e, "why", why);
    log_number(e, "to_step", (double)n->jump.step);
    log_number(e, "steps_lost", (double)n->phases.steps);
    log_number(e, "seconds", now_seconds() - began);
    log_end(e);
    engine_enter(e, step, PHASE_FULL, why);
}

/* alpha* of the secant line search: where the slope along the jump would have been zero. The optimizer's
 * average of gradients stands for the mean gradient; what it still holds of the time before the jump is taken
 * out. */
static void best_scales(const struct engine *e, const struct outcome *after, double alpha[HYBRID_GROUPS])
{
    const struct numbers *n = e->n;
    for (int g = 0; g < e->groups.count; g++) {
        enum param_kind kind = e->groups.v[g].kind;
        bool muon =
            e->host.opt->use_muon && kind != PARAM_EMBED && kind != PARAM_HEAD && kind != PARAM_NORM_ATTN;
        double left = pow((double)(muon ? e->host.opt->momentum : e->host.opt->beta1),
                          (double)(e->host.opt->t - n->jump.updates));
        double before = n->jump.slope[g], later = 0;
        for (int j = 0; j < HYBRID_K; j++)
            later += n->jump.moved[g][j] * after->along[g][j];
        later = (later - left * before) / (1 - left);
        double best = later <= before ? (later < 0 ? 2 : 0) : before / (before - later);
        alpha[g] = best < 0 ? 0 : best > 2 ? 2 : best;
    }
}

/* The forecast for the end of CORRECT is what the probe of the jump said plus the trend of so many steps. */
static bool disappointed(struct engine *e, uint64_t step, const struct probe *now)
{
    struct numbers *n = e->n;
    double change, se, share = (double)n->phases.steps / (double)(e->c->full + e->c->correct);
    double trend = n->bandit.cycles > 0 && n->bandit.trend > 0 ? n->bandit.trend * share : 0;
    double noise = sqrt(n->bandit.noise) * trend;
    probe_pair(e, &n->start, now, &change, &se);
    double expected = n->jump.change - trend, se_all = sqrt(se * se + noise * noise);
    bool worse = !(change <= expected + e->c->reject_se * se_all);
    log_begin(e, step, "correct");
    log_number(e, "predicted_change", expected);
    log_number(e, "actual_change", change);
    log_number(e, "se", se_all);
    log_end(e);
    return worse;
}

/* The jump as it should have been, less what it was: applied when a probe agrees. e->scratch: the averaged
 * weights' loss. */
static void correct_weights(struct engine *e, uint64_t step, const double *alpha)
{
    struct numbers *n = e->n;
    struct weights *w = e->host.w;
    static struct probe moved;
    struct outcome o;
    hybrid_coef coef;
    double change, se;
    engine_move(e, e->mark, NULL, e->mark, n->c, n->drifted);
    n->drifted = 0;
    engine_products(e, e->D, w->theta, e->mark, 1 / (double)n->phases.block_steps, &o);
    if (e->fault == FAULT_STORE) {
        learned_spoil(e);
        e->fault = FAULT_NONE;
    }
    if (!learned_correction(e, step, &o, alpha, coef))
        return;
    probe_run(e, coef, &moved);
    n->cost += probe_cost(e);
    probe_pair(e, &e->scratch, &moved, &change, &se);
    bool better = change / se <= e->c->accept_z;
    if (better) {
        engine_move(e, w->theta, w->work, w->theta, coef, 1);
        engine_move(e, e->mean, NULL, e->mean, coef, 1);
        engine_move(e, e->mark, NULL, e->mark, coef, 1);
    }
    log_begin(e, step, "correction");
    log_number(e, "length", sqrt(outcome_norm_all(&n->now, coef, e->groups.count)));
    log_number(e, "of_jump", sqrt(outcome_norm_all(&n->now, n->jump.moved, e->groups.count)));
    log_number(e, "change", change);
    log_number(e, "z", change / se);
    log_number(e, "applied", better);
    log_end(e);
}

void correct_end(struct engine *e, uint64_t step)
{
    struct numbers *n = e->n;
    struct outcome after;
    double alpha[HYBRID_GROUPS], mean = 0;
    probe_run(e, NULL, &e->scratch);
    n->cost += probe_cost(e);
    if (disappointed(e, step, &e->scratch)) {
        engine_rollback(e, step, "the averaged weights' loss is above the forecast");
        return;
    }
    engine_products(e, e->D, e->host.opt->m, NULL, 1, &after);
    best_scales(e, &after, alpha);
    /* from here on the block is counted from where the jump landed */
    engine_move(e, e->mark, NULL, e->mark, n->jump.moved, 1);
    for (int g = 0; g < e->groups.count; g++)
        mean += alpha[g] / e->groups.count;
    log_begin(e, step, "secant");
    log_number(e, "mean_alpha", mean);
    log_end(e);
    if (e->rssm)
        correct_weights(e, step, alpha);
    block_end(e, step);
    engine_enter(e, step, PHASE_FULL, "its steps are done");
}
