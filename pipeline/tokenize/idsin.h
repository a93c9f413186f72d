/*
 * idsin.h - ids come in: a token stream, or JSON arrays of ids; the first byte tells which
 */
#ifndef TOKENIZE_IDSIN_H
#define TOKENIZE_IDSIN_H

#include "pipeline/text/vocabulary/tokenizer.h"

struct ids_sink {
    bool (*put)(void *arg, uint32_t id, int domain); /* false: the tokenizer has no such id */
    void (*end)(void *arg, int domain);              /* called at the end of a document */
    void *arg;
};

/* input: -, a path or ring:NAME. Until the end, or stop_signal. Dies naming input, place and reason. */
void ids_read(const char *input, const struct tokenizer *t, const char *tokenizer_path,
              const struct ids_sink *sink);

#endif
