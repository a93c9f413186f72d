/*
 * engine_predict.c - PREDICT: what the last cycle brought, whether the next one jumps, and how far
 */
#include "pipeline/train/engine_learned.h"

#include "pipeline/lib/log.h"

#include <math.h>
#include <string.h>

static double cycle_steps(const struct engine *e)
{
    return (double)(e->c->full + e->c->correct);
}

/* The judge: by how much the averaged weights' loss fell over the cycle, against cycles that did otherwise.
 */
static void close_cycle(struct engine *e, uint64_t step, const struct probe *now)
{
    struct numbers *n = e->n;
    double fall = n->start.mean - now->mean, mean, deviation, se;
    if (!n->cycle_open)
        return;
    if (e->rssm && n->jump.applied)
        learned_gained(e,
                       fall > bandit_expected(&n->bandit, n->choice.drift) * (1 + n->cost / cycle_steps(e)));
    bandit_learn(&n->bandit, e->c, &n->choice, n->jump.applied, fall, n->cost);
    probe_pair(e, &n->start, now, &mean, &se);
    log_begin(e, step, "cycle");
    log_number(e, "cycle", (double)(n->phases.cycle - 1));
    log_number(e, "fall", fall);
    log_number(e, "fall_se", se);
    log_number(e, "scale", n->jump.applied ? n->choice.scale : 0);
    log_number(e, "tried_scale", n->choice.scale);
    log_number(e, "drift", n->choice.drift ? e->c->drift : 0);
    log_number(e, "control", (double)n->choice.control);
    log_number(e, "cost_steps", n->cost);
    log_number(e, "measuring_steps", n->idle_cost);
    log_number(e, "virtual_steps", (double)n->cycle_virtual);
    bandit_gain(&n->bandit, 0, cycle_steps(e), &mean, &deviation);
    log_number(e, "drift_gain_steps", mean);
    log_number(e, "drift_gain_sd", deviation);
    double jump = 0, spent = n->cost + n->idle_cost;
    if (n->choice.arm > 0) {
        bandit_gain(&n->bandit, n->choice.arm, cycle_steps(e), &jump, &deviation);
        log_number(e, "jump_gain_steps", jump);
        log_number(e, "jump_gain_sd", deviation);
    }
    double gained = (n->choice.drift ? mean : 0) + (n->jump.applied ? jump : 0);
    log_number(e, "speedup_estimate", (cycle_steps(e) + gained) / (cycle_steps(e) + spent));
    log_end(e);
}

/* The first i of all sub-jumps: `share` of the horizon. */
static void plan(struct engine *e, double share, hybrid_coef coef)
{
    const struct numbers *n = e->n;
    double length = n->choice.scale * n->phases.horizon * share;
    for (int g = 0; g < e->groups.count; g++)
        for (int j = 0; j < HYBRID_K; j++)
            coef[g][j] = length * n->alpha[g] * n->c[g][j];
    if (e->rssm && !e->c->random)
        learned_plan(e, length, coef);
    if (e->fault == FAULT_WILD || e->fault == FAULT_BLIND)
        for (int g = 0; g < e->groups.count; g++)
            for (int j = 0; j < HYBRID_K; j++)
                coef[g][j] =
                    1e4 * (n->now.gram[g][j][j] > 0) * sqrt(n->block_square / (n->now.gram[g][j][j] + 1e-30));
}

/* Probes ever longer prefixes while each is better than the one before. Returns the share of the best, 0:
 * none helps. */
static double best_prefix(struct engine *e, uint64_t step, hybrid_coef best)
{
    struct numbers *n = e->n;
    hybrid_coef coef = {0};
    double share = 0, before = INFINITY, least = INFINITY;
    bool trusting = e->fault == FAULT_NAN || e->fault == FAULT_BLIND;
    for (uint64_t i = 1; i <= e->c->sub_jumps; i++) {
        double change, se, began = now_seconds(), at = (double)i / (double)e->c->sub_jumps;
        plan(e, at, coef);
        probe_run(e, coef, &e->scratch);
        n->cost += probe_cost(e);
        probe_pair(e, &n->start, &e->scratch, &change, &se);
        double z = change / se;
        log_begin(e, step, "probe");
        log_number(e, "tokens", (double)n->probe_rows * e->host.T);
        log_number(e, "virtual_steps", at * n->phases.horizon * n->choice.scale);
        log_number(e, "change", change);
        log_number(e, "z", z);
        log_number(e, "seconds", now_seconds() - began);
        log_end(e);
        if ((z <= e->c->accept_z && change < least) || trusting) {
            memcpy(best, coef, sizeof coef);
            least = change;
            share = at;
            n->jump.change = change;
            n->jump.z = z;
            n->jump.expected = e->scratch.mean;
        }
        if (!(change <= before) || trusting) /* a NaN ends it too */
            break;
        before = change;
    }
    return share;
}

static void apply(struct engine *e, uint64_t step, double share, double began)
{
    struct numbers *n = e->n;
    struct weights *w = e->host.w;
    for (int g = 0; g < e->groups.count; g++) {
        n->jump.slope[g] = 0;
        n->jump.alpha[g] = n->alpha[g];
        for (int j = 0; j < HYBRID_K; j++)
            n->jump.slope[g] += n->jump.moved[g][j] * n->now.along[g][j];
    }
    engine_move(e, w->theta, w->work, w->theta, n->jump.moved, 1);
    engine_move(e, e->mean, NULL, e->mean, n->jump.moved, 1);
    n->jump.horizon = share * n->phases.horizon * n->choice.scale;
    n->jump.applied = 1;
    n->jump.step = step;
    n->jump.updates = e->host.opt->t;
    n->cycle_virtual = (uint64_t)llround(n->jump.horizon);
    n->virtual_steps += n->cycle_virtual;
    n->accepted++;
    phases_accepted(&n->phases, e->c);
    log_begin(e, step, "jump");
    log_number(e, "horizon", n->jump.horizon);
    log_number(e, "scale", n->choice.scale);
    log_number(e, "predicted_change", n->jump.change);
    log_number(e, "z", n->jump.z);
    log_number(e, "confidence", n->choice.confidence);
    log_number(e, "length", sqrt(outcome_norm_all(&n->now, n->jump.moved, e->groups.count)));
    log_number(e, "cost_steps", n->cost);
    log_number(e, "seconds", now_seconds() - began);
    log_number(e, "accepted", (double)n->accepted);
    log_number(e, "rejected", (double)n->rejected);
    log_number(e, "backward_passes_skipped", (double)n->virtual_steps);
    log_end(e);
    engine_enter(e, step, PHASE_CORRECT, "the jump was accepted");
}

static void reject(struct engine *e, uint64_t step, const char *why, double began)
{
    struct numbers *n = e->n;
    n->rejected++;
    phases_rejected(&n->phases, e->c);
    log_begin(e, step, "reject");
    log_text(e, "why", why);
    log_number(e, "confidence", n->choice.confidence);
    log_number(e, "scale", n->choice.scale);
    log_number(e, "cost_steps", n->cost);
    log_number(e, "seconds", now_seconds() - began);
    log_end(e);
    engine_enter(e, step, PHASE_FULL, why);
}

static const char *why_not(const struct engine *e, bool may_jump)
{
    const struct numbers *n = e->n;
    return e->c->jumps == JUMPS_OFF ? "jumps are off"
           : n->phases.backoff > 0  ? "backing off"
           : !may_jump              ? "too early or too late for a jump"
           : n->choice.control      ? "randomised to no jump"
                                    : "no jump is expected to pay";
}

static void choose(struct engine *e, uint64_t step)
{
    struct numbers *n = e->n;
    bool may_jump = e->c->jumps != JUMPS_OFF && n->phases.backoff == 0 && n->prior.blocks >= 3 &&
                    schedule_stable(e->host.schedule, step + e->c->correct);
    n->choice = bandit_choose(&n->bandit, e->c, cycle_steps(e), may_jump);
    if (may_jump && e->c->fault != FAULT_NONE && !n->fault_done) {
        n->fault_done = 1;
        e->fault = e->c->fault;
        n->choice.arm = HYBRID_SCALES;
        n->choice.scale = bandit_scale(e->c, n->choice.arm);
    }
    /* jumps that the bandit still has to try are tried; after that the model must believe in them as well */
    if (e->rssm && n->choice.arm > 0) {
        double sure =
            learned_confidence(e, n->choice.scale * n->phases.horizon, n->bandit.cost[n->choice.arm - 1]);
        bool trial = n->bandit.tried[n->choice.arm - 1] < (double)e->c->trials - 0.5;
        n->choice.confidence = sure;
        if (sure < e->c->confidence && !trial && !e->fault) {
            n->choice.arm = 0;
            n->choice.scale = 0;
        }
    }
    if (n->phases.backoff > 0) {
        n->phases.backoff--;
        n->choice.drift = 0;
    }
    if (n->choice.arm == 0)
        engine_enter(e, step, PHASE_FULL, why_not(e, may_jump));
}

void predict(struct engine *e, uint64_t step)
{
    struct numbers *n = e->n;
    double began = now_seconds();
    bool measures = e->c->jumps != JUMPS_OFF || e->c->drift > 0;
    if (measures) {
        probe_run(e, NULL, &e->scratch);
        close_cycle(e, step, &e->scratch);
        n->start = e->scratch;
    }
    n->cost = n->cycle_virtual = 0;
    n->idle_cost = measures ? probe_cost(e) : 0;
    n->cycle_open = measures;
    n->jump = (struct jump){0};
    choose(e, step);
    if (n->choice.arm == 0)
        return;
    double share = best_prefix(e, step, n->jump.moved);
    if (share <= 0)
        reject(e, step, "no prefix lowers the loss of the averaged weights", began);
    else if (e->c->jumps == JUMPS_PROBE)
        reject(e, step, "probes only", began);
    else
        apply(e, step, share, began);
    if (e->fault == FAULT_WILD || e->fault == FAULT_BLIND)
        e->fault = FAULT_NONE;
}
