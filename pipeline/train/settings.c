#include "pipeline/train/settings.h"

#include <assert.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "formats/json_text.h"
#include "pipeline/cluster/tree.h"
#include "pipeline/lib/fs.h"

struct train_config train_settings;
#define cfg train_settings

const struct setting settings[] = {
    {.type = OPT_HEADING, .help = "Model"},
    {'m', "model", OPT_STR, &cfg.preset, "NAME", RESULT, 0, 0, 0,
     "the model's dimensions, learning rate and context (nano); --list-presets shows all"},
    {0, "list-presets", OPT_FLAG, &cfg.list_presets, NULL, NOT_KEPT, 0, 0, 0,
     "print the presets; with --json as JSON"},
    {0, "layers", OPT_U64, &cfg.layers, "N", MODEL, NAN, 1, 1024, "layers (by preset)"},
    {0, "width", OPT_U64, &cfg.width, "N", MODEL, NAN, 16, 1 << 20,
     "width of the residual stream (by preset)"},
    {0, "heads", OPT_U64, &cfg.heads, "N", MODEL, NAN, 1, 1 << 16, "attention heads (by preset)"},
    {0, "kv-heads", OPT_U64, &cfg.kv_heads, "N", MODEL, NAN, 1, 1 << 16,
     "key/value heads (by preset; the heads, when only those are given)"},
    {0, "head-dim", OPT_U64, &cfg.head_dim, "N", MODEL, NAN, 2, 1 << 16, "width of a head (by preset)"},
    {0, "ffn", OPT_U64, &cfg.ffn, "N", MODEL, NAN, 1, 1 << 22, "width of the feed-forward (by preset)"},
    {0, "context", OPT_U64, &cfg.context, "N", MODEL, NAN, 1, 1 << 20, "longest context (by preset)"},
    {0, "untied", OPT_FLAG, &cfg.untied, NULL, MODEL, 0, 0, 0,
     "an output matrix of its own, instead of the embedding"},
    {0, "init", OPT_STR, &cfg.init, "small|unit|DIR", RESULT, 0, 0, 0,
     "first values (small); small: normal, 0.02; unit, only with --untied: activations of unit size, every "
     "layer the identity; DIR: the weights and dimensions of a checkpoint or of a Qwen3, Qwen2 or Llama "
     "model "
     "directory, which is trained further"},
    {'t', "tokenizer", OPT_STR, &cfg.tokenizer, "FILE", NOT_KEPT, 0, 0, 0,
     "tokenizer.json: gives the vocabulary, goes into each checkpoint (with --init DIR: the one there)"},

    {.type = OPT_HEADING, .help = "Run"},
    {'i', "input", OPT_STR, &cfg.input, "FROM", NOT_KEPT, 0, 0, 0,
     "batches of `mix`: ring:NAME, - (stdin, default) or a file"},
    {'o', "output", OPT_STR, &cfg.run, "DIR", NOT_KEPT, 0, 0, 0, "the run's directory"},
    {0, "steps", OPT_U64, &cfg.steps, "N", RESULT, NAN, 1, 1e12, "optimizer steps in all"},
    {0, "seed", OPT_U64, &cfg.seed, "N", RESULT, 0, 0, 1.8446744073709552e19, "seed of the first weights"},
    {0, "resume", OPT_FLAG, &cfg.resume, NULL, NOT_KEPT, 0, 0, 0,
     "go on from the newest intact checkpoint, bit for bit; start when there is none"},
    {0, "overwrite", OPT_FLAG, &cfg.overwrite, NULL, NOT_KEPT, 0, 0, 0,
     "delete the run that is in DIR first"},
    {0, "override", OPT_FLAG, &cfg.override, NULL, NOT_KEPT, 0, 0, 0,
     "with --resume: settings given now win over the checkpoint's"},
    {0, "stop-on", OPT_STR, &cfg.stop_on, "SIGNAL", NOT_KEPT, 0, 0, 0,
     "USR1: SIGUSR1 saves and stops; without it, the signal saves and the run goes on"},
    {0, "on-alert", OPT_STR, &cfg.on_alert, "COMMAND", NOT_KEPT, 0, 0, 0,
     "run this, words at blanks and no shell, for each alert of alerts.jsonl, whose line it gets as its "
     "input"},
    {0, "alert-url", OPT_STR, &cfg.alert_url, "URL", NOT_KEPT, 0, 0, 0,
     "POST each alert as JSON: https, or http to this machine"},
    {0, "allow-mix-change", OPT_FLAG, &cfg.allow_mix_change, NULL, NOT_KEPT, 0, 0, 0,
     "with --resume: go on with another mix"},
    {0, "print-step", OPT_STR, &cfg.print_step, "DIR", NOT_KEPT, 0, 0, 0,
     "print the step from which --resume would go on, for mix --start-step"},
    {0, "print-shape", OPT_NUM, &cfg.print_shape, "FLOP", NOT_KEPT, NAN, 0, 0,
     "print what recipe fast trains with so many operations: layers, width, heads, feed-forward, vocabulary, "
     "rows of 256 tokens a step"},
    {0, "trace", OPT_STR, &cfg.trace, "FILE", NOT_KEPT, 0, 0, 0,
     "write when each layer, sum of gradients, update and checkpoint began and ended, for "
     "https://ui.perfetto.dev "
     "or chrome://tracing"},
    {0, "json", OPT_FLAG, &cfg.json, NULL, NOT_KEPT, 0, 0, 0, "at the end, one JSON line on stdout"},

    {.type = OPT_HEADING, .help = "Compute"},
    {0, "device", OPT_WORD, &cfg.device, "auto|cpu|cuda|reference", FREE, DEVICE_AUTO, 0, DEVICE_REFERENCE,
     "auto takes cuda where there is a GPU; reference is very slow, for tiny models"},
    {0, "dtype", OPT_WORD, &cfg.dtype, "auto|bf16|f32", RESULT, COMPUTE_AUTO, 0, COMPUTE_F32,
     "type of matrix products and activations; auto takes bf16 where the device multiplies it faster"},
    {0, "fp8", OPT_FLAG, &cfg.fp8, NULL, RESULT, 0, 0, 0,
     "products of hidden layers in fp8 (e4m3, gradients e5m2, a scale for each tensor): GPUs of compute "
     "capability 9.0 on"},
    {0, "attention", OPT_WORD, &cfg.attention, "own|cudnn", BITS, ATTENTION_OWN, 0, ATTENTION_CUDNN,
     "cudnn: by cuDNN 9.10.2 or newer after a trial against our own, on GPUs, in bf16; no two runs have "
     "equal bits"},
    {0, "state-dtype", OPT_WORD, &cfg.state_dtype, "f32|bf16", RESULT, DTYPE_F32, 0, DTYPE_BF16,
     "bf16: weights and AdamW's state in bf16 alone, rounded stochastically: 10 bytes a weight, not 18"},
    {0, "threads", OPT_U64, &cfg.threads, "N", BITS, 0, 0, 4096,
     "0: all, or with --resume the checkpoint's. Equal bits need equal numbers"},
    {0, "micro-batch", OPT_U64, &cfg.micro_batch, "ROWS", BITS, 0, 0, 1 << 20,
     "rows at a time; gradients add up over a step; 0: as many as the device does best with"},
    {0, "parts", OPT_U64, &cfg.parts, "N", BITS, 0, 0, TREE_LEAVES,
     "parts of an update, a power of two, whose gradients are summed in a fixed tree: up to N processes give "
     "equal bits; 0: 1, or 8 where mpirun or srun started the program"},
    {0, "wire", OPT_WORD, &cfg.wire, "f32|bf16", BITS, DTYPE_F32, 0, DTYPE_BF16,
     "type in which gradients go from process to process; bf16, with --dtype bf16: a quarter fewer bytes an "
     "update, and gradients that are rounded wherever parts are summed"},
    {0, "bucket", OPT_NUM, &cfg.bucket, "MB", FREE, 4, 0, 1e6,
     "gradients go to other processes in pieces of so many MB in f32 or more, each a layer or several, while "
     "the backward pass goes on; 0: each layer by itself"},
    {0, "timeout", OPT_NUM, &cfg.timeout, "SECONDS", NOT_KEPT, NAN, 1, 1e6,
     "of several processes one that does not answer for so long ends the job, exit 75 (600)"},
    {0, "sync-every", OPT_U64, &cfg.sync_every, "H", RESULT, 0, 0, 1e9,
     "processes train apart and average their weights every H steps, with an outer Nesterov step (DiLoCo): "
     "for slow "
     "networks; 0: they sum gradients in every update"},
    {0, "recompute", OPT_FLAG, &cfg.recompute, NULL, FREE, 0, 0, 0,
     "keep only each layer's input and compute the layer again in the backward pass: less memory, the same "
     "bits"},

    {.type = OPT_HEADING, .help = "Optimizer"},
    {0, "recipe", OPT_WORD, &cfg.recipe, "plan|fast", RESULT, RECIPE_PLAN, 0, RECIPE_FAST,
     "defaults of the other options; fast: what ended lowest in measured runs; said at start"},
    {0, "optimizer", OPT_WORD, &cfg.optimizer, "adamw|muon", RESULT, OPTIMIZER_ADAMW, 0, OPTIMIZER_MUON,
     "muon: hidden matrices by Muon, the rest by AdamW"},
    {0, "lr", OPT_NUM, &cfg.lr, "X", RESULT, NAN, 1e-12, 1e3,
     "peak learning rate (by preset; with --init DIR by the preset nearest in size)"},
    {0, "lr-embedding", OPT_NUM, &cfg.lr_embedding, "X", RESULT, NAN, 0, 1e3,
     "peak learning rate of the embedding (that of --lr)"},
    {0, "lr-head", OPT_NUM, &cfg.lr_head, "X", RESULT, NAN, 0, 1e3,
     "peak learning rate of the output matrix, with --untied (that of --lr)"},
    {0, "lr-norm", OPT_NUM, &cfg.lr_norm, "X", RESULT, NAN, 0, 1e3,
     "peak learning rate of the norms' gains (that of --lr)"},
    {0, "schedule", OPT_WORD, &cfg.schedule, "wsd|cosine|constant|merge", RESULT, SCHEDULE_WSD, 0,
     SCHEDULE_MERGE,
     "learning rate after the warm-up; wsd: constant, then a cosine decay; merge: constant, and the model is "
     "what --finish predicts"},
    {0, "warmup", OPT_SHARE, &cfg.warmup, "SHARE", RESULT, NAN, 0, 1,
     "share of the steps with a rising learning rate (1%; in short runs 40 steps or 10%, whichever is less)"},
    {0, "decay", OPT_SHARE, &cfg.decay, "SHARE", RESULT, 0.19, 0, 1,
     "share of the steps in the decay of wsd"},
    {0, "min-lr-ratio", OPT_SHARE, &cfg.min_lr_ratio, "SHARE", RESULT, 0.1, 0, 1,
     "last learning rate, as a share of the peak"},
    {0, "beta1", OPT_NUM, &cfg.beta1, "X", RESULT, 0.9, 0, 0.999999, "AdamW: memory of the mean gradient"},
    {0, "beta2", OPT_NUM, &cfg.beta2, "X", RESULT, 0.95, 0, 0.999999,
     "AdamW: memory of the mean square of the gradient"},
    {0, "eps", OPT_NUM, &cfg.eps, "X", RESULT, 1e-8, 1e-30, 1, "AdamW: added to the divisor"},
    {0, "momentum", OPT_NUM, &cfg.momentum, "X", RESULT, 0.95, 0, 0.999999, "Muon: momentum"},
    {0, "weight-decay", OPT_NUM, &cfg.weight_decay, "X", RESULT, 0.1, 0, 1e3,
     "weight decay of matrices; gains have none"},
    {0, "clip", OPT_NUM, &cfg.clip, "X", RESULT, 1, 0, 1e30, "largest norm of the gradient; 0: no limit"},
    {0, "updates", OPT_U64, &cfg.updates, "N", RESULT, 0, 0, 1 << 20,
     "updates that a batch is taken in. 0: many at first, ever fewer as tokens go by (batch-size warm-up); "
     "1: whole batches"},
    {0, "doc-mask", OPT_FLAG, &cfg.doc_mask, NULL, RESULT, 0, 0, 0,
     "attention does not cross the end of a document"},
    {0, "grow", OPT_STR, &cfg.grow, "STAGES", RESULT, 0, 0, 0,
     "LAYERS@STEP,LAYERS@SHARE%..: begin shallow, more layers join later, as in 1@0,6@75%; auto: one layer, "
     "all "
     "of them after three quarters of the steps (off)"},
    {0, "finish", OPT_WORD, &cfg.finish, "decay|predict|auto|correct", RESULT, NAN, 0, FINISH_CORRECT,
     "what the model is. decay: the weights as they are; predict: as averages of the last steps forecast "
     "them after a decay; auto: whichever is better on the next batch; correct: auto, and the decay of wsd "
     "is "
     "taken by the upper half of the layers alone, the lower one being held at its forecast, as long as that "
     "is better: less time, of use where the decay is short (decay; with merge predict)"},

    {.type = OPT_HEADING, .help = "Validation, checkpoints, safety"},
    {0, "val", OPT_LIST, &cfg.val, "NAME=DIR", NOT_KEPT, 0, 0, 0, "token shards to validate on; repeatable"},
    {0, "val-every", OPT_U64, &cfg.val_every, "N", FREE, NAN, 0, 1e12,
     "steps between validations; 0: only at the end (an eighth of the steps)"},
    {0, "val-tokens", OPT_U64, &cfg.val_tokens, "N", FREE, 16384, 1, 1e12, "tokens of each that are taken"},
    {0, "sample-every", OPT_U64, &cfg.sample_every, "N", FREE, 0, 0, 1e12,
     "steps between texts that the model writes into metrics.jsonl; 0: none"},
    {0, "sample-prompt", OPT_LIST, &cfg.sample_prompts, "TEXT", NOT_KEPT, 0, 0, 0,
     "what they begin with; repeatable"},
    {0, "sample-tokens", OPT_U64, &cfg.sample_tokens, "N", FREE, 64, 1, 1 << 20, "length of each, at most"},
    {0, "save-every", OPT_U64, &cfg.save_every, "N", FREE, 250, 0, 1e12,
     "steps between checkpoints; 0: only at the end"},
    {0, "save-dtype", OPT_WORD, &cfg.save_dtype, "f32|bf16", FREE, DTYPE_F32, 0, DTYPE_BF16,
     "type of model.safetensors"},
    {0, "save-finished", OPT_FLAG, &cfg.save_finished, NULL, FREE, 0, 0, 0,
     "with each checkpoint also the forecast of the finished model, as the model directory "
     "DIR/latest-finished"},
    {0, "keep-last", OPT_U64, &cfg.keep_last, "N", FREE, 2, 1, 1e9, "newest checkpoints to keep"},
    {0, "keep-best", OPT_FLAG, &cfg.keep_best, NULL, FREE, 0, 0, 0,
     "also save and keep the one of lowest mean validation loss, as DIR/best"},
    {0, "max-bad-steps", OPT_U64, &cfg.max_bad_steps, "N", FREE, 5, 1, 1e12,
     "NaN or infinite updates in a row before giving up"},
    {0, "spike-sigma", OPT_NUM, &cfg.spike_sigma, "X", RESULT, 6, 1, 1e6,
     "a loss so many deviations above the last 64 is a spike"},
    {0, "skip-spikes", OPT_FLAG, &cfg.skip_spikes, NULL, RESULT, 0, 0, 0, "do not learn from spikes"},
    {0, "forecast", OPT_WORD, &cfg.forecast, "law|rssm", FREE, FORECAST_LAW, 0, FORECAST_RSSM,
     "how the loss at the end is forecast: by a law of the schedule; rssm: and by what a small recurrent "
     "model "
     "learns, at the start, of what the law missed in recorded runs"},
    {0, "log-every", OPT_U64, &cfg.log_every, "N", FREE, 20, 1, 1e12,
     "steps between lines when stderr is not a terminal"},

    {.type = OPT_EXPERT, .help = "Experiments: extrapolation of weights"},
    {0, "ema-nesterov", OPT_NUM, &cfg.ema_nesterov, "BETA", RESULT, 0, 0, 0.99,
     "before each step between warm-up and decay, go on by BETA times the average step; 0: off; .3 to .7"},
    {0, "ema-gamma", OPT_NUM, &cfg.ema_gamma, "X", RESULT, 0.99, 0.01, 0.999999, "memory of that average"},
    {0, "ema-start", OPT_U64, &cfg.ema_start, "N", RESULT, NAN, 0, 1e12,
     "not before step N: early on, steps turn too fast for an average to lead (2 / (1 - gamma))"},
    {0, "outer-nesterov", OPT_U64, &cfg.outer_nesterov, "K", RESULT, 0, 0, 1e9,
     "every K steps between warm-up and decay, a Nesterov step along what they moved; 0: off; 20 to 100"},
    {0, "outer-lr", OPT_NUM, &cfg.outer_lr, "X", RESULT, 0.8, 0, 10, "step size of the outer step"},
    {0, "outer-momentum", OPT_NUM, &cfg.outer_momentum, "X", RESULT, 0.5, 0, 0.999999,
     "momentum of the outer step"},
    {.type = OPT_FLAG},
};
enum { N_SETTINGS = sizeof settings / sizeof *settings };
#undef cfg

static bool is_number(const struct setting *s)
{
    return s->type == OPT_U64 || s->type == OPT_NUM || s->type == OPT_SHARE;
}

/* The help text with the default behind it. */
static const char *help_of(const struct setting *s)
{
    if (s->rule == NOT_KEPT || isnan(s->initial) || (s->type != OPT_WORD && !is_number(s)))
        return s->help;
    if (s->type == OPT_SHARE)
        return xasprintf("%s (%g%%)", s->help, 100 * s->initial);
    if (s->type != OPT_WORD)
        return xasprintf("%s (%.*g)", s->help, DBL_DIG, s->initial);
    char *word = word_at(s->unit, (unsigned)s->initial);
    const char *help = xasprintf("%s (%s)", s->help, word);
    free(word);
    return help;
}

const struct opt *settings_options(void)
{
    static struct opt options[N_SETTINGS];
    for (size_t i = 0; i + 1 < N_SETTINGS && !options[i].help; i++) {
        const struct setting *s = &settings[i];
        options[i] = (struct opt){s->letter, s->name, s->type, s->value, s->unit, help_of(s)};
        if (s->type == OPT_WORD) { /* as many words as the enum has values */
            char *last = word_at(s->unit, (unsigned)s->most), *more = word_at(s->unit, (unsigned)s->most + 1);
            assert(last && !more);
            free(last);
            free(more);
        }
    }
    return options;
}

const struct setting *settings_next(const struct setting *s)
{
    for (s = s ? s + 1 : settings; s->help; s++)
        if (s->rule != NOT_KEPT)
            return s;
    return NULL;
}

const struct setting *setting_find(const char *name)
{
    const struct setting *s = settings_next(NULL);
    while (strcmp(s->name, name) != 0)
        s = settings_next(s);
    return s;
}

char *settings_word(const void *value)
{
    const struct setting *s = settings;
    while (s->value != value)
        s++;
    return word_at(s->unit, *(const unsigned *)value);
}

void setting_unset(const struct setting *s)
{
    switch (s->type) {
    case OPT_STR:
        *(const char **)s->value = NULL;
        break;
    case OPT_FLAG:
        *(bool *)s->value = false;
        break;
    case OPT_U64:
        *(uint64_t *)s->value = UNSET_U64;
        break;
    case OPT_NUM:
    case OPT_SHARE:
        *(double *)s->value = NAN;
        break;
    case OPT_WORD:
        *(unsigned *)s->value = UNSET_WORD;
        break;
    default:
        break;
    }
}

bool setting_is_unset(const struct setting *s)
{
    switch (s->type) {
    case OPT_STR:
        return *(const char **)s->value == NULL;
    case OPT_FLAG:
        return !*(bool *)s->value;
    case OPT_U64:
        return *(uint64_t *)s->value == UNSET_U64;
    case OPT_WORD:
        return *(unsigned *)s->value == UNSET_WORD;
    default:
        return isnan(*(double *)s->value);
    }
}

void setting_put(const struct setting *s, double x)
{
    if (s->type == OPT_U64)
        *(uint64_t *)s->value = (uint64_t)x;
    else if (s->type == OPT_WORD)
        *(unsigned *)s->value = (unsigned)x;
    else if (s->type == OPT_FLAG)
        *(bool *)s->value = x != 0;
    else if (is_number(s))
        *(double *)s->value = x;
}

double setting_get(const struct setting *s)
{
    switch (s->type) {
    case OPT_U64:
        return (double)*(uint64_t *)s->value;
    case OPT_WORD:
        return *(unsigned *)s->value;
    case OPT_FLAG:
        return *(bool *)s->value;
    default:
        return is_number(s) ? *(double *)s->value : NAN;
    }
}

void setting_default(const struct setting *s)
{
    if (!isnan(s->initial))
        setting_put(s, s->initial);
}

void setting_check(const struct setting *s)
{
    if (!is_number(s))
        return;
    double x = setting_get(s);
    if (!(x >= s->least && x <= s->most))
        usage_error("--%s: %g is not within %g and %g", s->name, x, s->least, s->most);
}

char *setting_text(const struct setting *s)
{
    json_t *v = setting_to_json(s);
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(9));
    json_decref(v);
    return text;
}

json_t *setting_to_json(const struct setting *s)
{
    char *word;
    json_t *o;
    switch (s->type) {
    case OPT_STR:
        return json_text(*(const char **)s->value, strlen(*(const char **)s->value));
    case OPT_FLAG:
        return json_boolean(*(bool *)s->value);
    case OPT_U64:
        return json_integer((json_int_t) * (uint64_t *)s->value);
    case OPT_WORD:
        word = word_at(s->unit, *(unsigned *)s->value);
        o = json_string(word);
        free(word);
        return o;
    default:
        return json_real(*(double *)s->value);
    }
}

int setting_from_json(const struct setting *s, const json_t *v)
{
    bool fits = s->type == OPT_STR || s->type == OPT_WORD ? json_is_string(v)
                : s->type == OPT_U64                      ? json_is_integer(v)
                : s->type == OPT_FLAG                     ? json_is_boolean(v)
                                                          : json_is_number(v);
    if (!fits)
        return -1;
    if (s->type == OPT_WORD)
        return parse_word(s->unit, json_string_value(v), s->value);
    if (s->type == OPT_STR) {
        static char *kept[N_SETTINGS]; /* the strings that came from checkpoints */
        char **mine = &kept[s - settings];
        free(*mine);
        *(const char **)s->value = *mine = xstrdup(json_string_value(v));
    } else if (s->type == OPT_U64)
        *(uint64_t *)s->value = (uint64_t)json_integer_value(v);
    else if (s->type == OPT_FLAG)
        *(bool *)s->value = json_is_true(v);
    else
        *(double *)s->value = json_number_value(v);
    return 0;
}
