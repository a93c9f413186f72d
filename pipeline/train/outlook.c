#include "pipeline/train/outlook.h"

#include "pipeline/train/hybrid/residuals.h"
#include "pipeline/train/hybrid/rssm/rssm.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FEATURES = 12, ACTION = 2, KEY = 8, TRAIN_STEPS = 300, SEED = 7 };
enum { END, NEXT, SCALARS }; /* of the store */

/* A coefficient of 1 is a tenth of the loss; the model moves one by at most a half. */
static const double UNIT = 0.1;
static const double STEP = 0.05, FIRST = 0.2;

struct outlook {
    struct rssm *model;      /* NULL: not used; owned, as the others */
    struct residuals *store; /* NULL: not used */
    struct rssm_forecast out;
};

struct point {
    float x[FEATURES], u[ACTION];
    struct forecast end, next; /* by the law */
    bool known;                /* it has them here */
};

/* --- points of a run ------------------------------------------------------------ */

double outlook_share(int point)
{
    return FIRST + STEP * point;
}

double outlook_met(const struct recorded *r, int point)
{
    double sum = 0, n = 0, at = outlook_share(point), reach = fmin(STEP / 2, 1 - at);
    for (size_t i = 0; i < r->n; i++)
        if (fabs(((double)i + 0.5) / (double)r->n - at) <= reach) {
            sum += r->loss[i];
            n++;
        }
    return sum / n;
}

/* Mean loss around that share of the steps so far. */
static double level(const struct losses *l, double share)
{
    uint64_t blocks = l->n / l->width, reach = blocks / 16 + 1, middle = (uint64_t)(share * (double)blocks);
    double sum = 0, n = 0;
    for (uint64_t i = middle > reach ? middle - reach : 0; i < blocks && i <= middle + reach; i++) {
        sum += l->block[i];
        n++;
    }
    return sum / n;
}

static double rate(const struct schedule *s, double share)
{
    return schedule_lr(s, (uint64_t)(share * (double)s->steps)) / s->peak;
}

/* The losses until a point. */
static struct losses until(const struct losses *all, const struct schedule *s, int at)
{
    struct losses l = *all;
    uint64_t steps = (uint64_t)(outlook_share(at) * (double)s->steps);
    if (l.n > steps)
        l.n = steps / l.width * l.width;
    return l;
}

/* What the law says at point `from` of the loss around point `at`. */
static bool law_at(const struct losses *all, const struct schedule *s, int from, int at, struct forecast *f)
{
    struct losses l = until(all, s, from);
    return forecast_at(&l, s, s, fmin(outlook_share(at), 1) * (double)s->steps, f);
}

static void act(float u[ACTION], const struct schedule *s, int at)
{
    u[0] = (float)rate(s, outlook_share(at + 1));
    u[1] = (float)outlook_share(at);
}

/* What is known at a point. before: the point before. */
static void look(struct point *p, const struct losses *all, const struct schedule *s, int at,
                 const struct point *before)
{
    double share = outlook_share(at);
    struct losses l = until(all, s, at);
    *p = (struct point){0};
    act(p->u, s, at);
    p->known = forecast_make(&l, s, s, &p->end) && law_at(all, s, at, at + 1, &p->next);
    if (!p->known)
        return;
    double now = level(&l, 1), half = level(&l, 0.5);
    const double x[FEATURES] = {share,
                                log(p->end.loss / now),
                                log(p->next.loss / now),
                                (p->end.high - p->end.low) / now,
                                log(now / half),
                                log(half / level(&l, 0.25)),
                                rate(s, share),
                                rate(s, (1 + share) / 2),
                                rate(s, share) - s->min_ratio,
                                before->known ? log(p->end.loss / before->end.loss) : 0,
                                log(now),
                                log((double)s->steps)};
    for (int i = 0; i < FEATURES; i++)
        p->x[i] = (float)x[i];
}

/* --- what is learned -------------------------------------------------------------- */

static void begin(struct outlook *o)
{
    if (o->model)
        rssm_begin(o->model);
}

/* The model meets a point; serial may be NULL. */
static bool meet(struct outlook *o, const struct point *p, uint64_t *serial)
{
    static const float phi = 1, prior = 0;
    const struct rssm_block b = {p->x, &phi, &prior};
    uint64_t unused;
    return !o->model || (rssm_observe(o->model, &b, serial ? serial : &unused) == RSSM_OK &&
                         rssm_act(o->model, p->u) == RSSM_OK);
}

/* What the law's forecasts are to be multiplied by, as logarithms: that of the end, and those of n points to
 * come, imagined under the rates to come. */
static void coefficients(struct outlook *o, const struct schedule *s, int at, int n, double *end,
                         double *next)
{
    float plan[OUTLOOK_AHEAD * ACTION];
    for (int i = 0; i < n; i++)
        act(plan + i * ACTION, s, at + i);
    bool said = o->model && rssm_forecast(o->model, plan, n, &o->out) == RSSM_OK;
    *end = said ? UNIT * (double)o->out.c[0] : 0;
    for (int i = 0; i < n; i++)
        next[i] = said ? UNIT * (double)o->out.dl[i] : 0;
}

/* The state that a residual is found again by: the encoder's features, or what the point itself is like. */
static void key_of(const struct outlook *o, const struct point *p, float key[KEY])
{
    static const float unit[KEY] = {0.25f, 0.05f, 0.03f, 0.05f, 0.05f, 0.05f, 0.4f, 0.4f};
    for (int i = 0; i < KEY; i++)
        key[i] = o->model ? rssm_features(o->model)[i] : p->x[i] / unit[i];
}

/* Logarithms of what the law's forecasts at a point would have had to be multiplied by. */
static void missed(const struct recorded *r, const struct point *p, int at, double m[SCALARS])
{
    m[END] = log(r->end / p->end.loss);
    m[NEXT] = log((at + 1 < OUTLOOK_POINTS ? outlook_met(r, at + 1) : r->end) / p->next.loss);
}

/* All points of a run into the model's memory, with what it should have said. */
static void remember(struct outlook *o, const struct recorded *r)
{
    struct losses l = recorded_losses(r, r->schedule.steps);
    struct point p[OUTLOOK_POINTS + 1] = {0};
    begin(o);
    for (int i = 0; i < OUTLOOK_POINTS; i++) {
        uint64_t serial;
        double m[SCALARS];
        look(&p[i + 1], &l, &r->schedule, i, &p[i]);
        if (!meet(o, &p[i + 1], &serial) || !p[i + 1].known)
            continue;
        missed(r, &p[i + 1], i, m);
        float a = (float)(m[END] / UNIT), dl = (float)(m[NEXT] / UNIT), gram = 1;
        rssm_target(o->model, serial, &(struct rssm_target){.a = &a, .gram = &gram, .dl = &dl});
    }
}

/* What is still missed of a run, into the store. */
static void keep(struct outlook *o, const struct recorded *r)
{
    struct losses l = recorded_losses(r, r->schedule.steps);
    struct point p[OUTLOOK_POINTS + 1] = {0};
    begin(o);
    for (int i = 0; i < OUTLOOK_POINTS; i++) {
        double c[SCALARS], m[SCALARS];
        float key[KEY], left[SCALARS];
        look(&p[i + 1], &l, &r->schedule, i, &p[i]);
        if (!meet(o, &p[i + 1], NULL) || !p[i + 1].known)
            continue;
        coefficients(o, &r->schedule, i, 1, &c[END], &c[NEXT]);
        missed(r, &p[i + 1], i, m);
        for (int k = 0; k < SCALARS; k++)
            left[k] = (float)(m[k] - c[k]);
        key_of(o, &p[i + 1], key);
        residuals_add(o->store, key, left);
    }
}

static struct rssm *model_new(size_t runs)
{
    struct rssm_config c;
    rssm_config_default(&c, 1);
    c.k = 1;
    c.n_x = FEATURES;
    c.n_u = ACTION;
    c.n_phi = 1;
    c.n_e = KEY;
    c.enc_hidden = 16;
    c.n_h = 16;
    c.n_z = 4;
    c.latent_hidden = 16;
    c.head_hidden = 8;
    c.dl_hidden = 8;
    c.max_blocks = OUTLOOK_AHEAD;
    c.seq = OUTLOOK_POINTS;
    c.capacity = (int)(runs + 1) * OUTLOOK_POINTS;
    c.batch = 8;
    c.whiten_rate = 1e-6f; /* means over all runs */
    c.seed = SEED;
    return rssm_new(&c);
}

static struct residuals *store_new_for(size_t runs)
{
    struct residuals_config c;
    residuals_config_default(&c, KEY, SCALARS);
    c.store.capacity = (int)(runs + 1) * OUTLOOK_POINTS;
    c.store.decay = 1; /* no run is older than another */
    c.linear.forgetting = 1;
    return residuals_new(&c);
}

struct outlook *outlook_new(const struct recorded *runs, size_t n, const struct recorded *without, int parts)
{
    struct outlook *o = calloc(1, sizeof *o);
    struct rssm_stats stats;
    if (!o)
        return NULL;
    o->model = parts & OUTLOOK_MODEL ? model_new(n) : NULL;
    o->store = parts & OUTLOOK_STORE ? store_new_for(n) : NULL;
    if ((parts & OUTLOOK_MODEL && (!o->model || rssm_forecast_alloc(&o->out, rssm_config(o->model)) != 0)) ||
        (parts & OUTLOOK_STORE && !o->store)) {
        outlook_free(o);
        return NULL;
    }
    for (size_t i = 0; o->model && i < n; i++)
        if (!without || !recorded_kin(&runs[i], without))
            remember(o, &runs[i]);
    for (int i = 0; o->model && i < TRAIN_STEPS; i++)
        rssm_train_step(o->model, &stats);
    if (o->model)
        rssm_freeze(o->model);
    for (size_t i = 0; o->store && i < n; i++)
        if (!without || !recorded_kin(&runs[i], without))
            keep(o, &runs[i]);
    return o;
}

void outlook_free(struct outlook *o)
{
    if (!o)
        return;
    rssm_free(o->model);
    residuals_free(o->store);
    rssm_forecast_free(&o->out);
    free(o);
}

static void scale(struct forecast *f, double logarithm)
{
    double factor = exp(logarithm);
    *f = (struct forecast){f->loss * factor, f->low * factor, f->high * factor};
}

bool outlook_make(struct outlook *o, const struct losses *l, const struct schedule *s,
                  struct outlook_forecast *f)
{
    struct point p[OUTLOOK_POINTS + 1] = {0};
    float key[KEY], r[SCALARS] = {0};
    double c, next[OUTLOOK_AHEAD];
    int n = 0;
    begin(o);
    for (; n < OUTLOOK_POINTS && outlook_share(n) * (double)s->steps <= (double)l->n + 1; n++) {
        look(&p[n + 1], l, s, n, &p[n]);
        if (!meet(o, &p[n + 1], NULL))
            return false;
    }
    if (n == 0 || !p[n].known)
        return false;
    f->point = n - 1;
    f->ahead = OUTLOOK_POINTS - n < OUTLOOK_AHEAD ? OUTLOOK_POINTS - n : OUTLOOK_AHEAD;
    coefficients(o, s, f->point, f->ahead > 0 ? f->ahead : 1, &c, next);
    if (o->store) {
        key_of(o, &p[n], key);
        residuals_predict(o->store, key, r);
    }
    f->end = p[n].end;
    scale(&f->end, c + (double)r[END]);
    for (int i = 0; i < f->ahead; i++) {
        struct forecast law;
        if (!law_at(l, s, f->point, n + i, &law))
            return false;
        scale(&law, next[i] + (double)r[NEXT]);
        f->at[i] = law.loss;
    }
    return true;
}
