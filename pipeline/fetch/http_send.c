#include "pipeline/fetch/http_send.h"

#include <stdio.h>

static size_t on_send(char *bytes, size_t size, size_t n, void *arg)
{
    struct http_body *b = arg;
    uint64_t left = b->request->send_size - b->at;
    n *= size;
    n = n < left ? n : (size_t)left;
    if (n == 0)
        return 0;
    n = b->request->send(b->request, b->at, bytes, n);
    b->at += n;
    return n > 0 ? n : CURL_READFUNC_ABORT;
}

/* libcurl sends the body again when a connection that it kept turns out to be closed. */
static int on_seek(void *arg, curl_off_t offset, int origin)
{
    struct http_body *b = arg;
    if (origin != SEEK_SET || offset < 0 || (uint64_t)offset > b->request->send_size)
        return CURL_SEEKFUNC_CANTSEEK;
    b->at = (uint64_t)offset;
    return CURL_SEEKFUNC_OK;
}

void http_send_options(CURL *easy, struct http_request *r, struct http_body *body)
{
    *body = (struct http_body){.request = r};
    curl_easy_setopt(easy, r->put ? CURLOPT_UPLOAD : CURLOPT_POST, 1L);
    curl_easy_setopt(easy, r->put ? CURLOPT_INFILESIZE_LARGE : CURLOPT_POSTFIELDSIZE_LARGE,
                     (curl_off_t)r->send_size);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
    curl_easy_setopt(easy, CURLOPT_READDATA, body);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, body);
}
