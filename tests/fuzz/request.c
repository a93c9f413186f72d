/*
 * what a client of `sample --serve` sends: any bytes are refused with a reason, or give a request whose every
 * number is within its limits
 */
#include "pipeline/sample/request.h"

#include "tests/fuzz/fuzz.h"

static void check(const struct request *r)
{
    MUST(r->chat ? json_array_size(r->messages) > 0
                 : r->n_prompts > 0 && r->n_prompts * (size_t)r->n <= REQUEST_MAX_CHOICES);
    MUST(r->n >= 1 && r->n <= REQUEST_MAX_CHOICES && r->logprobs >= -1 && r->logprobs <= 20);
    MUST(r->max_tokens >= -1 && r->max_tokens <= REQUEST_MAX_TOKENS);
    MUST(r->sampling.temperature >= 0 && r->sampling.temperature <= 100 && r->sampling.top_k >= 0);
    MUST(r->sampling.top_p >= 0 && r->sampling.top_p <= 1 && r->sampling.min_p >= 0 &&
         r->sampling.min_p <= 1);
    MUST(r->sampling.repetition_penalty > 0 && r->stops.n <= REQUEST_MAX_STOPS);
    for (size_t i = 0; i < r->stops.n; i++)
        MUST(r->stops.v[i][0]);
    for (size_t i = 0; i < r->n_biases; i++)
        MUST(r->biases[i].id >= 0 && r->biases[i].value >= -100 && r->biases[i].value <= 100);
    for (size_t i = 0; i < r->n_prompts; i++) {
        MUST(r->prompts[i].ids || r->prompts[i].text);
        for (size_t k = 0; k < r->prompts[i].n_ids; k++)
            MUST(r->prompts[i].ids[k] >= 0);
    }
    json_t *message;
    size_t i;
    json_array_foreach(r->messages, i, message)
        MUST(json_is_string(json_object_get(message, "role")) &&
             (json_is_string(json_object_get(message, "content")) || json_object_get(message, "tool_calls")));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct request r;
    struct request_error e;
    bool chat = fuzz_choice(&bytes, &len) % 2;
    if (request_parse(&r, (const char *)bytes, len, chat, &e) == 0)
        check(&r);
    else
        MUST(e.message[0] && strlen(e.message) < sizeof e.message && strlen(e.param) < sizeof e.param);
    request_free(&r);
    return 0;
}
