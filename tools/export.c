/*
 * export - a checkpoint in the format of another tool
 *
 * A checkpoint is a Hugging Face model directory as it stands. What is written here is a GGUF file for
 * llama.cpp and its relatives (formats/gguf.md), or a model directory of another element type, in files of a
 * largest size, or with Llama's names.
 */
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"
#include "tools/exporters/exporters.h"

#include <stdlib.h>
#include <string.h>

static const char *output;
static const char *dtype = "bf16";
static const char *name;
static uint64_t shard_size = 5000000000;
static bool overwrite;

static const struct opt opts[] = {
    {'o', "output", OPT_STR, &output, "PATH", "write this file or directory"},
    {0, "dtype", OPT_STR, &dtype, "TYPE",
     "of the matrices: f32, bf16 (default); with gguf also f16, q8_0, q4_0"},
    {0, "shard-size", OPT_BYTES, &shard_size, "SIZE",
     "hf, llama: begin another file rather than hold more than SIZE of weights in one (default: 5GB)"},
    {0, "name", OPT_STR, &name, "TEXT", "gguf: what the file calls the model (as PATH, without .gguf)"},
    {0, "overwrite", OPT_FLAG, &overwrite, NULL, "replace PATH when it is there"},
    SANDBOX_OPTION(&output),
    {0},
};

static const struct cli cli = {
    "export",
    "write a checkpoint in the format of another tool",
    "tools/export gguf CHECKPOINT -o FILE [--dtype TYPE]\n"
    "tools/export hf|llama CHECKPOINT -o DIR [--dtype TYPE] [--shard-size SIZE]",
    opts,
    "CHECKPOINT is a model directory, a run, or runs/NAME/latest.\n"
    "\n"
    "gguf   one file for llama.cpp, the tokenizer in it\n"
    "hf     a model directory of the same shape, without what only train needs\n"
    "llama  the same as LlamaForCausalLM: for models without norms of queries and keys\n"
    "\n"
    "q8_0 and q4_0 take 8.5 and 4.5 bits a weight, a scale for every 32 weights included; with q4_0 the "
    "embedding\n"
    "and the output matrix are q8_0. Gains and biases are always f32 in a GGUF file.\n"
    "\n"
    "Examples:\n"
    "  tools/export gguf runs/a -o a.gguf --dtype q8_0\n"
    "  tools/export hf runs/a -o a-bf16 --shard-size 2GB\n"
    "\n"
    "Exit: 0 done; 1 failed, and PATH is as it was; 2 misuse.",
};

static char *default_name(void)
{
    const char *slash = strrchr(output, '/'), *base = slash ? slash + 1 : output, *dot = strrchr(base, '.');
    return dot && dot > base ? xasprintf("%.*s", (int)(dot - base), base) : xstrdup(base);
}

int main(int argc, char **argv)
{
    char err[1024];
    int n = cli_parse(&cli, argc, argv);
    bool gguf = n == 2 && strcmp(argv[0], "gguf") == 0, llama = n == 2 && strcmp(argv[0], "llama") == 0;
    if (!gguf && !llama && !(n == 2 && strcmp(argv[0], "hf") == 0))
        usage_error("say what to write and from which checkpoint: gguf, hf or llama, then CHECKPOINT");
    if (!output || !*output)
        usage_error("-o PATH is missing: where to write");
    if (shard_size == 0)
        usage_error("--shard-size: at least one byte");
    if (!overwrite && path_exists(output))
        die("%s: is there already; --overwrite replaces it", output);
    signals_install();
    char *dir = checkpoint_resolve(argv[1], err, sizeof err);
    if (!dir)
        die("%s", err);
    char *title = name ? xstrdup(name) : default_name();
    if (gguf)
        export_gguf(dir, title, output, dtype);
    else
        export_hf(dir, output, dtype, shard_size, llama);
    free(title);
    free(dir);
    return 0;
}
