/*
 * media_train.c - tokenize train --modality image|audio: learn a codebook
 */
#include <stdlib.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/media/reservoir.h"
#include "pipeline/media/source.h"
#include "pipeline/tokenize/media.h"
#include "pipeline/tokenize/stage.h"

static const char *tokenizer_path, *output, *modality_name;
static int64_t threads;
static struct input_opts input_opts = {.domain = -1};
static struct media_opts media_opts = {.side = 256, .samples = 131072};

static const struct opt opts[] = {
    {0, "modality", OPT_STR, &modality_name, "WHAT", "image or audio"},
    {'t', "tokenizer", OPT_STR, &tokenizer_path, "FILE",
     "write the codebook beside this: tok.WHAT.safetensors"},
    {'o', "output", OPT_STR, &output, "FILE", "write it here instead"},
    {0, "samples", OPT_U64, &media_opts.samples, "N",
     "learn from about N patches or frames, drawn from all (default 131072)"},
    {0, "seed", OPT_U64, &media_opts.seed, "N", "seed for drawing samples (default 0)"},
    {'j', "threads", OPT_INT, &threads, "N", "threads (default: one a processor); the result is the same"},
    {'g', "glob", OPT_LIST, &input_opts.globs, "GLOB",
     "in directories, read only files whose name matches; may be given again"},
    {0, "skip-bad", OPT_FLAG, &input_opts.skip_bad, NULL,
     "count bad files and go on; default: stop with an error"},
    INPUT_OPTIONS(input_opts),
    {0, NULL, OPT_HEADING, NULL, NULL, "Pictures"},
    {0, "patch", OPT_U64, &media_opts.patch, "N", "pixels a side of a patch: 4, 8 or 16 (default 8)"},
    {0, "levels", OPT_U64, &media_opts.levels, "N",
     "codes a patch: 1, 2, 4 or 8; they share the 8,192 (default 2)"},
    {0, "image-size", OPT_U64, &media_opts.side, "N",
     "shrink the longer side to N pixels (default 256; 0: only above 8192)"},
    {0, "crop", OPT_FLAG, &media_opts.crop, NULL, "take the largest square in the middle"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Sounds"},
    {0, "rate", OPT_U64, &media_opts.rate, "N", "samples a second (default 16000)"},
    {0, "hop", OPT_U64, &media_opts.hop, "N", "samples a frame of 8 codes: 64 to 512 (default 320)"},
    {0},
};

static const struct cli cli = {
    "tokenize",
    "train --modality image|audio: learn a codebook",
    "tokenize train --modality image -t tok.json [OPTION...] FILE|DIRECTORY...",
    opts,
    "Pictures are PNG, JPEG, PPM; sounds WAV, FLAC. The same files and options give the same codebook\n"
    "(pipeline/media/codebook.md).\n"
    "\n"
    "Examples:\n"
    "  tokenize train --modality image -t tok.json photos/\n"
    "  tokenize train --modality audio -t tok.json --rate 24000 recordings/\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names file and reason), 2 misuse, 128+n ended by signal n.",
};

/* Returns the number of files. */
static uint64_t sample_files(const struct modality *m, struct media_source *source, struct reservoir *sampler)
{
    struct media_item item;
    uint64_t files = 0, bad = 0;
    while (media_source_next(source, &item)) {
        char err[600];
        void *records = NULL;
        size_t len, n;
        if (item.json)
            die("%s: codes are learned from %s files, not from documents", item.name, m->name);
        void *bytes = media_read(item.name, &len, err, sizeof err);
        if (bytes && m->sample(&media_opts, bytes, len, &records, &n, err, sizeof err) == 0) {
            reservoir_add(sampler, records, n);
            files++;
        } else if (input_opts.skip_bad) {
            detail("%s: %s", item.name, err);
            bad++;
        } else {
            die("%s: %s", item.name, err);
        }
        free(records);
        free(bytes);
        progress("read", files, 0, "files", NULL);
    }
    progress_end();
    if (bad)
        warn("left out: %llu bad %s", (unsigned long long)bad, bad == 1 ? "file" : "files");
    return files;
}

static void check_options(const struct modality *m, int n)
{
    char err[300];
    if (!tokenizer_path && !output)
        usage_error("where to? -t tokenizer.json, to write beside it, or -o FILE");
    if (n == 0)
        usage_error("from which files or directories?");
    if (media_opts.samples < 1 || media_opts.samples > 1 << 22)
        usage_error("--samples: from 1 to 4194304");
    if (m->check(&media_opts, err, sizeof err) != 0)
        usage_error("%s", err);
}

static void save(const struct modality *m, const void *codec, struct text_output *out)
{
    if (m->save(codec, out->f) != 0)
        die_errno("%s: cannot write", out->name);
    text_output_close(out, true);
}

int media_train(int argc, char **argv, const struct modality *m)
{
    int n = cli_parse(&cli, argc, argv);
    argv = input_operands(&input_opts, argv, &n);
    check_options(m, n);
    signals_install();
    double start = now_seconds();
    media_opts.threads = (int)stage_threads(threads);
    char *path = output ? xstrdup(output) : media_codebook_path(m, tokenizer_path);
    struct text_output out;
    text_output_open(&out, path); /* before the work: it may not be possible */
    struct reservoir sampler;
    reservoir_init(&sampler, m->record_bytes(&media_opts), media_opts.samples, media_opts.seed);
    struct media_source *source = media_source_open(m, &input_opts, (const char *const *)argv, (size_t)n);
    uint64_t files = sample_files(m, source, &sampler);
    media_source_close(source);
    if (stop_signal)
        exit(signal_exit_code()); /* removes the temporary file */
    if (sampler.n == 0)
        die("no files: there is nothing to learn from");
    reservoir_shuffle(&sampler);
    void *codec = m->train(&media_opts, sampler.records, sampler.n);
    if (stop_signal)
        exit(signal_exit_code());
    save(m, codec, &out);
    say("%s: from %zu of %llu %s of %llu files in %.1f s", path, sampler.n, (unsigned long long)sampler.seen,
        m == &modality_image ? "patches" : "frames", (unsigned long long)files, now_seconds() - start);
    m->free(codec);
    reservoir_free(&sampler);
    free(path);
    return 0;
}
