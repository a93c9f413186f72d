/*
 * shard.h - immutable runs of tokens on disk, mapped into memory. Byte layout: formats/shard.md.
 *
 * A source is a directory of 000000.tok, 000001.tok, ... and a manifest.json
 * written last, which names each shard with its size and hash. `shard -o DIR
 * --val SHARE` writes DIR (training) and DIR/val (validation), each such a directory.
 * Documents in a shard are separated by EOS, which belongs to the document before it.
 */
#ifndef FORMATS_SHARD_H
#define FORMATS_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARD_MAGIC "TRTSHRD\n"
enum { SHARD_VERSION = 1, SHARD_BLOCK_BYTES = 1 << 20, SHARD_DATA_ALIGN = 4096 };

struct source;                      /* all shards of one directory, mapped read-only */

/* On failure returns NULL and fills err with a message naming file, offset and reason. Checks magic, version, header
 * hash, exact file size, manifest. verify: also every block's XXH3 (reads everything). Archived (zstd, lz4) shards are refused with
 * a message telling how to unpack them. */
struct source *source_open(const char *dir, bool verify, char *err, size_t cap);
void     source_close(struct source *s);
uint64_t source_tokens(const struct source *s);         /* all shards, in order, as one sequence */
uint64_t source_documents(const struct source *s);
uint64_t source_text_bytes(const struct source *s);     /* bytes of text the tokens decode to, less EOS; 0: not recorded */
uint32_t source_vocab_size(const struct source *s);
uint32_t source_token_width(const struct source *s);
uint32_t source_eos(const struct source *s);
uint64_t source_tokenizer_hash(const struct source *s);
uint64_t source_hash(const struct source *s);           /* identity of the content, from the manifest */
int      source_domain(const struct source *s);         /* enum domain, formats/tokens.h */
/* Copies tokens [pos, pos+n) as 16- or 32-bit (token_width) into out. The block checksums of what is touched are verified the
 * first time it is touched. Returns 0, or -1 with err filled (corrupt block: file, offset). */
int      source_read(struct source *s, uint64_t pos, size_t n, void *out, char *err, size_t cap);
/* First and one-past-last token of document i, EOS included. */
void     source_document(const struct source *s, uint64_t i, uint64_t *begin, uint64_t *end);

#endif
