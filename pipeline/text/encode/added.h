/*
 * added.h - finds added tokens in text, as the tokenizers library does
 *
 * The leftmost token is found first, and the longest of those that begin there. Tokens that are not
 * `normalized` are searched for in the original text; the others in the text between these, after the
 * normaliser. When special tokens are ordinary text (the library's encode_special_tokens), one that occurs in
 * the text still hides others that overlap it.
 */
#ifndef ENCODE_ADDED_H
#define ENCODE_ADDED_H

#include "pipeline/text/vocabulary/vocabulary.h"

enum added_pass { ADDED_RAW, ADDED_NORMALISED };
enum added_kinds { ADDED_NOT_SPECIAL, ADDED_ALL };

/* Calls back for text and added tokens in order, never for empty text. */
void added_split(const struct tokenizer *t, const char *text, size_t len, enum added_pass pass,
                 enum added_kinds kinds, void (*put_text)(void *arg, const char *text, size_t len),
                 void (*put_id)(void *arg, uint32_t id), void *arg);

#endif
