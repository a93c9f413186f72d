/*
 * shard_write.h - write one shard file (formats/shard.md)
 *
 *   shard_writer_open       creates PATH.tmp
 *   shard_writer_put ...    tokens of a document, in any number of pieces
 *   shard_writer_end        writes EOS and the index entry
 *   shard_writer_finish     fsync, rename to PATH, fsync the directory
 *
 * Memory: one block, 8 bytes a document, 8 bytes a MiB. Every call that can
 * fail returns 0, or -1 with err naming the file and the reason; then only
 * shard_writer_abort is left to call.
 */
#ifndef FORMATS_SHARD_WRITE_H
#define FORMATS_SHARD_WRITE_H

#include <stddef.h>
#include <stdint.h>

#include "formats/shard.h"

struct shard_writer;

/* vocab_size, eos_id, bos_id and tokenizer_hash are taken from like. */
int shard_writer_open(struct shard_writer **out, const char *path, const struct shard_header *like, char *err,
                      size_t cap);
/* tokens have the width that follows from the size of the vocabulary. A token that is not below vocab_size is
 * an error. */
int shard_writer_put(struct shard_writer *w, const void *tokens, size_t n, char *err, size_t cap);
int shard_writer_end(struct shard_writer *w, int domain, uint64_t text_bytes, char *err, size_t cap);
uint64_t shard_writer_tokens(const struct shard_writer *w);
uint64_t shard_writer_documents(const struct shard_writer *w); /* the number of documents that have ended */
/* Needs at least one document. Frees w on success; *header is the header that was written. */
int shard_writer_finish(struct shard_writer *w, struct shard_header *header, char *err, size_t cap);
void shard_writer_abort(struct shard_writer *w); /* removes the temporary file and frees w; NULL is fine */

#endif
