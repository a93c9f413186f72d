#include "pipeline/train/guard.h"

#include <math.h>
#include <stdbool.h>

static bool is_spike(const struct guard *g, double loss, double sigma)
{
    double mean = 0, var = 0;
    if (g->n < GUARD_WINDOW)
        return false;
    for (int i = 0; i < GUARD_WINDOW; i++)
        mean += g->loss[i] / GUARD_WINDOW;
    for (int i = 0; i < GUARD_WINDOW; i++)
        var += (g->loss[i] - mean) * (g->loss[i] - mean) / GUARD_WINDOW;
    double deviation = fmax(sqrt(var), 0.01 * mean);
    return loss > mean + sigma * deviation;
}

enum verdict guard_judge(struct guard *g, double loss, double grad_norm, double sigma)
{
    if (!isfinite(loss) || !isfinite(grad_norm)) {
        g->bad++;
        g->bad_in_a_row++;
        return isfinite(loss) ? STEP_BAD_GRADIENT : STEP_BAD_LOSS;
    }
    g->bad_in_a_row = 0;
    if (is_spike(g, loss, sigma)) {
        g->spikes++;
        if (++g->spikes_in_a_row >= GUARD_PATIENCE)
            g->n = g->spikes_in_a_row = 0;
        return STEP_SPIKE;
    }
    g->spikes_in_a_row = 0;
    g->loss[g->n++ % GUARD_WINDOW] = loss;
    return STEP_OK;
}

const char *verdict_name(enum verdict v)
{
    static const char *const names[] = {"ok", "nan_loss", "nan_gradient", "spike"};
    return names[v];
}
