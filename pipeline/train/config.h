/*
 * config.h - what a run is made of: one struct, filled by the option table (settings.h), printed at start,
 * stored with every checkpoint
 *
 * Precedence: command line, then (--resume) the checkpoint, then the preset's or the general default.
 * config_parse fills what was given; config_resolve fills the rest and checks ranges. After that nothing is
 * unset.
 */
#ifndef TRAIN_CONFIG_H
#define TRAIN_CONFIG_H

#include <jansson.h>

#include "kernels/ops.h"
#include "pipeline/lib/cli.h"
#include "pipeline/model/config.h"
#include "pipeline/model/transformer.h"
#include "pipeline/train/growth.h"
#include "pipeline/train/schedule.h"

/* The words of options, in the order of their rows in settings.c. */
enum device_choice { DEVICE_AUTO, DEVICE_CPU, DEVICE_CUDA, DEVICE_REFERENCE };
enum compute_dtype { COMPUTE_AUTO, COMPUTE_BF16, COMPUTE_F32 };
enum attention_choice { ATTENTION_OWN, ATTENTION_CUDNN };
enum optimizer_choice { OPTIMIZER_ADAMW, OPTIMIZER_MUON };
enum finish_choice { FINISH_DECAY, FINISH_PREDICT, FINISH_AUTO, FINISH_CORRECT };
enum forecast_choice { FORECAST_LAW, FORECAST_RSSM };
enum recipe { RECIPE_PLAN, RECIPE_FAST };

enum { CONFIG_PARTS = 8 }; /* of a run that a launcher started, so that 1 to 8 processes give equal bits */

struct train_config {
    const char *preset, *tokenizer, *input, *run, *grow, *print_step, *stop_on, *on_alert, *alert_url, *trace;
    const char *init; /* small, unit, or a directory */
    char *init_dir;   /* the model directory that init names, for a run that begins; NULL: none */
    enum init first_values;
    const char *model_dir;     /* the directory that the run begins with or goes on from; NULL: none */
    struct model_config model; /* the model there, or the preset's */
    const char *input_name;    /* of input, in messages */
    enum device_choice device;
    enum compute_dtype dtype;
    enum attention_choice attention;
    enum dtype state_dtype, save_dtype, wire;
    enum recipe recipe;
    enum optimizer_choice optimizer;
    enum schedule_kind schedule;
    enum finish_choice finish;
    enum forecast_choice forecast;
    uint64_t layers, width, heads, kv_heads, head_dim, ffn, context;
    uint64_t steps, seed, threads, micro_batch, parts;
    double lr, lr_embedding, lr_head, lr_norm, warmup, decay, min_lr_ratio, beta1, beta2, eps, weight_decay,
        clip, momentum;
    double print_shape, timeout, bucket;
    double ema_nesterov, ema_gamma, outer_lr, outer_momentum;
    uint64_t outer_nesterov, ema_start, updates, sync_every;
    struct growth growth; /* what grow says */
    int ranks;            /* processes that train together; 0 as well as 1: alone */
    bool launched;        /* by mpirun or srun */
    bool untied, doc_mask, recompute, fp8, save_finished;
    struct str_list val; /* NAME=DIR */
    struct str_list sample_prompts;
    uint64_t sample_every, sample_tokens, val_every, val_tokens, save_every, keep_last, log_every,
        max_bad_steps;
    double spike_sigma;
    bool skip_spikes, keep_best, resume, override, overwrite, allow_mix_change, json, list_presets;
};

/* Exits 0 or 2 as cli_parse does. The struct is the only one there is. */
struct train_config *config_parse(int argc, char **argv);
/* The caller has set ranks and launched. stored: "config" of the checkpoint that the run goes on from, in the
 * directory `from`; or both NULL. A value that contradicts it is refused (exit 1) unless --override; the
 * dimensions of the model always are. */
void config_resolve(struct train_config *c, const json_t *stored, const char *from);
/* --list-presets: the table of model/config.h on stdout. */
void config_list_presets(bool json);
/* Dies when the dimensions are impossible, or the model has fewer ids than the tokenizer. */
void config_model(const struct train_config *c, uint32_t vocab_size, struct model_config *out);
bool config_names_directory(const char *init); /* of --init: neither small nor unit */
/* The finished model is forecast all along. */
bool config_finishes(const struct train_config *c);
/* Every option that says something about the run, by its name. */
json_t *config_to_json(const struct train_config *c);
void config_print(const struct train_config *c);

#endif
