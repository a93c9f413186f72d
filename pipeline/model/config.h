/*
 * config.h - the dimensions of a model
 *
 * Models that begin here are Qwen3ForCausalLM of the Transformers library. Models of others may also be
 * Qwen2ForCausalLM or LlamaForCausalLM: the same layers without norms of queries and keys, with or without
 * biases in attention.
 */
#ifndef MODEL_CONFIG_H
#define MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum model_family { MODEL_QWEN3, MODEL_QWEN2, MODEL_LLAMA };

/* How the frequencies of the rotary embedding are changed for contexts longer than those of the first
 * training. */
enum rope_kind {
    ROPE_PLAIN,
    ROPE_LINEAR, /* all are divided by factor: Chen et al. 2023, arXiv:2306.15595 */
    ROPE_LLAMA3, /* low ones are, high ones are not: Grattafiori et al. 2024, arXiv:2407.21783 */
};

struct rope_scaling {
    enum rope_kind kind;
    double factor;    /* at least 1 */
    double low, high; /* ROPE_LLAMA3: frequencies with fewer than `low` turns in the original context are
                         divided, those with more than `high` are kept, those between are mixed */
    int original;     /* ROPE_LLAMA3: the context of the first training, in tokens */
};

struct model_config {
    enum model_family family;
    bool attention_bias; /* Qwen3, Llama: biases of all four projections of attention (Qwen2 always has those
                            of q, k and v) */
    int L;               /* layers */
    int C;               /* width of the residual stream, "hidden_size" */
    int H, Hkv;          /* query heads; key/value heads */
    int D;               /* width of a head */
    int F;               /* width of the feed-forward, "intermediate_size" */
    int T;               /* longest context, "max_position_embeddings" */
    int V;               /* vocabulary */
    bool tied;           /* output matrix is the embedding */
    float eps;           /* RMSNorm, 1e-6 */
    double rope_theta;   /* 1e4 */
    struct rope_scaling rope;
};

bool model_has_qk_norm(const struct model_config *c);
bool model_has_qkv_bias(const struct model_config *c);
bool model_has_output_bias(const struct model_config *c); /* of the projection that ends attention */
/* The angle by which pair i < D/2 of a head turns from one position to the next. */
float model_rope_frequency(const struct model_config *c, int i);
/* By how much the scaling divides the frequency of pair i; 1 without scaling. */
float model_rope_divisor(const struct model_config *c, int i);

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

/* Returns a config.json that Transformers reads: of the model's family. */
char *model_config_to_json(const struct model_config *c, const char *dtype, uint32_t bos,
                           uint32_t eos); /* malloc'd */
/* Refuses by name whatever would make the model compute something else than this code does. */
int model_config_from_json(const char *json, size_t len, const char *name, struct model_config *out,
                           char *err, size_t cap);

#endif
