/*
 * request.h - what a client of the server asks for, read from JSON as OpenAI's API has it
 *
 * Nothing is guessed: a field that is not known, has another type or a value that would not be obeyed is
 * refused by its name. The page serve.md lists the fields.
 */
#ifndef SAMPLE_REQUEST_H
#define SAMPLE_REQUEST_H

#include "pipeline/lib/cli.h"
#include "pipeline/model/sampler.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REQUEST_MAX_CHOICES = 128, /* prompts x n */
    REQUEST_MAX_STOPS = 16,
    REQUEST_MAX_BIASES = 1024,
    REQUEST_MAX_TOKENS = 1 << 24,
};

struct request_prompt { /* a text, or ids when text is NULL */
    char *text;
    size_t len;
    int32_t *ids;
    size_t n_ids, n_before; /* n_before of the ids were put before those of the text */
};

struct request_bias {
    int32_t id;
    float value;
};

struct request {
    bool chat, stream, usage_in_stream, echo, ignore_eos;
    char *model; /* NULL: not named */
    struct request_prompt *prompts;
    size_t n_prompts;
    json_t *messages, *tools; /* owned; as conversation.h has them. tools NULL: none are shown */
    bool tools_are_off;       /* tool_choice is none */
    struct sampling sampling;
    double presence_penalty, frequency_penalty;
    bool has_seed;
    uint64_t seed;
    int64_t max_tokens; /* -1: up to the end of the context */
    int n;              /* choices of each prompt */
    int logprobs;       /* alternatives of each token; -1: no logprobs */
    struct str_list stops;
    struct request_bias *biases;
    size_t n_biases;
};

struct request_error {
    char message[256];
    char param[64]; /* the field; "" when there is none to name */
};
/* Fills in e; returns -1. */
int request_refuse(struct request_error *e, const char *param, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Returns 0, or -1 with the reason. After both, request_free frees what r holds. Dies without memory. */
int request_parse(struct request *r, const char *body, size_t len, bool chat, struct request_error *e);
void request_free(struct request *r);

#endif
