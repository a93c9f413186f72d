/*
 * config_json.c - config.json as the Transformers library reads it
 *
 * The file is written for old and new releases at once: rope_theta and rope_parameters, torch_dtype and
 * dtype.
 */
#include "pipeline/model/config.h"

#include <jansson.h>
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

/* Changes what another family's file says in other words. */
static int put_family(json_t *j, const struct model_config *c)
{
    bool llama = c->family == MODEL_LLAMA;
    int rc = json_object_set_new(j, "attention_bias", json_boolean(c->attention_bias));
    if (c->family == MODEL_QWEN3)
        return rc;
    rc |= json_object_set_new(j, "architectures",
                              json_pack("[s]", llama ? "LlamaForCausalLM" : "Qwen2ForCausalLM"));
    rc |= json_object_set_new(j, "model_type", json_string(llama ? "llama" : "qwen2"));
    if (!llama)
        return rc | json_object_del(j, "attention_bias"); /* it is no choice there */
    rc |= json_object_set_new(j, "mlp_bias", json_false());
    return rc | json_object_del(j, "use_sliding_window") | json_object_del(j, "sliding_window");
}

static int put_rope_scaling(json_t *j, const struct model_config *c)
{
    const struct rope_scaling *s = &c->rope;
    if (s->kind == ROPE_PLAIN)
        return 0;
    json_t *o = s->kind == ROPE_LINEAR
                    ? json_pack("{s:s, s:f}", "rope_type", "linear", "factor", s->factor)
                    : json_pack("{s:s, s:f, s:f, s:f, s:i}", "rope_type", "llama3", "factor", s->factor,
                                "low_freq_factor", s->low, "high_freq_factor", s->high,
                                "original_max_position_embeddings", s->original);
    json_t *with_theta = json_copy(o);
    int rc = json_object_set_new(with_theta, "rope_theta", json_real(c->rope_theta));
    rc |= json_object_set_new(j, "rope_parameters", with_theta);
    return rc | json_object_set_new(j, "rope_scaling", o);
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
    bool whole = put_family(j, c) == 0 && put_rope_scaling(j, c) == 0;
    char *s = whole ? json_dumps(j, JSON_INDENT(2) | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(j);
    return s;
}
