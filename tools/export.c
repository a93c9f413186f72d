/*
 * export - a checkpoint in the format of another tool
 *
 * A checkpoint is a Hugging Face model directory as it stands, which needs no export. What else is written is
 * a GGUF file for llama.cpp and its relatives (formats/gguf.md).
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
static bool overwrite;

static const struct opt opts[] = {
    {'o', "output", OPT_STR, &output, "FILE", "write this file"},
    {0, "dtype", OPT_STR, &dtype, "TYPE", "of the matrices: f32, bf16 (default), f16, q8_0, q4_0"},
    {0, "name", OPT_STR, &name, "TEXT", "what the file calls the model (as FILE, without .gguf)"},
    {0, "overwrite", OPT_FLAG, &overwrite, NULL, "replace FILE when it is there"},
    SANDBOX_OPTION(&output),
    {0},
};

static const struct cli cli = {
    "export",
    "write a checkpoint in the format of another tool",
    "tools/export gguf CHECKPOINT -o FILE [--dtype TYPE]",
    opts,
    "CHECKPOINT is a model directory, a run, or runs/NAME/latest. The tokenizer goes into the file.\n"
    "\n"
    "q8_0 and q4_0 take 8.5 and 4.5 bits a weight, a scale for every 32 weights included; with q4_0 the "
    "embedding\n"
    "and the output matrix are q8_0. Gains are always f32.\n"
    "\n"
    "Example:\n"
    "  tools/export gguf runs/a -o a.gguf --dtype q8_0\n"
    "\n"
    "Exit: 0 done; 1 failed, and FILE is as it was; 2 misuse.",
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
    if (n != 2 || strcmp(argv[0], "gguf") != 0)
        usage_error("say what to write and from which checkpoint: gguf CHECKPOINT");
    if (!output)
        usage_error("-o FILE is missing: where to write");
    if (!overwrite && path_exists(output))
        die("%s: is there already; --overwrite replaces it", output);
    signals_install();
    char *dir = checkpoint_resolve(argv[1], err, sizeof err);
    if (!dir)
        die("%s", err);
    char *title = name ? xstrdup(name) : default_name();
    export_gguf(dir, title, output, dtype);
    free(title);
    free(dir);
    return 0;
}
