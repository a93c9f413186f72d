/*
 * chat.h - a conversation as tokens, by the chat template beside a tokenizer.json
 *
 * Templates are programs in Jinja. They are not run: a template is compared with those known here, letter by
 * letter, and one that is not known is refused. The content of a message never becomes special tokens.
 */
#ifndef SAMPLE_CHAT_H
#define SAMPLE_CHAT_H

#include "pipeline/sample/request.h"
#include "pipeline/text/vocabulary/tokenizer.h"

struct chat {
    bool known;
    char why[256];       /* when it is not known: a sentence for the client */
    char *system;        /* owned: the system message where a conversation has none; NULL: none is added */
    uint32_t begin, end; /* the tokens around a message */
};

/* dir: the model's. */
void chat_open(struct chat *c, const char *dir, const struct tokenizer *tok);
void chat_close(struct chat *c);
/* Returns the ids of the conversation, up to where the assistant speaks, malloc'd. */
int32_t *chat_encode(const struct chat *c, struct encoder *e, const struct request_message *messages,
                     size_t n, size_t *n_ids);

#endif
