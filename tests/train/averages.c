#include "tests/train/train.h"

#include "pipeline/train/finish.h"
#include "pipeline/train/groups.h"
#include "pipeline/train/lookahead.h"
#include "pipeline/train/optim.h"
#include "pipeline/train/schedule.h"

#include <math.h>
#include <string.h>

/* Steps of known lengths instead of an optimizer, against the formulas in double. The average of
 * displacements is kept as such here, not as an average of weights as there. */
void lookaheads(void)
{
    struct weights w;
    struct device *dev;
    struct schedule s = {SCHEDULE_WSD, 40, 2e-3, 0.1, 0.25, 0.1};
    open_model(&w, &dev, DTYPE_BF16);
    struct lookahead l = {.beta = 0.6f, .gamma = 0.9f, .start = 6, .every = 7, .eta = 0.8f, .mu = 0.5f};
    CHECK(lookahead_alloc(&l, &w) == 0 && lookahead_bytes(&l, w.layout.total) == 12 * w.layout.total);
    lookahead_begin(&l, &w);
    double x[3], m[3] = {0}, anchor[3], b[3] = {0};
    size_t at[3] = {5, w.layout.total / 2, w.layout.v[w.layout.count - 1].offset};
    for (int i = 0; i < 3; i++)
        anchor[i] = x[i] = w.theta[at[i]];
    for (uint64_t step = 0; step < 40; step++) {
        lookahead_before(&l, &w, &s, step);
        double moved[3];
        for (int i = 0; i < 3; i++) {
            double update = 0.01 * sin((double)step * (i + 1)) + 0.02 * (i - 1), before = x[i];
            x[i] += (step >= 6 && step < 30 ? 0.6 * m[i] : 0) + update;
            w.theta[at[i]] += (float)update;
            moved[i] = x[i] - before;
            if ((step + 1) % 7 == 0 && step >= 4 && step < 30) {
                double d = x[i] - anchor[i];
                b[i] = 0.5 * b[i] + d;
                x[i] = anchor[i] + 0.8 * (d + 0.5 * b[i]);
                moved[i] = x[i] - before;
                anchor[i] = x[i];
            }
            m[i] = 0.9 * m[i] + 0.1 * moved[i];
        }
        lookahead_after(&l, &w, &s, step);
        for (int i = 0; i < 3; i++)
            CHECK(fabs(w.theta[at[i]] - x[i]) < 1e-5, "step %d: weight %d is %.7g, want %.7g", (int)step, i,
                  w.theta[at[i]], x[i]);
        uint32_t bits = (uint32_t)((uint16_t *)w.work)[at[1]] << 16;
        float published;
        memcpy(&published, &bits, 4);
        if ((step + 1) % 7 == 0 && step >= 4 && step < 30)
            CHECK(fabs(published - x[1]) <= fabs(x[1]) / 256, "the working copy is left behind");
    }
    lookahead_free(&l, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* Averages of a wandering, oscillating weight against the definition in double, in steps of their own number;
 * and the weights that training goes on from come back bit for bit. */
void finished(enum dtype act)
{
    enum { STEPS = 2000, SEEN = 3 };
    struct weights w;
    struct device *dev;
    open_model(&w, &dev, act);
    struct finish f = {.on = true};
    CHECK(finish_alloc(&f, &w) == 0);
    finish_begin(&f, &w);
    size_t n = w.layout.total, at[SEEN] = {5, w.layout.total / 2, w.layout.v[w.layout.count - 1].offset};
    double mean[SEEN][FINISH_AVERAGES], swing = 0.1;
    float *before = malloc(n * 4), *spare = w.ops->alloc(dev, n * 4);
    for (int i = 0; i < SEEN; i++)
        for (int j = 0; j < FINISH_AVERAGES; j++)
            mean[i][j] = (double)w.theta[at[i]];
    for (uint64_t age = 1; age <= STEPS; age++) {
        static const double share[FINISH_AVERAGES] = {0.07, 0.14, 0.25};
        uint64_t every = (uint64_t)fmax(1, 0.07 * (double)age / 16);
        for (int i = 0; i < SEEN; i++)
            w.theta[at[i]] = (float)(1 + 1e-4 * (double)age + swing * sin((double)age * (i + 1.3)));
        finish_after(&f, &w, age);
        for (int i = 0; i < SEEN && age % every == 0; i++)
            for (int j = 0; j < FINISH_AVERAGES; j++) {
                double steps = share[j] * (double)age / (double)every, keep = steps > 1 ? 1 - 1 / steps : 0;
                mean[i][j] = keep * mean[i][j] + (1 - keep) * (double)w.theta[at[i]];
            }
    }
    memcpy(before, w.theta, n * 4);
    for (int j = 0; j < FINISH_AVERAGES; j++) { /* each alone */
        for (int g = 0; g < f.groups.count; g++)
            for (int k = 0; k < FINISH_AVERAGES; k++)
                f.c[g * FINISH_AVERAGES + k] = k == j;
        finish_enter(&f, &w, spare);
        for (int i = 0; i < SEEN; i++)
            CHECK(fabs((double)w.theta[at[i]] - mean[i][j]) < (act == DTYPE_F32 ? 1e-5 : 0.02 * swing),
                  "average %d: %g, want %g", j, (double)w.theta[at[i]], mean[i][j]);
        CHECK(fabs((double)w.theta[at[1]] - (double)before[at[1]]) > 0.1 * swing, "the test tells nothing");
        finish_leave(&w, spare, 0);
        CHECK(memcmp(before, w.theta, n * 4) == 0, "the weights did not come back");
        for (size_t i = 0; i < n; i++)
            CHECK(spare[i] == 0);
    }
    CHECK(finish_bytes(n, act) == n * (4 + 3 * dtype_bytes(act)));
    w.ops->free(dev, spare);
    free(before);
    finish_free(&f, &w);
    weights_free(&w);
    ops_cpu()->close(dev);
}
