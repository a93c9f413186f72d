/*
 * chat.h - a conversation as tokens, by the chat template beside a tokenizer.json
 *
 * The template is rendered (sample/jinja.h) as Transformers renders it, and its text encoded with special
 * tokens. Nothing of messages and tools becomes special tokens.
 */
#ifndef SAMPLE_CHAT_H
#define SAMPLE_CHAT_H

#include "pipeline/sample/jinja/jinja.h"
#include "pipeline/text/vocabulary/tokenizer.h"

#include <jansson.h>
#include <stdbool.h>

struct chat_template {
    struct jinja *jinja;       /* owned; NULL: there is none that could be used */
    char why[256];             /* then: a sentence for the client */
    bool has_tools, has_calls; /* whether the template names tools, and the calls of messages */
};

struct chat {
    struct chat_template usual, with_tools; /* with_tools: with neither jinja nor why, the usual one serves */
    json_t *tokens;              /* owned: what the template calls bos_token, eos_token and others */
    const struct tokenizer *tok; /* borrowed */
    uint32_t end; /* the token that ends an answer; UINT32_MAX: the end-of-text token alone does */
};

/* dir: the model's. */
void chat_open(struct chat *c, const char *dir, const struct tokenizer *tok);
void chat_close(struct chat *c);
/* The template for a conversation with these tools; NULL: without. */
const struct chat_template *chat_template_for(const struct chat *c, const json_t *tools);
/* Returns the ids of the conversation (conversation.h; tools may be NULL), up to where the assistant speaks,
 * malloc'd; NULL: the template refuses it, and why (cap bytes) has the reason. */
int32_t *chat_encode(const struct chat *c, struct encoder *e, const json_t *messages, const json_t *tools,
                     size_t *n_ids, char *why, size_t cap);

#endif
