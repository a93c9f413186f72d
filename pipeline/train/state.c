#include "pipeline/train/state.h"

#include "formats/json_get.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"
#include "pipeline/train/loop.h"
#include "pipeline/train/metrics.h"
#include "pipeline/train/rundir.h"
#include "pipeline/train/state_json.h"
#include "pipeline/train/together.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATE_FORMAT = 1 };

static const char optimizer_file[] = "trainer/optimizer.safetensors";
static const char lookahead_file[] = "trainer/lookahead.safetensors";
static const char finish_file[] = "trainer/finish.safetensors";
static const char averages_file[] = "trainer/finish-averages.safetensors";
static const char *const averages[FINISH_AVERAGES] = {"d1.", "d2.", "d3."};

static json_t *hex(uint64_t x)
{
    return json_sprintf("%016llx", (unsigned long long)x);
}

/* The model that is saved is not what training goes on from. */
static bool master_apart(const struct trainer *t)
{
    return t->cfg->save_dtype == DTYPE_BF16 || choice_finished(t);
}

static json_t *state_to_json(struct trainer *t)
{
    json_t *o =
        json_pack("{sIsssIsIsI}", "format", (json_int_t)STATE_FORMAT, "version", tritter_version, "step",
                  (json_int_t)t->step, "tokens", (json_int_t)t->tokens_seen, "updates", (json_int_t)t->opt.t);
    json_object_set_new(o, "mix_hash", hex(t->h->mix_hash));
    json_object_set_new(o, "tokenizer_hash", hex(tokenizer_hash(t->tok)));
    json_object_set_new(o, "rows", json_integer(t->h->B));
    json_object_set_new(o, "row_tokens", json_integer(t->h->T));
    json_object_set_new(o, "master_in_optimizer", json_boolean(master_apart(t)));
    json_object_set_new(o, "choice", state_choice_to_json(&t->choice));
    json_object_set_new(o, "metrics_bytes", json_integer((json_int_t)logfile_sync(&t->metrics)));
    json_object_set_new(o, "ledger_bytes", json_integer((json_int_t)logfile_sync(&t->ledger)));
    json_object_set_new(o, "best_step", json_integer((json_int_t)t->best_step));
    json_object_set_new(o, "best_loss", json_real(t->best_step ? t->best_loss : 0));
    json_object_set_new(o, "guard", state_guard_to_json(&t->guard));
    json_object_set_new(o, "beta2_product", json_real(t->opt.beta2_power));
    json_object_set_new(o, "losses", state_losses_to_json(&t->losses));
    json_object_set_new(o, "depth", json_integer(t->w.depth));
    json_object_set_new(o, "layers", state_ages_to_json(&t->opt, t->w.depth));
    json_object_set_new(o, "trained_s", json_real(t->clock.wall));
    json_object_set_new(o, "cpu_s", json_real(t->clock.cpu));
    json_object_set_new(o, "config", config_to_json(t->cfg));
    return o;
}

static void put_model(struct checkpoint_save *s, const struct trainer *t)
{
    bool half = t->cfg->save_dtype == DTYPE_BF16;
    const struct checkpoint_array model = {.prefix = "", .array = weights_array(&t->w)};
    char *config = model_config_to_json(&t->w.c, half ? "bfloat16" : "float32", tokenizer_bos(t->tok),
                                        tokenizer_eos(t->tok));
    if (!config)
        die("out of memory");
    if (t->cluster->rank == 0)
        checkpoint_put_text(s, "config.json", config, strlen(config));
    free(config);
    checkpoint_put_tensors(s, "model.safetensors", &t->w, &model, 1, half ? ST_BF16 : ST_F32);
}

static void put_finished_model(struct checkpoint_save *s, struct trainer *t)
{
    finish_enter(&t->finish, &t->w, t->grad);
    put_model(s, t);
    finish_leave(&t->w, t->grad, 0);
}

static void put_arrays(struct checkpoint_save *s, struct trainer *t)
{
    bool own = t->cluster->size > 1 && t->opt.own;
    const struct checkpoint_array optim[] = {{"exp_avg.", optim_array(&t->opt, t->opt.m), own},
                                             {"exp_avg_sq.", optim_array(&t->opt, t->opt.v), own},
                                             {"master.", weights_array(&t->w), false}};
    if (choice_finished(t))
        put_finished_model(s, t);
    else
        put_model(s, t);
    checkpoint_put_tensors(s, optimizer_file, &t->w, optim, master_apart(t) ? 3 : 2, ST_F32);
}

static void put_finish(struct checkpoint_save *s, const struct trainer *t)
{
    struct checkpoint_array mark = {.prefix = "mark.", .array.p = t->finish.mark}, arrays[FINISH_AVERAGES];
    bool half = t->w.act == DTYPE_BF16;
    if (!t->finish.on)
        return;
    for (int j = 0; j < FINISH_AVERAGES; j++)
        arrays[j] =
            (struct checkpoint_array){.prefix = averages[j], .array = {.p = t->finish.D[j], .bf16 = half}};
    checkpoint_put_tensors(s, finish_file, &t->w, &mark, 1, ST_F32);
    checkpoint_put_tensors(s, averages_file, &t->w, arrays, FINISH_AVERAGES, half ? ST_BF16 : ST_F32);
}

/* A checkpoint without averages (the option is new) begins them with the weights as they are. */
static void load_finish(struct trainer *t, const char *dir, const json_t *state)
{
    char err[1024];
    bool half = t->w.act == DTYPE_BF16;
    finish_begin(&t->finish, &t->w);
    if (!t->finish.on || !json_object_get(json_object_get(state, "files"), finish_file))
        return;
    int rc = checkpoint_read_array(dir, finish_file, "mark.", false, &t->w,
                                   (struct weight_array){.p = t->finish.mark}, err, sizeof err);
    for (int j = 0; j < FINISH_AVERAGES && rc == 0; j++)
        rc = checkpoint_read_array(dir, averages_file, averages[j], false, &t->w,
                                   (struct weight_array){.p = t->finish.D[j], .bf16 = half}, err, sizeof err);
    if (rc != 0)
        die("%s", err);
}

static void put_lookahead(struct checkpoint_save *s, const struct trainer *t)
{
    struct checkpoint_array arrays[3];
    size_t n = 0;
    if (t->ahead.mean)
        arrays[n++] = (struct checkpoint_array){.prefix = "ema.", .array.p = t->ahead.mean};
    if (t->ahead.anchor) {
        arrays[n++] = (struct checkpoint_array){.prefix = "anchor.", .array.p = t->ahead.anchor};
        arrays[n++] = (struct checkpoint_array){.prefix = "velocity.", .array.p = t->ahead.velocity};
    }
    if (n > 0)
        checkpoint_put_tensors(s, lookahead_file, &t->w, arrays, n, ST_F32);
}

/* An array that the checkpoint lacks (its option is new, by --override) begins with the present weights. */
static void load_lookahead(struct trainer *t, const char *dir, const json_t *state)
{
    char err[1024];
    bool there = json_object_get(json_object_get(state, "files"), lookahead_file);
    const char *outer = t->cfg->sync_every > 0 ? "sync-every" : "outer-nesterov";
    const struct {
        const char *option, *prefix;
        float *array;
    } arrays[] = {{"ema-nesterov", "ema.", t->ahead.mean},
                  {outer, "anchor.", t->ahead.anchor},
                  {outer, "velocity.", t->ahead.velocity}};
    lookahead_begin(&t->ahead, &t->w);
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        double used = json_number_value(json_object_get(json_object_get(state, "config"), arrays[i].option));
        if (there && used > 0 && arrays[i].array &&
            checkpoint_read_array(dir, lookahead_file, arrays[i].prefix, false, &t->w,
                                  (struct weight_array){.p = arrays[i].array}, err, sizeof err) != 0)
            die("%s", err);
    }
}

const char *state_left(const struct trainer *t)
{
    return t->saved_step == UINT64_MAX ? "no checkpoint has been written"
                                       : "the last checkpoint is as it was";
}

void state_check_device(struct trainer *t, uint64_t step)
{
    t->ops->sync(t->dev);
    const char *failed = t->ops->error(t->dev);
    if (failed)
        die("step %llu: %s: %s; %s", (unsigned long long)step, t->ops->name, failed, state_left(t));
}

/* DIR/latest-finished: a model directory without what --resume needs. */
static void save_finished(struct trainer *t)
{
    char *dir = path_join(t->cfg->run, "latest-finished");
    json_t *state = NULL;
    struct checkpoint_save *s = together_begin(t, dir);
    put_finished_model(s, t);
    if (t->cluster->rank == 0) {
        tokenizer_files_put(&t->vocabulary, s, t->w.c.T);
        state = json_pack("{sIsssIsI}", "format", (json_int_t)STATE_FORMAT, "version", tritter_version,
                          "step", (json_int_t)t->step, "tokens", (json_int_t)t->tokens_seen);
    }
    state_check_device(t, t->step); /* one that has failed holds nothing that is worth good hashes */
    together_commit(t, s, state);
    free(dir);
}

void state_prune(const struct trainer *t)
{
    rundir_prune(t->cfg->run, t->step, t->cfg->keep_last, t->cfg->keep_best ? t->best_step : 0,
                 choice_back_step(t));
}

void state_save(struct trainer *t)
{
    bool first = t->cluster->rank == 0;
    char *dir = rundir_checkpoint(t->cfg->run, t->step);
    metrics_event(&t->metrics, t->step, "checkpoint", dir);
    json_t *state = first ? state_to_json(t) : NULL;
    struct checkpoint_save *s = together_begin(t, dir);
    put_arrays(s, t);
    put_lookahead(s, t);
    put_finish(s, t);
    if (first)
        tokenizer_files_put(&t->vocabulary, s, t->w.c.T);
    state_check_device(t, t->step); /* one that has failed holds nothing that is worth good hashes */
    together_commit(t, s, state);
    t->saved_step = t->step;
    if (first)
        rundir_link(t->cfg->run, "latest", t->step);
    if (t->cfg->save_finished)
        save_finished(t);
    if (first && t->cfg->keep_best && t->best_step == t->step)
        rundir_link(t->cfg->run, "best", t->step);
    if (first)
        state_prune(t);
    detail("saved %s", dir);
    free(dir);
}

int state_depth(const char *dir, const json_t *state, int layers)
{
    const json_t *depth = json_object_get(state, "depth");
    json_int_t n = depth ? json_integer_value(depth) : layers;
    if (n < 1 || n > layers)
        die("%s/trainer/state.json: depth %lld, the model has %d layers", dir, (long long)n, layers);
    return (int)n;
}

uint64_t state_step(const json_t *state)
{
    return json_get_u64(state, "step");
}

uint64_t state_bytes(const json_t *state, const char *which)
{
    return json_get_u64(state, which);
}

void state_check_mix(const struct trainer *t, const char *dir, const json_t *state)
{
    char now[17];
    const char *before = json_string_value(json_object_get(state, "mix_hash"));
    snprintf(now, sizeof now, "%016llx", (unsigned long long)t->h->mix_hash);
    if (before && strcmp(before, now) == 0)
        return;
    if (!t->cfg->allow_mix_change)
        die("%s: offset 0: the batches are of mix %s, those of %s were of mix %s (sources, weights, seed, -B "
            "and -T "
            "make a mix). Start the same mix, or add --allow-mix-change",
            t->cfg->input_name, now, dir, before ? before : "unknown");
    warn("going on with another mix (%s, was %s)", now, before ? before : "unknown");
}

/* The own elements of m or v: all are read into the gradient's memory. */
static int read_share(struct trainer *t, const char *dir, const char *name, const char *prefix, void *m_or_v,
                      char *err, size_t cap)
{
    size_t element = optim_element(&t->opt);
    int rc = checkpoint_read_array(dir, name, prefix, false, &t->w, optim_array(&t->opt, t->grad), err, cap);
    const struct range all = {0, t->opt.n, 0}, *own = t->opt.own ? t->opt.own : &all;
    for (size_t i = 0; i < (t->opt.own ? t->opt.n_own : 1); i++)
        t->ops->copy(t->dev, (char *)m_or_v + own[i].at * element, (char *)t->grad + own[i].from * element,
                     (own[i].end - own[i].from) * element);
    return rc;
}

int state_load_weights(struct trainer *t, const char *dir, const json_t *state, char *err, size_t cap)
{
    bool apart = json_is_true(json_object_get(state, "master_in_optimizer"));
    int rc = checkpoint_read_array(dir, apart ? optimizer_file : "model.safetensors", apart ? "master." : "",
                                   !apart, &t->w, weights_array(&t->w), err, cap);
    weights_publish(&t->w);
    return rc;
}

void state_load_arrays(struct trainer *t, const char *dir, const json_t *state)
{
    char err[1024];
    if (state_load_weights(t, dir, state, err, sizeof err) != 0 ||
        read_share(t, dir, optimizer_file, "exp_avg.", t->opt.m, err, sizeof err) != 0 ||
        read_share(t, dir, optimizer_file, "exp_avg_sq.", t->opt.v, err, sizeof err) != 0)
        die("%s", err);
    t->ops->zero(t->dev, t->grad, t->w.layout.total * sizeof *t->grad);
    t->opt.t = json_get_u64(state, "updates");
    const json_t *beta2_power = json_object_get(state, "beta2_product");
    t->opt.beta2_power =
        beta2_power ? json_number_value(beta2_power) : pow((double)t->opt.beta2, (double)t->opt.t);
    state_ages_from_json(&t->opt, t->w.depth, json_object_get(state, "layers"));
    load_finish(t, dir, state);
    load_lookahead(t, dir, state);
}

void state_load(struct trainer *t, const char *dir, const json_t *state)
{
    char err[1024], now[17];
    struct model_config c;
    if (json_get_u64(state, "format") != STATE_FORMAT)
        die("%s/trainer/state.json: format %llu, this train reads %d", dir,
            (unsigned long long)json_get_u64(state, "format"), STATE_FORMAT);
    if (checkpoint_config(dir, &c, err, sizeof err) != 0)
        die("%s", err);
    const char *tok = json_string_value(json_object_get(state, "tokenizer_hash"));
    snprintf(now, sizeof now, "%016llx", (unsigned long long)tokenizer_hash(t->tok));
    if (!tok || strcmp(tok, now) != 0)
        die("%s: was trained with another tokenizer (hash %s) than %s (%s)", dir, tok ? tok : "unknown",
            t->cfg->tokenizer ? t->cfg->tokenizer : "its tokenizer.json", now);
    if (c.V != t->w.c.V)
        die("%s: the model has a vocabulary of %d, the tokenizer has %d", dir, c.V, t->w.c.V);
    state_load_arrays(t, dir, state);
    t->step = json_get_u64(state, "step");
    t->tokens_seen = json_get_u64(state, "tokens");
    t->best_step = json_get_u64(state, "best_step");
    t->best_loss = json_number_value(json_object_get(state, "best_loss"));
    state_losses_from_json(&t->losses, t->step, loop_tokens_a_weight(t), json_object_get(state, "losses"));
    state_guard_from_json(&t->guard, json_object_get(state, "guard"));
    t->clock.wall = json_number_value(json_object_get(state, "trained_s"));
    t->clock.cpu = json_number_value(json_object_get(state, "cpu_s"));
    state_choice_from_json(&t->choice, state);
    choice_resume(t);
}
