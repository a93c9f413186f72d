/*
 * table.h - the functions of this directory, each declared from the op that it implements
 *
 * kernels/ops.h is the only place that spells out the arguments: a definition that differs from the op's does
 * not compile.
 */
#ifndef KERNELS_REFERENCE_TABLE_H
#define KERNELS_REFERENCE_TABLE_H

#include "kernels/ops.h"

/* X(NAME) for every op NAME whose function is reference_NAME */
/* clang-format off */
#define REFERENCE_OPS(X) \
    X(fastest_act) X(open) X(close) X(describe) X(error) X(alloc) X(free) X(copy) X(zero) X(sync) \
    X(scratch_bytes) X(scratch_limit) X(memory) X(sensors) X(nominal_flops) X(replay) X(recorded) \
    X(use_fp8) X(use_cudnn) \
    X(embedding_forward) X(embedding_backward) \
    X(rmsnorm_forward) X(rmsnorm_backward) \
    X(linear_forward) X(linear_backward_input) X(linear_backward_weight) X(linear_maybe_fp8_backward) \
    X(quantise_int8) X(linear_int8_forward) X(embedding_int8_forward) \
    X(bias_forward) X(bias_backward) \
    X(qk_norm_rope_forward) X(qk_norm_rope_backward) \
    X(attention_forward) X(attention_backward) X(attention_cached) X(kv_append) \
    X(swiglu_forward) X(swiglu_backward) \
    X(cross_entropy) \
    X(to_act) X(to_f32) X(axpby) X(sum_squares) X(dot) X(axpy) X(scale) X(normalise) \
    X(adamw_step) X(adamw_step_bf16) \
    X(ema_step) X(combine) X(direction) X(gram)
/* clang-format on */

#define REFERENCE_DECLARE(op) __typeof__(*((struct ops *)NULL)->op) reference_##op;
REFERENCE_OPS(REFERENCE_DECLARE)

#endif
