#include "pipeline/train/choice.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"
#include "pipeline/train/loop.h"
#include "pipeline/train/metrics.h"
#include "pipeline/train/rundir.h"
#include "pipeline/train/state.h"
#include "pipeline/train/update.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Share of all steps that a correction is tried for: what a bad one costs. */
static const double TRIAL = 0.02;

bool choice_finished(const struct trainer *t)
{
    return t->cfg->finish == FINISH_PREDICT || (t->cfg->finish != FINISH_DECAY && t->choice.finished);
}

/* --- probes ------------------------------------------------------------------- */

/* The losses of the rows that the next step learns from, by row. Returns their mean. */
static double probe(struct trainer *t, double *out)
{
    uint32_t T = t->h->T, B = t->h->B, micro = (uint32_t)t->micro;
    double sum = 0;
    for (uint32_t at = 0; at < B; at += micro)
        model_submit(&t->w, t->act, t->tokens + (size_t)at * (T + 1), (int)(B - at < micro ? B - at : micro),
                     (int)T, t->doc_eos, t->loss + (size_t)at * T, NULL, 0, false);
    t->ops->sync(t->dev);
    update_row_loss(t, 0, B);
    for (uint32_t r = 0; r < B; r++)
        sum += t->row_loss[r];
    if (out != t->row_loss)
        memcpy(out, t->row_loss, B * sizeof *out);
    return sum / B;
}

/* Compares the forecast with the weights as they are. */
static bool forecast_is_better(struct trainer *t)
{
    uint32_t B = t->h->B;
    double squares = 0;
    finish_enter(&t->finish, &t->w, t->grad);
    double change = probe(t, t->other_loss);
    finish_leave(&t->w, t->grad, 0);
    change -= probe(t, t->row_loss);
    for (uint32_t r = 0; r < B; r++)
        squares += pow(t->other_loss[r] - t->row_loss[r] - change, 2);
    t->choice.finished = change < 0;
    cluster_broadcast(t->cluster, &t->choice.finished, sizeof t->choice.finished, 0);
    metrics_finish(&t->metrics, t->step, change, sqrt(squares / B / (B > 1 ? B - 1 : 1)), t->choice.finished);
    return t->choice.finished;
}

/* Mean loss of the weights from which the correction began; INFINITY when they cannot be read any more. */
static double probe_before(struct trainer *t)
{
    char err[1024], *dir = rundir_checkpoint(t->cfg->run, t->choice.from);
    json_t *state = NULL;
    double loss = INFINITY;
    t->ops->copy(t->dev, t->grad, t->w.theta, t->w.layout.total * sizeof *t->grad);
    if (checkpoint_state(dir, &state, err, sizeof err) == 0 &&
        state_load_weights(t, dir, state, err, sizeof err) == 0)
        loss = probe(t, t->row_loss);
    else
        warn("%s: the correction goes on", err);
    finish_leave(&t->w, t->grad, 0);
    json_decref(state);
    free(dir);
    return loss;
}

/* --- the correction ------------------------------------------------------------- */

__attribute__((format(printf, 2, 3))) static void tell(struct trainer *t, const char *fmt, ...)
{
    char text[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    metrics_event(&t->metrics, t->step, "correct", text);
    say("step %llu: %s", (unsigned long long)t->step, text);
}

/* The whole decay, in the steps that are left. */
static void decay_for_real(struct trainer *t)
{
    t->schedule.decay = (double)(t->cfg->steps - t->choice.from) / (double)t->cfg->steps;
}

static void enter(struct trainer *t, enum correction correction)
{
    t->choice.correction = correction;
    t->choice.from = t->step;
    t->choice.steps = t->cfg->steps;
    t->step_seconds = 0;
    if (correction == CORRECTION_OVER)
        decay_for_real(t);
}

/* Weights, optimizer, averages and extrapolation become those of the checkpoint from which the correction
 * began. */
static void go_back(struct trainer *t)
{
    char err[1024], *dir = rundir_checkpoint(t->cfg->run, t->choice.from);
    json_t *state = NULL;
    if (checkpoint_state(dir, &state, err, sizeof err) != 0 ||
        checkpoint_verify(dir, state, err, sizeof err) != 0)
        die("cannot go back to where the correction began: %s", err);
    state_load_arrays(t, dir, state);
    t->w.held = 0;
    json_decref(state);
    free(dir);
}

static void begin(struct trainer *t)
{
    if (!forecast_is_better(t)) {
        enter(t, CORRECTION_OVER);
        tell(t, "the forecast is no better than the weights: a real decay");
        return;
    }
    enter(t, CORRECTION_ON);
    t->w.held = t->w.c.L / 2;
    finish_enter(&t->finish, &t->w, t->grad);
    finish_leave(&t->w, t->grad, weights_held(&t->w));
    tell(t, "the lower %d of %d layers are held at their forecast, the others decay", t->w.held, t->w.c.L);
}

static void try(struct trainer *t)
{
    double now = probe(t, t->row_loss), before = probe_before(t);
    int worse = !(now <= before);
    cluster_broadcast(t->cluster, &worse, sizeof worse, 0);
    if (!worse) {
        tell(t, "corrected %.4f, before %.4f: the correction goes on", now, before);
        return;
    }
    tell(t, "corrected %.4f, before %.4f: back to step %llu, and a real decay", now, before,
         (unsigned long long)t->choice.from);
    go_back(t);
    enter(t, CORRECTION_OVER);
    t->choice.finished = false;
}

static void choose(struct trainer *t)
{
    double now = probe(t, t->row_loss), before = probe_before(t);
    finish_enter(&t->finish, &t->w, t->grad);
    double forecast = probe(t, t->row_loss);
    finish_leave(&t->w, t->grad, 0);
    int best = now <= forecast ? 0 : 1;
    if (before < (best ? forecast : now))
        best = 2;
    cluster_broadcast(t->cluster, &best, sizeof best, 0);
    t->choice.finished = best == 1;
    if (best == 2) {
        go_back(t);
        enter(t, CORRECTION_OVER);
    }
    static const char *const names[] = {"corrected", "forecast", "before"};
    tell(t, "corrected %.4f, forecast %.4f, before %.4f: the model is %s", now, forecast, before,
         names[best]);
}

bool choice_wants_checkpoint(const struct trainer *t)
{
    return t->cfg->finish == FINISH_CORRECT && t->choice.correction == CORRECTION_AHEAD &&
           t->step >= schedule_decay_begin(&t->schedule) && t->step < t->cfg->steps;
}

uint64_t choice_back_step(const struct trainer *t)
{
    return t->choice.correction == CORRECTION_ON ? t->choice.from : 0;
}

void choice_before(struct trainer *t, bool looked_at)
{
    uint64_t trial = (uint64_t)ceil(TRIAL * (double)t->cfg->steps);
    if (t->choice.correction == CORRECTION_ON) {
        if (t->step + 1 == t->cfg->steps)
            choose(t);
        else if (t->step == t->choice.from + trial)
            try(t);
    } else if (choice_wants_checkpoint(t) && t->saved_step == t->step)
        begin(t);
    else if (looked_at && (t->cfg->finish == FINISH_AUTO || t->cfg->finish == FINISH_CORRECT))
        forecast_is_better(t);
}

void choice_resume(struct trainer *t)
{
    struct choice *c = &t->choice;
    bool same = t->cfg->finish == FINISH_CORRECT && c->steps == t->cfg->steps;
    if (same && c->correction == CORRECTION_ON)
        t->w.held = t->w.c.L / 2;
    if (same && c->correction == CORRECTION_OVER)
        decay_for_real(t);
    if (same || c->correction == CORRECTION_AHEAD)
        return;
    if (c->correction == CORRECTION_ON) {
        go_back(t);
        warn("the weights are those of step %llu, before they were corrected", (unsigned long long)c->from);
    }
    *c = (struct choice){.correction = CORRECTION_AHEAD};
}
