/*
 * server.h - an OpenAI-style server over HTTP, and a page to try the model (serve.md)
 */
#ifndef SAMPLE_SERVER_H
#define SAMPLE_SERVER_H

#include "pipeline/model/loaded.h"
#include "pipeline/lib/address.h"

struct server_options {
    struct address address;
    const char *key_file;      /* NULL: no key is needed */
    char *model;               /* the name under which clients ask for it */
    int slots, queue, context; /* context 0: the model's */
    double timeout_s;
    bool special; /* prompts begin with the ids that the tokenizer's post-processor puts there */
};

/* Serves until a signal comes; dies when it cannot listen. */
void server_run(const struct loaded *m, const struct server_options *o);

#endif
