/*
 * language.h - the language of a text, by a fastText model of the user's, such as lid.176.ftz
 */
#ifndef FILTER_LANGUAGE_H
#define FILTER_LANGUAGE_H

#include "pipeline/filter/chars.h"
#include "pipeline/lib/fs.h"

struct language;

/* names: those to keep, with commas, as the model's labels have them. Dies when the model is damaged or has
 * no such label. */
struct language *language_open(const char *model, const char *names);
/* The highest probability of one of the names. line: memory for the text as one line. */
double language_score(const struct language *l, struct strbuf *line, struct span text);
void language_close(struct language *l); /* NULL is fine */

#endif
