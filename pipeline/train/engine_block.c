/*
 * engine_block.c - what happens every block of real steps: score the forecast, learn from it, renew
 * directions, forecast again
 */
#include "pipeline/train/engine_learned.h"

#include "pipeline/lib/random.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Memories of the directions: per step of D_1 and D_2 (ENGINE.md: .99, .998), per block of D_3 (a guess). */
static const double memory[HYBRID_K] = {0, 0.99, 0.998, 0.8};

void engine_move(struct engine *e, float *y, void *work, const float *x, hybrid_coef coef, double factor)
{
    float c[HYBRID_GROUPS * HYBRID_K];
    for (int g = 0; g < e->groups.count; g++)
        for (int j = 0; j < HYBRID_K; j++)
            c[g * HYBRID_K + j] = (float)(factor * coef[g][j]);
    e->ops->combine(e->dev, y, work, x, (const void *const *)e->D, HYBRID_K, c, e->groups.spans,
                    e->groups.n_spans);
}

void engine_products(struct engine *e, void *const *D, const float *a, const float *b, double factor,
                     struct outcome *out)
{
    enum { SIDE = HYBRID_K + 1 };
    double all[HYBRID_GROUPS * SIDE * SIDE];
    e->ops->gram(e->dev, all, (const void *const *)D, HYBRID_K, a, b, e->groups.spans, e->groups.n_spans,
                 e->groups.count);
    memset(out, 0, sizeof *out);
    for (int g = 0; g < e->groups.count; g++) {
        const double *at = all + g * SIDE * SIDE;
        for (int i = 0; i < HYBRID_K; i++) {
            for (int j = 0; j < HYBRID_K; j++)
                out->gram[g][i][j] = at[i * SIDE + j];
            out->along[g][i] = factor * at[i * SIDE + HYBRID_K];
        }
        out->square[g] = factor * factor * at[HYBRID_K * SIDE + HYBRID_K];
    }
}

/* D_3 first: it needs the others as they were when the forecast was made. */
static void renew_directions(struct engine *e, uint64_t steps)
{
    float minus[HYBRID_GROUPS * HYBRID_K];
    double n = (double)steps, gain = (1 - memory[3]) / n;
    for (int g = 0; g < e->groups.count; g++)
        for (int j = 0; j < HYBRID_K; j++)
            minus[g * HYBRID_K + j] = (float)(-(1 - memory[3]) * e->n->c[g][j]);
    const float *theta = e->host.w->theta;
    e->ops->direction(e->dev, e->D[3], (float)memory[3], (float)gain, theta, e->mark,
                      (const void *const *)e->D, HYBRID_K, minus, e->groups.spans, e->groups.n_spans);
    for (int j = 0; j < 3; j++) {
        double keep = j == 0 ? 0 : pow(memory[j], n);
        e->ops->direction(e->dev, e->D[j], (float)keep, (float)((1 - keep) / n), theta, e->mark, NULL, 0,
                          minus, e->groups.spans, e->groups.n_spans);
    }
}

static void score_block(struct engine *e, uint64_t step, const struct outcome *o)
{
    int G = e->groups.count;
    hybrid_coef a;
    if (e->n->prior.blocks == 0)
        return;
    log_begin(e, step, "forecast");
    for (enum forecaster f = 0; f < N_FORECASTERS; f++) {
        if (f == FORECAST_LEARNED && !e->rssm)
            continue;
        score_trivial(a, f, G);
        const void *from = f == FORECAST_ANALYTIC ? e->n->a0 : f == FORECAST_LEARNED ? e->n->c : NULL;
        if (from)
            memcpy(a, from, sizeof a);
        double r2 = score_add(&e->n->score, f, o, a, G);
        if (f != FORECAST_ZERO) {
            char key[40];
            log_number(e, forecaster_name(f), r2);
            snprintf(key, sizeof key, "%s_so_far", forecaster_name(f));
            log_number(e, key, score_r2(&e->n->score, f));
        }
    }
    log_number(e, "steps", (double)e->n->phases.block_steps);
    log_number(e, "displacement", sqrt(e->n->block_square));
    double missed = 0;
    for (int g = 0; g < G; g++)
        missed += outcome_miss(o, g, e->n->c[g]);
    log_number(e, "residual", sqrt(missed > 0 ? missed : 0));
    log_number(e, "drifted", e->n->drifted);
    log_end(e);
}

/* --engine-gate0: forecasts for one, three and six blocks from one moment, each horizon with a prior of its
 * own. */
static void far_begin(struct engine *e)
{
    struct far *f = e->far;
    size_t bytes = e->total * dtype_bytes(e->host.w->act);
    for (int j = 0; j < HYBRID_K; j++)
        e->ops->copy(e->dev, e->far_D[j], e->D[j], bytes);
    e->ops->copy(e->dev, e->far_mark, e->host.w->theta, e->total * sizeof(float));
    f->steps = f->blocks = 0;
    f->waiting = 1;
    for (int h = 0; h < ENGINE_FAR; h++) {
        for (enum forecaster k = 0; k < FORECAST_ANALYTIC; k++)
            score_trivial(f->coef[h][k], k, e->groups.count);
        prior_forecast(&f->prior[h], f->coef[h][FORECAST_ANALYTIC], e->groups.count, e->c->ridge);
        if (e->rssm)
            learned_far(e, h == 0 ? 1 : h == 1 ? 3 : 6, f->coef[h][FORECAST_LEARNED]);
    }
}

static void far_end(struct engine *e, uint64_t step, uint64_t steps)
{
    static const uint64_t blocks[ENGINE_FAR] = {1, 3, 6};
    struct far *f = e->far;
    struct outcome o;
    f->steps += steps;
    f->blocks++;
    for (int h = 0; h < ENGINE_FAR; h++) {
        if (f->blocks != blocks[h])
            continue;
        engine_products(e, e->far_D, e->host.w->theta, e->far_mark, 1 / (double)f->steps, &o);
        if (f->prior[h].blocks > 0) {
            log_begin(e, step, "gate0");
            log_number(e, "horizon", (double)f->steps);
            for (enum forecaster k = 0; k < N_FORECASTERS - (e->rssm ? 0 : 1); k++) {
                char key[40];
                double r2 = score_add(&f->score[h], k, &o, f->coef[h][k], e->groups.count);
                log_number(e, forecaster_name(k), r2);
                snprintf(key, sizeof key, "%s_so_far", forecaster_name(k));
                log_number(e, key, score_r2(&f->score[h], k));
            }
            log_end(e);
        }
        prior_add(&f->prior[h], &o, e->groups.count, e->c->prior_keep);
    }
}

/* Random directions of the forecast's length, group by group: what is left when all that was learnt is taken
 * away. */
static void randomise(struct engine *e)
{
    for (int g = 0; g < e->groups.count; g++) {
        double u[HYBRID_K], want = outcome_norm(&e->n->now, g, e->n->c[g]);
        for (int j = 0; j < HYBRID_K; j++) {
            double length = sqrt(e->n->now.gram[g][j][j]);
            u[j] = length > 0 ? random_normal(&e->n->random) / length : 0;
        }
        double norm = outcome_norm(&e->n->now, g, u);
        for (int j = 0; j < HYBRID_K; j++)
            e->n->c[g][j] = norm > 0 ? u[j] * sqrt(want / norm) : 0;
    }
}

/* No forecast is longer than what a step really moved, times norm_limit. */
static void limit_length(struct engine *e)
{
    double length = sqrt(outcome_norm_all(&e->n->now, e->n->c, e->groups.count));
    double most = e->c->norm_limit * sqrt(e->n->block_square);
    if (length <= most)
        return;
    for (int g = 0; g < e->groups.count; g++)
        for (int j = 0; j < HYBRID_K; j++)
            e->n->c[g][j] *= most / length;
}

/* A new block begins at the weights as they are. */
void block_begin(struct engine *e, uint64_t step)
{
    struct numbers *n = e->n;
    e->ops->copy(e->dev, e->mark, e->host.w->theta, e->total * sizeof(float));
    n->phases.block_steps = 0;
    n->drifted = 0;
    n->block_loss = n->block_losses = 0;
    engine_products(e, e->D, e->host.opt->m, NULL, 1, &n->now);
    prior_forecast(&n->prior, n->a0, e->groups.count, e->c->ridge);
    memcpy(n->c, n->a0, sizeof n->c);
    for (int g = 0; g < e->groups.count; g++)
        n->alpha[g] = 1;
    if (e->rssm)
        learned_forecast(e, step);
    limit_length(e);
    if (e->c->random)
        randomise(e);
}

void block_end(struct engine *e, uint64_t step)
{
    struct numbers *n = e->n;
    struct outcome o;
    uint64_t steps = n->phases.block_steps;
    /* what the optimizer did alone is forecast: else drift would be taken for a success of the forecast that
     * it came from */
    engine_move(e, e->mark, NULL, e->mark, n->c, n->drifted);
    engine_products(e, e->D, e->host.w->theta, e->mark, 1 / (double)steps, &o);
    n->block_square = 0;
    for (int g = 0; g < e->groups.count; g++)
        n->block_square += o.square[g];
    if (!isfinite(n->block_square)) /* nothing to be learnt from such a block */
        return;
    score_block(e, step, &o);
    outcome_best(&o, n->best, e->groups.count, e->c->ridge);
    prior_add(&n->prior, &o, e->groups.count, e->c->prior_keep);
    if (e->far && e->far->waiting)
        far_end(e, step, steps);
    if (e->rssm)
        learned_outcome(e, step, &o);
    renew_directions(e, steps);
    block_begin(e, step);
    if (e->far && (!e->far->waiting || e->far->blocks >= 6))
        far_begin(e);
}
