/*
 * options.h - what the command line of fetch says, for all its parts
 */
#ifndef FETCH_OPTIONS_H
#define FETCH_OPTIONS_H

#include "pipeline/fetch/settings.h"
#include "pipeline/stream/input.h"

struct fetch_options {
    bool cat, list, inspect, as_json;
    bool download; /* whole files into the cache, and no documents */
    const char *out_dir, *domain, *limit, *corpora;
    const char *plan, *tokens; /* a mix, and how many tokens of it; plan is NULL when none is asked for */
    uint64_t seed;
    uint64_t max_docs, max_bytes; /* of text; UINT64_MAX: no limit */
    int64_t jobs;                 /* transfers side by side */
    struct input_opts input;
    struct hub_settings hub; /* filled in when a source first asks for it: source_settings */
};

extern struct fetch_options fetch_options;

/* Fills them in from the command line, and leaves its operands in argv[0..return). Exits 2 where they make no
 * sense. */
int fetch_options_parse(int argc, char **argv);

#endif
