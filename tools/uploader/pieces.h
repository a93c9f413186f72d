/*
 * pieces.h - a file's bytes to signed addresses of the storage, some pieces at a time
 */
#ifndef UPLOADER_PIECES_H
#define UPLOADER_PIECES_H

#include "tools/uploader/parts.h"
#include "tools/uploader/repo.h"

struct piece {
    /* For the caller to set. */
    const struct upload_file *file;
    const char *url;
    const char *const *headers; /* NULL: none */
    uint64_t from, size;
    struct parts *parts; /* takes note when the storage has the piece; NULL: nothing does */
    size_t number;       /* of the part */
    /* The outcome. */
    char *etag; /* what the storage calls it; NULL: it does not say. For the caller to free */
    struct http_request request;
};

/* True: the storage has all of them. False: it forbids one (403), since addresses end after a while. Dies
 * where it fails otherwise. */
bool pieces_send(struct repo *r, struct piece *pieces, size_t n);

#endif
