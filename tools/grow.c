/*
 * grow - a larger model that begins where a smaller one is
 */
#include "tools/exporters/grow.h"

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/signals.h"
#include "pipeline/model/checkpoint.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *output, *preset;
static uint64_t layers, width, heads, kv_heads, head_dim, ffn, seed;
static double noise;
static bool stack, overwrite;

static const struct opt opts[] = {
    {'o', "output", OPT_STR, &output, "DIR", "write the model directory here"},
    {'m', "model", OPT_STR, &preset, "NAME",
     "the dimensions of a preset of train (default: those of CHECKPOINT)"},
    {0, "layers", OPT_U64, &layers, "N", "layers (as -m)"},
    {0, "width", OPT_U64, &width, "N", "width of the residual stream (as -m)"},
    {0, "heads", OPT_U64, &heads, "N", "attention heads (as -m)"},
    {0, "kv-heads", OPT_U64, &kv_heads, "N", "key/value heads (as -m)"},
    {0, "head-dim", OPT_U64, &head_dim, "N",
     "width of a head (as -m), a multiple of what it is in CHECKPOINT"},
    {0, "ffn", OPT_U64, &ffn, "N", "width of the feed-forward (as -m)"},
    {0, "stack", OPT_FLAG, &stack, NULL,
     "repeat the layers as they are, rather than insert layers that do nothing yet; the loss rises at first"},
    {0, "noise", OPT_NUM, &noise, "X",
     "add noise of X times a matrix's root mean square to its weights, such as 0.01 (default: 0)"},
    {0, "seed", OPT_U64, &seed, "N", "seed of new weights and of noise (default: 0)"},
    {0, "overwrite", OPT_FLAG, &overwrite, NULL, "replace DIR when it is there"},
    SANDBOX_OPTION(&output),
    {0},
};

static const struct cli cli = {
    "grow",
    "make a larger model that begins where a smaller one is",
    "tools/grow CHECKPOINT -m NAME -o DIR [options]",
    opts,
    "CHECKPOINT is a model directory, a run, or runs/NAME/latest. The larger model computes the same, but "
    "for\n"
    "rounding: what is new is read and not yet written to, so training can use it from its first step.\n"
    "`train --init DIR` trains it; the optimizer begins anew. No dimension can shrink. Where key/value "
    "heads\n"
    "would, as from 500m to 1b, say --kv-heads. Longer heads start to learn only with --noise.\n"
    "\n"
    "Examples:\n"
    "  tools/grow runs/a -m 500m -o grown && mix ... | train --init grown -i - -o runs/b --steps 4000\n"
    "  tools/grow runs/b -m 1b --kv-heads 16 --noise 0.01 -o grown-1b\n"
    "\n"
    "Exit: 0 done; 1 failed, and DIR is as it was; 2 misuse.",
};

static void put(int *dimension, uint64_t given, const char *option)
{
    if (given > 1 << 22)
        usage_error("--%s: %llu is too large", option, (unsigned long long)given);
    if (given > 0)
        *dimension = (int)given;
}

/* Key/value heads follow the heads when only those are given, as in train. */
static void settle(struct model_config *c)
{
    struct model_config named;
    if (preset) {
        if (model_preset(preset, &named) != 0)
            usage_error("-m: no preset '%s'; there are: %s", preset, model_preset_names());
        c->L = named.L, c->C = named.C, c->H = named.H, c->Hkv = named.Hkv, c->D = named.D, c->F = named.F;
        c->T = named.T;
    }
    put(&c->L, layers, "layers");
    put(&c->C, width, "width");
    put(&c->H, heads, "heads");
    put(&c->Hkv, kv_heads ? kv_heads : heads, "kv-heads");
    put(&c->D, head_dim, "head-dim");
    put(&c->F, ffn, "ffn");
}

int main(int argc, char **argv)
{
    char err[1024];
    if (cli_parse(&cli, argc, argv) != 1)
        usage_error("name one checkpoint");
    if (!output || !*output)
        usage_error("-o DIR is missing: where to write");
    if (!(noise >= 0) || !isfinite(noise))
        usage_error("--noise: not a number of 0 or more");
    if (!preset && !layers && !width && !heads && !kv_heads && !head_dim && !ffn)
        usage_error("say how large the model is to be: -m NAME, or a dimension");
    if (!overwrite && path_exists(output))
        die("%s: is there already; --overwrite replaces it", output);
    signals_install();
    char *dir = checkpoint_resolve(argv[0], err, sizeof err);
    struct model_config c;
    if (!dir || checkpoint_config(dir, &c, err, sizeof err) != 0)
        die("%s", err);
    settle(&c);
    grow_model(dir, &c,
               &(struct grow_how){.depth = stack ? GROW_STACK : GROW_IDENTITY, .noise = noise, .seed = seed},
               output);
    free(dir);
    return 0;
}
