/*
 * reply.h - what the server answers, in the objects of OpenAI's API
 *
 * An answer is made of pieces: what a text has become since the last look. A streamed answer sends each piece
 * as it comes, another one has a single piece, so both say the same.
 */
#ifndef SAMPLE_REPLY_H
#define SAMPLE_REPLY_H

#include "pipeline/sample/engine.h"
#include "pipeline/sample/logprobs_json.h"

struct reply {
    struct engine *e; /* borrowed, as are all below */
    struct job *job;
    const struct request *r;
    const struct tokenizer *tok;
    const char *model;
    char id[40];
    long long created;
    struct cursor *cursors; /* one a choice, owned */
};

/* id: random bytes. */
void reply_open(struct reply *a, uint64_t id);
void reply_close(struct reply *a);
/* The whole answer, once all texts have finished; malloc'd JSON. NULL: time is over. */
char *reply_whole(struct reply *a);
/* Adds the events that are due to out, and returns whether the stream has ended with them. */
bool reply_events(struct reply *a, struct strbuf *out);
/* With the engine's lock: whether reply_events would have something to add. */
bool reply_has_news(const struct reply *a);
/* {"error": {...}}, malloc'd. */
char *reply_error(const char *type, const char *code, const char *param, const char *message);

#endif
