/*
 * config_test - presets and their sizes, layout of tensors, config.json written and read, hostile ones
 * refused
 */
#include "pipeline/model/params.h"
#include "tests/check.h"

#include <math.h>
#include <string.h>

static void presets(void)
{
    static const struct {
        const char *name;
        double millions, tolerance;
    } expected[] = {
        {"nano", 6, 0.5}, {"tiny", 34, 0.5}, {"100m", 135, 0.5}, {"500m", 375, 1}, {"1b", 1270, 5}};
    struct model_config c;
    char err[256];
    for (size_t i = 0; model_preset_at(i); i++)
        CHECK(i < sizeof expected / sizeof *expected &&
                  strcmp(model_preset_at(i)->name, expected[i].name) == 0,
              "%s: no size is expected of it here", model_preset_at(i)->name);
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        CHECK(model_preset(expected[i].name, &c) == 0, "%s", expected[i].name);
        CHECK(model_config_check(&c, err, sizeof err) == 0, "%s: %s", expected[i].name, err);
        double m = (double)model_params(&c) / 1e6;
        CHECK(fabs(m - expected[i].millions) <= expected[i].tolerance, "%s: %.2f million", expected[i].name,
              m);
        CHECK(strstr(model_preset_names(), expected[i].name) != NULL);
    }
    CHECK(model_preset("huge", &c) == -1);
    CHECK(model_preset("100m", &c) == 0 &&
          model_params(&c) - model_params_no_embedding(&c) == 65536ull * 768);
    /* 6 FLOPs a weight: 85M of the layers and 50M of the output matrix; attention: 6 * 12 * 768 * 2048 */
    double products = 12.0 * (4 * 768 * 768 + 3 * 768 * 2048) + 65536.0 * 768;
    CHECK(model_flops_per_token(&c, 2048) == 6 * products + 6.0 * 12 * 768 * 2048);
}

static void layout(void)
{
    struct model_config c;
    struct params p;
    model_preset("1b", &c);
    for (int tied = 0; tied < 2; tied++) {
        c.tied = tied;
        CHECK(params_layout(&p, &c) == 0);
        CHECK(p.count == (size_t)(2 + 11 * c.L + !tied), "%zu tensors", p.count);
        uint64_t sum = 0;
        size_t end = 0;
        for (size_t i = 0; i < p.count; i++) {
            CHECK(p.v[i].offset % 16 == 0 && p.v[i].offset >= end, "%s", p.v[i].name);
            CHECK(params_find(&p, p.v[i].kind, p.v[i].layer) == &p.v[i], "%s", p.v[i].name);
            end = p.v[i].offset + p.v[i].n;
            sum += p.v[i].n;
        }
        CHECK(end <= p.total && sum == model_params(&c));
        const struct param *q = params_find(&p, PARAM_Q, 7), *k = params_find(&p, PARAM_K, 7);
        const struct param *v = params_find(&p, PARAM_V, 7), *gate = params_find(&p, PARAM_GATE, 7);
        CHECK(k->offset == q->offset + q->n && v->offset == k->offset + k->n, "one product for q, k and v");
        CHECK(params_find(&p, PARAM_UP, 7)->offset == gate->offset + gate->n, "one product for gate and up");
        CHECK(strcmp(k->name, "model.layers.7.self_attn.k_proj.weight") == 0 && k->rows == 8 * 128 &&
              k->cols == 2048);
        CHECK((params_find(&p, PARAM_HEAD, -1) == NULL) == tied);
        CHECK(param_is_matrix(q) && !param_is_matrix(params_find(&p, PARAM_NORM_Q, 0)));
        params_free(&p);
    }
}

static int read_config(const char *json, struct model_config *c, char *err)
{
    return model_config_from_json(json, strlen(json), "config.json", c, err, 512);
}

static void round_trip(void)
{
    struct model_config c, back;
    char err[512];
    model_preset("500m", &c);
    c.Hkv = 4;
    c.rope_theta = 500000.5;
    char *json = model_config_to_json(&c, "bfloat16", 48897, 48898);
    CHECK(json && read_config(json, &back, err) == 0, "%s", err);
    CHECK(back.L == c.L && back.C == c.C && back.H == c.H && back.Hkv == c.Hkv && back.D == c.D &&
          back.F == c.F);
    CHECK(back.T == c.T && back.V == c.V && back.tied == c.tied && back.eps == c.eps &&
          back.rope_theta == c.rope_theta);
    static const char *const parts[] = {
        "\"Qwen3ForCausalLM\"",       "\"model_type\": \"qwen3\"",     "\"head_dim\": 64",
        "\"rms_norm_eps\": 1e-6",     "\"torch_dtype\": \"bfloat16\"", "\"dtype\": \"bfloat16\"",
        "\"rope_type\": \"default\"", "\"eos_token_id\": 48898",       "\"tie_word_embeddings\": true",
        "\"attention_bias\": false",  "\"use_sliding_window\": false",
    };
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        CHECK(strstr(json, parts[i]), "%s is missing in %s", parts[i], json);
    free(json);
}

#define DIMS                                                                                                 \
    "\"hidden_size\":64,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,\"head_" \
    "dim\":16,"                                                                                              \
    "\"intermediate_size\":96,\"max_position_embeddings\":128,\"vocab_size\":300,\"model_type\":\"qwen3\""

/* Reads files as releases 4 and 5 of Transformers save them: rope_theta beside the other keys or within
 * rope_parameters, and keys that we do not use. */
static void others(void)
{
    struct model_config c;
    char err[512];
    CHECK(read_config("{" DIMS ",\"rope_theta\":1000000,\"rope_scaling\":null,\"sliding_window\":null,"
                      "\"max_window_layers\":28,\"tie_word_embeddings\":true,\"torch_dtype\":\"float32\","
                      "\"architectures\":[\"Qwen3ForCausalLM\"],\"transformers_version\":\"4.51.0\"}",
                      &c, err) == 0,
          "%s", err);
    CHECK(c.rope_theta == 1e6 && c.tied && c.L == 2 && c.D == 16);
    CHECK(read_config("{" DIMS ",\"rope_parameters\":{\"rope_type\":\"default\",\"rope_theta\":5e5},"
                      "\"layer_types\":[\"full_attention\",\"full_attention\"],\"dtype\":\"bfloat16\"}",
                      &c, err) == 0,
          "%s", err);
    CHECK(c.rope_theta == 5e5 && !c.tied);
    CHECK(read_config("{" DIMS "}", &c, err) == 0 && c.rope_theta == 1e4 && c.eps == 1e-6f, "%s", err);
}

#define SHAPE                                                                                                \
    "\"hidden_size\":64,\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,"        \
    "\"intermediate_size\":96,\"max_position_embeddings\":128,\"vocab_size\":300"
#define LLAMA SHAPE ",\"model_type\":\"llama\",\"architectures\":[\"LlamaForCausalLM\"]"
#define QWEN2 SHAPE ",\"model_type\":\"qwen2\""
#define LLAMA3                                                                                               \
    "{\"rope_type\":\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"             \
    "\"original_max_position_embeddings\":64}"

static void accept(const char *json, struct model_config *c)
{
    char err[512];
    CHECK(read_config(json, c, err) == 0, "%s: %s", json, err);
}

static void families(void)
{
    struct model_config c, back;
    struct params p;
    accept("{" LLAMA "}", &c);
    CHECK(c.family == MODEL_LLAMA && c.D == 16 && !model_has_qk_norm(&c) && !model_has_qkv_bias(&c));
    CHECK(params_layout(&p, &c) == 0 && p.count == 3 + 9 * 2 && !params_find(&p, PARAM_NORM_Q, 1));
    CHECK(params_find(&p, PARAM_DOWN, 1) == &p.v[1 + 2 * 9 - 1], "%s", p.v[18].name);
    params_free(&p);
    accept("{" LLAMA ",\"head_dim\":32,\"attention_bias\":true,\"rope_scaling\":" LLAMA3 "}", &c);
    CHECK(c.D == 32 && model_has_output_bias(&c) && c.rope.kind == ROPE_LLAMA3 && c.rope.original == 64);
    CHECK(params_layout(&p, &c) == 0);
    const struct param *q = params_find(&p, PARAM_BIAS_Q, 1), *k = params_find(&p, PARAM_BIAS_K, 1);
    const struct param *v = params_find(&p, PARAM_BIAS_V, 1);
    CHECK(k->offset == q->offset + q->n && v->offset == k->offset + k->n, "one sum for q, k and v");
    CHECK(k->gain_offset == q->gain_offset + q->n && v->gain_offset == k->gain_offset + k->n);
    CHECK(!param_is_matrix(v) && param_is_bias(v) && v->n == 64);
    uint64_t sum = 0;
    for (size_t i = 0; i < p.count; i++)
        sum += p.v[i].n;
    CHECK(sum == model_params(&c));
    params_free(&p);
    char *json = model_config_to_json(&c, "float32", 1, 2);
    accept(json, &back);
    CHECK(memcmp(&back, &c, sizeof c) == 0, "%s", json);
    CHECK(strstr(json, "\"LlamaForCausalLM\"") && strstr(json, "\"mlp_bias\": false"));
    free(json);
    accept("{" QWEN2 ",\"use_sliding_window\":false,\"sliding_window\":32,\"rope_scaling\":"
           "{\"type\":\"linear\",\"factor\":2.5}}",
           &c);
    CHECK(c.family == MODEL_QWEN2 && model_has_qkv_bias(&c) && !model_has_output_bias(&c) &&
          c.rope.kind == ROPE_LINEAR && c.rope.factor == 2.5);
    json = model_config_to_json(&c, "float32", 1, 2);
    accept(json, &back);
    CHECK(memcmp(&back, &c, sizeof c) == 0, "%s", json);
    free(json);
    accept("{" QWEN2 ",\"use_sliding_window\":true,\"sliding_window\":128,\"max_window_layers\":0}", &c);
    accept("{" QWEN2 ",\"use_sliding_window\":true,\"sliding_window\":12,\"max_window_layers\":2}", &c);
    accept("{" SHAPE ",\"model_type\":\"mistral\",\"sliding_window\":null}", &c);
    CHECK(c.family == MODEL_LLAMA);
}

static void refusals(void)
{
    static const struct {
        const char *json, *message;
    } cases[] = {
        {"", "offset"},
        {"{", "offset"},
        {"[]", "not a JSON object"},
        {"{\"model_type\":\"gemma\"}", "model_type: \"gemma\""},
        {"{\"model_type\":\"llama\"}", "num_hidden_layers is missing"},
        {"{" LLAMA ",\"mlp_bias\":true}", "mlp_bias"},
        {"{" LLAMA ",\"attn_logit_softcapping\":50.0}", "attn_logit_softcapping"},
        {"{" QWEN2 ",\"num_experts\":8}", "num_experts"},
        {"{" QWEN2 ",\"use_sliding_window\":true,\"sliding_window\":64,\"max_window_layers\":1}",
         "sliding_window: 64 is shorter than max_position_embeddings 128"},
        {"{" SHAPE ",\"model_type\":\"mistral\",\"sliding_window\":64}", "sliding_window"},
        {"{" LLAMA ",\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":8.0}}", "low_freq_factor"},
        {"{" LLAMA ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":0.5}}", "factor"},
        {"{" LLAMA ",\"rope_parameters\":{\"full_attention\":{\"rope_theta\":1e6}}}", "full_attention"},
        {"{" LLAMA ",\"partial_rotary_factor\":0.5}", "partial_rotary_factor"},
        {"{\"model_type\":\"qwen3\"}", "num_hidden_layers is missing"},
        {"{" DIMS ",\"hidden_size\":64}", "duplicate"},
        {"{" DIMS ",\"attention_bias\":1}", "attention_bias"},
        {"{" DIMS ",\"use_sliding_window\":true,\"sliding_window\":64,\"layer_types\":[\"full_attention\","
         "\"sliding_attention\"]}",
         "sliding_window"},
        {"{" DIMS ",\"use_sliding_window\":\"no\"}", "not true or false"},
        {"{" DIMS ",\"hidden_act\":\"gelu\"}", "hidden_act"},
        {"{" DIMS ",\"architectures\":[\"LlamaForCausalLM\"]}", "architectures"},
        {"{" DIMS ",\"layer_types\":[\"sliding_attention\"]}", "layer_types"},
        {"{" DIMS ",\"rope_scaling\":{\"rope_type\":\"yarn\"}}", "\"yarn\" is not supported"},
        {"{" DIMS ",\"rope_theta\":1e4,\"rope_parameters\":{\"rope_theta\":1e6}}", "differ"},
        {"{" DIMS ",\"rope_theta\":\"x\"}", "not a number"},
        {"{" DIMS ",\"rms_norm_eps\":0}", "rms_norm_eps"},
        {"{" DIMS ",\"quantization_config\":{}}", "quantization_config"},
    };
    static const char *const dims[] = {"hidden_size\":64",
                                       "num_hidden_layers\":2",
                                       "num_attention_heads\":4",
                                       "num_key_value_heads\":2",
                                       "head_dim\":16",
                                       "intermediate_size\":96",
                                       "max_position_embeddings\":128",
                                       "vocab_size\":300"};
    static const char *const values[] = {
        "-1", "0", "2147483648", "1e3", "\"64\"", "99999999999999999999", "{}", "2000000000"};
    static const char all[] = DIMS;
    struct model_config c;
    char err[512];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        CHECK(read_config(cases[i].json, &c, err) == -1, "accepted: %s", cases[i].json);
        CHECK(strstr(err, cases[i].message) && strncmp(err, "config.json: ", 13) == 0, "%s -> %s",
              cases[i].json, err);
    }
    for (size_t d = 0; d < sizeof dims / sizeof *dims; d++)
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            char json[1024];
            const char *at = strstr(all, dims[d]), *colon = strchr(at, ':') + 1,
                       *end = colon + strspn(colon, "0123456789");
            snprintf(json, sizeof json, "{%.*s%s%s}", (int)(colon - all), all, values[v], end);
            CHECK(read_config(json, &c, err) == -1, "accepted: %s", json);
        }
    char deep[4096];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = 0;
    CHECK(read_config(deep, &c, err) == -1, "deep nesting");
}

int main(void)
{
    test_begin(20);
    presets();
    layout();
    round_trip();
    others();
    families();
    refusals();
    return 0;
}
