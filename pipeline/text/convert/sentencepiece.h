/*
 * sentencepiece.h - converts a SentencePiece model of type BPE to a tokenizer.json with which the
 * `tokenizers` library gives equal ids: tokenizer.md, "Converting"
 */
#ifndef CONVERT_SENTENCEPIECE_H
#define CONVERT_SENTENCEPIECE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum piece_type { /* numbers as in sentencepiece_model.proto */
                  PIECE_NORMAL = 1,
                  PIECE_UNKNOWN = 2,
                  PIECE_CONTROL = 3,
                  PIECE_USER_DEFINED = 4,
                  PIECE_UNUSED = 5,
                  PIECE_BYTE = 6
};

struct piece {
    const char *s; /* points into the file: valid UTF-8, 1 to SPLIT_MAX_TOKEN bytes */
    size_t len;
    float score; /* pieces with higher scores merge first */
    enum piece_type type;
};

struct sentencepiece {
    struct piece *pieces; /* by id; owned */
    size_t n, cap;
    uint32_t unknown;                               /* id of the unknown piece */
    size_t n_of[PIECE_BYTE + 1];                    /* how many pieces there are of each type */
    bool byte_fallback, dummy_prefix, fewer_spaces; /* add_dummy_prefix, remove_extra_whitespaces */
};

/* Reads the model; bytes must be valid as long as m. Refuses models that cannot be converted. Returns 0, or
 * -1 with file, offset and reason. */
int sentencepiece_parse(struct sentencepiece *m, const char *bytes, size_t len, const char *name, char *err,
                        size_t cap);
void sentencepiece_free(struct sentencepiece *m);
/* Returns the JSON text, malloc'd; NULL with file and reason. */
char *sentencepiece_to_json(const struct sentencepiece *m, const char *name, size_t *len, char *err,
                            size_t cap);

#endif
