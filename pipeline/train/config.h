/*
 * config.h - what a run is made of: one struct, filled by the option table, printed at start, stored with
 * every checkpoint
 *
 * Precedence: command line, then (--resume) the checkpoint, then the preset's or the general default.
 * config_parse fills what was given; config_resolve fills the rest and checks ranges. After that nothing is
 * unset.
 */
#ifndef TRAIN_CONFIG_H
#define TRAIN_CONFIG_H

#include <jansson.h>

#include "pipeline/lib/cli.h"
#include "pipeline/model/config.h"
#include "pipeline/train/hybrid/hybrid.h"

struct train_config {
    const char *preset, *tokenizer, *input, *run, *device, *dtype, *state_dtype, *attention, *save_dtype,
        *engine, *schedule, *optimizer, *print_step, *stop_on;
    const char *input_name; /* of input, in messages */
    uint64_t layers, width, heads, kv_heads, head_dim, ffn, context;
    uint64_t steps, seed, threads, micro_batch;
    double lr, warmup, decay, min_lr_ratio, beta1, beta2, eps, weight_decay, clip, momentum;
    double ema_nesterov, ema_gamma, outer_lr, outer_momentum;
    uint64_t outer_nesterov, ema_start, updates;
    struct hybrid_config hybrid;
    bool doc_mask, recompute, fp8;
    struct str_list val; /* NAME=DIR */
    uint64_t val_every, val_tokens, save_every, keep_last, log_every, max_bad_steps;
    double spike_sigma;
    bool skip_spikes, keep_best, resume, override, overwrite, allow_mix_change, json;
};

/* Exits 0 or 2 as cli_parse does. The struct is the only one there is. */
struct train_config *config_parse(int argc, char **argv);
/* stored: "config" of the checkpoint that the run goes on from, or NULL. A value that contradicts it is
 * refused (exit 1) unless --override; the dimensions of the model always are. */
void config_resolve(struct train_config *c, const json_t *stored);
/* Dies when the dimensions are impossible. */
void config_model(const struct train_config *c, uint32_t vocab_size, struct model_config *out);
/* Every option that says something about the run, by its name. */
json_t *config_to_json(const struct train_config *c);
void config_print(const struct train_config *c);

#endif
