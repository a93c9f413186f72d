/*
 * config_read.c - config.json as the Transformers library writes it, read strictly
 *
 * A key that asks for a computation which this code does not implement is refused by name, so that no model
 * loads and gives other numbers than Transformers would.
 */
#include "pipeline/model/config.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct family {
    const char *model_type, *architecture;
    enum model_family family;
    int head_dim;  /* where the key is absent; 0: hidden_size / num_attention_heads */
    bool windowed; /* sliding_window counts without use_sliding_window */
} families[] = {
    {"qwen3", "Qwen3ForCausalLM", MODEL_QWEN3, 128, false},
    {"qwen2", "Qwen2ForCausalLM", MODEL_QWEN2, 0, false},
    {"llama", "LlamaForCausalLM", MODEL_LLAMA, 0, false},
    {"mistral", "MistralForCausalLM", MODEL_LLAMA, 0, true},
};
enum { N_FAMILIES = sizeof families / sizeof *families };

/* Keys of computations that are not implemented, and the number with which each changes nothing. */
static const struct {
    const char *key;
    double neutral;
} strangers[] = {
    {"attention_chunk_size", 0},
    {"attention_multiplier", NAN},
    {"attn_logit_softcapping", 0},
    {"clip_qkv", NAN},
    {"embedding_multiplier", 1},
    {"final_logit_softcapping", 0},
    {"kv_lora_rank", NAN},
    {"logit_scale", 1},
    {"logits_scaling", 1},
    {"n_routed_experts", 0},
    {"num_experts", 0},
    {"num_local_experts", 0},
    {"no_rope_layers", NAN},
    {"partial_rotary_factor", 1},
    {"qk_layernorm", 0},
    {"quantization_config", NAN},
    {"query_pre_attn_scalar", NAN},
    {"residual_multiplier", 1},
    {"use_qk_norm", 0},
    {"mlp_bias", 0},
    {"auto_map", NAN},
};

struct reader {
    const json_t *root;
    const char *name;
    char *err;
    size_t cap;
    bool failed; /* err holds the first failure */
};

__attribute__((format(printf, 2, 3))) static void refuse(struct reader *r, const char *fmt, ...)
{
    if (r->failed)
        return;
    r->failed = true;
    int n = snprintf(r->err, r->cap, "%s: ", r->name);
    if (n < 0 || (size_t)n >= r->cap)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->err + n, r->cap - (size_t)n, fmt, ap);
    va_end(ap);
}

/* Returns NULL when the key is absent or null. */
static const json_t *get(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    return json_is_null(v) ? NULL : v;
}

/* fallback < 0: the key is required. */
static int get_int(struct reader *r, const char *key, int fallback)
{
    const json_t *v = get(r->root, key);
    if (!v && fallback >= 0)
        return fallback;
    if (!v) {
        refuse(r, "%s is missing", key);
        return 0;
    }
    json_int_t x = json_integer_value(v);
    if (!json_is_integer(v) || x < 0 || x > INT32_MAX) {
        refuse(r, "%s: not a whole number within 0..2147483647", key);
        return 0;
    }
    return (int)x;
}

static double get_number(struct reader *r, const json_t *object, const char *key, double fallback)
{
    const json_t *v = get(object, key);
    if (v && !json_is_number(v))
        refuse(r, "%s: not a number", key);
    return v ? json_number_value(v) : fallback;
}

static bool get_bool(struct reader *r, const char *key, bool fallback)
{
    const json_t *v = get(r->root, key);
    if (v && !json_is_boolean(v))
        refuse(r, "%s: not true or false", key);
    return v ? json_is_true(v) : fallback;
}

static const char *get_string(struct reader *r, const json_t *object, const char *key, const char *fallback)
{
    const json_t *v = get(object, key);
    if (v && !json_is_string(v))
        refuse(r, "%s: not a string", key);
    return v && json_is_string(v) ? json_string_value(v) : fallback;
}

/* Returns NULL when the model is of no family that is supported. */
static const struct family *read_family(struct reader *r)
{
    const char *type = get_string(r, r->root, "model_type", NULL);
    for (size_t i = 0; type && i < N_FAMILIES; i++)
        if (strcmp(families[i].model_type, type) == 0)
            return &families[i];
    refuse(r, "model_type: \"%.64s\" is not supported, only qwen3, qwen2, llama and mistral",
           type ? type : "(missing)");
    return NULL;
}

static void check_strangers(struct reader *r)
{
    for (size_t i = 0; i < sizeof strangers / sizeof *strangers; i++) {
        const json_t *v = get(r->root, strangers[i].key);
        if (v && !json_is_false(v) && !(json_is_number(v) && json_number_value(v) == strangers[i].neutral))
            refuse(r, "%s: is not supported", strangers[i].key);
    }
}

static void check_kind(struct reader *r, const struct family *f)
{
    const char *act = get_string(r, r->root, "hidden_act", "silu");
    if (strcmp(act, "silu") != 0)
        refuse(r, "hidden_act: \"%.64s\" is not supported, only \"silu\"", act);
    const json_t *list = get(r->root, "architectures"), *item;
    size_t i;
    if (list && !json_is_array(list))
        refuse(r, "architectures: not a list");
    json_array_foreach(list, i, item) if (!json_is_string(item) ||
                                          strcmp(json_string_value(item), f->architecture) != 0)
        refuse(r, "architectures: only %s is supported with model_type \"%s\"", f->architecture,
               f->model_type);
    check_strangers(r);
}

/* Refuses layers whose attention does not reach over the whole context c->T. */
static void check_windows(struct reader *r, const struct family *f, const struct model_config *c)
{
    bool on = f->windowed || get_bool(r, "use_sliding_window", false);
    bool none = json_is_null(json_object_get(r->root, "sliding_window"));
    int window = none ? INT32_MAX : get_int(r, "sliding_window", 4096); /* the default of Transformers */
    bool narrow = on && window < c->T;
    const json_t *types = get(r->root, "layer_types"), *item;
    size_t i;
    if (types && !json_is_array(types))
        refuse(r, "layer_types: not a list");
    bool sliding = !types && (f->windowed || get_int(r, "max_window_layers", 28) < c->L);
    json_array_foreach(types, i, item)
    {
        const char *type = json_is_string(item) ? json_string_value(item) : "(not a string)";
        if (strcmp(type, "sliding_attention") == 0 && on)
            sliding = true;
        else if (strcmp(type, "full_attention") != 0)
            refuse(r, "layer_types: \"%.64s\" is not supported, only \"full_attention\"", type);
    }
    if (narrow && sliding)
        refuse(r, "sliding_window: %d is shorter than max_position_embeddings %d: not supported", window,
               c->T);
}

static struct rope_scaling read_scaling(struct reader *r, const char *key, const json_t *p)
{
    struct rope_scaling s = {0};
    const char *type = get_string(r, p, "rope_type", get_string(r, p, "type", "default")), *inner;
    json_t *value;
    json_object_foreach((json_t *)p, inner, value) if (json_is_object(value))
        refuse(r, "%s.%.64s: a rotary embedding of its own for some layers is not supported", key, inner);
    if (strcmp(type, "linear") == 0)
        s.kind = ROPE_LINEAR;
    else if (strcmp(type, "llama3") == 0)
        s.kind = ROPE_LLAMA3;
    else if (strcmp(type, "default") != 0)
        refuse(r, "%s: the rotary embedding \"%.64s\" is not supported, only default, linear and llama3", key,
               type);
    if (s.kind != ROPE_PLAIN)
        s.factor = get_number(r, p, "factor", 0);
    if (s.kind != ROPE_LLAMA3)
        return s;
    s.low = get_number(r, p, "low_freq_factor", 0);
    s.high = get_number(r, p, "high_freq_factor", 0);
    double original = get_number(r, p, "original_max_position_embeddings", 0);
    s.original = original >= 1 && original <= INT32_MAX ? (int)original : 0;
    return s;
}

/* Reads rope_theta and the scaling. rope_scaling is an older name of rope_parameters; what is said twice must
 * be equal. */
static void read_rope(struct reader *r, struct model_config *c)
{
    static const char *const keys[] = {"rope_parameters", "rope_scaling"};
    double theta = get_number(r, r->root, "rope_theta", 0);
    bool scaled = false;
    for (int k = 0; k < 2; k++) {
        const json_t *p = get(r->root, keys[k]);
        if (!p)
            continue;
        if (!json_is_object(p)) {
            refuse(r, "%s: not an object", keys[k]);
            continue;
        }
        struct rope_scaling s = read_scaling(r, keys[k], p);
        if (scaled && (s.kind != c->rope.kind || s.factor != c->rope.factor))
            refuse(r, "rope_parameters and rope_scaling differ");
        scaled = true;
        c->rope = s;
        double t = get_number(r, p, "rope_theta", theta);
        if (theta != 0 && t != theta)
            refuse(r, "rope_theta %g and %s.rope_theta %g differ", theta, keys[k], t);
        theta = t;
    }
    c->rope_theta = theta != 0 ? theta : 1e4;
}

static void read_model(struct reader *r, const struct family *f, struct model_config *c)
{
    check_kind(r, f);
    *c = (struct model_config){
        .family = f->family,
        .L = get_int(r, "num_hidden_layers", -1),
        .C = get_int(r, "hidden_size", -1),
        .H = get_int(r, "num_attention_heads", -1),
        .F = get_int(r, "intermediate_size", -1),
        .T = get_int(r, "max_position_embeddings", -1),
        .V = get_int(r, "vocab_size", -1),
        .tied = get_bool(r, "tie_word_embeddings", false),
        .eps = (float)get_number(r, r->root, "rms_norm_eps", 1e-6),
    };
    c->Hkv = get_int(r, "num_key_value_heads", c->H);
    c->D = get_int(r, "head_dim", f->head_dim ? f->head_dim : c->H > 0 ? c->C / c->H : 0);
    if (f->family != MODEL_QWEN2 && !f->windowed)
        c->attention_bias = get_bool(r, "attention_bias", false);
    read_rope(r, c);
    check_windows(r, f, c);
}

int model_config_from_json(const char *json, size_t len, const char *name, struct model_config *out,
                           char *err, size_t cap)
{
    json_error_t e;
    json_t *root = json_loadb(json, len, JSON_REJECT_DUPLICATES, &e);
    if (!root) {
        snprintf(err, cap, "%s: offset %d: %s", name, e.position, e.text);
        return -1;
    }
    struct reader r = {root, name, err, cap, false};
    struct model_config c = {0};
    const struct family *f = NULL;
    if (!json_is_object(root))
        refuse(&r, "offset 0: not a JSON object");
    else if ((f = read_family(&r)))
        read_model(&r, f, &c);
    json_decref(root);
    char reason[256];
    if (!r.failed && model_config_check(&c, reason, sizeof reason) != 0)
        refuse(&r, "%s", reason);
    if (r.failed)
        return -1;
    *out = c;
    return 0;
}
