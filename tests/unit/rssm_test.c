/*
 * rssm_test - the learned dynamics on a process whose law and noise are known: what it forecasts, how sure it
 * is, that a saved model goes on bit for bit, and that damage is refused
 *
 * The process: two oscillators of which half is seen, so that a forecast needs memory.
 *   s' = 0.97 R s + 0.25 noise     R: rotations by 0.5 and 0.9
 *   x  = C (s_0, s_2), in units of its own, and a little noise
 *   a* = a0 + 0.12 B s             the displacement of the next block
 *   dL = 0.02 s_1 - 0.03 u_0 + 0.01 noise, of the next block
 */
#include "pipeline/train/hybrid/rssm/model.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

enum { G = 4, K = 2, X = 12, U = 2, PHI = 4, LEARN = 400, FRESH = 300 };

static const double NOISE_DL = 0.01, EFFECT_U = -0.03;

struct process {
    struct rng rng;
    double noise; /* noise of dL */
    double s[4], c[X][2], b[G * K][4];
    float x[X], phi[G * PHI], a0[G * K], a[G * K], gram[G * K * K], dl;
};

static struct rssm_config config(void)
{
    struct rssm_config c;
    rssm_config_default(&c, G);
    c.k = K;
    c.n_x = X;
    c.n_u = U;
    c.n_phi = PHI;
    c.n_e = 16;
    c.enc_hidden = 32;
    c.n_h = 32;
    c.n_z = 8;
    c.latent_hidden = 32;
    c.head_hidden = 16;
    c.dl_hidden = 16;
    c.batch = 2;
    c.seed = 5;
    return c;
}

static double normal(struct process *p)
{
    return (double)rng_normal(&p->rng);
}

static void process_begin(struct process *p, uint64_t seed)
{
    *p = (struct process){.rng = {seed, 0}, .noise = NOISE_DL};
    for (int i = 0; i < X; i++)
        for (int j = 0; j < 2; j++)
            p->c[i][j] = normal(p);
    for (int i = 0; i < G * K; i++) {
        p->a0[i] = (float)(0.5 + 0.2 * normal(p));
        for (int j = 0; j < 4; j++)
            p->b[i][j] = normal(p);
    }
    for (int g = 0; g < G; g++) {
        p->phi[g * PHI + g] = 1;
        float *m = p->gram + g * K * K;
        m[0] = 3;
        m[3] = 1;
        m[1] = m[2] = 0.4f;
    }
    for (int i = 0; i < 4; i++)
        p->s[i] = normal(p);
}

/* A block passes; x is what is seen at its end, a and dl what the next block would bring without an action.
 */
static void process_step(struct process *p)
{
    static const double angle[2] = {0.5, 0.9};
    for (int i = 0; i < 2; i++) {
        double *s = p->s + 2 * i, a = s[0], b = s[1];
        s[0] = 0.97 * (cos(angle[i]) * a - sin(angle[i]) * b) + 0.25 * normal(p);
        s[1] = 0.97 * (sin(angle[i]) * a + cos(angle[i]) * b) + 0.25 * normal(p);
    }
    for (int i = 0; i < X; i++) /* units from 1e-3 to 1e3, far from zero: whitening has to cope */
        p->x[i] = (float)(pow(10, i % 7 - 3) *
                          (p->c[i][0] * p->s[0] + p->c[i][1] * p->s[2] + 0.05 * normal(p) + 3));
    for (int i = 0; i < G * K; i++) {
        double sum = 0;
        for (int j = 0; j < 4; j++)
            sum += p->b[i][j] * p->s[j];
        p->a[i] = (float)((double)p->a0[i] + 0.12 * sum);
    }
    p->dl = (float)(0.02 * p->s[1] + p->noise * normal(p));
}

static double displacement_error(const struct process *p, const float *c)
{
    double sum = 0;
    for (int g = 0; g < G; g++)
        for (int i = 0; i < K; i++)
            for (int j = 0; j < K; j++)
                sum += (double)((c[g * K + i] - p->a[g * K + i]) * p->gram[(g * K + i) * K + j] *
                                (c[g * K + j] - p->a[g * K + j]));
    return sum;
}

/* One block with an action drawn at random, its outcome told at once. */
static uint64_t live(struct rssm *r, struct process *p, int train_steps)
{
    struct rssm_block b = {p->x, p->phi, p->a0};
    struct rssm_stats stats;
    uint64_t serial;
    process_step(p);
    CHECK(rssm_observe(r, &b, &serial) == 0);
    float u[U] = {rng_below(&p->rng, 2) ? 1.0f : 0.0f, 0.5f};
    float dl = p->dl + (float)EFFECT_U * u[0];
    CHECK(rssm_act(r, u) == 0);
    CHECK(rssm_target(r, serial, &(struct rssm_target){p->a, p->gram, &dl}) == 0);
    for (int i = 0; i < train_steps; i++)
        rssm_train_step(r, &stats);
    return serial;
}

static void zero_start_is_the_prior(void)
{
    struct rssm_config c = config();
    struct rssm *r = rssm_new(&c);
    struct rssm_forecast f;
    struct process p;
    float plan[3 * U] = {0};
    process_begin(&p, 1);
    CHECK(r && rssm_forecast_alloc(&f, &c) == 0);
    c.min_blocks = 1 << 10;
    for (int i = 0; i < 12; i++)
        live(r, &p, 0);
    CHECK(rssm_forecast(r, plan, 3, &f) == 0 && f.blocks == 3);
    for (int n = 0; n < 3; n++) {
        CHECK(memcmp(f.c + n * G * K, p.a0, sizeof p.a0) == 0, "c is not a0 in block %d", n);
        for (int i = 0; i < G; i++)
            CHECK(f.c_std[(n * G + i) * K] == 0, "block %d group %d", n, i);
    }
    rssm_forecast_free(&f);
    rssm_free(r);
}

struct tally {
    double model, prior, ahead, ahead_prior; /* squared errors: next block, third block */
    double within90, within50, deviation, effect;
};

/* Forecasts of blocks that are not trained on, before they happen. */
static struct tally examine(struct rssm *r, struct process *p)
{
    struct rssm_forecast f;
    struct tally t = {0};
    static float ahead[FRESH + 3][G * K];
    CHECK(rssm_forecast_alloc(&f, rssm_config(r)) == 0);
    for (int i = 0; i < FRESH; i++) {
        struct rssm_block b = {p->x, p->phi, p->a0};
        uint64_t serial;
        float plan[3 * U] = {0, 0.5f, 0, 0.5f, 0, 0.5f}, jump[U] = {1, 0.5f};
        process_step(p);
        CHECK(rssm_observe(r, &b, &serial) == 0);
        CHECK(rssm_forecast(r, jump, 1, &f) == 0);
        double with = (double)f.dl[0];
        CHECK(rssm_forecast(r, plan, 3, &f) == 0);
        t.effect += (with - (double)f.dl[0]) / FRESH;
        t.model += displacement_error(p, f.c) / FRESH;
        t.prior += displacement_error(p, p->a0) / FRESH;
        memcpy(ahead[i + 2], f.c + 2 * G * K, sizeof ahead[0]);
        if (i >= 2) {
            t.ahead += displacement_error(p, ahead[i]) / (FRESH - 2);
            t.ahead_prior += displacement_error(p, p->a0) / (FRESH - 2);
        }
        double z = fabs((double)(p->dl - f.dl[0])) / (double)f.dl_std[0];
        t.within90 += (z < 1.645) / (double)FRESH;
        t.within50 += (z < 0.674) / (double)FRESH;
        t.deviation += (double)f.dl_std[0] / FRESH;
        CHECK(rssm_act(r, plan) == 0);
    }
    rssm_forecast_free(&f);
    return t;
}

static void print(const char *when, const struct tally *t)
{
    printf("%-8s error/prior %.3f, third block %.3f; dL: 90%% holds %.2f, 50%% holds %.2f, deviation %.4f "
           "(noise %.4f), "
           "effect of u %.4f (%.4f)\n",
           when, t->model / t->prior, t->ahead / t->ahead_prior, t->within90, t->within50, t->deviation,
           NOISE_DL, t->effect, EFFECT_U);
}

static void learns_and_knows_how_sure_it_is(void)
{
    struct rssm_config c = config();
    struct rssm *r = rssm_new(&c);
    struct process p;
    process_begin(&p, 2);
    for (int i = 0; i < LEARN / 10; i++)
        live(r, &p, 2);
    struct tally early = examine(r, &p);
    print("early", &early);
    for (int i = 0; i < LEARN; i++)
        live(r, &p, 4);
    struct tally late = examine(r, &p);
    print("late", &late);
    CHECK(late.model < 0.35 * late.prior && late.model < 0.7 * early.model, "the forecast did not learn");
    CHECK(late.ahead < 0.8 * late.ahead_prior, "imagination did not learn");
    CHECK(late.within90 > 0.8 && late.within90 < 0.97, "90%% intervals hold %.3f", late.within90);
    CHECK(late.within50 > 0.38 && late.within50 < 0.65, "50%% intervals hold %.3f", late.within50);
    CHECK(late.deviation < 2 * NOISE_DL, "deviation %.4f", late.deviation);
    CHECK(fabs(late.effect - EFFECT_U) < 0.3 * fabs(EFFECT_U), "effect of the action: %.4f", late.effect);

    p.noise = 5 * NOISE_DL; /* the world becomes noisier than its model, which is not trained any more */
    for (int i = 0; i < 80; i++)
        live(r, &p, 0);
    struct tally noisier = examine(r, &p);
    print("noisier", &noisier);
    CHECK(noisier.within90 > 0.8, "90%% intervals hold %.3f: past errors do not widen them",
          noisier.within90);
    rssm_free(r);
}

/* Samples of the latent state differ, so the readings of one member do; members differ on the same sample. */
static void samples_and_members_differ(void)
{
    struct rssm_config c = config();
    struct rssm *r = rssm_new(&c);
    struct rssm_forecast f;
    struct process p;
    float plan[2 * U] = {0};
    process_begin(&p, 3);
    rssm_forecast_alloc(&f, &c);
    for (int i = 0; i < 40; i++)
        live(r, &p, 2);
    CHECK(rssm_forecast(r, plan, 2, &f) == 0);
    int M = c.members, S = c.samples;
    for (int i = 0; i < S * M; i++) { /* of the last block */
        const float *raw = r->imagined.heads.dl_raw + 2 * i;
        CHECK(i < M || raw[0] != raw[-2 * M], "samples %d and %d agree", i / M - 1, i / M);
        CHECK(i % M == 0 || raw[0] != raw[-2], "members %d and %d agree", i % M - 1, i % M);
    }
    for (int i = 0; i < 2 * G * K; i++)
        CHECK(f.c_std[i] > 0, "no spread in coefficient %d", i);
    rssm_forecast_free(&f);
    rssm_free(r);
}

/* A sequence that begins knows nothing of the one before: the same blocks leave the same state. */
static void sequences_begin_anew(void)
{
    struct rssm_config c = config();
    struct process p;
    c.seq = 8;
    struct rssm *r = rssm_new(&c);
    float state[2][c.n_h];
    for (int i = 0; i < 2; i++) {
        process_begin(&p, 8 + (uint64_t)i); /* the second time after other blocks */
        rssm_begin(r);
        for (int k = 0; k < 8; k++)
            live(r, &p, 0);
        float *first = replay_at(&r->replay, REPLAY_H, (uint64_t)i * 8);
        memcpy(state[i], first, sizeof state[i]);
        for (int k = 0; k < c.n_h; k++)
            CHECK(state[i][k] == 0, "sequence %d begins with a state", i);
        CHECK(rssm_state(r)[0] != 0);
    }
    struct rssm_stats stats; /* replayed whole, they still do */
    for (int i = 0; i < 20; i++)
        rssm_train_step(r, &stats);
    CHECK(stats.trained && replay_at(&r->replay, REPLAY_H, 0)[0] == 0 &&
          replay_at(&r->replay, REPLAY_H, 8)[0] == 0);
    rssm_free(r);
}

static struct rssm *copy_of(struct rssm *r)
{
    struct state_array from[64], to[64];
    struct rssm *s = rssm_new(rssm_config(r));
    char err[256];
    size_t n = rssm_arrays(r, from, 64);
    CHECK(n <= 64 && rssm_arrays(s, to, 64) == n);
    for (size_t i = 0; i < n; i++) {
        CHECK(strcmp(from[i].name, to[i].name) == 0 && from[i].n == to[i].n);
        memcpy(to[i].data, from[i].data, from[i].n * (from[i].type == ARRAY_U64 ? 8 : 4));
    }
    CHECK(rssm_check(s, err, sizeof err) == 0, "%s", err);
    return s;
}

static void go_on(struct rssm *r, struct process *p, struct rssm_forecast *f)
{
    float plan[4 * U] = {0.3f};
    for (int i = 0; i < 20; i++) {
        live(r, p, 2);
        CHECK(rssm_forecast(r, plan, 4, f) == 0);
    }
}

static void loaded_model_goes_on_bit_for_bit(void)
{
    struct rssm_config c = config();
    struct rssm_forecast f, g;
    struct process p, q;
    c.capacity = 24; /* the ring wraps before and after */
    struct rssm *r = rssm_new(&c);
    process_begin(&p, 4);
    rssm_forecast_alloc(&f, &c);
    rssm_forecast_alloc(&g, &c);
    go_on(r, &p, &f);
    go_on(r, &p, &f);
    struct rssm *s = copy_of(r);
    q = p;
    go_on(r, &p, &f);
    go_on(s, &q, &g);
    CHECK(memcmp(f.c, g.c, 4 * G * K * sizeof(float)) == 0 && memcmp(f.dl, g.dl, 4 * sizeof(float)) == 0);
    struct state_array v[64], w[64];
    size_t n = rssm_arrays(r, v, 64);
    rssm_arrays(s, w, 64);
    for (size_t i = 0; i < n; i++)
        CHECK(memcmp(v[i].data, w[i].data, v[i].n * (v[i].type == ARRAY_U64 ? 8 : 4)) == 0, "%s differs",
              v[i].name);
    rssm_forecast_free(&f);
    rssm_forecast_free(&g);
    rssm_free(r);
    rssm_free(s);
}

static void damage_is_refused(void)
{
    struct rssm_config c = config();
    struct rssm *r = rssm_new(&c);
    struct state_array v[64];
    struct process p;
    char err[256];
    process_begin(&p, 5);
    for (int i = 0; i < 10; i++)
        live(r, &p, 1);
    size_t n = rssm_arrays(r, v, 64);
    for (size_t i = 0; i < n; i++) {
        if (v[i].type != ARRAY_F32)
            continue;
        float *at = (float *)v[i].data + v[i].n / 2, kept = *at;
        *at = NAN;
        CHECK(rssm_check(r, err, sizeof err) == -1 && strstr(err, v[i].name), "NaN in %s: %s", v[i].name,
              err);
        *at = -0.5f;
        bool signless = strstr(v[i].name, "has_") || strstr(v[i].name, "variance") ||
                        strstr(v[i].name, "surprise") || !strcmp(v[i].name, "rssm.adam.v");
        CHECK(rssm_check(r, err, sizeof err) == -signless, "-0.5 in %s", v[i].name);
        *at = kept;
    }
    CHECK(rssm_check(r, err, sizeof err) == 0);
    uint64_t *count = v[n - 1].data;
    CHECK(v[n - 1].type == ARRAY_U64);
    static const uint64_t wrong[][2] = {{0, UINT64_MAX}, {1, 2}, {2, 11}, {3, UINT64_MAX}, {4, 2},
                                        {5, 2},          {6, 2}, {7, 11}, {8, 1},          {10, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t kept = count[wrong[i][0]];
        count[wrong[i][0]] = wrong[i][1];
        CHECK(rssm_check(r, err, sizeof err) == -1 && strstr(err, "rssm.counters"), "counter %d",
              (int)wrong[i][0]);
        count[wrong[i][0]] = kept;
    }
    CHECK(rssm_check(r, err, sizeof err) == 0);
    rssm_free(r);
}

static void misuse_changes_nothing(void)
{
    struct rssm_config c = config();
    c.capacity = 16;
    struct rssm *r = rssm_new(&c);
    struct rssm_forecast f;
    struct process p;
    float plan[9 * U] = {0}, bad[U] = {0, INFINITY}, dl = NAN;
    uint64_t serial = 99;
    process_begin(&p, 6);
    process_step(&p);
    struct rssm_block b = {p.x, p.phi, p.a0};
    rssm_forecast_alloc(&f, &c);
    CHECK(rssm_act(r, plan) == RSSM_EORDER && rssm_forecast(r, plan, 1, &f) == RSSM_EORDER);
    p.x[3] = NAN;
    CHECK(rssm_observe(r, &b, &serial) == RSSM_ENONFINITE && serial == 99);
    p.x[3] = 0;
    CHECK(rssm_observe(r, &b, &serial) == 0 && serial == 0);
    CHECK(rssm_observe(r, &b, &serial) == RSSM_EORDER);
    CHECK(rssm_act(r, bad) == RSSM_ENONFINITE && rssm_act(r, plan) == 0 && rssm_act(r, plan) == RSSM_EORDER);
    CHECK(rssm_forecast(r, plan, 9, &f) == RSSM_ERANGE && rssm_forecast(r, plan, 0, &f) == RSSM_ERANGE);
    CHECK(rssm_target(r, 1, &(struct rssm_target){.dl = &p.dl}) == RSSM_EGONE);
    CHECK(rssm_target(r, 0, &(struct rssm_target){.dl = &dl}) == RSSM_ENONFINITE);
    for (int i = 0; i < 16; i++)
        live(r, &p, 1);
    CHECK(rssm_target(r, 0, &(struct rssm_target){.dl = &p.dl}) == RSSM_EGONE);
    c.capacity = 3;
    CHECK(rssm_new(&c) == NULL);
    rssm_forecast_free(&f);
    rssm_free(r);
}

static double norm(const float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)v[i] * (double)v[i];
    return sqrt(sum);
}

/* Tests the parts of a train step besides descending: bootstrap masks, fresher states in the buffer, the
 * clipped gradient. */
static void a_train_step_from_within(void)
{
    struct rssm_config c = config();
    struct rssm_stats stats;
    struct process p;
    c.clip = 0.01f;
    struct rssm *r = rssm_new(&c);
    process_begin(&p, 7);
    for (int i = 0; i < 40; i++)
        live(r, &p, 0);
    size_t H = (size_t)c.n_h, rows = (size_t)(c.seq * c.batch), M = (size_t)c.members, seen = 0, alike = 0;
    float before[H], *state = replay_at(&r->replay, REPLAY_H, 39);
    memcpy(before, state, sizeof before);
    rssm_train_step(r, &stats);
    CHECK(stats.trained && (double)stats.grad_norm > 0.1, "gradient %g", (double)stats.grad_norm);
    CHECK(fabs(norm(r->m, r->net.n_weights) / (0.1 * 0.01) - 1) < 1e-3,
          "Adam saw a gradient that was not clipped");
    CHECK(memcmp(before, state, sizeof before) != 0, "the state in the buffer is stale");
    for (size_t i = 0; i < rows * M; i++) {
        seen += r->in.target.member[i] == 1;
        alike += r->in.target.member[i] == r->in.target.member[i / M * M];
    }
    CHECK(fabs((double)seen / (double)(rows * M) - 0.8) < 0.15, "members see %zu of %zu", seen, rows * M);
    CHECK(alike < rows * M, "every member sees the same blocks");

    float *w = malloc(r->net.n_weights * sizeof *w);
    r->w[r->net.decoder.b] = INFINITY;
    memcpy(w, r->w, r->net.n_weights * sizeof *w);
    rssm_train_step(r, &stats);
    CHECK(!stats.trained && memcmp(w, r->w, r->net.n_weights * sizeof *w) == 0,
          "a gradient that is not finite was applied");
    free(w);
    rssm_free(r);
}

static void default_size(void)
{
    struct rssm_config c;
    rssm_config_default(&c, 30);
    struct rssm *r = rssm_new(&c);
    CHECK(rssm_weights(r) > 145000 && rssm_weights(r) < 170000, "%zu weights", rssm_weights(r));
    rssm_free(r);
}

int main(void)
{
    test_begin(280);
    zero_start_is_the_prior();
    samples_and_members_differ();
    sequences_begin_anew();
    loaded_model_goes_on_bit_for_bit();
    damage_is_refused();
    misuse_changes_nothing();
    a_train_step_from_within();
    default_size();
    learns_and_knows_how_sure_it_is();
    return 0;
}
