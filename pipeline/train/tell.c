#include "pipeline/train/tell.h"

#include "pipeline/lib/counters.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

enum { SENSORS_EVERY = 5 };
enum { ROWS_SHOWN = 4 };                 /* of a bad step, on stderr; metrics.jsonl has all */
enum { FORECASTS = 20 };                 /* as if a run made so many, evenly */
static const double FORECAST_FROM = 0.2; /* of the steps at this depth, before the first */
static const double FORESEEN_DECAY =
    0.2; /* share of the steps in a decay that a forecast of the weights replaces */

/* Says which step and which rows; a step that is bad in its loss names the rows whose loss is. */
static void report_verdict(struct trainer *t, const struct step_report *r, const struct batch_row *rows)
{
    char list[512] = "";
    size_t n = 0, shown = 0, all = 0;
    for (uint32_t b = 0; b < t->h->B; b++) {
        if (r->verdict == STEP_BAD_LOSS && isfinite(t->row_loss[b]))
            continue;
        if (++all > ROWS_SHOWN)
            continue;
        n += (size_t)snprintf(list + n, sizeof list - n, "%srow %u (source %u, offset %llu)",
                              shown++ ? ", " : "", b, rows[b].source, (unsigned long long)rows[b].offset);
    }
    if (all > shown)
        snprintf(list + n, sizeof list - n, " and %zu more", all - shown);
    warn("step %llu: %s: loss %g, gradient norm %g: %s%s", (unsigned long long)r->step,
         r->verdict == STEP_SPIKE      ? "loss spike"
         : r->verdict == STEP_BAD_LOSS ? "loss is not finite"
                                       : "gradient is not finite",
         r->loss, r->grad_norm, list, r->learnt ? "" : "; update skipped");
    metrics_verdict(&t->metrics, r, rows, t->row_loss, t->h->B);
}

/* For monitors. */
static void publish(const struct trainer *t, const struct step_report *r)
{
    static struct counter step = GAUGE("step", "steps"), steps = GAUGE("steps", "steps"),
                          tokens = COUNTER("tokens", "tokens"), loss = GAUGE("loss", "nats"),
                          stall = COUNTER("stall_in", "s");
    counters_begin();
    counter_set(&step, (double)t->step);
    counter_set(&steps, (double)t->cfg->steps);
    counter_set(&tokens, (double)t->tokens_seen);
    counter_set(&loss, r->loss);
    counter_set(&stall, feed_stall_seconds(&t->feed));
    counters_end();
}

/* Steps to come cost what their depth costs. */
static double seconds_left(const struct trainer *t)
{
    const struct growth *g = &t->cfg->growth;
    int T = (int)t->h->T;
    return t->step_seconds * growth_flops(g, &t->w.c, T, t->step, t->cfg->steps) /
           growth_flops(g, &t->w.c, T, t->step - 1, t->step);
}

static void show(struct trainer *t, const struct step_report *r)
{
    char line[256];
    double rate = (double)r->step_tokens / t->step_seconds, left = seconds_left(t);
    snprintf(line, sizeof line, "of %llu  loss %.4f  lr %.2e  norm %.2f  %.0f tok/s  %.0fm%02.0fs left",
             (unsigned long long)t->cfg->steps, r->loss, r->lr, r->grad_norm, rate, floor(left / 60),
             floor(fmod(left, 60)));
    progress("step", t->step, 0, line, NULL);
    static int terminal = -1;
    if (terminal < 0)
        terminal = isatty(2);
    if (!terminal && (t->step % t->cfg->log_every == 0 || t->step == t->cfg->steps))
        say("step %llu %s", (unsigned long long)t->step, line);
}

/* The schedule of a run of so many steps. Where the model is a forecast of what a decay would leave, it is
 * counted as one. */
static struct schedule schedule_of(const struct trainer *t, uint64_t steps)
{
    struct schedule s = t->schedule;
    s.steps = steps;
    if (choice_finished(t) && s.kind != SCHEDULE_WSD && s.kind != SCHEDULE_COSINE) {
        s.kind = SCHEDULE_WSD;
        s.decay = FORESEEN_DECAY;
    }
    return s;
}

/* How low the loss will be at the end of this run, and of runs of half and of twice as many steps. */
static void foresee(struct trainer *t)
{
    struct schedule same = schedule_of(t, t->cfg->steps), shorter = schedule_of(t, t->cfg->steps / 2),
                    longer = schedule_of(t, 2 * t->cfg->steps);
    struct forecast end, half, twice;
    uint64_t every = t->cfg->steps / FORECASTS, since = growth_since(&t->cfg->growth, t->step);
    if (every == 0 || t->step % every != 0 || t->step == t->cfg->steps ||
        t->losses.n < FORECAST_FROM * (t->cfg->steps - since) ||
        !forecast_make(&t->losses, &t->schedule, &same, &end) ||
        !forecast_make(&t->losses, &t->schedule, &shorter, &half) ||
        !forecast_make(&t->losses, &t->schedule, &longer, &twice))
        return;
    double left = seconds_left(t);
    metrics_forecast(&t->metrics, t->step, &end, &half, &twice, left);
    say("step %llu forecast: loss %.3f (%.3f to %.3f) at the end, in %.0fm%02.0fs; with half the steps %.3f, "
        "with twice %.3f",
        (unsigned long long)t->step, end.loss, end.low, end.high, floor(left / 60), floor(fmod(left, 60)),
        half.loss, twice.loss);
}

/* Asking takes milliseconds: once in SENSORS_EVERY seconds. */
static bool ask_sensors(struct trainer *t, struct sensors *s)
{
    double now = now_seconds();
    if (now - t->sensors_at < SENSORS_EVERY)
        return false;
    t->sensors_at = now;
    return t->ops->sensors(t->dev, s);
}

void tell_step(struct trainer *t, struct step_report *r, const struct batch_row *rows)
{
    struct sensors gpu;
    r->gpu = ask_sensors(t, &gpu) ? &gpu : NULL;
    metrics_step(&t->metrics, r);
    if (r->verdict != STEP_OK)
        report_verdict(t, r, rows);
    publish(t, r);
    show(t, r);
    foresee(t);
    r->gpu = NULL; /* it pointed to what ends here */
}
