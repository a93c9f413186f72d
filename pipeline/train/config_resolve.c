/*
 * config_resolve.c - what every setting is: as given, as the run was begun with, by the recipe, or by default
 */
#include "pipeline/train/config.h"

#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"
#include "pipeline/train/recipe.h"
#include "pipeline/train/settings.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

bool config_names_directory(const char *init)
{
    return init && strcmp(init, "small") != 0 && strcmp(init, "unit") != 0;
}

/* 40 steps are 2 / (1 - beta2) with the usual 0.95: AdamW's steps are as large as any before v is an average
 * of that many (Ma & Yarats 2021, arXiv:1910.04209). Short runs have a tenth of theirs. */
static double default_warmup(uint64_t steps)
{
    return fmax(0.01, fmin(0.1, 40.0 / (double)steps));
}

/* Groups without a rate of their own learn at that of the hidden matrices. */
static void group_rates(struct train_config *c)
{
    double *rates[] = {&c->lr_embedding, &c->lr_head, &c->lr_norm};
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++)
        if (isnan(*rates[i]))
            *rates[i] = c->lr;
}

/* The checkpoint's value, unless another was given and may be. */
static void take_stored(const struct setting *s, const json_t *v)
{
    const char *run = train_settings.run;
    if (!v)
        return; /* written by an older version, which had no such option */
    if (setting_is_unset(s)) {
        if (setting_from_json(s, v) != 0)
            die("%s: the checkpoint's setting '%s' is of the wrong type, or has no value of this version",
                run, s->name);
        return;
    }
    json_t *now = setting_to_json(s);
    bool same = json_is_number(now) ? json_number_value(now) == json_number_value(v) : json_equal(now, v);
    json_decref(now);
    if (same || s->rule == FREE)
        return;
    char *given = setting_text(s), *before = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    if (s->rule == MODEL)
        die("--%s %s: the checkpoint in %s has %s; a model cannot change its dimensions", s->name, given, run,
            before);
    if (s->rule == RESULT && !train_settings.override)
        die("--%s %s: the run in %s was begun with %s. Leave the option out, or add --override to change it",
            s->name, given, run, before);
    warn("--%s %s: was %s; from here on the run is not what it would have been, bit for bit", s->name, given,
         before);
    free(given);
    free(before);
}

static void model_defaults(struct train_config *c)
{
    const struct model_config *m = &c->model;
    const struct {
        uint64_t *given;
        int preset;
    } dims[] = {{&c->layers, m->L},   {&c->width, m->C}, {&c->heads, m->H},
                {&c->head_dim, m->D}, {&c->ffn, m->F},   {&c->context, m->T}};
    if (c->kv_heads == UNSET_U64)
        c->kv_heads = c->heads == UNSET_U64 ? (uint64_t)m->Hkv : c->heads;
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
        if (*dims[i].given == UNSET_U64)
            *dims[i].given = (uint64_t)dims[i].preset;
}

/* Options that would make another model than the one in c->init_dir. (A context of another length is one
 * that the weights serve as well.) */
static void refuse_other_dimensions(const struct train_config *c)
{
    const struct model_config *m = &c->model;
    const struct {
        const char *option;
        uint64_t given;
        int there;
    } dims[] = {{"layers", c->layers, m->L},       {"width", c->width, m->C},       {"heads", c->heads, m->H},
                {"kv-heads", c->kv_heads, m->Hkv}, {"head-dim", c->head_dim, m->D}, {"ffn", c->ffn, m->F}};
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
        if (dims[i].given != UNSET_U64 && dims[i].given != (uint64_t)dims[i].there)
            die("--%s %llu: the model in %s has %d; its dimensions cannot change", dims[i].option,
                (unsigned long long)dims[i].given, c->init_dir, dims[i].there);
    if (c->untied && m->tied)
        die("--untied: the model in %s has no output matrix of its own", c->init_dir);
    if (c->grow)
        usage_error("--grow: not with --init DIR, whose layers all take part already");
    if (c->recipe == RECIPE_FAST)
        usage_error("--recipe fast: not with --init DIR: its learning rates are for weights that begin here");
}

/* --init DIR of a run that begins: its directory and shape. The model's name is that of the directory. */
static void begin_with(struct train_config *c)
{
    char err[1024];
    c->init_dir = checkpoint_resolve(c->init, err, sizeof err);
    if (!c->init_dir)
        die("--init is neither small, unit nor a directory with a model: %s", err);
    apart_input_dir(c->init_dir);
    apart_output_dir(c->run, c->overwrite);
    if (checkpoint_config(c->init_dir, &c->model, err, sizeof err) != 0)
        die("%s", err);
    refuse_other_dimensions(c);
    char *path = realpath(c->init, NULL), *slash = path ? strrchr(path, '/') : NULL;
    c->preset = xstrdup(slash && slash[1] ? slash + 1 : c->init);
    free(path);
}

/* Fills c->model: from the checkpoint that the run goes on from, from --init DIR, or from the preset. */
static void find_model(struct train_config *c, const char *from)
{
    char err[1024];
    c->init_dir = NULL;
    c->model_dir = from;
    if (from) {
        if (checkpoint_config(from, &c->model, err, sizeof err) != 0)
            die("%s", err);
    } else if (config_names_directory(c->init)) {
        begin_with(c);
        c->model_dir = c->init_dir;
    } else {
        if (!c->preset)
            c->preset = model_preset_at(0)->name;
        if (model_preset(c->preset, &c->model) != 0)
            usage_error("-m %s: presets are %s", c->preset, model_preset_names());
    }
}

/* The preset's learning rate, or that of the preset whose number of weights is nearest. */
static double default_lr(const struct train_config *c)
{
    const struct model_preset *named = model_preset_find(c->preset), *p, *nearest = NULL;
    double mine = log((double)model_params(&c->model)), least = INFINITY;
    if (named && !c->init_dir)
        return named->lr;
    for (size_t i = 0; (p = model_preset_at(i)); i++) {
        struct model_config m;
        model_preset(p->name, &m);
        double away = fabs(log((double)model_params(&m)) - mine);
        nearest = away < least ? p : nearest;
        least = fmin(least, away);
    }
    return nearest->lr;
}

/* A run that is made longer does not warm up again: its warm-up stays as many steps as it was. */
static void keep_warmup(struct train_config *c, const json_t *stored)
{
    double steps = json_number_value(json_object_get(stored, "steps"));
    if (steps > 0 && steps != (double)c->steps)
        c->warmup = fmin(1, c->warmup * steps / (double)c->steps);
}

bool config_finishes(const struct train_config *c)
{
    return c->save_finished || c->finish != FINISH_DECAY;
}

/* Layers that join need as many steps as AdamW's v remembers. */
static void resolve_growth(struct train_config *c)
{
    char err[512];
    uint64_t least = (uint64_t)llround(2 / (1 - c->beta2));
    if (!c->grow)
        c->grow = "off";
    if (growth_parse(&c->growth, c->grow, (int)c->layers, c->steps, least, err, sizeof err) != 0)
        usage_error("--grow: %s", err);
    if (c->growth.n > 1 && (c->ema_nesterov > 0 || c->outer_nesterov > 0))
        usage_error("--grow: not together with what extrapolates weights (--ema-nesterov, --outer-nesterov)");
}

/* A run that one process began has one part, and gets more where more processes go on with it. */
static void resolve_parts(struct train_config *c, bool given)
{
    uint32_t ranks = c->ranks > 1 ? (uint32_t)c->ranks : 1, least = 1;
    while (least < ranks)
        least *= 2;
    if (c->parts & (c->parts - 1))
        usage_error("--parts %llu: a power of two", (unsigned long long)c->parts);
    if (c->sync_every > 0) { /* a part is what a process has */
        if (least != ranks)
            usage_error("--sync-every: 1, 2, 4, 8, ... processes, not %u", ranks);
        if (c->ema_nesterov > 0 || c->outer_nesterov > 0 || c->state_dtype == DTYPE_BF16 ||
            config_finishes(c))
            usage_error("--sync-every: not together with what else averages or extrapolates weights, or with "
                        "--state-dtype bf16");
        if (c->wire != DTYPE_F32)
            usage_error("--wire: with --sync-every no gradients go over the wire");
        c->parts = ranks;
        return;
    }
    if (c->parts == 0)
        c->parts = !c->launched ? 1 : least > CONFIG_PARTS ? least : CONFIG_PARTS;
    if (c->parts >= least)
        return;
    if (given)
        usage_error("--parts %llu: fewer than processes (%u)", (unsigned long long)c->parts, ranks);
    warn("--parts %u: was %llu, for %u processes; from here on the run is not what it would have been, bit "
         "for bit",
         least, (unsigned long long)c->parts, ranks);
    c->parts = least;
}

/* A correction takes the decay of wsd, by layers that are all there. */
static void check_correction(const struct train_config *c)
{
    if (c->finish != FINISH_CORRECT)
        return;
    if (c->schedule != SCHEDULE_WSD || c->layers < 2)
        usage_error("--finish correct: only with --schedule wsd and two layers or more");
    if (growth_since(&c->growth, c->steps) > (uint64_t)((1 - c->decay) * (double)c->steps))
        usage_error("--finish correct: the last layers join after the decay has begun");
}

/* What the run was begun with stands in for what is not given. */
static void take_run(struct train_config *c, const json_t *stored)
{
    if (c->parts == 0)
        c->parts = UNSET_U64;
    if (stored && c->updates == UNSET_U64 && !json_object_get(stored, "updates"))
        c->updates = 1; /* begun by a version that took batches whole */
    if (stored && c->dtype == COMPUTE_AUTO)
        c->dtype = (enum compute_dtype)UNSET_WORD;
    for (const struct setting *s = NULL; (s = settings_next(s));)
        take_stored(s, json_object_get(stored, s->name));
}

static void settle_model(struct train_config *c, const json_t *stored, const char *from)
{
    find_model(c, from);
    model_defaults(c);
    if (!stored)
        recipe_settle(c);
    if (!c->init)
        c->init = "small";
    c->first_values = strcmp(c->init, "unit") == 0 ? INIT_UNIT : INIT_SMALL;
    if (config_names_directory(c->init))
        c->untied = !c->model.tied;
}

/* Options that exclude or need each other. */
static void check_together(struct train_config *c)
{
    if (c->sample_every > 0 && c->sample_prompts.n == 0)
        usage_error("--sample-every: --sample-prompt TEXT is missing");
    if (c->warmup + c->decay > 1)
        usage_error("--warmup and --decay together are more than all steps");
    if (c->first_values == INIT_UNIT && !c->untied)
        usage_error("--init unit: only with --untied: its embedding is too large for an output matrix");
    if (c->attention == ATTENTION_CUDNN && c->doc_mask)
        usage_error("--attention cudnn: it takes no document masks (--doc-mask)");
    if ((c->state_dtype == DTYPE_BF16 || c->wire == DTYPE_BF16) && c->dtype == COMPUTE_AUTO)
        c->dtype = COMPUTE_BF16;
    if (c->wire == DTYPE_BF16 && c->dtype != COMPUTE_BF16)
        usage_error("--wire bf16: only with --dtype bf16");
    if (c->state_dtype == DTYPE_BF16 && (c->dtype != COMPUTE_BF16 || c->optimizer != OPTIMIZER_ADAMW ||
                                         c->ema_nesterov > 0 || c->outer_nesterov > 0 || config_finishes(c)))
        usage_error("--state-dtype bf16: only with --dtype bf16 --optimizer adamw, and nothing that "
                    "extrapolates or averages weights");
}

void config_resolve(struct train_config *c, const json_t *stored, const char *from)
{
    bool warmup_given = !isnan(c->warmup), parts_given = c->parts != UNSET_U64 && c->parts != 0;
    take_run(c, stored);
    settle_model(c, stored, from);
    for (const struct setting *s = NULL; (s = settings_next(s));)
        if (setting_is_unset(s))
            setting_default(s);
    if (c->steps == UNSET_U64)
        usage_error("--steps N is missing");
    if (isnan(c->lr))
        c->lr = default_lr(c);
    group_rates(c);
    if (isnan(c->warmup))
        c->warmup = default_warmup(c->steps);
    else if (stored && !warmup_given)
        keep_warmup(c, stored);
    if (c->threads == 0) { /* stored: a run that goes on elsewhere keeps its bits */
        int there = omp_get_num_procs(), limit = omp_get_thread_limit();
        c->threads = (uint64_t)(there < limit ? there : limit);
    }
    if (c->ema_start == UNSET_U64)
        c->ema_start = (uint64_t)llround(2 / (1 - c->ema_gamma));
    if (c->val_every == UNSET_U64)
        c->val_every = (c->steps + 7) / 8; /* rounded up: the last of them is the end's */
    for (const struct setting *s = NULL; (s = settings_next(s));)
        setting_check(s);
    if (c->finish == (enum finish_choice)UNSET_WORD)
        c->finish = c->schedule == SCHEDULE_MERGE ? FINISH_PREDICT : FINISH_DECAY;
    resolve_parts(c, parts_given);
    resolve_growth(c);
    check_correction(c);
    check_together(c);
}
