/*
 * logprobs_json.h - probabilities of tokens in the shape that OpenAI's completions have
 *
 *   {"tokens": [...], "token_logprobs": [...], "top_logprobs": [{token: logprob}], "text_offset": [...]}
 *
 * A token that is not whole characters is written as "bytes:\xe2\x82". text_offset counts characters; the
 * bytes of a character that several tokens share belong to the first of them.
 */
#ifndef SAMPLE_LOGPROBS_JSON_H
#define SAMPLE_LOGPROBS_JSON_H

#include "pipeline/model/logprobs.h"
#include "pipeline/text/vocabulary/tokenizer.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct logprobs_json {
    json_t *tokens, *values, *tops, *offsets; /* owned; NULL before the first token */
    size_t characters;                        /* that the tokens so far began */
};

/* The token's text: bytes (len) as the output has them, which is nothing for a special token. */
void logprobs_json_add(struct logprobs_json *j, const struct tokenizer *tok, const struct logprobs *l,
                       const char *bytes, size_t len);
/* A first token, of which no probability is known. */
void logprobs_json_add_unknown(struct logprobs_json *j, const struct tokenizer *tok, int32_t id,
                               const char *bytes, size_t len);
/* Returns the object, and leaves j empty but for the count of characters. */
json_t *logprobs_json_take(struct logprobs_json *j);
/* A token as a JSON string. */
json_t *logprobs_json_token(const struct tokenizer *tok, int32_t id);

#endif
