/*
 * parts.h - which parts of a large file the storage has, from one try to the next
 *
 * S3 tells uploads of one object apart by uploadId in the addresses of their parts. As long as the hub names
 * the same upload, its parts need not be sent again: neither when addresses have ended, nor by another
 * process. Their names (ETags) are kept in a file, FOLDER/SHA256.json, until the parts are joined.
 */
#ifndef UPLOADER_PARTS_H
#define UPLOADER_PARTS_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct parts {
    char *path;    /* owned; NULL: the storage names no upload, and nothing is kept */
    json_t *state; /* owned */
};

/* url: the address of one part. size: of each part but the last. */
void parts_open(struct parts *p, const char *folder, const char *sha256, const char *url, uint64_t size);
/* Returns the name that the storage has given a part; NULL: it may not have the part. */
const char *parts_etag(const struct parts *p, size_t number);
void parts_note(struct parts *p, size_t number, const char *etag);
/* Removes the file. It is called before the parts are joined: where the storage lacks one after all, the next
 * try sends all of them. */
void parts_forget(struct parts *p);
void parts_close(struct parts *p);

#endif
