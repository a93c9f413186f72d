/*
 * train - train a model on a stream of batches
 *
 * in:    batches (formats/batch.md) from a ring, a pipe or a file; tokenizer.json
 * files: the run's directory: config.json, metrics.jsonl, ledger.jsonl, checkpoints, latest, best
 * (formats/checkpoint.md)
 */
#include "pipeline/train/trainer.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/threads.h"
#include "pipeline/lib/trace.h"
#include "pipeline/model/checkpoint.h"
#include "pipeline/train/memory.h"
#include "pipeline/train/recipe.h"
#include "pipeline/train/rundir.h"
#include "pipeline/train/settings.h"
#include "pipeline/train/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int print_step(const char *run)
{
    json_t *state;
    char *dir = rundir_newest(run, &state);
    printf("%llu\n", (unsigned long long)(dir ? state_step(state) : 0));
    json_decref(state);
    free(dir);
    close_stdout();
    return 0;
}

static int print_shape(double flop)
{
    const struct recipe_shape *s = recipe_shape(flop);
    printf("%d %d %d %d %d %d\n", s->layers, s->width, s->heads, s->ffn, s->vocab, s->rows);
    close_stdout();
    return 0;
}

/* Rank 0 sends the others the checkpoint that it found; they read it again on their own machines. */
static char *tell_others(struct cluster *cluster, char *dir, json_t **state)
{
    char err[1024];
    size_t n = dir ? strlen(dir) + 1 : 0;
    cluster_broadcast(cluster, &n, sizeof n, 0);
    if (n > 0 && cluster->rank != 0)
        dir = xmalloc(n);
    if (n > 0)
        cluster_broadcast(cluster, dir, n, 0);
    if (n > 0 && cluster->rank != 0 && checkpoint_state(dir, state, err, sizeof err) != 0)
        die("%s: is not here as it is on the first machine; -o must be a directory that all of them see",
            dir);
    return dir;
}

/* The checkpoint to go on from and its state; NULL: a new run. */
static char *begin_run(const struct train_config *c, json_t **state)
{
    char *dir = NULL;
    *state = NULL;
    rundir_check(c->run, c->resume, c->overwrite);
    rundir_open(c->run);
    if (c->resume)
        dir = rundir_newest(c->run, state);
    else if (!c->overwrite && rundir_has_checkpoints(c->run))
        die("%s: holds a run. Add --resume to go on with it, or --overwrite to delete it", c->run);
    if (c->resume && !dir)
        say("%s: no checkpoint yet, starting at step 0", c->run);
    return dir;
}

static char *begin_together(struct cluster *cluster, const struct train_config *c, json_t **state)
{
    *state = NULL;
    return tell_others(cluster, cluster->rank == 0 ? begin_run(c, state) : NULL, state);
}

/* Ranks that were started with other words, or that run other programs, would not make one model. */
static void check_ranks(const struct trainer *t)
{
    json_t *o = config_to_json(t->cfg);
    char *text = json_dumps(o, JSON_SORT_KEYS);
    cluster_same(t->cluster, text, strlen(text), "the options of train");
    cluster_same(t->cluster, tritter_version, strlen(tritter_version), "the version of train");
    cluster_same(t->cluster, t->vocabulary.json, t->vocabulary.len, "the tokenizer");
    cluster_same(t->cluster, t->ops->name, strlen(t->ops->name), "the device, or its instruction set,");
    if (t->cluster->launched)
        say("%d processes, %s; %llu parts of an update, %.2f MB a process and update on the wire",
            t->cluster->size, t->cluster->name, (unsigned long long)t->cfg->parts,
            parallel_wire_bytes(&t->parallel) / 1e6);
    free(text);
    json_decref(o);
}

static void summary(const struct trainer *t, const struct model_config *m)
{
    double seconds = now_seconds() - t->began;
    uint64_t steps = t->step - t->began_step;
    double rate = seconds > 0 ? (double)(steps * t->h->B * t->h->T) / seconds : 0;
    double flops = rate * growth_flops(&t->cfg->growth, m, (int)t->h->T, t->began_step, t->step) /
                   (double)(steps ? steps : 1);
    char mfu[128];
    rate_text(mfu, sizeof mfu, &t->rate, flops);
    say("%llu steps, %.2fM tokens in %.1f s: %.0f tok/s, %.1f GFLOP/s%s; %.2f s waiting for data; peak "
        "memory %.1f MB; "
        "%s/latest",
        (unsigned long long)steps, (double)(steps * t->h->B * t->h->T) / 1e6, seconds, rate, flops / 1e9, mfu,
        feed_stall_seconds(&t->feed), (double)memory_peak() / 1e6, t->cfg->run);
    if (!t->cfg->json || t->cluster->rank != 0)
        return;
    char loss[32] = "null";
    if (steps > 0 && isfinite(t->last_loss))
        snprintf(loss, sizeof loss, "%.9g", t->last_loss);
    printf("{\"step\":%llu,\"tokens\":%llu,\"loss\":%s,\"seconds\":%.3f,\"tokens_per_s\":%.1f,\"flops_per_"
           "s\":%.4g,"
           "\"product_flops_per_s\":%.4g,\"nominal_flops_per_s\":%.4g,\"stall_s\":%.3f,\"peak_memory_bytes\":"
           "%llu}\n",
           (unsigned long long)t->step, (unsigned long long)t->tokens_seen, loss, seconds, rate, flops,
           t->rate.measured, t->rate.nominal, feed_stall_seconds(&t->feed),
           (unsigned long long)memory_peak());
}

static void settle(struct trainer *t, struct train_config *c, const char *resume_dir, const json_t *state,
                   struct model_config *m)
{
    config_resolve(c, json_object_get(state, "config"), resume_dir);
    trainer_load_tokenizer(t, resume_dir);
    config_model(c, tokenizer_vocab_size(t->tok), m);
}

static void say_model(const struct model_config *m)
{
    say("model: %.2fM parameters, %.2fM without embedding; %d layers of width %d, %d/%d heads of %d, "
        "feed-forward %d, context %d, vocabulary %d",
        (double)model_params(m) / 1e6, (double)model_params_no_embedding(m) / 1e6, m->L, m->C, m->H, m->Hkv,
        m->D, m->F, m->T, m->V);
}

int main(int argc, char **argv)
{
    threads_settle(argv);
    static struct trainer t;
    struct train_config *c = config_parse(argc, argv);
    struct model_config m;
    json_t *state;

    if (c->print_step)
        return print_step(c->print_step);
    if (!isnan(c->print_shape))
        return print_shape(c->print_shape);
    if (c->list_presets) {
        config_list_presets(c->json);
        return 0;
    }
    signals_install();
    if (!c->stop_on)
        signals_save_on(SIGUSR1);
    t.cfg = c;
    t.cluster = cluster_open(c->timeout);
    c->ranks = t.cluster->size;
    c->launched = t.cluster->launched;
    char *resume_dir = begin_together(t.cluster, c, &state);
    if (t.cluster->rank == 0) /* what is wrong with the options, one of them says */
        settle(&t, c, resume_dir, state, &m);
    cluster_barrier(t.cluster);
    if (t.cluster->rank != 0)
        settle(&t, c, resume_dir, state, &m);
    cluster_broadcast(t.cluster, &c->threads, sizeof c->threads, 0);
    config_print(c);
    say_model(&m);
    trainer_open_batches(&t, &m);
    trainer_open_device(&t, c, &m);
    trainer_allocate(&t, c, &m, state ? state_depth(resume_dir, state, m.L) : growth_depth(&c->growth, 0));
    trainer_say_growth(&t, &m);
    check_ranks(&t);
    t.val = validation_open(t.cluster, &c->val, t.tok, t.micro, (int)t.h->T, c->val_tokens);
    t.schedule = (struct schedule){.kind = c->schedule,
                                   .steps = c->steps,
                                   .peak = c->lr,
                                   .warmup = c->warmup,
                                   .decay = c->decay,
                                   .min_ratio = c->min_lr_ratio};
    trainer_begin(&t, resume_dir, state);
    trainer_write_config(&t, &m);
    trainer_open_logs(&t, state);
    trainer_watch(&t);
    trainer_learn_forecasts(&t);
    if (c->trace)
        trace_open(c->trace, t.cluster->rank);
    int code = loop_run(&t);
    summary(&t, &m);
    trace_flush();
    cluster_close(t.cluster);
    trace_close(c->ranks);
    trainer_close(&t);
    json_decref(state);
    free(resume_dir);
    close_stdout();
    return code;
}
