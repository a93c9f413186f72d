/*
 * table.c - the struct ops of one instruction set level
 *
 * The directory is compiled once for each level of the instruction set; OPS_TABLE is the level's
 * name for its table, the only symbol that stays visible (Makefile).
 */
#include "kernels/cpu/table.h"

#if defined(__AVX512F__)
#define LEVEL "v4"
#elif defined(__AVX2__)
#define LEVEL "v3"
#else
#define LEVEL "v2"
#endif

extern const struct ops OPS_TABLE;

const struct ops OPS_TABLE = {
    .name = "cpu x86-64-" LEVEL,
    .logit_bytes = (size_t)32 << 20, /* small enough to stay near the last-level cache */
    .micro_tokens = 4096,            /* so few that their activations stay near the last-level cache */
    .equal_rows = GEMV_ROWS,
    .host_memory = true,
    .update_tokens = 64, /* measured on nano and 100m: 1 to 3 % of a step of 2,048 tokens */
    .fastest_act = device_fastest_act,
    .open = device_open,
    .close = device_close,
    .describe = device_describe,
    .error = device_error,
    .alloc = device_alloc,
    .free = device_free,
    .upload = device_move,
    .download = device_move,
    .download_later = device_move,
    .copy = device_move,
    .zero = device_zero,
    .sync = device_sync,
    .scratch_bytes = device_scratch_bytes,
    .scratch_limit = device_scratch_limit,
    .memory = device_memory,
    .sensors = device_sensors,
    .nominal_flops = device_nominal_flops,
    .replay = device_replay,
    .recorded = device_recorded,
    .embedding_forward = embedding_forward,
    .embedding_backward = embedding_backward,
    .rmsnorm_forward = rmsnorm_forward,
    .rmsnorm_backward = rmsnorm_backward,
    .linear_forward = linear_forward,
    .linear_backward_input = linear_backward_input,
    .linear_backward_weight = linear_backward_weight,
    .quantise_int8 = quantise_int8,
    .linear_int8_forward = linear_int8_forward,
    .embedding_int8_forward = embedding_int8_forward,
    .bias_forward = bias_forward,
    .bias_backward = bias_backward,
    .linear_maybe_fp8_forward = linear_forward,
    .linear_maybe_fp8_backward = linear_maybe_fp8_backward,
    .use_fp8 = device_no_fp8,
    .use_cudnn = device_no_cudnn,
    .qk_norm_rope_forward = qk_norm_rope_forward,
    .qk_norm_rope_backward = qk_norm_rope_backward,
    .attention_forward = attention_forward,
    .attention_backward = attention_backward,
    .attention_cached = attention_cached,
    .kv_append = kv_append,
    .swiglu_forward = swiglu_forward,
    .swiglu_backward = swiglu_backward,
    .cross_entropy = cross_entropy,
    .to_act = vector_to_act,
    .to_f32 = vector_to_f32,
    .axpby = vector_axpby,
    .sum_squares = vector_sum_squares,
    .dot = vector_dot,
    .axpy = vector_axpy,
    .scale = vector_scale,
    .normalise = vector_normalise,
    .adamw_step = adamw_step,
    .adamw_step_bf16 = adamw_step_bf16,
    .ema_step = directions_ema_step,
    .combine = directions_combine,
    .direction = directions_direction,
    .gram = directions_gram,
};
