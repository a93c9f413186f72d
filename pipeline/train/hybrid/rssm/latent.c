#include "pipeline/train/hybrid/rssm/latent.h"

#include <stddef.h>

real latent_std(real raw)
{
    real softplus = raw > 0 ? raw + real_log1p(real_exp(-raw)) : real_log1p(real_exp(raw));
    return LATENT_MIN_STD + softplus;
}

void latent_sample(real *z, const real *dist, const real *eps, int n, int Z)
{
    for (int r = 0; r < n; r++, z += Z, eps += Z, dist += 2 * Z)
        for (int i = 0; i < Z; i++)
            z[i] = dist[i] + latent_std(dist[Z + i]) * eps[i];
}

void latent_sample_backward(real *ddist, const real *dz, const real *dist, const real *eps, int n, int Z)
{
    for (int r = 0; r < n; r++, dz += Z, eps += Z, dist += 2 * Z, ddist += 2 * Z)
        for (int i = 0; i < Z; i++) {
            ddist[i] += dz[i];
            ddist[Z + i] += dz[i] * eps[i] * real_sigmoid(dist[Z + i]);
        }
}

real latent_kl(const real *q, const real *p, int Z)
{
    real kl = 0;
    for (int i = 0; i < Z; i++) {
        real sq = latent_std(q[Z + i]), sp = latent_std(p[Z + i]), d = q[i] - p[i];
        kl += real_log(sp / sq) + (sq * sq + d * d) / (2 * sp * sp) - (real)0.5;
    }
    return kl;
}

void latent_kl_backward(real *dq, real *dp, const real *q, const real *p, real weight_q, real weight_p, int Z)
{
    for (int i = 0; i < Z; i++) {
        real sq = latent_std(q[Z + i]), sp = latent_std(p[Z + i]), d = q[i] - p[i], v = sp * sp;
        dq[i] += weight_q * d / v;
        dq[Z + i] += weight_q * (sq / v - 1 / sq) * real_sigmoid(q[Z + i]);
        dp[i] -= weight_p * d / v;
        dp[Z + i] += weight_p * (1 / sp - (sq * sq + d * d) / (v * sp)) * real_sigmoid(p[Z + i]);
    }
}
