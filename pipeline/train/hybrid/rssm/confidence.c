#include "pipeline/train/hybrid/rssm/model.h"

float rssm_confidence_raw(const struct rssm *r, const struct rssm_forecast *f, float threshold)
{
    size_t paths = (size_t)r->c.samples * (size_t)r->c.members;
    double sum = 0;
    for (size_t i = 0; i < paths; i++) {
        double d = (double)threshold - (double)f->path_dl[i], s = (double)f->path_std[i];
        sum += s > 0 ? erfc(-d / (s * M_SQRT2)) / 2
                     : 0.5; /* no change of loss was ever seen: nothing is known */
    }
    return (float)(sum / (double)paths);
}

size_t rssm_held_outcomes(const struct rssm *r)
{
    return r->n.outcomes < (uint64_t)r->c.calibration ? (size_t)r->n.outcomes : (size_t)r->c.calibration;
}

float rssm_confidence(const struct rssm *r, float raw)
{
    return r->n.outcomes ? calibrate_apply(&r->calibration, raw) : raw;
}

int rssm_outcome(struct rssm *r, float raw, bool gained)
{
    size_t at = (size_t)(r->n.outcomes % (uint64_t)r->c.calibration);
    if (!isfinite(raw))
        return RSSM_ENONFINITE;
    r->cal_raw[at] = fminf(fmaxf(raw, 0), 1);
    r->cal_gained[at] = gained;
    r->n.outcomes++;
    r->calibration =
        calibrate_fit(r->cal_raw, r->cal_gained, rssm_held_outcomes(r), (double)r->c.calibration_prior);
    return RSSM_OK;
}
