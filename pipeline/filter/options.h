/*
 * options.h - what the command line of filter asks for
 */
#ifndef FILTER_OPTIONS_H
#define FILTER_OPTIONS_H

#include "pipeline/filter/rules.h"
#include "pipeline/stream/input.h"

struct filter_options {
    struct input_opts input;
    const char *output, *explain;
    int64_t threads;
    bool json;
    bool exact, near, mask;
    const char *signatures, *duplicates; /* files, of one part of several */
    bool merge;
    struct rule_choice rules;
    const char *languages, *language_model;
    double language_threshold;
    struct str_list evaluations;
    double sample;
    uint64_t seed;
    uint64_t memory;
    const char *dir; /* of temporary files */
};
extern struct filter_options filter_options;

/* Exits on misuse. Returns the number of operands, at the start of argv. */
int filter_options_parse(int argc, char **argv);
size_t filter_threads(const struct filter_options *o);

#endif
