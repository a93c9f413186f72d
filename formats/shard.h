/*
 * shard.h - immutable runs of tokens on disk, mapped into memory. Byte layout: formats/shard.md.
 *
 * A set is a directory of 000000.tok, 000001.tok, ... and a manifest.json
 * written last (formats/manifest.h), which names each shard with its size and
 * hash. `shard -o DIR --val SHARE` writes DIR (training) and DIR/val
 * (validation), each such a directory. Every document ends with EOS, which
 * counts as its last token; no document spans two shards.
 *
 * A struct shard_set belongs to one thread, since reading records which blocks were verified.
 */
#ifndef FORMATS_SHARD_H
#define FORMATS_SHARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARD_MAGIC "TRTSHRD\n"
enum {
    SHARD_VERSION = 1,
    SHARD_BLOCK_BYTES = 1 << 20,
    SHARD_DATA_ALIGN = 4096,       /* the header's size, so that tokens start on a page */
    SHARD_MAX_DOCUMENTS = 1 << 23, /* in one shard: bounds the memory that the writer needs for the index */
};

struct shard_header { /* 4096 bytes */
    char magic[8];
    uint32_t version;
    uint32_t token_width;    /* 2 or 4 */
    uint32_t vocab_size;     /* every token is below it */
    uint32_t eos_id, bos_id; /* bos_id UINT32_MAX: none */
    uint32_t domain;         /* enum domain, formats/tokens.h */
    uint64_t tokenizer_hash;
    uint64_t n_tokens;
    uint64_t n_documents;
    uint64_t text_bytes;    /* size of the documents before tokenising; 0: not recorded */
    uint64_t index_offset;  /* u64 [n_documents + 1] */
    uint64_t blocks_offset; /* u64 [n_blocks]: XXH3-64 of each block of the bytes [4096, blocks_offset) */
    uint64_t file_bytes;
    uint32_t block_bytes; /* SHARD_BLOCK_BYTES */
    uint32_t zero;
    uint64_t blocks_hash;   /* XXH3-64 of the block table */
    uint8_t reserved[3984]; /* zero */
    uint64_t header_hash;   /* XXH3-64 of the bytes before it: identifies the whole shard */
};
_Static_assert(sizeof(struct shard_header) == SHARD_DATA_ALIGN, "shard header fills one page");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "shards are little-endian and used as they lie");

/* Fills in magic, version, width, offsets, sizes and hash from vocab_size, n_tokens, n_documents and
 * blocks_hash. False: the sizes overflow. */
bool shard_header_seal(struct shard_header *h);
/* Returns NULL when h describes a file of exactly file_bytes; otherwise the reason, with *offset at the
 * faulty field. */
const char *shard_header_problem(const struct shard_header *h, uint64_t file_bytes, uint64_t *offset);
uint64_t shard_n_blocks(const struct shard_header *h);

struct shard_set; /* all shards of one directory, mapped read-only */

/* On failure returns NULL and fills err with a message naming file, offset and reason. Checks the manifest
 * and each shard's header, size and block table. verify: also checks every block's XXH3, every token's range
 * and the document index, which reads everything. Archived (zstd, lz4) shards are refused with a message that
 * says how to unpack them. */
struct shard_set *shard_set_open(const char *dir, bool verify, char *err, size_t cap);
void shard_set_close(struct shard_set *s);            /* NULL is fine */
uint64_t shard_set_tokens(const struct shard_set *s); /* over all shards, in order, as one sequence */
uint64_t shard_set_documents(const struct shard_set *s);
/* Bytes of the text before tokenising, without EOS; 0: not recorded. */
uint64_t shard_set_text_bytes(const struct shard_set *s);
uint32_t shard_set_vocab_size(const struct shard_set *s);
uint32_t shard_set_token_width(const struct shard_set *s);
uint32_t shard_set_eos(const struct shard_set *s);
uint64_t shard_set_tokenizer_hash(const struct shard_set *s);
/* Identifies the content: XXH3-64 of the shards' header hashes. */
uint64_t shard_set_hash(const struct shard_set *s);
int shard_set_domain(const struct shard_set *s); /* enum domain, formats/tokens.h */
/* Copies tokens [pos, pos+n) as 16- or 32-bit numbers (token_width) into out; with out NULL only what
 * follows. The checksum of a block is verified when the block is first touched. Returns 0, or -1 with err
 * filled (corrupt block: file, offset).
 */
int shard_set_read(struct shard_set *s, uint64_t pos, size_t n, void *out, char *err, size_t cap);
/* Hints that a shard_set_read will follow after a few others. It has no effect but on speed. */
void shard_set_prefetch(const struct shard_set *s, uint64_t pos, size_t n);

#endif
