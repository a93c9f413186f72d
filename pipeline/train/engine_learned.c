#include "pipeline/train/engine_learned.h"

#include "pipeline/train/hybrid/features.h"
#include "pipeline/train/hybrid/residuals.h"
#include "pipeline/train/hybrid/rssm/rssm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RHO = HYBRID_K + 1 }; /* of a group: coefficients, then alpha */

struct memo {       /* members of 8 bytes: part of a checkpoint */
    double loss[4]; /* of the last blocks */
    double displacement_before, r2_analytic, r2_learned;
    hybrid_coef missed, plain;   /* a* - c of the last block; the model's forecast without the store's part */
    double alpha[HYBRID_GROUPS]; /* the same of the scale */
    double rho[HYBRID_GROUPS][RHO]; /* the store's part */
    double raw;                     /* confidence before calibration, of this cycle's jump */
    uint64_t serial, observed, resets;
};

struct learned {
    struct engine *e; /* borrowed */
    struct rssm_config config;
    struct residuals_config residuals_config;
    struct rssm *rssm;
    struct residuals *residuals; /* NULL: --engine-store 0 */
    struct rssm_forecast forecast;
    struct memo memo;
    float phi[HYBRID_GROUPS][FEATURES_PHI], a0[HYBRID_GROUPS][HYBRID_K]; /* scratch */
    float gram[HYBRID_GROUPS][HYBRID_K][HYBRID_K], rho[HYBRID_GROUPS][RHO];
};

_Static_assert(sizeof(struct memo) % 8 == 0, "a checkpoint holds it as 8-byte words");

static void make_configs(struct learned *l)
{
    const struct hybrid_config *c = l->e->c;
    rssm_config_default(&l->config, l->e->groups.count);
    l->config.n_x = FEATURES_X;
    l->config.n_phi = FEATURES_PHI;
    l->config.n_u = FEATURES_U;
    l->config.k = HYBRID_K;
    l->config.members = (int)c->members;
    l->config.n_z = (int)c->latent;
    l->config.capacity = (int)c->replay;
    l->config.seed = l->e->seed;
    residuals_config_default(&l->residuals_config, l->config.n_e, l->e->groups.count * RHO);
    l->residuals_config.store.capacity = (int)c->store;
    l->residuals_config.store.neighbours = (int)c->neighbours;
    l->residuals_config.store.decay = (float)c->age;
    l->residuals_config.linear.forgetting = (float)c->rls_keep;
    l->residuals_config.store_share = (float)c->knn_share;
}

struct learned *learned_open(struct engine *e)
{
    struct learned *l = calloc(1, sizeof *l);
    if (!l)
        return NULL;
    l->e = e;
    make_configs(l);
    if (learned_begin(l) == 0 && rssm_forecast_alloc(&l->forecast, &l->config) == 0)
        return l;
    learned_close(l);
    return NULL;
}

void learned_close(struct learned *l)
{
    if (!l)
        return;
    rssm_free(l->rssm);
    residuals_free(l->residuals);
    rssm_forecast_free(&l->forecast);
    free(l);
}

static int new_store(struct learned *l)
{
    residuals_free(l->residuals);
    l->residuals = NULL;
    if (l->e->c->store == 0)
        return 0;
    l->residuals = residuals_new(&l->residuals_config);
    return l->residuals ? 0 : -1;
}

int learned_begin(struct learned *l)
{
    memset(&l->memo, 0, sizeof l->memo);
    rssm_free(l->rssm);
    l->rssm = rssm_new(&l->config);
    return l->rssm && new_store(l) == 0 ? 0 : -1;
}

size_t learned_arrays(struct learned *l, struct state_array *out, size_t cap)
{
    size_t n = rssm_arrays(l->rssm, out, cap);
    if (l->residuals)
        n += residuals_arrays(l->residuals, out + n, cap - n);
    out[n++] = (struct state_array){"engine.learned", ARRAY_U64, &l->memo, sizeof l->memo / 8};
    return n;
}

int learned_check(struct learned *l, char *err, size_t cap)
{
    return rssm_check(l->rssm, err, cap) == 0 &&
                   (!l->residuals || residuals_check(l->residuals, err, cap) == 0)
               ? 0
               : -1;
}

static enum feature_class class_of(enum param_kind kind)
{
    return kind == PARAM_EMBED || kind == PARAM_HEAD ? CLASS_EMBEDDING
           : kind >= PARAM_NORM_ATTN                 ? CLASS_GAIN
           : kind >= PARAM_GATE                      ? CLASS_MLP
                                                     : CLASS_ATTENTION;
}

static double lr_ratio(const struct engine *e, uint64_t step)
{
    return schedule_lr(e->host.schedule, step) / e->host.schedule->peak;
}

static void gather(struct engine *e, uint64_t step, struct feature_input *in)
{
    const struct numbers *n = e->n;
    const struct memo *m = &e->rssm->memo;
    *in = (struct feature_input){.groups = e->groups.count,
                                 .lr_ratio = lr_ratio(e, step),
                                 .progress = (double)step / (double)e->host.schedule->steps,
                                 .norm_mean = n->divergence.norm_mean,
                                 .norm_var = n->divergence.norm_var,
                                 .loss_var = n->divergence.loss_var,
                                 .displacement = sqrt(n->block_square),
                                 .displacement_before = m->displacement_before,
                                 .r2_analytic = m->r2_analytic,
                                 .r2_learned = m->r2_learned,
                                 .accepted = (double)n->accepted,
                                 .rejected = (double)n->rejected,
                                 .jump_horizon = n->jump.horizon,
                                 .jump_change = n->jump.change,
                                 .drift = n->choice.drift ? e->c->drift : 0,
                                 .trend = n->bandit.trend,
                                 .confidence = n->choice.confidence,
                                 .now = &n->now,
                                 .best = n->best,
                                 .missed = m->missed};
    memcpy(in->loss, m->loss, sizeof in->loss);
    for (int g = 0; g < e->groups.count; g++)
        in->group[g] = (struct feature_group){class_of(e->groups.v[g].kind), e->groups.v[g].third,
                                              (double)e->groups.v[g].n};
}

static void action(const struct engine *e, uint64_t step, double virtual_steps, bool correct,
                   float u[FEATURES_U])
{
    const struct feature_action a = {.lr_ratio = lr_ratio(e, step),
                                     .virtual_steps = virtual_steps,
                                     .scale = virtual_steps > 0 ? e->n->choice.scale : 0,
                                     .drift = e->n->choice.drift ? e->c->drift : 0,
                                     .steps = (double)(correct ? e->c->correct : e->c->block),
                                     .correct = correct,
                                     .groups = e->groups.count,
                                     .c = e->n->c};
    features_u(&a, u);
}

static double r2_of(const struct outcome *o, hybrid_coef a, int groups)
{
    double missed = 0, square = 0;
    for (int g = 0; g < groups; g++) {
        missed += outcome_miss(o, g, a[g]);
        square += o->square[g];
    }
    return square > 0 ? 1 - missed / square : 0;
}

/* Damage shows as numbers that cannot be; then the store begins anew. */
static bool store_is_sound(struct engine *e, uint64_t step)
{
    char err[256];
    struct learned *l = e->rssm;
    if (!l->residuals)
        return false;
    if (residuals_check(l->residuals, err, sizeof err) == 0)
        return true;
    log_begin(e, step, "store_reset");
    log_text(e, "why", "the residual store is damaged");
    log_end(e);
    l->memo.resets++;
    return new_store(l) == 0;
}

/* The residual of the block that ended. alpha NULL: not known. */
static void add_residual(struct engine *e, uint64_t step, hybrid_coef best, const double *alpha)
{
    struct learned *l = e->rssm;
    if (!store_is_sound(e, step))
        return;
    for (int g = 0; g < e->groups.count; g++) {
        for (int j = 0; j < HYBRID_K; j++)
            l->rho[g][j] = (float)fmax(-1, fmin(1, best[g][j] - l->memo.plain[g][j]));
        l->rho[g][HYBRID_K] = alpha ? (float)(alpha[g] - l->memo.alpha[g]) : NAN;
    }
    residuals_add(l->residuals, rssm_features(l->rssm), l->rho[0]);
}

static void targets(struct engine *e, const struct outcome *o, double change)
{
    struct learned *l = e->rssm;
    float dl = (float)change;
    for (int g = 0; g < e->groups.count; g++)
        for (int i = 0; i < HYBRID_K; i++) {
            l->a0[g][i] = (float)e->n->best[g][i];
            for (int j = 0; j < HYBRID_K; j++)
                l->gram[g][i][j] = (float)(o->gram[g][i][j] * 1e6); /* any scale; f32 must hold it */
        }
    const struct rssm_target target = {.a = l->a0[0], .gram = l->gram[0][0], .dl = isfinite(dl) ? &dl : NULL};
    rssm_target(l->rssm, l->memo.serial, &target);
}

void learned_outcome(struct engine *e, uint64_t step, const struct outcome *o)
{
    struct learned *l = e->rssm;
    struct numbers *n = e->n;
    struct rssm_stats stats = {0};
    float u[FEATURES_U];
    bool correct = n->phases.phase == PHASE_CORRECT;
    double loss = n->block_losses > 0 ? n->block_loss / n->block_losses : l->memo.loss[0];
    double change = l->memo.loss[0] > 0 ? loss - l->memo.loss[0] : NAN;
    memmove(l->memo.loss + 1, l->memo.loss, 3 * sizeof(double));
    l->memo.loss[0] = loss;
    if (!l->memo.observed)
        return;
    l->memo.r2_analytic = r2_of(o, n->a0, e->groups.count);
    l->memo.r2_learned = r2_of(o, n->c, e->groups.count);
    for (int g = 0; g < e->groups.count; g++)
        for (int j = 0; j < HYBRID_K; j++)
            l->memo.missed[g][j] = n->best[g][j] - n->c[g][j];
    action(e, step, correct ? n->jump.horizon : 0, correct, u);
    rssm_act(l->rssm, u);
    targets(e, o, change);
    if (!correct)
        add_residual(e, step, n->best, NULL);
    for (uint64_t i = 0; i < e->c->learn_steps; i++)
        rssm_train_step(l->rssm, &stats);
    if (!stats.trained)
        return;
    log_begin(e, step, "learn");
    log_number(e, "loss", (double)stats.loss);
    log_number(e, "coef", (double)stats.coef);
    log_number(e, "dl", (double)stats.dl);
    log_number(e, "kl", (double)stats.kl);
    log_number(e, "recon", (double)stats.recon);
    log_number(e, "residuals", l->residuals ? (double)residuals_count(l->residuals) : 0);
    log_end(e);
}

static void imagine(struct engine *e, uint64_t step, int blocks, double virtual_steps)
{
    struct learned *l = e->rssm;
    float plan[8 * FEATURES_U];
    for (int i = 0; i < blocks; i++)
        action(e, step, i == 0 ? virtual_steps : 0, i == 0 && virtual_steps > 0, plan + i * FEATURES_U);
    rssm_forecast(l->rssm, plan, blocks, &l->forecast);
}

static double store_part(const struct learned *l, int g, int j)
{
    return fmax(-0.5, fmin(0.5, l->memo.rho[g][j]));
}

static void look_up(struct engine *e, uint64_t step)
{
    struct learned *l = e->rssm;
    memset(l->memo.rho, 0, sizeof l->memo.rho);
    if (!store_is_sound(e, step))
        return;
    residuals_predict(l->residuals, rssm_features(l->rssm), l->rho[0]);
    for (int g = 0; g < e->groups.count; g++)
        for (int j = 0; j < RHO; j++)
            l->memo.rho[g][j] = isfinite(l->rho[g][j]) ? (double)l->rho[g][j] : 0;
}

void learned_forecast(struct engine *e, uint64_t step)
{
    struct learned *l = e->rssm;
    struct numbers *n = e->n;
    struct feature_input in;
    float x[FEATURES_X];
    gather(e, step, &in);
    features_x(&in, x);
    features_phi(&in, l->phi);
    for (int g = 0; g < e->groups.count; g++)
        for (int j = 0; j < HYBRID_K; j++)
            l->a0[g][j] = (float)n->a0[g][j];
    const struct rssm_block block = {x, l->phi[0], l->a0[0]};
    if (rssm_observe(l->rssm, &block, &l->memo.serial) != RSSM_OK)
        return;
    l->memo.observed = 1;
    l->memo.displacement_before = sqrt(n->block_square);
    imagine(e, step, 1, 0);
    look_up(e, step);
    for (int g = 0; g < e->groups.count; g++) {
        l->memo.alpha[g] = (double)l->forecast.alpha[g];
        n->alpha[g] = fmax(0, fmin(2, l->memo.alpha[g] + store_part(l, g, HYBRID_K)));
        for (int j = 0; j < HYBRID_K; j++) {
            l->memo.plain[g][j] = (double)l->forecast.c[g * HYBRID_K + j];
            n->c[g][j] = l->memo.plain[g][j] + store_part(l, g, j);
        }
    }
}

/* Per-step coefficients of imagined block i, with what the store says. */
static double imagined(const struct engine *e, int i, int g, int j)
{
    const struct learned *l = e->rssm;
    return (double)l->forecast.c[(i * e->groups.count + g) * HYBRID_K + j] + store_part(l, g, j);
}

void learned_plan(struct engine *e, double length, hybrid_coef coef)
{
    int blocks = (int)ceil(length / (double)e->c->block);
    blocks = blocks < 1 ? 1 : blocks > e->rssm->config.max_blocks ? e->rssm->config.max_blocks : blocks;
    memset(coef, 0, sizeof(hybrid_coef));
    imagine(e, e->n->phases.total, blocks, length);
    for (int i = 0; i < blocks; i++)
        for (int g = 0; g < e->groups.count; g++)
            for (int j = 0; j < HYBRID_K; j++)
                coef[g][j] += length / blocks * e->n->alpha[g] * imagined(e, i, g, j);
}

void learned_far(struct engine *e, int blocks, hybrid_coef coef)
{
    memset(coef, 0, sizeof(hybrid_coef));
    imagine(e, e->n->phases.total, blocks, 0);
    for (int i = 0; i < blocks; i++)
        for (int g = 0; g < e->groups.count; g++)
            for (int j = 0; j < HYBRID_K; j++)
                coef[g][j] += imagined(e, i, g, j) / blocks;
}

double learned_confidence(struct engine *e, double virtual_steps, double cost)
{
    struct learned *l = e->rssm;
    enum { BLOCKS = 3 };
    double without = 0;
    imagine(e, e->n->phases.total, BLOCKS, 0);
    for (int i = 0; i < BLOCKS; i++)
        without += (double)l->forecast.dl[i];
    imagine(e, e->n->phases.total, BLOCKS, virtual_steps);
    double per_step = without / (BLOCKS * (double)e->c->block);
    double raw = (double)rssm_confidence_raw(l->rssm, &l->forecast, (float)(without + cost * per_step));
    l->memo.raw = isfinite(raw) ? raw : 0;
    return (double)rssm_confidence(l->rssm, (float)l->memo.raw);
}

void learned_gained(struct engine *e, bool gained)
{
    rssm_outcome(e->rssm->rssm, (float)e->rssm->memo.raw, gained);
}

bool learned_correction(struct engine *e, uint64_t step, const struct outcome *o, const double *alpha,
                        hybrid_coef coef)
{
    struct learned *l = e->rssm;
    struct numbers *n = e->n;
    hybrid_coef best = {{0}};
    if (!l->memo.observed || !l->residuals)
        return false;
    outcome_best(o, best, e->groups.count, e->c->ridge);
    add_residual(e, step, best, alpha);
    struct memo used = l->memo;
    look_up(e, step);
    memset(coef, 0, sizeof(hybrid_coef));
    for (int g = 0; g < e->groups.count; g++)
        for (int j = 0; j < HYBRID_K; j++)
            coef[g][j] = n->jump.horizon * n->jump.alpha[g] *
                         (store_part(l, g, j) - fmax(-0.5, fmin(0.5, used.rho[g][j])));
    double length = sqrt(outcome_norm_all(&n->now, coef, e->groups.count));
    double most = e->c->correction_norm * sqrt(outcome_norm_all(&n->now, n->jump.moved, e->groups.count));
    for (int g = 0; g < e->groups.count && length > most; g++)
        for (int j = 0; j < HYBRID_K; j++)
            coef[g][j] *= most / length;
    return length > 0 && most > 0;
}

void learned_spoil(struct engine *e)
{
    struct state_array a[RESIDUALS_ARRAYS];
    size_t n = e->rssm->residuals ? residuals_arrays(e->rssm->residuals, a, RESIDUALS_ARRAYS) : 0;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; a[i].type == ARRAY_F32 && k < a[i].n; k += 3)
            ((float *)a[i].data)[k] = k % 2 ? 1e30f : NAN;
}
