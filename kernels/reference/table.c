/*
 * table.c - the reference backend: every op of kernels/ops.h as the plain loop of its formula
 *
 * These files say what the ops mean; other backends compute the same faster, and the tests compare them with
 * this one. A student reads them in the order in which a token passes through the model:
 *
 *   ids -> embedding -> x
 *   each layer   rmsnorm -> linear -> qk_norm_rope -> attention -> linear -> added to x by the next rmsnorm
 *                rmsnorm -> linear -> swiglu -> linear -> added to x by the next rmsnorm
 *   rmsnorm -> linear -> logits -> cross_entropy -> loss
 *
 * pipeline/model/forward.c calls them in that order; pipeline/model/transformer.c calls their backward twins
 * in the opposite one, from the gradient of the logits to that of the embedding; adamw.c then changes the
 * weights. element.h comes first: it holds the two functions through which all numbers pass.
 */
#include "kernels/reference/table.h"

#define REFERENCE_ENTRY(op) .op = reference_##op,

/* clang-format off */
static const struct ops table = {
    .name = "reference",
    .logit_bytes = (size_t)1 << 20,
    .micro_tokens = 4096,
    .equal_rows = INT32_MAX,
    .host_memory = true,
    .update_tokens = 1, /* a guess: as many operations a weight as a step takes for a few tokens */
    REFERENCE_OPS(REFERENCE_ENTRY)
    .upload = reference_copy, /* the device's memory is the host's */
    .download = reference_copy,
    .download_later = reference_copy,
    .linear_maybe_fp8_forward = reference_linear_forward,
};
/* clang-format on */

const struct ops *ops_reference(void)
{
    return &table;
}
