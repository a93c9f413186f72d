#include "pipeline/train/config.h"

#include "formats/json_text.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNSET_U64 UINT64_MAX
#define UNSET_NUM NAN

static struct train_config cfg;

static const struct opt opts[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "Model"},
    {'m', "model", OPT_STR, &cfg.preset, "NAME", "preset: nano (default), tiny, 100m, 500m, 1b"},
    {0, "layers", OPT_U64, &cfg.layers, "N", "layers (by preset)"},
    {0, "width", OPT_U64, &cfg.width, "N", "width of the residual stream (by preset)"},
    {0, "heads", OPT_U64, &cfg.heads, "N", "attention heads (by preset)"},
    {0, "kv-heads", OPT_U64, &cfg.kv_heads, "N",
     "key/value heads (by preset; the heads, when only those are given)"},
    {0, "head-dim", OPT_U64, &cfg.head_dim, "N", "width of a head (by preset)"},
    {0, "ffn", OPT_U64, &cfg.ffn, "N", "width of the feed-forward (by preset)"},
    {0, "context", OPT_U64, &cfg.context, "N", "longest context (by preset)"},
    {'t', "tokenizer", OPT_STR, &cfg.tokenizer, "FILE",
     "tokenizer.json: gives the vocabulary, goes into each checkpoint"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Run"},
    {'i', "input", OPT_STR, &cfg.input, "FROM", "batches of `mix`: ring:NAME, - (stdin, default) or a file"},
    {'o', "output", OPT_STR, &cfg.run, "DIR", "the run's directory"},
    {0, "steps", OPT_U64, &cfg.steps, "N", "optimizer steps in all"},
    {0, "seed", OPT_U64, &cfg.seed, "N", "of the first weights (0)"},
    {0, "resume", OPT_FLAG, &cfg.resume, NULL,
     "go on from the newest intact checkpoint, bit for bit; start when there is none"},
    {0, "overwrite", OPT_FLAG, &cfg.overwrite, NULL, "delete the run that is in DIR first"},
    {0, "override", OPT_FLAG, &cfg.override, NULL,
     "with --resume: settings given now win over the checkpoint's"},
    {0, "stop-on", OPT_STR, &cfg.stop_on, "SIGNAL",
     "USR1: SIGUSR1 saves and stops; without it, the signal saves and the run goes on"},
    {0, "allow-mix-change", OPT_FLAG, &cfg.allow_mix_change, NULL, "with --resume: go on with another mix"},
    {0, "print-step", OPT_STR, &cfg.print_step, "DIR",
     "print the step from which --resume would go on, for mix --start-step"},
    {0, "json", OPT_FLAG, &cfg.json, NULL, "at the end, one JSON line on stdout"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Compute"},
    {0, "device", OPT_STR, &cfg.device, "NAME", "auto (default: cuda where there is a GPU), cpu, cuda"},
    {0, "dtype", OPT_STR, &cfg.dtype, "TYPE",
     "of matrix products and activations: bf16, f32, or auto: bf16 where the device multiplies it faster "
     "(auto)"},
    {0, "fp8", OPT_FLAG, &cfg.fp8, NULL,
     "products of hidden layers in fp8 (e4m3, gradients e5m2, a scale for each tensor): GPUs of compute "
     "capability 9.0 on"},
    {0, "attention", OPT_STR, &cfg.attention, "WHOSE",
     "own (default), or cudnn: by cuDNN 9.10.2 or newer after a trial against our own, on GPUs, in bf16; no "
     "two runs have equal bits"},
    {0, "state-dtype", OPT_STR, &cfg.state_dtype, "TYPE",
     "f32 (default); bf16: weights and AdamW's state in bf16 alone, rounded stochastically: 10 bytes a "
     "weight, not 18"},
    {0, "threads", OPT_U64, &cfg.threads, "N",
     "0: all. Equal bits need equal numbers (all; with --resume the checkpoint's)"},
    {0, "micro-batch", OPT_U64, &cfg.micro_batch, "ROWS",
     "rows at a time; gradients add up over a step (by size)"},
    {0, "recompute", OPT_FLAG, &cfg.recompute, NULL,
     "keep only each layer's input and compute the layer again in the backward pass: less memory, the same "
     "bits"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Optimizer"},
    {0, "optimizer", OPT_STR, &cfg.optimizer, "NAME",
     "adamw (default); muon: hidden matrices by Muon, the rest by AdamW"},
    {0, "lr", OPT_NUM, &cfg.lr, "X", "peak learning rate (by preset)"},
    {0, "schedule", OPT_STR, &cfg.schedule, "NAME", "wsd (default), cosine, constant"},
    {0, "warmup", OPT_SHARE, &cfg.warmup, "SHARE",
     "of the steps, linear (1%; in short runs 40 steps or 10%, whichever is less)"},
    {0, "decay", OPT_SHARE, &cfg.decay, "SHARE", "of the steps, at the end of wsd (19%)"},
    {0, "min-lr-ratio", OPT_SHARE, &cfg.min_lr_ratio, "X", "last learning rate, of the peak (0.1)"},
    {0, "beta1", OPT_NUM, &cfg.beta1, "X", "AdamW (0.9)"},
    {0, "beta2", OPT_NUM, &cfg.beta2, "X", "AdamW (0.95)"},
    {0, "eps", OPT_NUM, &cfg.eps, "X", "AdamW (1e-8)"},
    {0, "momentum", OPT_NUM, &cfg.momentum, "X", "Muon (0.95)"},
    {0, "weight-decay", OPT_NUM, &cfg.weight_decay, "X", "on matrices, never on gains (0.1)"},
    {0, "clip", OPT_NUM, &cfg.clip, "X", "largest norm of the gradient; 0: no limit (1.0)"},
    {0, "ema-nesterov", OPT_NUM, &cfg.ema_nesterov, "BETA",
     "before each step between warm-up and decay, go on by BETA times the average step (0: off; .3 to .7)"},
    {0, "ema-gamma", OPT_NUM, &cfg.ema_gamma, "X", "memory of that average (0.99)"},
    {0, "ema-start", OPT_U64, &cfg.ema_start, "N",
     "not before step N: early on, steps turn too fast for an average to lead (2 / (1 - gamma))"},
    {0, "outer-nesterov", OPT_U64, &cfg.outer_nesterov, "K",
     "every K steps between warm-up and decay, a Nesterov step along what they moved (0: off; 20 to 100)"},
    {0, "outer-lr", OPT_NUM, &cfg.outer_lr, "X", "its step size (0.8)"},
    {0, "outer-momentum", OPT_NUM, &cfg.outer_momentum, "X", "its momentum (0.5)"},
    {0, "updates", OPT_U64, &cfg.updates, "N",
     "updates that a batch is taken in. 0: many at first, ever fewer as tokens go by (batch-size warm-up); "
     "1: whole batches (0)"},
    {0, "doc-mask", OPT_FLAG, &cfg.doc_mask, NULL, "attention does not cross the end of a document"},
    {0, NULL, OPT_HEADING, NULL, NULL,
     "Engine: replaces real steps by predicted ones where that was measured to pay"},
    {0, "engine", OPT_STR, &cfg.engine, "NAME",
     "off (default); trend: linear forecasts of the weights' drift; hybrid: learned ones"},
    {0, "engine-jumps", OPT_STR, &cfg.hybrid.jumps, "WORD",
     "on (default); probe: probes are paid, nothing is applied; off: no jumps"},
    {0, "engine-drift", OPT_NUM, &cfg.hybrid.drift, "X",
     "share of the forecast added at every real step (0.6)"},
    {0, "engine-random", OPT_FLAG, &cfg.hybrid.random, NULL, "forecasts in random directions: a control"},
    {0, "engine-gate0", OPT_FLAG, &cfg.hybrid.gate0, NULL,
     "also score forecasts of 45 and 90 steps (more memory)"},
    {0, "engine-warmup", OPT_U64, &cfg.hybrid.warmup, "N", "steps before its statistics can be stable (200)"},
    {0, "engine-warmup-max", OPT_U64, &cfg.hybrid.warmup_max, "N",
     "steps after which they count as stable, once the rate no longer rises (500)"},
    {0, "engine-full", OPT_U64, &cfg.hybrid.full, "N", "real steps of a FULL phase (30)"},
    {0, "engine-correct", OPT_U64, &cfg.hybrid.correct, "N", "real steps of a CORRECT phase (15)"},
    {0, "engine-block", OPT_U64, &cfg.hybrid.block, "N", "real steps of a block, the unit of forecasts (15)"},
    {0, "engine-horizon", OPT_NUM, &cfg.hybrid.horizon, "N", "virtual steps of the first jump (50)"},
    {0, "engine-horizon-min", OPT_NUM, &cfg.hybrid.horizon_min, "N", "at least (10)"},
    {0, "engine-horizon-max", OPT_NUM, &cfg.hybrid.horizon_max, "N", "at most (100)"},
    {0, "engine-grow", OPT_NUM, &cfg.hybrid.grow, "X",
     "factor on the horizon when a jump is accepted (1.25)"},
    {0, "engine-shrink", OPT_NUM, &cfg.hybrid.shrink, "X", "when one is rejected (0.5)"},
    {0, "engine-sub-jumps", OPT_U64, &cfg.hybrid.sub_jumps, "N", "prefixes of a jump that are probed (5)"},
    {0, "engine-scale", OPT_NUM, &cfg.hybrid.scale_max, "X",
     "largest scale of a jump; half, quarter and eighth of it are tried too (1.0)"},
    {0, "engine-ridge", OPT_NUM, &cfg.hybrid.ridge, "X", "of the analytic prior (0.001)"},
    {0, "engine-prior-keep", OPT_NUM, &cfg.hybrid.prior_keep, "X",
     "memory of the analytic prior, a block (0.9)"},
    {0, "engine-mean-steps", OPT_NUM, &cfg.hybrid.mean_steps, "N",
     "steps that the averaged weights remember (30)"},
    {0, "engine-control", OPT_SHARE, &cfg.hybrid.control, "SHARE", "of cycles randomised to no jump (15%)"},
    {0, "engine-confidence", OPT_SHARE, &cfg.hybrid.confidence, "X",
     "least probability of gain for a jump (0.6)"},
    {0, "engine-trials", OPT_U64, &cfg.hybrid.trials, "N",
     "jumps of each scale before it must have paid (2)"},
    {0, "engine-bandit-keep", OPT_NUM, &cfg.hybrid.bandit_keep, "X", "memory of outcomes, a cycle (0.98)"},
    {0, "engine-probe-tokens", OPT_NUM, &cfg.hybrid.probe_tokens, "N",
     "training tokens of a probe (an eighth of a step's)"},
    {0, "engine-accept-z", OPT_NUM, &cfg.hybrid.accept_z, "Z", "paired z that accepts a jump (-1)"},
    {0, "engine-reject-se", OPT_NUM, &cfg.hybrid.reject_se, "X",
     "errors above the forecast that roll back (2)"},
    {0, "engine-norm-limit", OPT_NUM, &cfg.hybrid.norm_limit, "X",
     "longest forecast, in displacements of the last block (1)"},
    {0, "engine-band", OPT_NUM, &cfg.hybrid.band, "X",
     "deviations of loss and gradient norm that are divergence (6)"},
    {0, "engine-backoff", OPT_U64, &cfg.hybrid.backoff, "N",
     "cycles without prediction after a divergence (2)"},
    {0, "engine-store", OPT_U64, &cfg.hybrid.store, "N",
     "hybrid: entries of the residual store; 0: none (256)"},
    {0, "engine-neighbours", OPT_U64, &cfg.hybrid.neighbours, "N", "of them taken for a correction (8)"},
    {0, "engine-age", OPT_NUM, &cfg.hybrid.age, "X", "weight of an entry after each later one (0.98)"},
    {0, "engine-rls-keep", OPT_NUM, &cfg.hybrid.rls_keep, "X", "memory of the linear correction (0.98)"},
    {0, "engine-knn-share", OPT_SHARE, &cfg.hybrid.knn_share, "SHARE",
     "of the store in a correction; the rest is linear (70%)"},
    {0, "engine-correction", OPT_NUM, &cfg.hybrid.correction_norm, "X",
     "longest weight correction, of the jump (0.25)"},
    {0, "engine-members", OPT_U64, &cfg.hybrid.members, "N", "hybrid: heads of the ensemble (5)"},
    {0, "engine-latent", OPT_U64, &cfg.hybrid.latent, "N", "hybrid: stochastic dimensions (16)"},
    {0, "engine-replay", OPT_U64, &cfg.hybrid.replay, "N", "hybrid: blocks to learn from (512)"},
    {0, "engine-learn-steps", OPT_U64, &cfg.hybrid.learn_steps, "N",
     "hybrid: training steps of the model a block (2)"},
    {0, "engine-fault", OPT_STR, &cfg.hybrid.fault, "WORD",
     "for tests, spoils the first jump: nan, wild, blind, store (none)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Validation, checkpoints, safety"},
    {0, "val", OPT_LIST, &cfg.val, "NAME=DIR", "token shards to validate on; repeatable"},
    {0, "val-every", OPT_U64, &cfg.val_every, "N", "steps; 0: only at the end (an eighth of the steps)"},
    {0, "val-tokens", OPT_U64, &cfg.val_tokens, "N", "of each (16k)"},
    {0, "save-every", OPT_U64, &cfg.save_every, "N", "steps between checkpoints; 0: only at the end (250)"},
    {0, "save-dtype", OPT_STR, &cfg.save_dtype, "TYPE", "of model.safetensors: f32 (default) or bf16"},
    {0, "keep-last", OPT_U64, &cfg.keep_last, "N", "newest checkpoints to keep (2)"},
    {0, "keep-best", OPT_FLAG, &cfg.keep_best, NULL,
     "also save and keep the one of lowest mean validation loss, as DIR/best"},
    {0, "max-bad-steps", OPT_U64, &cfg.max_bad_steps, "N",
     "NaN or infinite updates in a row before giving up (5)"},
    {0, "spike-sigma", OPT_NUM, &cfg.spike_sigma, "X",
     "a loss so many deviations above the last 64 is a spike (6)"},
    {0, "skip-spikes", OPT_FLAG, &cfg.skip_spikes, NULL, "do not learn from spikes"},
    {0, "log-every", OPT_U64, &cfg.log_every, "N", "steps between lines when stderr is not a terminal (20)"},
    {0},
};

static const struct cli cli = {
    "train",
    "train a model on a stream of batches",
    "train -m nano -t tok.json -i ring:NAME -o DIR --steps N [options]\n"
    "train --print-step DIR",
    opts,
    "DIR gets config.json, metrics.jsonl, ledger.jsonl, checkpoints/step-NNNNNN (each a Hugging Face model\n"
    "directory), and the links latest and best. formats/checkpoint.md says what is in them.\n"
    "\n"
    "  mix code=1:tokens/code -T 256 -B 32 --steps 400 -o - | train -m nano -t tok.json -i - -o runs/a "
    "--steps 400\n"
    "  mix ... --start-step $(train --print-step runs/a) -o - | train ... -o runs/a --steps 400 --resume\n"
    "\n"
    "SIGINT and SIGTERM end the step, save a checkpoint and exit 128+n. Exit 0: trained to the end; 1: "
    "failed; 2: "
    "misuse.\n",
};

/* What an option means when a run is resumed. Not listed: says nothing about the run. */
enum rule {
    MODEL,  /* must be the checkpoint's */
    RESULT, /* must be, unless --override */
    BITS,   /* may differ, but then bits differ too: warned */
    FREE,   /* may differ */
};

static const struct field {
    const char *name;
    enum rule rule;
    double value, min, max; /* default, and the range of numbers; NAN: the preset's */
    const char *words;      /* allowed strings, the first is the default */
} fields[] = {
    {"model", RESULT, 0, 0, 0, "nano tiny 100m 500m 1b"},
    {"layers", MODEL, NAN, 1, 1024, NULL},
    {"width", MODEL, NAN, 16, 1 << 20, NULL},
    {"heads", MODEL, NAN, 1, 1 << 16, NULL},
    {"kv-heads", MODEL, NAN, 1, 1 << 16, NULL},
    {"head-dim", MODEL, NAN, 2, 1 << 16, NULL},
    {"ffn", MODEL, NAN, 1, 1 << 22, NULL},
    {"context", MODEL, NAN, 1, 1 << 20, NULL},
    {"steps", RESULT, NAN, 1, 1e12, NULL},
    {"seed", RESULT, 0, 0, 1.8446744073709552e19, NULL},
    {"dtype", RESULT, 0, 0, 0, "auto bf16 f32"},
    {"fp8", RESULT, 0, 0, 0, NULL},
    {"attention", BITS, 0, 0, 0, "own cudnn"},
    {"state-dtype", RESULT, 0, 0, 0, "f32 bf16"},
    {"micro-batch", BITS, 0, 0, 1 << 20, NULL},
    {"recompute", FREE, 0, 0, 0, NULL},
    {"threads", BITS, 0, 0, 4096, NULL},
    {"optimizer", RESULT, 0, 0, 0, "adamw muon"},
    {"momentum", RESULT, 0.95, 0, 0.999999, NULL},
    {"lr", RESULT, NAN, 0, 1e3, NULL},
    {"schedule", RESULT, 0, 0, 0, "wsd cosine constant"},
    {"warmup", RESULT, NAN, 0, 1, NULL},
    {"decay", RESULT, 0.19, 0, 1, NULL},
    {"min-lr-ratio", RESULT, 0.1, 0, 1, NULL},
    {"beta1", RESULT, 0.9, 0, 0.999999, NULL},
    {"beta2", RESULT, 0.95, 0, 0.999999, NULL},
    {"eps", RESULT, 1e-8, 1e-30, 1, NULL},
    {"weight-decay", RESULT, 0.1, 0, 1e3, NULL},
    {"clip", RESULT, 1, 0, 1e30, NULL},
    {"ema-nesterov", RESULT, 0, 0, 0.99, NULL},
    {"ema-gamma", RESULT, 0.99, 0.01, 0.999999, NULL},
    {"ema-start", RESULT, NAN, 0, 1e12, NULL},
    {"outer-nesterov", RESULT, 0, 0, 1e9, NULL},
    {"outer-lr", RESULT, 0.8, 0, 10, NULL},
    {"outer-momentum", RESULT, 0.5, 0, 0.999999, NULL},
    {"updates", RESULT, 0, 0, 1 << 20, NULL},
    {"doc-mask", RESULT, 0, 0, 0, NULL},
    {"spike-sigma", RESULT, 6, 1, 1e6, NULL},
    {"skip-spikes", RESULT, 0, 0, 0, NULL},
    {"max-bad-steps", FREE, 5, 1, 1e12, NULL},
    {"val-every", FREE, NAN, 0, 1e12, NULL},
    {"val-tokens", FREE, 16384, 1, 1e12, NULL},
    {"save-every", FREE, 250, 0, 1e12, NULL},
    {"save-dtype", FREE, 0, 0, 0, "f32 bf16"},
    {"keep-last", FREE, 2, 1, 1e9, NULL},
    {"keep-best", FREE, 0, 0, 0, NULL},
    {"log-every", FREE, 20, 1, 1e12, NULL},
    {"device", FREE, 0, 0, 0, "auto cpu cuda"},
    {"engine", RESULT, 0, 0, 0, "off trend hybrid"},
    {"engine-jumps", RESULT, 0, 0, 0, "on probe off"},
    {"engine-drift", RESULT, 0.6, 0, 2, NULL},
    {"engine-random", RESULT, 0, 0, 0, NULL},
    {"engine-gate0", RESULT, 0, 0, 0, NULL},
    {"engine-warmup", RESULT, 200, 1, 1e12, NULL},
    {"engine-warmup-max", RESULT, 500, 1, 1e12, NULL},
    {"engine-full", RESULT, 30, 1, 1e6, NULL},
    {"engine-correct", RESULT, 15, 1, 1e6, NULL},
    {"engine-block", RESULT, 15, 1, 1e6, NULL},
    {"engine-horizon", RESULT, 50, 1, 1e4, NULL},
    {"engine-horizon-min", RESULT, 10, 1, 1e4, NULL},
    {"engine-horizon-max", RESULT, 100, 1, 1e4, NULL},
    {"engine-grow", RESULT, 1.25, 1, 10, NULL},
    {"engine-shrink", RESULT, 0.5, 0.01, 1, NULL},
    {"engine-sub-jumps", RESULT, 5, 1, 8, NULL},
    {"engine-scale", RESULT, 1, 0, 100, NULL},
    {"engine-ridge", RESULT, 0.001, 1e-9, 1e3, NULL},
    {"engine-prior-keep", RESULT, 0.9, 0, 0.9999, NULL},
    {"engine-mean-steps", RESULT, 30, 1, 1e6, NULL},
    {"engine-control", RESULT, 0.15, 0, 1, NULL},
    {"engine-confidence", RESULT, 0.6, 0, 1, NULL},
    {"engine-trials", RESULT, 2, 0, 1e6, NULL},
    {"engine-bandit-keep", RESULT, 0.98, 0.1, 1, NULL},
    {"engine-probe-tokens", RESULT, 0, 0, 1e9, NULL},
    {"engine-accept-z", RESULT, -1, -1e3, 1e3, NULL},
    {"engine-reject-se", RESULT, 2, 0, 1e3, NULL},
    {"engine-norm-limit", RESULT, 1, 0, 1e6, NULL},
    {"engine-band", RESULT, 6, 1, 1e6, NULL},
    {"engine-backoff", RESULT, 2, 0, 1e6, NULL},
    {"engine-store", RESULT, 256, 0, 4096, NULL},
    {"engine-neighbours", RESULT, 8, 1, 64, NULL},
    {"engine-age", RESULT, 0.98, 0.01, 1, NULL},
    {"engine-rls-keep", RESULT, 0.98, 0.5, 1, NULL},
    {"engine-knn-share", RESULT, 0.7, 0, 1, NULL},
    {"engine-correction", RESULT, 0.25, 0, 10, NULL},
    {"engine-members", RESULT, 5, 1, 16, NULL},
    {"engine-latent", RESULT, 16, 1, 256, NULL},
    {"engine-replay", RESULT, 512, 32, 1 << 16, NULL},
    {"engine-learn-steps", RESULT, 2, 0, 1000, NULL},
    {"engine-fault", RESULT, 0, 0, 0, "none nan wild blind store"},
};
enum { N_FIELDS = sizeof fields / sizeof *fields };

/* Peaks tuned or taken from models of that size; README says which. */
static double preset_lr(const char *preset)
{
    static const struct {
        const char *name;
        double lr;
    } peaks[] = {{"nano", 2e-3}, {"tiny", 1.5e-3}, {"100m", 6e-4}, {"500m", 4e-4}, {"1b", 3e-4}};
    for (size_t i = 0; i < sizeof peaks / sizeof *peaks; i++)
        if (strcmp(peaks[i].name, preset) == 0)
            return peaks[i].lr;
    return 6e-4;
}

/* 40 steps are 2 / (1 - beta2) with the usual 0.95: AdamW's steps are as large as any before v is an average
 * of that many (Ma & Yarats 2021, arXiv:1910.04209). Short runs have a tenth of theirs. */
static double default_warmup(uint64_t steps)
{
    return fmax(0.01, fmin(0.1, 40.0 / (double)steps));
}

static const struct opt *option(const char *name)
{
    const struct opt *o = opts;
    while (!o->name || strcmp(o->name, name) != 0)
        o++;
    return o;
}

static bool is_unset(const struct opt *o)
{
    switch (o->type) {
    case OPT_STR:
        return *(const char **)o->value == NULL;
    case OPT_U64:
        return *(uint64_t *)o->value == UNSET_U64;
    case OPT_FLAG:
        return !*(bool *)o->value;
    default:
        return isnan(*(double *)o->value);
    }
}

static json_t *value_to_json(const struct opt *o)
{
    switch (o->type) {
    case OPT_STR:
        return json_text(*(const char **)o->value, strlen(*(const char **)o->value));
    case OPT_U64:
        return json_integer((json_int_t) * (uint64_t *)o->value);
    case OPT_FLAG:
        return json_boolean(*(bool *)o->value);
    default:
        return json_real(*(double *)o->value);
    }
}

static void value_from_json(const struct opt *o, const json_t *v)
{
    switch (o->type) {
    case OPT_STR:
        *(const char **)o->value = xstrdup(json_string_value(v));
        break;
    case OPT_U64:
        *(uint64_t *)o->value = (uint64_t)json_integer_value(v);
        break;
    case OPT_FLAG:
        *(bool *)o->value = json_is_true(v);
        break;
    default:
        *(double *)o->value = json_number_value(v);
        break;
    }
}

static bool right_type(const struct opt *o, const json_t *v)
{
    return o->type == OPT_STR    ? json_is_string(v)
           : o->type == OPT_U64  ? json_is_integer(v)
           : o->type == OPT_FLAG ? json_is_boolean(v)
                                 : json_is_number(v);
}

struct train_config *config_parse(int argc, char **argv)
{
    cfg.input = "-";
    for (const struct opt *o = opts; o->name || o->type == OPT_HEADING; o++) {
        if (o->type == OPT_U64)
            *(uint64_t *)o->value = UNSET_U64;
        else if (o->type == OPT_NUM || o->type == OPT_SHARE)
            *(double *)o->value = UNSET_NUM;
    }
    int n = cli_parse(&cli, argc, argv);
    if (n > 0)
        usage_error("'%s': train takes no operands", argv[0]);
    cfg.input_name = strcmp(cfg.input, "-") == 0 ? "stdin" : cfg.input;
    if (cfg.print_step)
        return &cfg;
    if (!cfg.run || !cfg.run[0])
        usage_error("-o DIR is missing: where the run goes");
    if (cfg.resume && cfg.overwrite)
        usage_error("--resume and --overwrite exclude each other");
    if (!cfg.resume && cfg.steps == UNSET_U64)
        usage_error("--steps N is missing");
    if (!cfg.resume && !cfg.tokenizer)
        usage_error("-t FILE is missing: the tokenizer");
    if (cfg.stop_on && strcmp(cfg.stop_on, "USR1") != 0)
        usage_error("--stop-on: only USR1, not '%s'; other signals stop in any case", cfg.stop_on);
    if (cfg.keep_best && cfg.val.n == 0)
        usage_error("--keep-best needs --val NAME=DIR");
    return &cfg;
}

/* True when v stands in the list of words. */
static bool has_word(const char *words, const char *v)
{
    size_t n = strlen(v);
    for (const char *p = words; n && (p = strstr(p, v)); p++)
        if ((p == words || p[-1] == ' ') && (p[n] == ' ' || p[n] == 0))
            return true;
    return false;
}

static void check_range(const struct field *f, const struct opt *o)
{
    if (f->words && !has_word(f->words, *(const char **)o->value))
        usage_error("--%s: '%s' is none of: %s", o->name, *(const char **)o->value, f->words);
    if (f->words || o->type == OPT_FLAG)
        return;
    double x = o->type == OPT_U64 ? (double)*(uint64_t *)o->value : *(double *)o->value;
    if (!(x >= f->min && x <= f->max))
        usage_error("--%s: %g is not within %g and %g", o->name, x, f->min, f->max);
}

static char *shown(const struct opt *o)
{
    json_t *v = value_to_json(o);
    char *s = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    json_decref(v);
    return s;
}

/* The checkpoint's value, unless another was given and may be. */
static void take_stored(const struct field *f, const struct opt *o, const json_t *v)
{
    if (!right_type(o, v)) {
        if (v)
            die("%s: the checkpoint's setting '%s' is of the wrong type", cfg.run, f->name);
        return; /* written by an older version, which had no such option */
    }
    if (is_unset(o)) {
        value_from_json(o, v);
        return;
    }
    json_t *now = value_to_json(o);
    bool same = json_is_number(now) ? json_number_value(now) == json_number_value(v) : json_equal(now, v);
    json_decref(now);
    if (same || f->rule == FREE)
        return;
    char *given = shown(o), *before = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    if (f->rule == MODEL)
        die("--%s %s: the checkpoint in %s has %s; a model cannot change its dimensions", f->name, given,
            cfg.run, before);
    if (f->rule == RESULT && !cfg.override)
        die("--%s %s: the run in %s was begun with %s. Leave the option out, or add --override to change it",
            f->name, given, cfg.run, before);
    warn("--%s %s: was %s; from here on the run is not what it would have been, bit for bit", f->name, given,
         before);
    free(given);
    free(before);
}

static void model_defaults(struct train_config *c)
{
    struct model_config m;
    if (model_preset(c->preset, &m) != 0)
        usage_error("-m %s: presets are %s", c->preset, model_preset_names());
    const struct {
        uint64_t *given;
        int preset;
    } dims[] = {{&c->layers, m.L},   {&c->width, m.C}, {&c->heads, m.H},
                {&c->head_dim, m.D}, {&c->ffn, m.F},   {&c->context, m.T}};
    if (c->kv_heads == UNSET_U64)
        c->kv_heads = c->heads == UNSET_U64 ? (uint64_t)m.Hkv : c->heads;
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++)
        if (*dims[i].given == UNSET_U64)
            *dims[i].given = (uint64_t)dims[i].preset;
}

static void general_default(const struct field *f, const struct opt *o)
{
    static char first[N_FIELDS][16];
    char *word = first[f - fields];
    if (f->words) {
        snprintf(word, sizeof *first, "%.*s", (int)strcspn(f->words, " "), f->words);
        *(const char **)o->value = word;
    } else if (o->type == OPT_U64 && !isnan(f->value))
        *(uint64_t *)o->value = (uint64_t)f->value;
    else if (o->type == OPT_NUM || o->type == OPT_SHARE)
        *(double *)o->value = f->value;
}

/* A run that is made longer does not warm up again: its warm-up stays as many steps as it was. */
static void keep_warmup(struct train_config *c, const json_t *stored)
{
    double steps = json_number_value(json_object_get(stored, "steps"));
    if (steps > 0 && steps != (double)c->steps)
        c->warmup = fmin(1, c->warmup * steps / (double)c->steps);
}

void config_resolve(struct train_config *c, const json_t *stored)
{
    bool warmup_given = !isnan(c->warmup);
    if (stored && c->updates == UNSET_U64 && !json_object_get(stored, "updates"))
        c->updates = 1; /* begun by a version that took batches whole */
    if (stored && c->dtype && strcmp(c->dtype, "auto") == 0)
        c->dtype = NULL; /* what the run was begun with */
    for (size_t i = 0; i < N_FIELDS; i++) {
        const struct opt *o = option(fields[i].name);
        if (stored)
            take_stored(&fields[i], o, json_object_get(stored, fields[i].name));
        if (is_unset(o))
            general_default(&fields[i], o);
    }
    model_defaults(c);
    if (c->steps == UNSET_U64)
        usage_error("--steps N is missing");
    if (isnan(c->lr))
        c->lr = preset_lr(c->preset);
    if (isnan(c->warmup))
        c->warmup = default_warmup(c->steps);
    else if (stored && !warmup_given)
        keep_warmup(c, stored);
    if (c->threads == 0)
        c->threads = (uint64_t)omp_get_num_procs(); /* stored: a run that goes on elsewhere keeps its bits */
    if (c->ema_start == UNSET_U64)
        c->ema_start = (uint64_t)llround(2 / (1 - c->ema_gamma));
    if (c->val_every == UNSET_U64)
        c->val_every = (c->steps + 7) / 8; /* rounded up: the last of them is the end's */
    for (size_t i = 0; i < N_FIELDS; i++)
        check_range(&fields[i], option(fields[i].name));
    if (c->warmup + c->decay > 1)
        usage_error("--warmup and --decay together are more than all steps");
    if (strcmp(c->attention, "cudnn") == 0 && c->doc_mask)
        usage_error("--attention cudnn: it takes no document masks (--doc-mask)");
    if (strcmp(c->state_dtype, "bf16") == 0 && strcmp(c->dtype, "auto") == 0)
        c->dtype = "bf16";
    if (strcmp(c->state_dtype, "bf16") == 0 &&
        (strcmp(c->dtype, "bf16") != 0 || strcmp(c->optimizer, "adamw") != 0 || c->ema_nesterov > 0 ||
         c->outer_nesterov > 0 || strcmp(c->engine, "off") != 0))
        usage_error("--state-dtype bf16: only with --dtype bf16 --optimizer adamw, and nothing that "
                    "extrapolates weights");
}

void config_model(const struct train_config *c, uint32_t vocab_size, struct model_config *out)
{
    char err[256];
    model_preset(c->preset, out);
    out->L = (int)c->layers;
    out->C = (int)c->width;
    out->H = (int)c->heads;
    out->Hkv = (int)c->kv_heads;
    out->D = (int)c->head_dim;
    out->F = (int)c->ffn;
    out->T = (int)c->context;
    out->V = (int)vocab_size;
    if (model_config_check(out, err, sizeof err) != 0)
        die("impossible model: %s", err);
}

json_t *config_to_json(const struct train_config *c)
{
    json_t *o = json_object(), *val = json_array();
    for (size_t i = 0; i < N_FIELDS; i++)
        json_object_set_new(o, fields[i].name, value_to_json(option(fields[i].name)));
    for (size_t i = 0; i < c->val.n; i++)
        json_array_append_new(val, json_text(c->val.v[i], strlen(c->val.v[i])));
    json_object_set_new(o, "val", val);
    return o;
}

void config_print(const struct train_config *c)
{
    struct strbuf line = {0};
    for (size_t i = 0; i < N_FIELDS; i++) {
        const struct opt *o = option(fields[i].name);
        char *v = shown(o);
        strbuf_addf(&line, "%s%s=%s", i ? " " : "", fields[i].name, v);
        free(v);
    }
    detail("config: %s", line.s);
    say("%s, %s, lr %g %s, %llu steps, %s, seed %llu", c->preset, c->optimizer, c->lr, c->schedule,
        (unsigned long long)c->steps, c->dtype, (unsigned long long)c->seed);
    strbuf_free(&line);
}
