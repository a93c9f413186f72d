/*
 * params.h - the tensors of a model, laid out one after another in one flat f32 array
 *
 * Order: embedding, then layer by layer, then the final norm, then the output matrix when not tied. Matrices
 * that one product uses are adjacent: the q,k,v rows form one (H+2Hkv)*D x C matrix and the gate,up rows one
 * 2F x C matrix, though each has a name as a tensor of its own. So are the biases of q, k and v. Which
 * norms and biases there are depends on the family of the model. What is said of gains below is true of
 * biases too: they stay f32, and weight decay spares them.
 */
#ifndef MODEL_PARAMS_H
#define MODEL_PARAMS_H

#include "pipeline/model/config.h"

enum param_kind {
    PARAM_EMBED,
    PARAM_Q,
    PARAM_K,
    PARAM_V,
    PARAM_O,
    PARAM_GATE,
    PARAM_UP,
    PARAM_DOWN,
    PARAM_HEAD, /* matrices */
    PARAM_NORM_ATTN,
    PARAM_NORM_Q,
    PARAM_NORM_K,
    PARAM_NORM_MLP,
    PARAM_NORM_FINAL, /* gains */
    PARAM_BIAS_Q,
    PARAM_BIAS_K,
    PARAM_BIAS_V,
    PARAM_BIAS_O, /* biases */
    N_PARAM_KINDS,

    /* Adjacent parameters, named by the first of them, for use as one in one operation. */
    PARAM_QKV = PARAM_Q,
    PARAM_GATE_UP = PARAM_GATE,
    PARAM_BIAS_QKV = PARAM_BIAS_Q,
};

struct param {
    char name[64]; /* as in model.safetensors: "model.layers.3.self_attn.q_proj.weight" */
    enum param_kind kind;
    int layer;          /* -1: not part of a layer */
    int rows, cols;     /* gains: rows 1 */
    size_t offset, n;   /* elements, in the flat array; offsets are multiples of 16, but for the biases of k
                           and v */
    size_t first_row;   /* a matrix's first row among the rows of all matrices */
    size_t gain_offset; /* a gain's offset in an array of the gains alone; gains that are adjacent in the flat
                           array are adjacent there, too */
};

struct params {
    struct param *v; /* owned */
    size_t count, per_layer;
    size_t total;       /* elements of the flat array, padding included */
    size_t gains;       /* elements of an array of the gains alone */
    size_t matrix_rows; /* of all matrices together */
};

struct range { /* elements from .. end of the flat array; in an array of such ranges alone they begin at `at`
                */
    size_t from, end, at;
};

int params_layout(struct params *p, const struct model_config *c); /* -1: no memory */
void params_free(struct params *p);
bool param_is_matrix(const struct param *p); /* weight decay applies to these, never to gains */
bool param_is_bias(const struct param *p);
const struct param *params_find(const struct params *p, enum param_kind kind, int layer);

#endif
