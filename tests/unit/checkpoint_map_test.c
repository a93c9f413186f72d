/*
 * A checkpoint that is mapped and one that is read tensor by tensor give the same logits, and damage is seen
 * in both.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/model/checkpoint.h"
#include "tests/check.h"

enum { T = 12, V = 64 };

static char err[1024];
static struct ops reads; /* the CPU's ops, which take nothing from mapped files */

static struct model_config tiny_model(int D)
{
    struct model_config c = {
        .L = 2, .C = 32, .H = 2, .Hkv = 1, .D = D, .F = 48, .V = V, .T = T, .tied = true};
    c.eps = 1e-6f;
    c.rope_theta = 10000;
    return c;
}

static void save(int D, enum st_dtype dtype)
{
    struct model_config c = tiny_model(D);
    struct weights w;
    struct device *dev = ops_cpu()->open(DTYPE_F32, 1, err, sizeof err);
    CHECK(dev && weights_alloc(&w, ops_cpu(), dev, DTYPE_F32, &c, err, sizeof err) == 0, "%s", err);
    weights_init(&w, 3);
    for (size_t i = 0; i < w.layout.count; i++) /* gains other than 1 */
        if (!param_is_matrix(&w.layout.v[i]))
            for (size_t k = 0; k < w.layout.v[i].n; k++)
                w.theta[w.layout.v[i].offset + k] = 1 + 0.003f * (float)(k % 17);
    const struct checkpoint_array arrays[] = {{.prefix = "", .array = weights_array(&w)}};
    struct checkpoint_save *s = checkpoint_begin("ck");
    char *config = model_config_to_json(&w.c, "float32", 1, 2);
    checkpoint_put_text(s, "config.json", config, strlen(config));
    checkpoint_put_tensors(s, "model.safetensors", &w, arrays, 1, dtype);
    json_t *state = json_pack("{si}", "step", 1);
    checkpoint_commit(s, state);
    json_decref(state);
    free(config);
    weights_free(&w);
    ops_cpu()->close(dev);
}

/* Returns whether the weights are in a mapped file. */
static bool logits_of(const struct ops *ops, enum dtype act, float *logits)
{
    struct weights w;
    int32_t ids[T];
    for (int i = 0; i < T; i++)
        ids[i] = i * i * 7 % V;
    struct device *dev = ops->open(act, 1, err, sizeof err);
    CHECK(dev && checkpoint_load("ck", ops, dev, act, &w, err, sizeof err) == 0, "%s", err);
    struct activations *a = activations_alloc(&w, 1, T, ACT_FORWARD, err, sizeof err);
    CHECK(a, "%s", err);
    model_logits(&w, a, ids, 1, T, logits);
    bool mapped = w.map;
    float *again = malloc(T * V * sizeof *again);
    weights_settle(&w);
    CHECK(again && !w.map);
    model_logits(&w, a, ids, 1, T, again);
    CHECK(memcmp(again, logits, T * V * sizeof *again) == 0, "other logits after weights_settle");
    free(again);
    activations_free(a);
    weights_free(&w);
    ops->close(dev);
    return mapped;
}

static void compare(int D, enum st_dtype stored, enum dtype act, bool in_place)
{
    static float mapped[T * V], read[T * V];
    save(D, stored);
    CHECK(logits_of(ops_cpu(), act, mapped) == in_place, "head of %d, %s as %s", D, st_dtype_name(stored),
          act == DTYPE_F32 ? "f32" : "bf16");
    CHECK(!logits_of(&reads, act, read));
    CHECK(memcmp(mapped, read, sizeof read) == 0, "head of %d, %s as %s: other logits", D,
          st_dtype_name(stored), act == DTYPE_F32 ? "f32" : "bf16");
}

/* Logits of weights in int8, from a mapped file and from one that is read, token after token. */
static void int8_logits(const struct ops *ops, float *logits)
{
    struct weights w;
    struct device *dev = ops->open(DTYPE_BF16, 1, err, sizeof err);
    CHECK(dev && checkpoint_load("ck", ops, dev, DTYPE_BF16, &w, err, sizeof err) == 0, "%s", err);
    CHECK(weights_quantise(&w, err, sizeof err) == 0 && !w.map && !w.work, "%s", err);
    struct kv_cache *kv = kv_cache_alloc(&w, 1, T, err, sizeof err);
    CHECK(kv, "%s", err);
    for (int32_t i = 0; i < T; i++) {
        int32_t id = i * i * 7 % V;
        model_extend(&w, kv, 0, &id, 1, logits + i * V);
    }
    kv_cache_free(kv);
    weights_free(&w);
    ops->close(dev);
}

/* int8 changes no logit by more than 2 % of the largest one. */
static void int8_is_near(int D, enum st_dtype stored)
{
    static float exact[T * V], mapped[T * V], read[T * V];
    float largest = 0, error = 0;
    save(D, stored);
    logits_of(&reads, DTYPE_F32, exact);
    int8_logits(ops_cpu(), mapped);
    int8_logits(&reads, read);
    CHECK(memcmp(mapped, read, sizeof read) == 0, "other logits from a mapped file");
    for (int i = 0; i < T * V; i++) {
        largest = fmaxf(largest, fabsf(exact[i]));
        error = fmaxf(error, fabsf(exact[i] - mapped[i]));
    }
    CHECK(error > 0 && error < 0.02f * largest, "logits up to %g differ by up to %g", largest, error);
}

static void int8_is_refused(void)
{
    struct weights w;
    struct ops lacks = *ops_cpu();
    lacks.quantise_int8 = NULL;
    save(16, ST_BF16);
    struct device *dev = lacks.open(DTYPE_BF16, 1, err, sizeof err);
    CHECK(checkpoint_load("ck", &lacks, dev, DTYPE_BF16, &w, err, sizeof err) == 0, "%s", err);
    CHECK(weights_quantise(&w, err, sizeof err) == -1 && strstr(err, "no products with weights in int8"),
          "%s", err);
    weights_free(&w);
    lacks.close(dev);
}

static void damage_is_seen(void)
{
    struct weights w;
    save(16, ST_F32);
    FILE *f = fopen("ck/model.safetensors", "r+");
    CHECK(f && fseek(f, -5, SEEK_END) == 0 && fputc(1, f) != EOF && fclose(f) == 0);
    struct device *dev = ops_cpu()->open(DTYPE_F32, 1, err, sizeof err);
    CHECK(checkpoint_load("ck", ops_cpu(), dev, DTYPE_F32, &w, err, sizeof err) == -1 &&
              strstr(err, "model.safetensors: checksum"),
          "%s", err);
    ops_cpu()->close(dev);
}

int main(void)
{
    test_begin(60);
    reads = *ops_cpu();
    reads.host_memory = false;
    compare(16, ST_F32, DTYPE_F32, true);
    compare(16, ST_BF16, DTYPE_BF16, true);
    compare(16, ST_F32, DTYPE_BF16, false); /* rounded into a copy */
    compare(16, ST_BF16, DTYPE_F32, false); /* widened */
    compare(8, ST_F32, DTYPE_F32,
            false); /* gains of 8 are followed by a gap in the layout, not in the file */
    int8_is_near(16, ST_BF16);
    int8_is_near(16, ST_F32);
    int8_is_near(8, ST_F32);
    int8_is_refused();
    damage_is_seen();
    return 0;
}
