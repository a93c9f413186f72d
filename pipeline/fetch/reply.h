/*
 * reply.h - the headers that a download looks at
 */
#ifndef FETCH_REPLY_H
#define FETCH_REPLY_H

#include "pipeline/fetch/http.h"

/* Forgets what belongs to one hop of a chain of redirects; the hub's own words (commit, linked_*) stay. */
void reply_start_hop(struct http_reply *reply);
/* One header line. ours: the hub itself sends it. True: it was the empty line at the end of them. */
bool reply_header(struct http_reply *reply, const char *line, size_t n, bool ours);
void reply_free(struct http_reply *reply);
/* The ETag without W/ and quotes. The caller frees it; NULL for NULL. */
char *reply_plain_etag(const char *etag);

#endif
