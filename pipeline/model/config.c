/*
 * config.c - presets, bounds and counts
 */
#include "pipeline/model/config.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* clang-format off */
static const struct model_preset presets[] = {
    /*         L     C   H Hkv    D     F     T      V   row      lr */
    {"nano",   6,  256,  4,  4,  64,  704,  256,  4096,  256, 2e-3},
    {"tiny",   8,  512,  8,  8,  64, 1408,  512, 16384,  512, 1.5e-3},
    {"100m",  12,  768, 12, 12,  64, 2048, 2048, 65536, 1024, 6e-4},
    {"500m",  24, 1024, 16, 16,  64, 2816, 4096, 65536, 1024, 4e-4},
    {"1b",    24, 2048, 16,  8, 128, 5632, 8192, 65536, 1024, 3e-4},
};
/* clang-format on */
enum { N_PRESETS = sizeof presets / sizeof *presets };

const struct model_preset *model_preset_at(size_t i)
{
    return i < N_PRESETS ? &presets[i] : NULL;
}

const struct model_preset *model_preset_find(const char *name)
{
    for (size_t i = 0; i < N_PRESETS; i++)
        if (strcmp(presets[i].name, name) == 0)
            return &presets[i];
    return NULL;
}

int model_preset(const char *name, struct model_config *out)
{
    const struct model_preset *p = model_preset_find(name);
    if (!p)
        return -1;
    *out = (struct model_config){
        .L = p->L,
        .C = p->C,
        .H = p->H,
        .Hkv = p->Hkv,
        .D = p->D,
        .F = p->F,
        .T = p->T,
        .V = p->V,
        .tied = true,
        .eps = 1e-6f,
        .rope_theta = 1e4,
    };
    return 0;
}

const char *model_preset_names(void)
{
    static char names[N_PRESETS * 16];
    size_t n = 0;
    for (size_t i = 0; i < N_PRESETS; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? " " : "", presets[i].name);
    return names;
}

static int check_rope_scaling(const struct rope_scaling *s, char *err, size_t cap)
{
    if (s->kind != ROPE_PLAIN && !(s->factor >= 1 && s->factor <= 1e6)) {
        snprintf(err, cap, "rope_scaling.factor: %g is not within 1..1e6", s->factor);
        return -1;
    }
    if (s->kind != ROPE_LLAMA3)
        return 0;
    if (!(s->low > 0 && s->high > s->low && s->high <= 1e6)) {
        snprintf(err, cap,
                 "rope_scaling: low_freq_factor %g and high_freq_factor %g do not rise within 0..1e6", s->low,
                 s->high);
        return -1;
    }
    if (s->original < 1) {
        snprintf(err, cap, "rope_scaling.original_max_position_embeddings: %d is not positive", s->original);
        return -1;
    }
    return 0;
}

/* Checks bounds that keep every product of two dimensions within int, and every count of weights far within
 * size_t. */
int model_config_check(const struct model_config *c, char *err, size_t cap)
{
    const struct {
        const char *name;
        int value, min, max, multiple;
        const char *why;
    } dims[] = {
        {"num_hidden_layers", c->L, 1, 1024, 1, ""},
        {"hidden_size", c->C, 16, 1 << 15, 16, ""},
        {"num_attention_heads", c->H, 1, 1024, 1, ""},
        {"num_key_value_heads", c->Hkv, 1, 1024, 1, ""},
        {"head_dim", c->D, 2, 1024, 2, " (rotary embedding turns pairs)"},
        {"intermediate_size", c->F, 1, 1 << 18, 1, ""},
        {"max_position_embeddings", c->T, 1, 1 << 22, 1, ""},
        {"vocab_size", c->V, 2, 1 << 24, 1, ""},
    };
    for (size_t i = 0; i < sizeof dims / sizeof *dims; i++) {
        if (dims[i].value >= dims[i].min && dims[i].value <= dims[i].max &&
            dims[i].value % dims[i].multiple == 0)
            continue;
        int n = snprintf(err, cap, "%s: %d is not within %d..%d", dims[i].name, dims[i].value, dims[i].min,
                         dims[i].max);
        if (dims[i].multiple > 1 && n > 0 && (size_t)n < cap)
            snprintf(err + n, cap - (size_t)n, " and a multiple of %d%s", dims[i].multiple, dims[i].why);
        return -1;
    }
    if (c->H % c->Hkv != 0) {
        snprintf(err, cap, "num_attention_heads %d is not a multiple of num_key_value_heads %d", c->H,
                 c->Hkv);
        return -1;
    }
    if ((c->H + 2 * c->Hkv) * c->D > 1 << 18) {
        snprintf(err, cap, "%d + 2*%d heads of width %d are too wide", c->H, c->Hkv, c->D);
        return -1;
    }
    if (!(c->eps > 0 && c->eps < 1)) {
        snprintf(err, cap, "rms_norm_eps: %g is not within 0..1", (double)c->eps);
        return -1;
    }
    if (!(c->rope_theta >= 1 && c->rope_theta <= 1e12)) {
        snprintf(err, cap, "rope_theta: %g is not within 1..1e12", c->rope_theta);
        return -1;
    }
    return check_rope_scaling(&c->rope, err, cap);
}

bool model_has_qk_norm(const struct model_config *c)
{
    return c->family == MODEL_QWEN3;
}

bool model_has_qkv_bias(const struct model_config *c)
{
    return c->family == MODEL_QWEN2 || c->attention_bias;
}

bool model_has_output_bias(const struct model_config *c)
{
    return c->family != MODEL_QWEN2 && c->attention_bias;
}

/* The number of weights of one layer that take part in matrix products. */
static uint64_t layer_matrices(const struct model_config *c)
{
    uint64_t C = (uint64_t)c->C, D = (uint64_t)c->D, F = (uint64_t)c->F;
    return C * D * (2 * (uint64_t)c->H + 2 * (uint64_t)c->Hkv) + 3 * C * F;
}

uint64_t model_params_no_embedding(const struct model_config *c)
{
    uint64_t C = (uint64_t)c->C, vectors = 2 * C;
    if (model_has_qk_norm(c))
        vectors += 2 * (uint64_t)c->D;
    if (model_has_qkv_bias(c))
        vectors += ((uint64_t)c->H + 2 * (uint64_t)c->Hkv) * (uint64_t)c->D;
    if (model_has_output_bias(c))
        vectors += C;
    return (uint64_t)c->L * (layer_matrices(c) + vectors) + C;
}

uint64_t model_params(const struct model_config *c)
{
    uint64_t embedding = (uint64_t)c->V * (uint64_t)c->C;
    return model_params_no_embedding(c) + (c->tied ? embedding : 2 * embedding);
}

double model_flops_per_token(const struct model_config *c, int T)
{
    double products = (double)c->L * (double)layer_matrices(c) + (double)c->V * c->C;
    return 6 * products + 6.0 * c->L * c->H * c->D * T;
}
