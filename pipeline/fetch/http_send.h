/*
 * http_send.h - the body of a request on its way to the server
 */
#ifndef FETCH_HTTP_SEND_H
#define FETCH_HTTP_SEND_H

#include "pipeline/fetch/http.h"

#include <curl/curl.h>

struct http_body {
    struct http_request *request;
    uint64_t at; /* sent so far, in this hop */
};

/* Makes the transfer a POST or a PUT of the request's body, from its start. */
void http_send_options(CURL *easy, struct http_request *r, struct http_body *body);

#endif
