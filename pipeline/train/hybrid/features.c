#include "pipeline/train/hybrid/features.h"

#include <math.h>
#include <string.h>

static double clip(double x, double most)
{
    return isfinite(x) ? x < -most ? -most : x > most ? most : x : 0;
}

static double log_of(double x)
{
    return log(x > 1e-30 ? x : 1e-30);
}

static double cosine(double dot, double xx, double yy)
{
    return xx > 0 && yy > 0 ? clip(dot / sqrt(xx * yy), 1) : 0;
}

/* Three cosines of D_0, D_1, D_2 with each other and four with the gradient, of products summed over groups.
 */
static void cosines(const double gram[HYBRID_K][HYBRID_K], const double along[HYBRID_K], double square,
                    float *out)
{
    int n = 0;
    for (int i = 0; i < 3; i++)
        for (int j = i + 1; j < 3; j++)
            out[n++] = (float)cosine(gram[i][j], gram[i][i], gram[j][j]);
    for (int j = 0; j < HYBRID_K; j++)
        out[n++] = (float)cosine(along[j], gram[j][j], square);
}

static void class_cosines(const struct feature_input *in, enum feature_class class, float *out)
{
    double gram[HYBRID_K][HYBRID_K] = {{0}}, along[HYBRID_K] = {0}, square = 0;
    for (int g = 0; g < in->groups; g++) {
        if (in->group[g].class != class)
            continue;
        square += in->now->square[g];
        for (int i = 0; i < HYBRID_K; i++) {
            along[i] += in->now->along[g][i];
            for (int j = 0; j < HYBRID_K; j++)
                gram[i][j] += in->now->gram[g][i][j];
        }
    }
    cosines(gram, along, square, out);
}

static double mean_over_groups(const struct feature_input *in, const double (*a)[HYBRID_K], int j)
{
    double sum = 0;
    for (int g = 0; g < in->groups; g++)
        sum += clip(a[g][j], 3) / in->groups;
    return sum;
}

void features_x(const struct feature_input *in, float x[FEATURES_X])
{
    const double *l = in->loss;
    double head[] = {log_of(l[0]),
                     l[1] > 0 ? l[0] - l[1] : 0,
                     l[3] > 0 ? (l[0] - l[3]) / 3 : 0,
                     in->lr_ratio,
                     in->progress,
                     in->norm_mean,
                     sqrt(in->norm_var),
                     sqrt(in->loss_var),
                     log_of(in->displacement),
                     in->displacement_before > 0 ? log_of(in->displacement / in->displacement_before) : 0,
                     clip(in->r2_analytic, 2),
                     clip(in->r2_learned, 2),
                     (in->accepted + 1) / (in->accepted + in->rejected + 2),
                     in->jump_horizon / 100,
                     clip(in->jump_change * 100, 10),
                     in->drift,
                     log_of(fmax(in->trend, 1e-5)),
                     in->confidence};
    enum { HEAD = sizeof head / sizeof *head, COSINES = 3 + HYBRID_K };
    _Static_assert(HEAD + N_CLASSES * COSINES + 2 * HYBRID_K <= FEATURES_X, "room");
    memset(x, 0, FEATURES_X * sizeof *x);
    int n = HEAD;
    for (int i = 0; i < HEAD; i++)
        x[i] = (float)clip(head[i], 100);
    for (enum feature_class c = 0; c < N_CLASSES; c++, n += COSINES)
        class_cosines(in, c, x + n);
    for (int j = 0; j < HYBRID_K; j++) {
        x[n++] = (float)mean_over_groups(in, in->best, j);
        x[n++] = (float)mean_over_groups(in, in->missed, j);
    }
}

void features_phi(const struct feature_input *in, float phi[][FEATURES_PHI])
{
    double all = 0;
    for (int g = 0; g < in->groups; g++)
        all += in->now->gram[g][0][0];
    for (int g = 0; g < in->groups; g++) {
        const struct feature_group *f = &in->group[g];
        float *p = phi[g];
        memset(p, 0, FEATURES_PHI * sizeof *p);
        p[f->class] = 1;
        p[4] = (float)(f->third / 2.0);
        p[5] = (float)(log_of(f->n) / 20);
        for (int j = 0; j < 3; j++)
            p[6 + j] = (float)clip(log_of(in->now->gram[g][j][j] / (all > 0 ? all : 1)) / 10, 3);
        p[9] = (float)cosine(in->now->gram[g][0][1], in->now->gram[g][0][0], in->now->gram[g][1][1]);
        p[10] = (float)cosine(in->now->gram[g][0][2], in->now->gram[g][0][0], in->now->gram[g][2][2]);
        p[11] = (float)cosine(in->now->gram[g][1][2], in->now->gram[g][1][1], in->now->gram[g][2][2]);
        p[12] = (float)cosine(in->now->along[g][1], in->now->gram[g][1][1], in->now->square[g]);
        for (int j = 0; j < 3; j++)
            p[13 + j] = (float)clip(in->missed[g][j], 2);
    }
}

void features_u(const struct feature_action *a, float u[FEATURES_U])
{
    memset(u, 0, FEATURES_U * sizeof *u);
    u[0] = (float)a->lr_ratio;
    u[1] = (float)(a->virtual_steps / 100);
    u[2] = (float)a->drift;
    u[3] = (float)a->scale;
    u[4] = (float)(a->steps / 15);
    u[5] = a->correct;
    for (int g = 0; g < a->groups; g++)
        for (int j = 0; j < HYBRID_K; j++)
            u[6 + j] += (float)(clip(a->c[g][j], 3) / a->groups);
}
