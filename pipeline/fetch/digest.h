/*
 * digest.h - the hashes that name a file's content: SHA-256, SHA-1, and git's SHA-1 of a blob
 */
#ifndef FETCH_DIGEST_H
#define FETCH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum digest_kind { DIGEST_SHA256, DIGEST_SHA1 };
enum { DIGEST_HEX = 65 };

struct digest;
struct digest *digest_new(enum digest_kind kind);
void digest_reset(struct digest *d);
void digest_add(struct digest *d, const void *bytes, size_t n);
/* Writes the hash in hexadecimal digits; the digest begins anew. */
void digest_end(struct digest *d, char hex[DIGEST_HEX]);
void digest_free(struct digest *d); /* NULL is fine */

/* Adds the first n bytes of a file. False: they could not be read. */
bool digest_add_file(struct digest *d, int fd, uint64_t n);
/* The SHA-1 by which git knows a blob of this content. False: it could not be read. */
bool digest_git_blob(int fd, uint64_t size, char hex[DIGEST_HEX]);

#endif
