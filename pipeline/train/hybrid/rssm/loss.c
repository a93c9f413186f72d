#include "pipeline/train/hybrid/rssm/loss.h"

#include "pipeline/train/hybrid/rssm/heads.h"
#include "pipeline/train/hybrid/rssm/latent.h"

#include <string.h>

/* -log N(y; mean, variance) less a constant, and its derivatives by the mean and by the raw log variance */
static real gaussian(real y, real mean, real raw, real *dmean, real *draw)
{
    real lv = heads_log_variance(raw), s = lv / HEADS_LOG_VARIANCE, precision = real_exp(-lv), d = y - mean;
    *dmean = -d * precision;
    *draw = (real)0.5 * (1 - d * d * precision) * (1 - s * s);
    return (real)0.5 * (d * d * precision + lv);
}

/* (c - a*)' G (c - a*) of one group and member */
static real squared_miss(int k, real *draw, const real *raw, const real *a0, const real *a, const real *gram,
                         real weight)
{
    real sum = 0;
    for (int i = 0; i < k; i++) {
        real v = 0;
        for (int j = 0; j < k; j++)
            v += gram[i * k + j] * (heads_coefficient(a0[j], raw[j]) - a[j]);
        real off = heads_coefficient(a0[i], raw[i]) - a0[i];
        sum += (off + a0[i] - a[i]) * v;
        draw[i] = weight * 2 * v * (HEADS_REACH - off * off / HEADS_REACH); /* reach (1 - tanh^2) */
    }
    return sum;
}

void loss_groups(const struct rssm_config *c, struct loss *loss, real *draw, const real *raw,
                 const struct loss_targets *t, int n)
{
    size_t G = (size_t)c->groups, M = (size_t)c->members, k = (size_t)c->k;
    double coef = 0, seen = 0, share = 1.0 / (n * c->members);
    memset(draw, 0, (size_t)n * G * M * k * sizeof *draw);
    for (size_t i = 0; i < (size_t)n * G; i++)
        for (size_t m = 0; m < M; m++) {
            if (t->member[i / G * M + m] == 0 || t->has_a[i] == 0)
                continue;
            size_t at = (i * M + m) * k;
            coef += (double)squared_miss(c->k, draw + at, raw + at, t->a0 + i * k, t->a + i * k,
                                         t->gram + i * k * k, (real)share);
            seen += 1;
        }
    loss->total += coef * share;
    loss->coef += seen > 0 ? coef / seen * c->groups : 0;
}

void loss_change(const struct rssm_config *c, struct loss *loss, real *draw, const real *raw,
                 const struct loss_targets *t, int n)
{
    size_t M = (size_t)c->members;
    double sum = 0, seen = 0, share = 1.0 / (n * c->members);
    memset(draw, 0, (size_t)n * M * 2 * sizeof *draw);
    for (size_t r = 0; r < (size_t)n; r++)
        for (size_t i = r * M; i < (r + 1) * M; i++)
            if (t->has_dl[r] != 0 && t->member[i] != 0) {
                real *d = draw + 2 * i;
                sum += (double)gaussian(t->dl[r], raw[2 * i], raw[2 * i + 1], &d[0], &d[1]);
                d[0] *= (real)share;
                d[1] *= (real)share;
                seen += 1;
            }
    loss->total += sum * share;
    loss->dl += seen > 0 ? sum / seen : 0;
}

void loss_reconstruction(const struct rssm_config *c, struct loss *loss, real *dy, const real *y,
                         const real *x, int n)
{
    double sum = 0;
    for (size_t i = 0; i < (size_t)n * (size_t)c->n_x; i++) {
        real d = y[i] - x[i];
        sum += (double)(d * d);
        dy[i] = (real)c->w_recon * d / (real)n;
    }
    loss->total += (double)c->w_recon * sum / (2.0 * n);
    loss->recon += sum / (2.0 * n);
}

void loss_divergence(const struct rssm_config *c, struct loss *loss, real *dq, real *dp, const real *q,
                     const real *p, int n)
{
    size_t row = 2 * (size_t)c->n_z;
    real share = (real)c->beta / (real)n;
    memset(dq, 0, (size_t)n * row * sizeof *dq);
    memset(dp, 0, (size_t)n * row * sizeof *dp);
    for (size_t r = 0; r < (size_t)n; r++) {
        real kl = latent_kl(q + r * row, p + r * row, c->n_z), counted = kl;
        if (kl > (real)c->free_nats)
            latent_kl_backward(dq + r * row, dp + r * row, q + r * row, p + r * row,
                               share * (real)c->kl_posterior, share * (real)c->kl_prior, c->n_z);
        else
            counted = (real)c->free_nats;
        loss->total += (double)(share * ((real)c->kl_prior + (real)c->kl_posterior) * counted);
        loss->kl += (double)kl / n;
    }
}
