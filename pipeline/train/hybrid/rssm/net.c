#include "pipeline/train/hybrid/rssm/net.h"

#include "pipeline/train/hybrid/rssm/latent.h"

#include <string.h>

/* rows of several vectors side by side */
static void join(real *y, const real *const *v, const int *widths, int count, size_t rows)
{
    for (size_t r = 0; r < rows; r++)
        for (int i = 0; i < count; i++) {
            memcpy(y, v[i] + r * (size_t)widths[i], (size_t)widths[i] * sizeof *y);
            y += widths[i];
        }
}

/* the gradient of joined rows goes back to the parts; a NULL part needs none */
static void part(real *const *d, const real *dy, const int *widths, int count, size_t rows)
{
    for (size_t r = 0; r < rows; r++)
        for (int i = 0; i < count; i++) {
            if (d[i])
                for (int j = 0; j < widths[i]; j++)
                    d[i][r * (size_t)widths[i] + (size_t)j] += dy[j];
            dy += widths[i];
        }
}

void net_encode(const struct net *n, const real *w, struct net_work *k, const real *x, int rows)
{
    mlp_forward(&n->encoder, w, k->e, x, k->enc_act, k->enc_sig, rows);
}

void net_posterior(const struct net *n, const real *w, struct net_work *k, const real *h, const real *e,
                   size_t first, int rows)
{
    const int widths[] = {n->c.n_h, n->c.n_e};
    size_t hidden = first * (size_t)n->c.latent_hidden;
    real *he = k->he + first * (size_t)(n->c.n_h + n->c.n_e);
    join(he, (const real *[]){h, e}, widths, 2, (size_t)rows);
    mlp_forward(&n->posterior, w, k->q + first * 2 * (size_t)n->c.n_z, he, k->post_act + hidden,
                k->post_sig + hidden, rows);
}

void net_advance(const struct net *n, const real *w, struct net_work *k, real *next, const real *h,
                 const real *z, const real *e, const real *u, size_t first, int rows)
{
    const int widths[] = {n->c.n_z, n->c.n_e, n->c.n_u};
    size_t gates = first * 3 * (size_t)n->c.n_h;
    real *zeu = k->zeu + first * (size_t)(n->c.n_z + n->c.n_e + n->c.n_u);
    join(zeu, (const real *[]){z, e, u}, widths, 3, (size_t)rows);
    gru_forward(&n->gru, w, next, zeu, h, k->gx + gates, k->gh + gates, rows);
}

void net_read(const struct net *n, const real *w, struct net_work *k, const real *h, const real *z,
              const real *u, const real *phi, int rows)
{
    const int widths[] = {n->c.n_h, n->c.n_z};
    mlp_forward(&n->prior, w, k->p, h, k->prior_act, k->prior_sig, rows);
    join(k->hz, (const real *[]){h, z}, widths, 2, (size_t)rows);
    linear_forward(&n->decoder, w, k->y, k->hz, rows);
    heads_groups(&n->heads, w, &k->heads, k->hz, phi, rows);
    net_change(n, w, k, h, z, u, rows);
}

void net_change(const struct net *n, const real *w, struct net_work *k, const real *h, const real *z,
                const real *u, int rows)
{
    const int widths[] = {n->c.n_h, n->c.n_z, n->c.n_u};
    join(k->hzu, (const real *[]){h, z, u}, widths, 3, (size_t)rows);
    heads_change(&n->heads, w, &k->heads, k->hzu, rows);
}

void net_forward(const struct net *n, const real *w, const struct net_input *in, struct net_work *k,
                 struct loss *loss)
{
    const struct rssm_config *c = &n->c;
    size_t B = (size_t)in->B, H = (size_t)c->n_h, Z = (size_t)c->n_z, E = (size_t)c->n_e, U = (size_t)c->n_u;
    int rows = in->T * in->B;
    net_encode(n, w, k, in->x, rows);
    memcpy(k->h, in->h0, B * H * sizeof(real));
    for (size_t t = 0; t < (size_t)in->T; t++) {
        size_t r = t * B;
        net_posterior(n, w, k, k->h + r * H, k->e + r * E, r, in->B);
        latent_sample(k->z + r * Z, k->q + r * 2 * Z, in->eps + r * Z, in->B, c->n_z);
        if (t + 1 < (size_t)in->T)
            net_advance(n, w, k, k->h + (r + B) * H, k->h + r * H, k->z + r * Z, k->e + r * E, in->u + r * U,
                        r, in->B);
    }
    net_read(n, w, k, k->h, k->z, in->u, in->phi, rows);

    *loss = (struct loss){0};
    loss_groups(c, loss, k->draw, k->heads.raw, &in->target, rows);
    loss_change(c, loss, k->ddl_raw, k->heads.dl_raw, &in->target, rows);
    loss_reconstruction(c, loss, k->dy, k->y, in->x, rows);
    loss_divergence(c, loss, k->dq, k->dp, k->q, k->p, rows);
}

/* From the outputs to h, z and q of every step, as if the steps were independent. */
static void backward_outputs(const struct net *n, const real *w, real *g, const struct net_input *in,
                             struct net_work *k)
{
    const struct rssm_config *c = &n->c;
    const int widths[] = {c->n_h, c->n_z, c->n_u};
    int rows = in->T * in->B;
    size_t R = (size_t)rows;
    memset(k->dh, 0, R * (size_t)c->n_h * sizeof(real));
    memset(k->dz, 0, R * (size_t)c->n_z * sizeof(real));
    memset(k->dhz, 0, R * (size_t)(c->n_h + c->n_z) * sizeof(real));
    memset(k->dhzu, 0, R * (size_t)(c->n_h + c->n_z + c->n_u) * sizeof(real));
    heads_backward(&n->heads, w, g, &k->heads, k->draw, k->ddl_raw, k->hz, k->hzu, in->phi, k->dhz, k->dhzu,
                   k->scratch, rows);
    linear_backward_input(&n->decoder, w, k->dhz, k->dy, rows);
    linear_backward_weight(&n->decoder, g, k->dy, k->hz, rows);
    part((real *[]){k->dh, k->dz}, k->dhz, widths, 2, R);
    part((real *[]){k->dh, k->dz, NULL}, k->dhzu, widths, 3, R);
    mlp_backward(&n->prior, w, g, k->dh, k->dp, k->h, k->prior_act, k->prior_sig, k->scratch, rows);
}

void net_backward(const struct net *n, const real *w, real *g, const struct net_input *in, struct net_work *k)
{
    const struct rssm_config *c = &n->c;
    const int he[] = {c->n_h, c->n_e}, zeu[] = {c->n_z, c->n_e, c->n_u};
    size_t B = (size_t)in->B, H = (size_t)c->n_h, Z = (size_t)c->n_z, E = (size_t)c->n_e,
           P = (size_t)c->latent_hidden;
    size_t T = (size_t)in->T, R = T * B;
    backward_outputs(n, w, g, in, k);
    memset(k->de, 0, R * E * sizeof(real));
    memset(k->dhe, 0, R * (H + E) * sizeof(real));
    memset(k->dzeu, 0, R * (Z + E + (size_t)c->n_u) * sizeof(real));
    for (size_t t = T; t-- > 0;) {
        size_t r = t * B;
        real *dh = k->dh + r * H, *dz = k->dz + r * Z, *de = k->de + r * E;
        if (t + 1 < T) {
            real *d = k->dzeu + r * (Z + E + (size_t)c->n_u);
            gru_backward_input(&n->gru, w, d, dh, dh + B * H, k->h + r * H, k->gx + r * 3 * H,
                               k->gh + r * 3 * H, in->B);
            part((real *[]){dz, de, NULL}, d, zeu, 3, B);
        }
        latent_sample_backward(k->dq + r * 2 * Z, dz, k->q + r * 2 * Z, in->eps + r * Z, in->B, c->n_z);
        mlp_backward(&n->posterior, w, g, k->dhe + r * (H + E), k->dq + r * 2 * Z, k->he + r * (H + E),
                     k->post_act + r * P, k->post_sig + r * P, k->scratch, in->B);
        part((real *[]){dh, de}, k->dhe + r * (H + E), he, 2, B);
    }
    gru_backward_weight(&n->gru, g, k->zeu, k->h, k->gx, k->gh, (int)(R - B));
    mlp_backward(&n->encoder, w, g, NULL, k->de, in->x, k->enc_act, k->enc_sig, k->scratch, (int)R);
}
