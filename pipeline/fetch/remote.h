/*
 * remote.h - the documents of files on servers, as they arrive and through the cache
 *
 * The files come in the order of their paths, several downloads at a time ahead of the reading.
 */
#ifndef FETCH_REMOTE_H
#define FETCH_REMOTE_H

#include "pipeline/fetch/source.h"

struct remote;

/* word: hf://..., https://... or http://...; without -o and --cat all files count, else those that hold
 * documents. */
struct remote *remote_open(struct source *s, const char *word);
bool remote_next(struct remote *r, struct doc *d);
void remote_close(struct remote *r);
void remote_recipe(const struct remote *r, struct strbuf *b);
void remote_progress(struct remote *r, struct source_progress *p);
/* Waits for all files and prints where they are. */
void remote_download(struct remote *r);
char *remote_name(const char *word);

#endif
