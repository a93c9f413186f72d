/*
 * url.h - what of an address decides whom we talk to, and which addresses we talk to at all
 *
 * An origin is scheme, host and port together: a token goes to the origin that it belongs to, and nowhere
 * else.
 */
#ifndef FETCH_URL_H
#define FETCH_URL_H

#include "pipeline/lib/fs.h"

#include <stdbool.h>

/* Whether both are addresses of the same scheme, host and port. */
bool url_same_origin(const char *a, const char *b);
/* NULL for https to anywhere and http to this machine; else why the address is refused. */
const char *url_refusal(const char *url);
/* Resolves a reference (a Location header) against an address. NULL: it is none. The caller frees it. */
char *url_join(const char *base, const char *reference);
/* Appends s with all but letters, digits, "-._~", and "/" if it is kept, as %XX. */
void url_escape(struct strbuf *b, const char *s, bool keep_slash);
/* Scheme, host, port and path, without what may be a secret: no query, no fragment. The caller frees it. */
char *url_shown(const char *url);

/* Host and port, as the address has them. The caller frees it. */
char *url_host(const char *url);

#endif
