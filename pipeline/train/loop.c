#include "pipeline/train/loop.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/trace.h"
#include "pipeline/train/choice.h"
#include "pipeline/train/ledger.h"
#include "pipeline/train/local.h"
#include "pipeline/train/metrics.h"
#include "pipeline/train/samples.h"
#include "pipeline/train/state.h"
#include "pipeline/train/tell.h"
#include "pipeline/train/update.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIXES = 20 }; /* lines of the mix that a run writes besides those of checkpoints, evenly */

static void unpack(struct trainer *t, const struct batch_record *record)
{
    size_t n = (size_t)t->h->B * ((size_t)t->h->T + 1);
    const void *tokens = batch_tokens(t->h, record);
    for (size_t i = 0; i < n; i++)
        t->tokens[i] =
            (int32_t)(t->h->token_width == 2 ? ((const uint16_t *)tokens)[i] : ((const uint32_t *)tokens)[i]);
}

static void by_source(struct trainer *t, const struct batch_row *rows)
{
    for (uint32_t s = 0; s < t->h->n_sources; s++) {
        double sum = 0, n = 0;
        for (uint32_t b = 0; b < t->h->B; b++) {
            if (rows[b].source != s)
                continue;
            sum += t->row_loss[b];
            n++;
        }
        t->source_loss[s] = n > 0 ? sum / n : NAN;
    }
}

/* Something that is done every so many steps, and at the end, is due after `step` of them: a step after which
 * the ranks meet, where they train apart. */
static bool due(const struct trainer *t, uint64_t step, uint64_t every)
{
    uint64_t round = t->cfg->sync_every ? t->cfg->sync_every : 1; /* nothing is done between two meetings */
    if (step == t->cfg->steps || every == 0)
        return step == t->cfg->steps;
    return step % round == 0 && step / every > (step - round) / every;
}

/* A checkpoint is of weights that all ranks have. */
static void save(struct trainer *t)
{
    double from = trace_now();
    if (!local_together(t))
        local_meet(t);
    local_average_state(t);
    state_save(t);
    trace_span(TRACE_COMPUTE, from, "checkpoint", "checkpoint");
}

/* Layers that waited take part from this step on, with moments of zero. */
static void grow(struct trainer *t, int depth)
{
    char *layers = xasprintf("%d layers", depth);
    int before = t->w.depth;
    loop_set_depth(t, depth);
    finish_begin(&t->finish, &t->w);
    losses_begin(&t->losses, t->step);
    t->step_seconds = 0;
    metrics_event(&t->metrics, t->step, "grow", layers);
    say("step %llu: %s from here on, instead of %d", (unsigned long long)t->step, layers, before);
    free(layers);
}

/* A record, in one update or several. */
static void step(struct trainer *t, const struct batch_record *record, double began, double stall)
{
    const struct batch_row *rows = batch_rows(record);
    uint64_t tokens = (uint64_t)t->h->B * t->h->T;
    struct step_report r = {.source_loss = t->source_loss,
                            .learnt = true,
                            .n_sources = t->h->n_sources,
                            .step_tokens = tokens,
                            .stall = stall};
    int depth = growth_depth(&t->cfg->growth, t->step);
    if (depth > t->w.depth)
        grow(t, depth);
    unpack(t, record);
    choice_before(t, due(t, t->step + 1, t->cfg->val_every) || due(t, t->step + 1, t->cfg->save_every));
    r.lr = schedule_lr(&t->schedule, t->step);
    r.updates = split_parts(&t->split, t->tokens_seen);
    lookahead_before(&t->ahead, &t->w, &t->schedule, t->step);
    uint32_t part = t->h->B / (uint32_t)r.updates;
    for (uint32_t done = 0; done < t->h->B; done += part)
        update_weights(t, done, part, &r);
    lookahead_after(&t->ahead, &t->w, &t->schedule, t->step);
    t->step++;
    if (t->cfg->sync_every > 0 && due(t, t->step, t->cfg->sync_every))
        local_meet(t);
    if (t->w.held == 0)
        finish_after(&t->finish, &t->w, t->step - growth_since(&t->cfg->growth, t->step - 1));
    t->tokens_seen += tokens;
    by_source(t, rows);
    mixed_add(&t->mixed, t->h, rows);
    r.step = t->step;
    r.tokens = t->tokens_seen;
    r.seconds = now_seconds() - began;
    stopwatch_read(&t->clock, &r.trained, &r.cpu);
    t->step_seconds = t->step_seconds > 0 ? 0.9 * t->step_seconds + 0.1 * r.seconds : r.seconds;
    t->last_loss = r.loss;
    losses_add(&t->losses, r.loss);
    ledger_line(&t->ledger, t->step, t->h, record, t->tokens_seen, r.verdict, r.learnt);
    tell_step(t, &r, rows);
    if (t->guard.bad_in_a_row >= t->cfg->max_bad_steps) {
        cluster_leave_to_first(t->cluster);
        die("step %llu: %llu updates in a row without a finite loss and gradient (--max-bad-steps); %s",
            (unsigned long long)t->step, (unsigned long long)t->guard.bad_in_a_row, state_left(t));
    }
}

/* The mean losses of the weights as they are forecast, and as they are. */
static void validation_both(struct trainer *t, double *finished, double *mean)
{
    *finished = NAN;
    if (t->finish.on) {
        finish_enter(&t->finish, &t->w, t->grad);
        *finished = validation_run(t->val, &t->w, t->act, t->doc_eos);
        finish_leave(&t->w, t->grad, 0);
    }
    for (size_t i = 0; i < t->val->n; i++) {
        struct val_source *s = &t->val->v[i];
        s->finished_loss = t->finish.on ? s->loss : NAN;
        s->finished_bits = t->finish.on ? s->bits_per_byte : NAN;
    }
    *mean = validation_run(t->val, &t->w, t->act, t->doc_eos);
}

static void validate(struct trainer *t)
{
    double began = now_seconds(), from = trace_now(), finished, mean;
    struct strbuf line = {0};
    validation_both(t, &finished, &mean);
    trace_span(TRACE_COMPUTE, from, "validation", "validation");
    state_check_device(t, t->step);
    for (size_t i = 0; i < t->val->n; i++) {
        const struct val_source *s = &t->val->v[i];
        metrics_val(&t->metrics, t->step, &t->clock, s);
        strbuf_addf(&line, "  %s %.4f (%.3f)", s->name, s->loss, s->bits_per_byte);
        if (t->finish.on)
            strbuf_addf(&line, " finished %.4f (%.3f)", s->finished_loss, s->finished_bits);
    }
    say("step %llu validation: loss (bits per byte)%s, %.1f s", (unsigned long long)t->step, line.s,
        now_seconds() - began);
    strbuf_free(&line);
    if (choice_finished(t))
        mean = finished;
    if (isfinite(mean) && t->guard.bad_in_a_row == 0 && (t->best_step == 0 || mean < t->best_loss)) {
        t->best_loss = mean;
        t->best_step = t->step;
    }
}

/* A signal that one rank has is every rank's. Returns the one that asks to save, and fills in t->stop. */
static int agree_on_signals(struct trainer *t)
{
    int signals[2] = {save_signal, stop_signal};
    cluster_max(t->cluster, signals, 2);
    t->stop = signals[1];
    return signals[0];
}

/* Does all that follows a step. The state is saved last, so that a resumed run repeats nothing. In the midst
 * of bad steps nothing is saved: should the weights be what is bad, older checkpoints must not make room for
 * them.
 */
static void after_step(struct trainer *t)
{
    stopwatch_stop(&t->clock);
    if (t->val && due(t, t->step, t->cfg->val_every))
        validate(t);
    if (t->cfg->sample_every > 0 && due(t, t->step, t->cfg->sample_every) && t->cluster->rank == 0)
        samples_write(&(struct samples){&t->cfg->sample_prompts, t->tok, t->cfg->sample_tokens}, &t->w,
                      &t->metrics, t->step);
    int asked = agree_on_signals(t);
    if (!local_together(t) && !t->stop) /* a signal that asks to save waits for the next meeting */
        asked = 0;
    bool best = t->cfg->keep_best && t->best_step == t->step;
    bool in_doubt = t->guard.bad_in_a_row > 0 && t->step < t->cfg->steps && !t->stop;
    bool saves =
        (due(t, t->step, t->cfg->save_every) || choice_wants_checkpoint(t) || best || t->stop || asked) &&
        !in_doubt;
    if (saves || due(t, t->step, t->cfg->steps / MIXES))
        mixed_write(&t->mixed, t->h, &t->metrics, t->step);
    if (saves) {
        save_signal = 0; /* one that comes from here on is about later steps */
        save(t);
        if (asked)
            say("step %llu: saved, as SIGUSR1 asks", (unsigned long long)t->step);
    }
    stopwatch_start(&t->clock);
}

/* Records of steps that were done before the checkpoint: mix was not told to --start-step. */
static void skip_to(struct trainer *t)
{
    uint64_t first = t->h->first_step;
    if (first > t->step) {
        cluster_leave_to_first(t->cluster);
        die("%s: offset 0: the batches begin at step %llu, the run is at step %llu: start mix with "
            "--start-step %llu",
            t->cfg->input_name, (unsigned long long)first, (unsigned long long)t->step,
            (unsigned long long)t->step);
    }
    if (first < t->step)
        say("skipping %llu batches that were trained on before", (unsigned long long)(t->step - first));
    for (uint64_t i = first; i < t->step && t->step < t->cfg->steps; i++) {
        if (feed_skip(&t->feed))
            continue;
        if (stop_signal)
            return;
        die("%s: the batches end at step %llu, the run is at step %llu", t->cfg->input_name,
            (unsigned long long)i, (unsigned long long)t->step);
    }
}

/* A reader that fails (a dead mix, a cut stream) ends the program; what was learnt is saved first. */
static void save_on_failure(void *arg)
{
    struct trainer *t = arg;
    if (!t->feed.reading)
        return;
    feed_fail(&t->feed);
    if (t->saved_step == t->step || t->step == 0)
        return;
    stopwatch_stop(&t->clock);
    save(t);
    say("saved the %llu steps that are done; go on with --resume", (unsigned long long)t->step);
}

void loop_set_depth(struct trainer *t, int depth)
{
    char err[512];
    struct model_config c = t->w.c;
    t->w.depth = c.L = depth;
    activations_free(t->act);
    t->act = activations_alloc(&t->w, t->micro, (int)t->h->T, t->cfg->recompute ? ACT_RECOMPUTE : ACT_TRAIN,
                               err, sizeof err);
    if (!t->act)
        die("%s", err);
    update_watch(t);
    double flops = model_flops_per_token(&c, (int)t->h->T),
           muon = t->opt.use_muon ? muon_flops(&t->w.layout, depth, t->w.act) / flops : 0;
    t->split = (struct split){.rows = t->h->B,
                              .row_tokens = t->h->T,
                              .fixed = t->cfg->updates,
                              .update_tokens = t->ops->update_tokens + muon,
                              .least_tokens = t->ops->micro_tokens / 8.0 * t->parallel.parts};
}

/* Another rank than 0, when rank 0 cannot read on: gives it what it saves, and ends with it. */
static _Noreturn void fail_with_first(struct trainer *t)
{
    if (t->saved_step != t->step && t->step > 0)
        save(t);
    cluster_leave_to_first(t->cluster);
    exit(1);
}

/* The next record; NULL: there is none, or a signal came. */
static const struct batch_record *next_record(struct trainer *t)
{
    const struct batch_record *record;
    int signal;
    switch (feed_next(&t->feed, &record, &signal)) {
    case FEED_RECORD:
        return record;
    case FEED_FAILED:
        fail_with_first(t);
    case FEED_STOP:
        t->stop = signal;
        return NULL;
    default:
        return NULL;
    }
}

/* After a signal: says where things are. */
static int stopped(const struct trainer *t)
{
    say("stopped by a signal at step %llu of %llu; go on with --resume%s%s%s", (unsigned long long)t->step,
        (unsigned long long)t->cfg->steps, t->finish.on ? "; the finished model is " : "",
        t->finish.on ? t->cfg->run : "",
        !t->finish.on           ? ""
        : t->cfg->save_finished ? "/latest-finished"
                                : "/latest");
    return 128 + t->stop;
}

int loop_run(struct trainer *t)
{
    const struct batch_record *record;
    skip_to(t);
    at_failure(save_on_failure, t);
    t->began = now_seconds();
    t->began_step = t->step;
    stopwatch_start(&t->clock);
    while (t->step < t->cfg->steps && !t->stop) {
        double began = now_seconds(), stalled = feed_stall_seconds(&t->feed), from = trace_now();
        if (!(record = next_record(t)))
            break;
        trace_span(TRACE_COMPUTE, from, "data", "wait for data");
        step(t, record, began, feed_stall_seconds(&t->feed) - stalled);
        trace_span(TRACE_COMPUTE, from, "step", "step %llu", (unsigned long long)t->step);
        after_step(t);
        trace_flush();
    }
    progress_end();
    stopwatch_stop(&t->clock);
    if (t->saved_step != t->step && t->step > 0)
        save(t);
    at_failure_cancel(t);
    if (t->stop && t->step < t->cfg->steps)
        return stopped(t);
    if (t->step < t->cfg->steps) {
        cluster_leave_to_first(t->cluster);
        die("%s: the batches end at step %llu of %llu; saved, go on with --resume", t->cfg->input_name,
            (unsigned long long)t->step, (unsigned long long)t->cfg->steps);
    }
    feed_finish(&t->feed);
    return 0;
}
