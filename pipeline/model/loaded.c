#include "pipeline/model/loaded.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"

#include <stdlib.h>
#include <string.h>

static void check_dtype(const char *name, bool one_by_one)
{
    if (strcmp(name, "f32") != 0 && strcmp(name, "bf16") != 0 && strcmp(name, "int8") != 0 &&
        !(one_by_one && strcmp(name, "auto") == 0))
        usage_error("--dtype: '%s' is not %sf32, bf16 or int8", name, one_by_one ? "auto, " : "");
}

/* Models with fewer weights generate faster with one thread than with two (nano, 5M: 260 tokens/s against 49
 * on two busy cores). The limit is a guess above what was measured. */
static const uint64_t SMALL_MODEL = 20000000;

/* Generating a token costs the reading of all weights, which in bf16 are half as many bytes; the weights of a
 * small model stay in a cache. Returns the type of the weights; beside int8 everything else is bf16. */
static const char *open_device(struct loaded *m, const char *dtype, int threads, bool one_by_one)
{
    char err[1024];
    struct model_config c;
    if (checkpoint_config(m->dir, &c, err, sizeof err) != 0)
        die("%s", err);
    bool small = model_params(&c) < SMALL_MODEL;
    if (strcmp(dtype, "auto") == 0)
        dtype = small ? "f32" : "bf16";
    if (threads == 0 && one_by_one && small)
        threads = 1;
    m->dev = m->ops->open(strcmp(dtype, "f32") == 0 ? DTYPE_F32 : DTYPE_BF16, threads, err, sizeof err);
    if (!m->dev)
        die("%s: %s", m->ops->name, err);
    return dtype;
}

static const struct ops *choose(const char *device)
{
    char why[512];
    if (strcmp(device, "auto") != 0 && strcmp(device, "cpu") != 0 && strcmp(device, "cuda") != 0 &&
        strcmp(device, "reference") != 0)
        usage_error("--device: '%s' is none of: auto cpu cuda reference", device);
    const struct ops *ops = ops_choose(device, why, sizeof why);
    if (!ops)
        die("--device %s: %s", device, why);
    detail("device: %s (--device %s; %s)", ops->name, device, why);
    return ops;
}

static void note_files(const char *dir)
{
    static const char *const names[] = {"config.json", "model.safetensors", "model.safetensors.index.json",
                                        "tokenizer.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *path = path_join(dir, names[i]);
        apart_input(path);
        free(path);
    }
}

void loaded_open(struct loaded *m, const char *path, const char *device, const char *dtype, int64_t threads,
                 bool one_by_one)
{
    char err[1024];
    check_dtype(dtype, one_by_one);
    if (threads < 0 || threads > 4096)
        usage_error("--threads: %lld is not within 0..4096", (long long)threads);
    *m = (struct loaded){.dir = checkpoint_resolve(path, err, sizeof err)};
    if (!m->dir)
        die("%s", err);
    m->tokenizer_path = path_join(m->dir, "tokenizer.json");
    note_files(m->dir);
    char *state = path_join(m->dir, "trainer/state.json");
    m->foreign = !path_exists(state);
    free(state);
    m->tok = tokenizer_load(m->tokenizer_path, err, sizeof err);
    if (!m->tok)
        die("%s", err);
    m->ops = choose(device);
    dtype = open_device(m, dtype, (int)threads, one_by_one);
    enum dtype act = strcmp(dtype, "f32") == 0 ? DTYPE_F32 : DTYPE_BF16;
    if (checkpoint_load(m->dir, m->ops, m->dev, act, &m->w, err, sizeof err) != 0)
        die("%s", err);
    if (strcmp(dtype, "int8") == 0 && weights_quantise(&m->w, err, sizeof err) != 0)
        die("--dtype int8: %s", err);
    if (tokenizer_vocab_size(m->tok) > (uint32_t)m->w.c.V)
        die("%s: %u tokens, but the model's vocabulary (%s/config.json) has %d", m->tokenizer_path,
            tokenizer_vocab_size(m->tok), m->dir, m->w.c.V);
    detail("%s: %.1f M weights, %s, %s", m->dir, (double)model_params(&m->w.c) / 1e6, dtype,
           m->ops->describe(m->dev));
}

void loaded_check(const struct loaded *m)
{
    const char *failed = m->w.ops->error(m->w.dev);
    if (failed)
        die("%s: %s", m->w.ops->name, failed);
}

void loaded_close(struct loaded *m)
{
    weights_free(&m->w);
    m->ops->close(m->dev);
    tokenizer_free(m->tok);
    free(m->tokenizer_path);
    free(m->dir);
}
