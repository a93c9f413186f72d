/*
 * explain.h - what a server's refusal means, and what to do about it, in one line
 */
#ifndef FETCH_EXPLAIN_H
#define FETCH_EXPLAIN_H

#include "pipeline/fetch/http.h"

/* page: where a person finds the repository, or NULL for what is on no hub. The caller frees the answer. */
char *explain_refusal(const struct hub_settings *s, const struct http_reply *reply, const char *page);

#endif
