/*
 * hf.c - a model directory of another element type, in files of a largest size, or with Llama's names
 */
#include "tools/exporters/exporters.h"

#include "pipeline/lib/log.h"
#include "tools/exporters/model_dir.h"

#include <string.h>

/* Llama's bias of the output projection, which Qwen2 lacks, is zero. */
static void read_values(void *arg, const struct param *p, size_t at, size_t n, float *out)
{
    const struct source *from = arg;
    if (params_find(&from->layout, p->kind, p->layer))
        source_read(from, p->name, at, n, out);
    else
        memset(out, 0, n * sizeof *out);
}

/* A Llama has no norms of queries and keys. Biases it has in all projections or in none. */
static void become_llama(struct model_dir *m)
{
    if (model_has_qk_norm(&m->c))
        die("%s: the model has norms of queries and keys, which a Llama has not: export hf writes it as it "
            "is",
            m->from->dir);
    m->c.attention_bias = model_has_qkv_bias(&m->c);
    m->c.family = MODEL_LLAMA;
    m->other_config = true;
}

void export_hf(const char *dir, const char *out, const char *dtype, uint64_t largest, bool llama)
{
    bool half = strcmp(dtype, "bf16") == 0;
    struct source from;
    if (!half && strcmp(dtype, "f32") != 0)
        die("--dtype %s: a model directory is written in f32 or bf16", dtype);
    source_open(&from, dir);
    struct model_dir m = {.from = &from,
                          .c = from.c,
                          .dtype = half ? ST_BF16 : ST_F32,
                          .largest = largest,
                          .values = read_values,
                          .arg = &from};
    if (llama)
        become_llama(&m);
    model_dir_write(&m, out);
    source_close(&from);
}
