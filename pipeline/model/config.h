/*
 * config.h - the dimensions of a model; the architecture is Qwen3ForCausalLM of the Transformers library
 */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct model_config {
    int L;             /* layers */
    int C;             /* width of the residual stream, "hidden_size" */
    int H, Hkv;        /* query heads; key/value heads */
    int D;             /* width of a head */
    int F;             /* width of the feed-forward, "intermediate_size" */
    int T;             /* longest context, "max_position_embeddings" */
    int V;             /* vocabulary */
    bool tied;         /* output matrix is the embedding */
    float eps;         /* RMSNorm, 1e-6 */
    double rope_theta; /* 1e4 */
};

/* The sizes of models that have a name. This is the only such table: `train --list-presets` prints it. */
struct model_preset {
    const char *name;
    int L, C, H, Hkv, D, F, T; /* dimensions as in struct model_config */
    int V;                     /* used by benchmarks; in a run the tokenizer decides */
    int row_tokens; /* tokens a row that run.sh mixes; shorter than T, since minutes of training do not fill T
                     */
    double lr;      /* peak learning rate of AdamW: tuned, or taken from published models of that size */
};

const struct model_preset *model_preset_at(size_t i);           /* NULL: i is past the last preset */
int model_preset(const char *name, struct model_config *out);   /* 0, or -1: there is no such preset */
const struct model_preset *model_preset_find(const char *name); /* NULL: there is no such preset */
const char *model_preset_names(void);                           /* names in one line, separated by spaces */
/* Returns 0, or -1 with the impossible dimension in err. */
int model_config_check(const struct model_config *c, char *err, size_t cap);
uint64_t model_params(const struct model_config *c); /* all weights */
uint64_t model_params_no_embedding(const struct model_config *c);
/* FLOPs to train one token, forward and backward: 6*N + 6*L*H*D*T, where N counts the weights in matrix
 * products, including the output matrix but not the embedding lookup; causal attention counts as half of the
 * full square. */
double model_flops_per_token(const struct model_config *c, int T);

/* Returns a config.json that Transformers reads. */
char *model_config_to_json(const struct model_config *c, const char *dtype, uint32_t bos,
                           uint32_t eos); /* malloc'd */
int model_config_from_json(const char *json, size_t len, const char *name, struct model_config *out,
                           char *err, size_t cap);

#endif
