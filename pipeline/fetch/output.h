/*
 * output.h - fetch -o DIR: a file NAME.jsonl.zst a source, made once
 *
 * Beside each stands .NAME.jsonl.zst.made, a text of everything that the file's content depends on. Where it
 * is there and says the same, the file is left as it is. It goes before the file is replaced and comes back
 * after.
 */
#ifndef FETCH_OUTPUT_H
#define FETCH_OUTPUT_H

#include "pipeline/fetch/source.h"

/* Prints the path of each file that is there and whole. */
void output_sources(struct fetch_options *o, char **words, int n);

#endif
