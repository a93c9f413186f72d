/*
 * added.h - added tokens in text, as the tokenizers library finds them
 *
 * Leftmost first, of those the longest. Tokens that are not `normalized` are
 * looked for in the text as it is, the others in what lies between those, after
 * the normaliser. Where special tokens are ordinary text
 * (encode_special_tokens there), one that stands in the text hides others that overlap it.
 */
#ifndef ENCODE_ADDED_H
#define ENCODE_ADDED_H

#include "pipeline/text/vocabulary/vocabulary.h"

enum added_pass { ADDED_RAW, ADDED_NORMALISED };
enum added_kinds { ADDED_NOT_SPECIAL, ADDED_ALL };

/* Gives text and added tokens in order; never empty text. */
void added_split(const struct tokenizer *t, const char *text, size_t len, enum added_pass pass,
                 enum added_kinds kinds, void (*put_text)(void *arg, const char *text, size_t len),
                 void (*put_id)(void *arg, uint32_t id), void *arg);

#endif
