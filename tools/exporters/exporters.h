/*
 * exporters.h - a model directory in the formats of other tools
 *
 * All calls read the model tensor by tensor, so they take little memory whatever its size, and die() naming
 * the file and the reason. What they write appears whole or not at all.
 */
#ifndef EXPORTERS_EXPORTERS_H
#define EXPORTERS_EXPORTERS_H

#include <stdbool.h>
#include <stdint.h>

/* name: what the file calls the model. dtype: f32 bf16 f16 q8_0 q4_0. The tokenizer goes into the file. */
void export_gguf(const char *model_dir, const char *name, const char *out, const char *dtype);
/* Writes the directory out. dtype: f32 bf16. largest: bytes of tensors in a file. llama: as LlamaForCausalLM,
 * which a model with norms of queries and keys cannot be. */
void export_hf(const char *model_dir, const char *out, const char *dtype, uint64_t largest, bool llama);
/* The words that export_gguf takes: "f32, bf16, f16, q8_0, q4_0". */
extern const char export_gguf_dtypes[];

#endif
