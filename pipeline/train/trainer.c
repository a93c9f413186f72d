#include "pipeline/train/trainer.h"

#include "pipeline/alerts/watch.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"
#include "pipeline/train/memory.h"
#include "pipeline/train/metrics.h"
#include "pipeline/train/rundir.h"
#include "pipeline/train/settings.h"
#include "pipeline/train/state.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void trainer_load_tokenizer(struct trainer *t, const char *resume_dir)
{
    tokenizer_files_read(&t->vocabulary, t->cfg->tokenizer, resume_dir ? resume_dir : t->cfg->init_dir);
    t->tok = t->vocabulary.tok;
}

void trainer_open_batches(struct trainer *t, const struct model_config *m)
{
    const char *in = t->cfg->input_name;
    feed_open(&t->feed, t->cluster, t->cfg->input);
    t->h = &t->feed.header;
    if (t->h->tokenizer_hash != tokenizer_hash(t->tok))
        die("%s: offset 0: the batches were made with another tokenizer (hash %016llx, vocabulary %u) than "
            "%s "
            "(%016llx, %u)",
            in, (unsigned long long)t->h->tokenizer_hash, t->h->vocab_size,
            t->cfg->tokenizer ? t->cfg->tokenizer : "the tokenizer.json of the model",
            (unsigned long long)tokenizer_hash(t->tok), tokenizer_vocab_size(t->tok));
    if (t->h->vocab_size != tokenizer_vocab_size(t->tok))
        die("%s: offset 0: the batches have a vocabulary of %u, the tokenizer has %u", in, t->h->vocab_size,
            tokenizer_vocab_size(t->tok));
    if (t->h->eos_id < t->h->vocab_size)
        tokenizer_set_eos(t->tok, t->h->eos_id); /* what the documents really end with */
    if (t->h->T > (uint32_t)m->T)
        die("%s: offset 0: rows of %u tokens, the model's context is %d: mix with -T %d, or train with "
            "--context %u",
            in, t->h->T, m->T, m->T, t->h->T);
    t->doc_eos = -1;
    if (t->cfg->doc_mask && t->h->eos_id >= t->h->vocab_size)
        die("%s: offset 0: --doc-mask, but the batches name no end-of-document token", in);
    if (t->cfg->doc_mask)
        t->doc_eos = (int)t->h->eos_id;
}

static enum dtype compute_type(const struct train_config *c)
{
    return c->dtype == COMPUTE_BF16 ? DTYPE_BF16 : DTYPE_F32;
}

void trainer_open_device(struct trainer *t, struct train_config *c, const struct model_config *m)
{
    char err[512], why[512];
    const struct attention_shape row = {.B = 1, .T = (int)t->h->T, .H = m->H, .Hkv = m->Hkv, .D = m->D};
    char *device = settings_word(&c->device);
    t->ops = ops_choose(device, why, sizeof why);
    if (!t->ops)
        die("--device %s: %s", device, why);
    if (c->dtype == COMPUTE_AUTO)
        c->dtype = t->ops->fastest_act() == DTYPE_BF16 ? COMPUTE_BF16 : COMPUTE_F32;
    enum dtype act = compute_type(c);
    t->dev = t->ops->open(act, (int)t->cfg->threads, err, sizeof err);
    if (!t->dev)
        die("%s", err);
    if (t->cfg->fp8 && t->ops->use_fp8(t->dev, err, sizeof err) != 0)
        die("--fp8: %s", err);
    if (c->attention == ATTENTION_CUDNN && t->ops->use_cudnn(t->dev, row, err, sizeof err) != 0)
        die("--attention cudnn: %s", err);
    say("device: %s, %s, %s (--device %s; %s)", t->ops->name, act == DTYPE_BF16 ? "bf16" : "f32",
        t->ops->describe(t->dev), device, why);
    free(device);
    rate_measure(&t->rate, t->ops, t->dev, act);
}

/* The most rows in a part of a batch that is taken in one update: no micro-batch is larger. */
static uint64_t most_rows(const struct trainer *t, const struct train_config *c)
{
    uint32_t leaves = tree_leaves((uint32_t)c->parts, t->h->B);
    return (t->h->B + leaves - 1) / leaves;
}

/* The optimizer's state that this rank holds: of the elements that it owns. Ranks that train apart update all
 * weights, of their own copies. */
static size_t optimizer_elements(const struct train_config *c, const struct params *layout,
                                 const struct shares *s)
{
    return c->sync_every > 0 ? layout->total : s->owned;
}

/* Says how much memory the run takes, and chooses the micro-batch: as few rows as the smallest machine takes.
 */
static void plan_memory(struct trainer *t, struct train_config *c, const struct model_config *m,
                        const struct params *layout, const struct shares *s)
{
    struct memory_plan plan;
    enum dtype act = compute_type(c);
    bool bf16_state = c->state_dtype == DTYPE_BF16;
    uint64_t optimizer =
        optim_bytes(layout, optimizer_elements(c, layout, s), act, c->optimizer == OPTIMIZER_MUON,
                    bf16_state) +
        parallel_bytes(t->cluster, (uint32_t)c->parts, layout->total, s, c->wire == DTYPE_BF16) +
        lookahead_bytes(&t->ahead, layout->total) + (t->finish.on ? finish_bytes(layout->total, act) : 0);
    memory_plan_make(&plan, &(struct memory_request){.ops = t->ops,
                                                     .dev = t->dev,
                                                     .model = m,
                                                     .h = t->h,
                                                     .act = act,
                                                     .optimizer = optimizer,
                                                     .recompute = c->recompute,
                                                     .bf16_alone = bf16_state,
                                                     .rows = most_rows(t, c),
                                                     .micro = c->micro_batch});
    t->micro = -(int)plan.micro;
    cluster_max(t->cluster, &t->micro, 1);
    t->micro = -t->micro;
    c->micro_batch = (uint64_t)t->micro;
}

static void allocate_weights(struct trainer *t, const struct train_config *c, const struct model_config *m,
                             const struct shares *s)
{
    char err[512];
    bool bf16_state = c->state_dtype == DTYPE_BF16;
    if ((bf16_state ? weights_alloc_bf16(&t->w, t->ops, t->dev, m, err, sizeof err)
                    : weights_alloc(&t->w, t->ops, t->dev, compute_type(c), m, err, sizeof err)) != 0)
        die("%s", err);
    t->opt = (struct optim){.own = c->sync_every > 0 ? NULL : s->own,
                            .n_own = s->buckets,
                            .beta1 = (float)c->beta1,
                            .beta2 = (float)c->beta2,
                            .eps = (float)c->eps,
                            .weight_decay = (float)c->weight_decay,
                            .clip = (float)c->clip,
                            .bf16_state = bf16_state,
                            .use_muon = c->optimizer == OPTIMIZER_MUON,
                            .momentum = (float)c->momentum,
                            .rate = {1, (float)(c->lr_embedding / c->lr), (float)(c->lr_head / c->lr),
                                     (float)(c->lr_norm / c->lr)}};
    if (optim_alloc(&t->opt, &t->w, err, sizeof err) != 0)
        die("%s", err);
}

/* Where devices have memory of their own, messages go from one to the other, if they can. */
static void join_devices(struct trainer *t)
{
    char why[512];
    size_t own_memory;
    t->ops->memory(t->dev, &own_memory);
    if (own_memory > 0 && t->cluster->size > 1 && !cluster_use_gpus(t->cluster, why, sizeof why))
        say("gradients and weights go through the machine's memory: %s", why);
}

/* Allocates the arrays as large as the weights, beside these and the optimizer's state. */
static void allocate_updates(struct trainer *t, const struct train_config *c, struct shares *s)
{
    size_t total = t->w.layout.total;
    if (lookahead_alloc(&t->ahead, &t->w) != 0)
        die("no memory for the extrapolation of weights (%.1f MB)",
            (double)lookahead_bytes(&t->ahead, total) / 1e6);
    if (finish_alloc(&t->finish, &t->w) != 0)
        die("no memory for averages of weights (%.1f MB)",
            (double)finish_bytes(total, compute_type(c)) / 1e6);
    t->grad = t->ops->alloc(t->dev, total * sizeof *t->grad);
    if (!t->grad)
        die("no memory for the gradient (%.1f MB)", (double)(total * sizeof *t->grad) / 1e6);
    join_devices(t);
    double sums = (double)parallel_bytes(t->cluster, (uint32_t)c->parts, total, s, c->wire == DTYPE_BF16);
    if (parallel_alloc(&t->parallel, t->cluster, (uint32_t)c->parts, c->wire == DTYPE_BF16, &t->w, s,
                       t->grad) != 0)
        die("no memory for sums of gradients (%.1f MB)", sums / 1e6);
}

/* Allocates the arrays that are as large as a batch, or smaller. */
static void allocate_rows(struct trainer *t)
{
    size_t ranks = (size_t)t->cluster->size;
    t->tokens = xcalloc((size_t)t->h->B * (t->h->T + 1), sizeof *t->tokens);
    t->loss = xcalloc((size_t)t->h->B * t->h->T, sizeof *t->loss);
    t->row_loss = xcalloc(t->h->B, sizeof *t->row_loss);
    t->other_loss = xcalloc(t->h->B, sizeof *t->other_loss);
    t->rank_border = xcalloc(ranks + 1, sizeof *t->rank_border);
    t->rank_norm = xcalloc(ranks, sizeof *t->rank_norm);
    for (size_t r = 0; r <= ranks; r++)
        t->rank_border[r] = r * sizeof *t->rank_norm;
    t->row_border = xcalloc(ranks + 1, sizeof *t->row_border);
    t->source_loss = xcalloc(t->h->n_sources, sizeof *t->source_loss);
}

/* All memory of the run for so many layers, after saying how much it is for all of them. */
void trainer_allocate(struct trainer *t, struct train_config *c, const struct model_config *m, int depth)
{
    struct params layout;
    t->ahead = (struct lookahead){.beta = (float)c->ema_nesterov,
                                  .gamma = (float)c->ema_gamma,
                                  .start = c->ema_start,
                                  .every = c->sync_every ? c->sync_every : c->outer_nesterov,
                                  .apart = c->sync_every > 0,
                                  .eta = (float)c->outer_lr,
                                  .mu = (float)c->outer_momentum};
    t->finish.on = config_finishes(c);
    if (params_layout(&layout, m) != 0)
        die("out of memory");
    struct shares s;
    shares_make(&s, &layout, t->cluster->size, t->cluster->rank, c->optimizer == OPTIMIZER_MUON,
                (size_t)(c->bucket * 1e6 / sizeof(float)));
    plan_memory(t, c, m, &layout, &s);
    params_free(&layout);
    allocate_weights(t, c, m, &s);
    allocate_updates(t, c, &s);
    loop_set_depth(t, depth);
    allocate_rows(t);
}

/* Stages of --grow, and what they save. */
void trainer_say_growth(const struct trainer *t, const struct model_config *m)
{
    const struct growth *g = &t->cfg->growth;
    const struct growth all = {.stage = {{0, m->L}}, .n = 1};
    struct strbuf line = {0};
    uint64_t steps = t->cfg->steps;
    for (int i = 0; i < g->n; i++) {
        struct model_config c = *m;
        c.L = g->stage[i].depth;
        size_t acts = activations_bytes(t->ops, &c, t->w.act, t->micro, (int)t->h->T,
                                        t->cfg->recompute ? ACT_RECOMPUTE : ACT_TRAIN);
        strbuf_addf(&line, "%s%d layers from step %llu on (activations %.1f MB)", i ? ", " : "", c.L,
                    (unsigned long long)g->stage[i].step, (double)acts / 1e6);
    }
    if (g->n > 1)
        say("growth: %s: %.0f %% of the FLOPs that all layers always would take", line.s,
            100 * growth_flops(g, m, (int)t->h->T, 0, steps) / growth_flops(&all, m, (int)t->h->T, 0, steps));
    strbuf_free(&line);
}

/* config.json of the run: what was resolved, and of what. */
void trainer_write_config(const struct trainer *t, const struct model_config *m)
{
    if (t->cluster->rank != 0)
        return;
    char *path = path_join(t->cfg->run, "config.json");
    json_t *o = config_to_json(t->cfg), *depths = json_array();
    const struct growth *g = &t->cfg->growth;
    for (int i = 0; i < g->n; i++)
        json_array_append_new(depths, json_pack("{s:I, s:i}", "step", (json_int_t)g->stage[i].step, "layers",
                                                g->stage[i].depth));
    json_object_set_new(o, "version", json_string(tritter_version));
    json_object_set_new(o, "backend", json_sprintf("%s, %s", t->ops->name, t->ops->describe(t->dev)));
    json_object_set_new(o, "ranks", json_integer(t->cluster->size));
    json_object_set_new(o, "parameters", json_integer((json_int_t)model_params(m)));
    json_object_set_new(o, "vocab_size", json_integer(m->V));
    json_object_set_new(o, "flops_per_token", json_real(model_flops_per_token(m, (int)t->h->T)));
    json_object_set_new(o, "depths", depths);
    json_object_set_new(o, "rows", json_integer(t->h->B));
    json_object_set_new(o, "row_tokens", json_integer(t->h->T));
    json_object_set_new(o, "sources", json_integer(t->h->n_sources));
    json_object_set_new(o, "mix_hash", json_sprintf("%016llx", (unsigned long long)t->h->mix_hash));
    json_object_set_new(o, "tokenizer_hash",
                        json_sprintf("%016llx", (unsigned long long)tokenizer_hash(t->tok)));
    char *text = json_dumps(o, JSON_INDENT(2));
    struct commit f;
    fprintf(commit_open(&f, path), "%s\n", text);
    commit_finish(&f);
    free(text);
    free(path);
    json_decref(o);
}

void trainer_open_logs(struct trainer *t, const json_t *state)
{
    if (t->cluster->rank != 0) {
        logfile_open_nowhere(&t->metrics);
        logfile_open_nowhere(&t->ledger);
        return;
    }
    logfile_open(&t->metrics, t->cfg->run, "metrics.jsonl", state ? state_bytes(state, "metrics_bytes") : 0);
    logfile_open(&t->ledger, t->cfg->run, "ledger.jsonl", state ? state_bytes(state, "ledger_bytes") : 0);
    metrics_event(&t->metrics, t->step, state ? "resume" : "start", NULL);
}

/* The weights of --init DIR. */
static void load_first_weights(struct trainer *t)
{
    char err[1024];
    const char *dir = t->cfg->init_dir;
    if (checkpoint_verify_model(dir, err, sizeof err) != 0 ||
        checkpoint_read_array(dir, "model.safetensors", "", true, &t->w, weights_array(&t->w), err,
                              sizeof err) != 0)
        die("%s", err);
    weights_publish(&t->w);
    say("the weights are those of %s", dir);
}

/* Without a watch, a run goes on. */
void trainer_watch(const struct trainer *t)
{
    char err[1024];
    const struct watch_settings s = {
        .run = t->cfg->run, .on_alert = t->cfg->on_alert, .alert_url = t->cfg->alert_url};
    if (watch_thread_start(&s, err, sizeof err) != 0)
        warn("%s: there will be no alerts", err);
}

/* Weights and counters: first values, or those of the checkpoint. */
void trainer_begin(struct trainer *t, const char *dir, const json_t *state)
{
    t->saved_step = UINT64_MAX;
    if (!dir) {
        t->w.init = t->cfg->first_values;
        if (t->cfg->init_dir)
            load_first_weights(t);
        else if (weights_init(&t->w, t->cfg->seed) != 0 || weights_silence(&t->w, t->w.depth) != 0)
            die("no memory for the first weights");
        lookahead_begin(&t->ahead, &t->w);
        finish_begin(&t->finish, &t->w);
        losses_begin(&t->losses, 0);
        if (t->cfg->overwrite &&
            t->cluster->rank == 0) /* only now: whatever is wrong with this run has shown before */
            rundir_clear(t->cfg->run);
        return;
    }
    state_check_mix(t, dir, state);
    state_load(t, dir, state);
    t->saved_step = t->met_step = t->step;
    if (t->cluster->rank != 0)
        return;
    rundir_link(t->cfg->run, "latest", t->step);
    char *best = t->cfg->keep_best && t->best_step ? rundir_checkpoint(t->cfg->run, t->best_step) : NULL;
    if (best && is_dir(best))
        rundir_link(t->cfg->run, "best", t->best_step);
    free(best);
    rundir_prune(t->cfg->run, t->step, t->cfg->keep_last, t->cfg->keep_best ? t->best_step : 0,
                 choice_back_step(t)); /* a kill's rest */
    say("going on from %s at step %llu of %llu", dir, (unsigned long long)t->step,
        (unsigned long long)t->cfg->steps);
}

void trainer_close(struct trainer *t)
{
    logfile_close(&t->metrics);
    watch_thread_stop();
    logfile_close(&t->ledger);
    feed_close(&t->feed);
    validation_close(t->val);
    activations_free(t->act);
    parallel_free(&t->parallel);
    t->ops->free(t->dev, t->grad);
    optim_free(&t->opt, &t->w);
    lookahead_free(&t->ahead, &t->w);
    finish_free(&t->finish, &t->w);
    weights_free(&t->w);
    t->ops->close(t->dev);
    tokenizer_files_free(&t->vocabulary);
    free(t->tokens);
    free(t->loss);
    free(t->row_loss);
    free(t->row_border);
    free(t->rank_border);
    free(t->rank_norm);
    free(t->source_loss);
    free(t->other_loss);
}
