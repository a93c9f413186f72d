/*
 * interactive.h - `sample -i`: a terminal in which a model goes on with what is typed
 */
#ifndef SAMPLE_INTERACTIVE_H
#define SAMPLE_INTERACTIVE_H

#include "pipeline/model/loaded.h"
#include "pipeline/sample/text.h"

/* Reads prompts and commands until the end of the input or /quit. sampling, text and seed are what /set
 * changes. document: prompts begin documents; special: as in struct continuation. */
void interactive_run(const struct loaded *m, struct sampling *sampling, struct text_options *text,
                     uint64_t seed, bool document, bool special);

#endif
