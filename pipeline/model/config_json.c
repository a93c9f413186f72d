/*
 * config_json.c - config.json as the Transformers library writes and reads it
 *
 * The file is written for old and new releases at once: rope_theta and rope_parameters, torch_dtype and
 * dtype. It is read strictly: a key that asks for a computation which this code does not implement (sliding
 * windows, scaled rotary embedding, biases) is refused by name.
 */
#include "pipeline/model/config.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The double with the shortest decimal that reads as the float x: 1e-06f is written so, not as
 * 9.99999997e-07. */
static double decimal(float x)
{
    char buf[32];
    for (int digits = 1; digits <= 9; digits++) {
        double y;
        snprintf(buf, sizeof buf, "%.*g", digits, (double)x);
        if (sscanf(buf, "%lf", &y) == 1 && (float)y == x)
            return y;
    }
    return (double)x;
}

static json_t *token_id(uint32_t id)
{
    return id == UINT32_MAX ? json_null() : json_integer(id);
}

char *model_config_to_json(const struct model_config *c, const char *dtype, uint32_t bos, uint32_t eos)
{
    json_t *j = json_pack(
        "{s:[s], s:s, s:s, s:b, s:f, s:o, s:o, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:{s:s, "
        "s:f}, s:n, s:f,"
        " s:b, s:b, s:n, s:b, s:s, s:s}",
        "architectures", "Qwen3ForCausalLM", "model_type", "qwen3", "hidden_act", "silu", "attention_bias", 0,
        "attention_dropout", 0.0, "bos_token_id", token_id(bos), "eos_token_id", token_id(eos),
        "num_hidden_layers", c->L, "hidden_size", c->C, "num_attention_heads", c->H, "num_key_value_heads",
        c->Hkv, "head_dim", c->D, "intermediate_size", c->F, "max_position_embeddings", c->T, "vocab_size",
        c->V, "rms_norm_eps", decimal(c->eps), "rope_theta", c->rope_theta, "rope_parameters", "rope_type",
        "default", "rope_theta", c->rope_theta, "rope_scaling", "initializer_range", 0.02,
        "tie_word_embeddings", (int)c->tied, "use_sliding_window", 0, "sliding_window", "use_cache", 1,
        "dtype", dtype, "torch_dtype", dtype);
    if (!j)
        return NULL;
    char *s = json_dumps(j, JSON_INDENT(2) | JSON_REAL_PRECISION(15));
    json_decref(j);
    return s;
}

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

static void need_string(struct reader *r, const char *key, const char *expected, bool may_lack)
{
    const json_t *v = get(r->root, key);
    if (!v && may_lack)
        return;
    const char *s = json_string_value(v);
    if (!s || strcmp(s, expected) != 0)
        refuse(r, "%s: \"%.64s\" is not supported, only \"%s\"", key,
               s   ? s
               : v ? "(not a string)"
                   : "(missing)",
               expected);
}

static void need_false(struct reader *r, const char *key)
{
    if (get_bool(r, key, false))
        refuse(r, "%s: only false is supported", key);
}

static void check_kind(struct reader *r)
{
    need_string(r, "model_type", "qwen3", false);
    need_string(r, "hidden_act", "silu", true);
    need_false(r, "attention_bias");
    need_false(r, "use_sliding_window");
    if (get(r->root, "quantization_config"))
        refuse(r, "quantization_config: quantized weights are not supported");

    const json_t *list = get(r->root, "architectures"), *item;
    size_t i;
    if (list && !json_is_array(list))
        refuse(r, "architectures: not a list");
    json_array_foreach(list, i, item) if (!json_is_string(item) ||
                                          strcmp(json_string_value(item), "Qwen3ForCausalLM") != 0)
        refuse(r, "architectures: only Qwen3ForCausalLM is supported");
    list = get(r->root, "layer_types");
    if (list && !json_is_array(list))
        refuse(r, "layer_types: not a list");
    json_array_foreach(list, i, item) if (!json_is_string(item) ||
                                          strcmp(json_string_value(item), "full_attention") != 0)
        refuse(r, "layer_types: only full_attention is supported");
}

/* Reads rope_theta or rope_parameters.rope_theta, which must be equal when both exist. rope_scaling is an
 * older name of rope_parameters. */
static double read_rope(struct reader *r)
{
    static const char *const keys[] = {"rope_parameters", "rope_scaling"};
    double theta = get_number(r, r->root, "rope_theta", 0);
    for (int k = 0; k < 2; k++) {
        const json_t *p = get(r->root, keys[k]);
        if (!p)
            continue;
        if (!json_is_object(p)) {
            refuse(r, "%s: not an object", keys[k]);
            continue;
        }
        const json_t *type = get(p, "rope_type");
        if (!type)
            type = get(p, "type");
        if (type && (!json_is_string(type) || strcmp(json_string_value(type), "default") != 0))
            refuse(r, "%s: only the default rotary embedding is supported", keys[k]);
        double t = get_number(r, p, "rope_theta", theta);
        if (theta != 0 && t != theta)
            refuse(r, "rope_theta %g and %s.rope_theta %g differ", theta, keys[k], t);
        theta = t;
    }
    return theta != 0 ? theta : 1e4;
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
    if (!json_is_object(root)) {
        refuse(&r, "offset 0: not a JSON object");
    } else {
        check_kind(&r);
        c = (struct model_config){
            .L = get_int(&r, "num_hidden_layers", -1),
            .C = get_int(&r, "hidden_size", -1),
            .H = get_int(&r, "num_attention_heads", -1),
            .D = get_int(&r, "head_dim", 128), /* Qwen3Config's default when the key is absent */
            .F = get_int(&r, "intermediate_size", -1),
            .T = get_int(&r, "max_position_embeddings", -1),
            .V = get_int(&r, "vocab_size", -1),
            .tied = get_bool(&r, "tie_word_embeddings", false),
            .eps = (float)get_number(&r, root, "rms_norm_eps", 1e-6),
            .rope_theta = read_rope(&r),
        };
        c.Hkv = get_int(&r, "num_key_value_heads", c.H);
    }
    json_decref(root);
    char reason[256];
    if (!r.failed && model_config_check(&c, reason, sizeof reason) != 0)
        refuse(&r, "%s", reason);
    if (r.failed)
        return -1;
    *out = c;
    return 0;
}
