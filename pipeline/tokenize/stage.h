/*
 * stage.h - the verbs of the program tokenize
 */
#ifndef TOKENIZE_STAGE_H
#define TOKENIZE_STAGE_H

#include "pipeline/lib/text_output.h"
#include "pipeline/text/vocabulary/tokenizer.h"

/* Each is a main with its own options; argv[0] is a name. Returns the exit status. */
int tokenize_encode(int argc, char **argv);
int tokenize_train(int argc, char **argv);
int tokenize_decode(int argc, char **argv);
int tokenize_inspect(int argc, char **argv);
int tokenize_convert(int argc, char **argv);

/* -t: dies naming file and reason; NULL is misuse. */
struct tokenizer *stage_tokenizer(const char *path);

/* -j: 0 means all processors. */
size_t stage_threads(int64_t wanted);

#endif
