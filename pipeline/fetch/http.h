/*
 * http.h - requests to servers that may be slow, down, or hostile: redirects, repetitions and the token's
 * ways
 *
 *   h = http_open(&settings)
 *   http_add(h, &a); http_add(h, &b);
 *   while ((r = http_step(h, timeout_ms)) ...) r is done: r->failed, r->reply
 *   http_close(h)
 *
 * A request with a send has a body: it is a POST, or a PUT with put.
 *
 * One struct http belongs to one thread. Requests run side by side, over connections that are kept.
 *
 * Redirects   at most 5, to https only (http: from this machine to this machine). The token goes with a
 * request to the hub's own origin and with no other. Repetition  after 408, 429, 500, 502, 503, 504, a
 * connection that broke or stalled, and a body that was refused: at most HTTP_RETRIES times without much
 * progress, with growing pauses and jitter, or as long as Retry-After and RateLimit say. 403 from a storage
 * host is repeated from the start, since signed addresses end. A certificate that does not fit is not.
 */
#ifndef FETCH_HTTP_H
#define FETCH_HTTP_H

#include "pipeline/fetch/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HTTP_RETRIES = 5 };

struct http_reply {
    long status;                      /* of the last answer */
    char *etag;                       /* as it stands, with quotes */
    char *linked_etag, *commit;       /* from the hub's own answer, also when that was a redirect */
    char *error_code, *error_message; /* X-Error-Code, X-Error-Message */
    char *next;                       /* Link, rel="next" */
    int64_t linked_size, length;      /* X-Linked-Size; Content-Length. -1: unknown */
    int64_t range_first, range_total; /* Content-Range of a 206. -1: unknown */
    double wait_s;                    /* what the server asks to wait */
};

struct http_request {
    /* For the caller to set. */
    const char *url;
    bool head;
    bool stay; /* a redirect to another origin is an answer: it is not followed */
    /* Before every try: sets from, to and if_range. May be NULL. */
    void (*begin)(struct http_request *r);
    /* When the headers of a 2xx are there. NULL: go on; else why the answer is refused. May be NULL. */
    const char *(*accept)(struct http_request *r);
    /* Bytes of the body of a 2xx. NULL: go on; else why it is refused. */
    const char *(*body)(struct http_request *r, const char *bytes, size_t n);
    /* At the end of a 2xx. NULL: it is whole; else why not. May be NULL. */
    const char *(*end)(struct http_request *r);
    /* The body that is sent: up to n bytes from `at` on, at least one. Every hop and try sends it from the
     * start. 0: it cannot be read any more, and the request fails. NULL: nothing is sent. */
    size_t (*send)(struct http_request *r, uint64_t at, char *bytes, size_t n);
    uint64_t send_size;
    bool put;
    const char *const *headers; /* "Name: value" each, ended by NULL; borrowed. NULL: none */
    bool once; /* no repetition: whether the server did its work is for the caller to find out */
    void *arg;

    /* For begin to set. */
    uint64_t from, to;    /* Range: bytes=from-to where there is a to, or a from alone */
    const char *if_range; /* borrowed; NULL: none */

    bool final; /* set by accept, body and end: repeating would not help */

    /* The outcome. */
    bool failed; /* no answer that could be used: error says why */
    char error[400];
    struct http_reply reply; /* status 200..299 when not failed, or another that is the server's last word */

    char *landing; /* where redirects ended, as a whole: not to be shown. NULL: there was none */

    struct http_try *own; /* http.c's */
};

struct http *http_open(const struct hub_settings *settings);
void http_close(struct http *h); /* gives up what still runs */
void http_add(struct http *h, struct http_request *r);
/* Waits for a request that is done, at most timeout_ms. NULL: none is yet. */
struct http_request *http_step(struct http *h, int timeout_ms);
/* Ends the waiting of http_step; from any thread. */
void http_wake(struct http *h);
void http_cancel(struct http *h, struct http_request *r);
/* Runs one request to its end; the only one of h. */
void http_run(struct http *h, struct http_request *r);
/* Frees what the reply holds. */
void http_done(struct http_request *r);

#endif
