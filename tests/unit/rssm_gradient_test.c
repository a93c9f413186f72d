/*
 * rssm_gradient_test - every derivative of the learned dynamics against central differences
 *
 * The network's sources are compiled here once more with double for `real`: in float, differences could not
 * tell a derivative from one that is off by a thousandth. The divergence is this file's own, since its
 * training gradient is by intent not that of its value: each side is trained as if the other were constant.
 */
#define RSSM_REAL double
#include "pipeline/train/hybrid/rssm/linear.c"
#include "pipeline/train/hybrid/rssm/gru.c"
#include "pipeline/train/hybrid/rssm/latent.c"
#include "pipeline/train/hybrid/rssm/heads.c"
#include "pipeline/train/hybrid/rssm/loss.c"
#include "pipeline/train/hybrid/rssm/net.c"
#include "pipeline/train/hybrid/rssm/net_alloc.c"

#include "pipeline/train/hybrid/rssm/rng.h"
#include "tests/check.h"

enum { T = 4, B = 2, ROWS = T * B };

struct setup {
    struct net net;
    struct net_input in;
    struct net_work work;
    double *w, *g, *memory[2];
    double *q0, *p0; /* the distributions at the weights the gradient was taken at */
};

static struct rssm_config small(void)
{
    struct rssm_config c;
    memset(&c, 0, sizeof c);
    c = (struct rssm_config){.groups = 3,
                             .k = 3,
                             .n_x = 5,
                             .n_u = 2,
                             .n_phi = 3,
                             .n_e = 4,
                             .enc_hidden = 6,
                             .n_h = 7,
                             .n_z = 3,
                             .latent_hidden = 5,
                             .members = 2,
                             .head_hidden = 4,
                             .dl_hidden = 3,
                             .kl_prior = 0.5f,
                             .kl_posterior = 0.1f,
                             .free_nats = 1,
                             .beta = 1,
                             .w_recon = 0.25f};
    return c;
}

static void normals(double *v, size_t n, struct rng *r, double scale)
{
    for (size_t i = 0; i < n; i++)
        v[i] = scale * (double)rng_normal(r);
}

/* Gram matrices of random vectors, trace 1 */
static void grams(const struct rssm_config *c, double *gram, struct rng *r)
{
    for (int i = 0; i < ROWS * c->groups; i++) {
        double v[3][3], trace = 0, *m = gram + i * 9;
        normals(&v[0][0], 9, r, 1);
        for (int a = 0; a < 9; a++)
            m[a] = v[a / 3][0] * v[a % 3][0] + v[a / 3][1] * v[a % 3][1] + v[a / 3][2] * v[a % 3][2];
        for (int a = 0; a < 3; a++)
            trace += m[a * 4];
        for (int a = 0; a < 9; a++)
            m[a] /= trace;
    }
}

static void setup(struct setup *s, const struct rssm_config *c)
{
    struct rng r = {7, 0};
    net_layout(&s->net, c);
    s->w = calloc(s->net.n_weights, sizeof(double));
    s->g = calloc(s->net.n_weights, sizeof(double));
    s->q0 = calloc(ROWS * 2 * 3, sizeof(double));
    s->p0 = calloc(ROWS * 2 * 3, sizeof(double));
    CHECK(net_input_alloc(&s->net, &s->in, T, B, &s->memory[0]) == 0);
    CHECK(net_work_alloc(&s->net, &s->work, ROWS, &s->memory[1]) == 0);
    normals(s->w, s->net.n_weights, &r,
            0.5); /* the heads' last layers too: at zero they would pass nothing on */
    size_t G = (size_t)c->groups;
    normals(s->in.x, ROWS * 5, &r, 1);
    normals(s->in.u, ROWS * 2, &r, 1);
    normals(s->in.phi, ROWS * G * 3, &r, 1);
    normals(s->in.eps, ROWS * 3, &r, 1);
    normals(s->in.h0, B * 7, &r, 0.5);
    normals(s->in.target.a0, ROWS * G * 3, &r, 0.5);
    normals(s->in.target.a, ROWS * G * 3, &r, 1);
    normals(s->in.target.dl, ROWS, &r, 1);
    grams(c, s->in.target.gram, &r);
    for (size_t i = 0; i < ROWS * G; i++)
        s->in.target.has_a[i] = i % 5 != 0;
    for (size_t i = 0; i < ROWS; i++)
        s->in.target.has_dl[i] = i != 3;
    for (size_t i = 0; i < ROWS * 2; i++)
        s->in.target.member[i] = i % 4 != 1;
}

static void release(struct setup *s)
{
    free(s->w), free(s->g), free(s->q0), free(s->p0), free(s->memory[0]), free(s->memory[1]);
}

static double softplus_std(double raw)
{
    return 0.1 + log(1 + exp(raw));
}

/* KL(q || p), written without a look at latent.c */
static double divergence(const double *q, const double *p)
{
    double kl = 0;
    for (int i = 0; i < 3; i++) {
        double a = softplus_std(q[3 + i]), b = softplus_std(p[3 + i]);
        kl += log(b) - log(a) + (a * a + (q[i] - p[i]) * (q[i] - p[i])) / (2 * b * b) - 0.5;
    }
    return kl;
}

/* The objective whose gradient is tested: the divergence counts twice, each time with one side held constant.
 */
static double objective(struct setup *s, int *counted)
{
    struct rssm_config *c = &s->net.c;
    float beta = c->beta;
    struct loss l;
    c->beta = 0;
    net_forward(&s->net, s->w, &s->in, &s->work, &l);
    c->beta = beta;
    double sum = l.total;
    for (int r = 0; r < ROWS; r++) {
        double prior = divergence(s->q0 + r * 6, s->work.p + r * 6),
               posterior = divergence(s->work.q + r * 6, s->p0 + r * 6);
        *counted += prior > (double)c->free_nats;
        sum += (double)beta / ROWS *
               ((double)c->kl_prior * fmax(prior, (double)c->free_nats) +
                (double)c->kl_posterior * fmax(posterior, (double)c->free_nats));
    }
    return sum;
}

static double gradient(struct setup *s)
{
    struct loss l;
    net_forward(&s->net, s->w, &s->in, &s->work, &l);
    memcpy(s->q0, s->work.q, ROWS * 6 * sizeof(double));
    memcpy(s->p0, s->work.p, ROWS * 6 * sizeof(double));
    memset(s->g, 0, s->net.n_weights * sizeof(double));
    net_backward(&s->net, s->w, s->g, &s->in, &s->work);
    return l.total;
}

static const char *layer_of(const struct net *n, size_t i, size_t *end)
{
    const struct {
        const char *name;
        const struct linear *l;
    } v[] = {{"encoder 1", &n->encoder.first},
             {"encoder 2", &n->encoder.second},
             {"prior 1", &n->prior.first},
             {"prior 2", &n->prior.second},
             {"posterior 1", &n->posterior.first},
             {"posterior 2", &n->posterior.second},
             {"decoder", &n->decoder},
             {"gru input", &n->gru.input},
             {"gru hidden", &n->gru.hidden},
             {"head state", &n->heads.state},
             {"head phi", &n->heads.phi},
             {"head out", &n->heads.out},
             {"change 1", &n->heads.dl.first},
             {"change 2", &n->heads.dl.second}};
    size_t k = 0;
    while (k + 1 < sizeof v / sizeof *v && v[k + 1].l->w <= i)
        k++;
    *end = k + 1 < sizeof v / sizeof *v ? v[k + 1].l->w : n->n_weights;
    return v[k].name;
}

/* Every single weight; and no layer's gradient may be zero, but for the prior's when all divergences are
 * free. */
static void against_differences(struct setup *s, const char *what)
{
    const double eps = 1e-5;
    int counted = 0, ignored = 0;
    double total = gradient(s), value = objective(s, &counted);
    CHECK(fabs(total - value) < 1e-12 * (1 + fabs(value)), "%s: loss %.15g, of its terms %.15g", what, total,
          value);
    for (size_t i = 0, end; i < s->net.n_weights; i = end) {
        const char *layer = layer_of(&s->net, i, &end);
        double largest = 0, worst = 0;
        for (size_t j = i; j < end; j++) {
            double w = s->w[j];
            s->w[j] = w + eps;
            double up = objective(s, &ignored);
            s->w[j] = w - eps;
            double down = objective(s, &ignored);
            s->w[j] = w;
            largest = fmax(largest, fabs(s->g[j]));
            worst = fmax(worst, fabs((up - down) / (2 * eps) - s->g[j]));
        }
        CHECK(worst <= 1e-7 * (largest + 1e-3), "%s, %s: off by %.3g of %.3g", what, layer, worst, largest);
        CHECK(largest > 1e-6 || !strncmp(layer, "prior", 5), "%s, %s: nothing reaches it", what, layer);
    }
    printf("%-28s %zu weights, %d of %d rows above the free nats\n", what, s->net.n_weights, counted, ROWS);
}

static void every_weight(void)
{
    struct rssm_config c = small();
    static const float free_nats[] = {0, 1, 6};
    for (int i = 0; i < 3; i++) {
        struct setup s;
        c.free_nats = free_nats[i];
        setup(&s, &c);
        against_differences(&s, i == 0 ? "no free nats" : i == 1 ? "one free nat" : "six free nats");
        int counted = 0;
        objective(&s, &counted);
        CHECK(i == 0 ? counted == ROWS : i == 1 || (counted > 0 && counted < ROWS), "%d rows counted",
              counted);
        release(&s);
    }
}

/* Targets at the last step only, nothing to reconstruct: what reaches the encoder at the first step came
 * through time. */
static void through_time(void)
{
    struct rssm_config c = small();
    struct setup s;
    c.w_recon = 0;
    c.beta = 0;
    setup(&s, &c);
    memset(s.in.target.has_a, 0, (ROWS - B) * 3 * sizeof(double));
    memset(s.in.target.has_dl, 0, (ROWS - B) * sizeof(double));
    int ignored = 0;
    gradient(&s);
    for (int i = 0; i < B * 4; i++)
        CHECK(fabs(s.work.de[i]) > 1e-8, "the first step's e[%d] gets %.3g", i, s.work.de[i]);
    double d[6] = {0}, dx[5] = {0}, *x = s.in.x;
    linear_backward_input(&s.net.encoder.second, s.w, d, s.work.de, 1);
    silu_backward(d, s.work.enc_act, s.work.enc_sig, 6);
    linear_backward_input(&s.net.encoder.first, s.w, dx, d, 1);
    for (int j = 0; j < 5; j++) {
        double at = x[j];
        x[j] = at + 1e-5;
        double up = objective(&s, &ignored);
        x[j] = at - 1e-5;
        double numeric = (up - objective(&s, &ignored)) / 2e-5;
        x[j] = at;
        CHECK(fabs(numeric - dx[j]) < 1e-9 + 1e-6 * fabs(numeric) && fabs(numeric) > 1e-7,
              "x[%d] of the first step: %.9g, differences %.9g", j, dx[j], numeric);
    }
    release(&s);
}

/* The prior learns from the divergence alone, so beta decides whether it learns at all; and its share is 0.5
 * to 0.1. */
static void divergence_is_in_the_loss(void)
{
    struct rssm_config c = small();
    struct setup s;
    c.free_nats = 0;
    setup(&s, &c);
    double with = gradient(&s), kl = 0, norm = 0;
    for (int r = 0; r < ROWS; r++)
        kl += divergence(s.q0 + r * 6, s.p0 + r * 6) / ROWS;
    CHECK(kl > 0.1, "a divergence of %.3g says nothing", kl);
    size_t first = s.net.prior.first.w, end = s.net.posterior.first.w;
    for (size_t i = first; i < end; i++)
        norm += fabs(s.g[i]);
    CHECK(norm > 1e-3, "the prior's gradient is %.3g", norm);
    s.net.c.beta = 0;
    double without = gradient(&s);
    CHECK(fabs(with - without - 0.6 * kl) < 1e-7, "loss %.9g with, %.9g without, divergence %.9g", with,
          without, kl);
    for (size_t i = first; i < end; i++)
        CHECK(s.g[i] == 0, "without the divergence, weight %zu of the prior gets %.3g", i - first, s.g[i]);
    release(&s);
}

int main(void)
{
    test_begin(280);
    every_weight();
    through_time();
    divergence_is_in_the_loss();
    return 0;
}
