/*
 * manifest.h - manifest.json of a shard directory, written last. Fields: formats/shard.md.
 */
#ifndef FORMATS_MANIFEST_H
#define FORMATS_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MANIFEST_MAX_SHARDS = 32768,
    MANIFEST_MAX_BYTES = 16 << 20 /* parsing needs some 40 times as much memory */
};
enum archive { ARCHIVE_NONE, ARCHIVE_ZSTD, ARCHIVE_LZ4, N_ARCHIVES };
extern const char *const archive_names[N_ARCHIVES];  /* "none", "zstd", "lz4" */
extern const char *const archive_suffix[N_ARCHIVES]; /* "", ".zst", ".lz4" */
int archive_from_name(const char *name);             /* -1: unknown */

struct manifest_shard { /* its file is named "%06zu.tok" and the archive's suffix */
    uint64_t bytes;     /* size of the plain shard, before archiving */
    uint64_t hash;      /* hash of its header */
    uint64_t tokens, documents, text_bytes;
};

struct manifest {
    int archive;
    uint32_t vocab_size, token_width, eos_id, bos_id;
    int domain;
    uint64_t tokenizer_hash;
    uint64_t tokens, documents, text_bytes; /* totals */
    uint64_t source_hash;
    /* These record how the shards were made: for people, and to make them again. */
    const char *split; /* "train" or "val"; not owned */
    uint64_t seed, tokens_per_shard, shuffle_buffer;
    double val;
    size_t n_shards;
    struct manifest_shard *shards; /* owned; manifest_free */
};

/* Also adds to the totals. -1: out of memory. */
int manifest_add(struct manifest *m, const struct manifest_shard *s);
void manifest_seal(struct manifest *m); /* computes source_hash */
/* Malloc'd, ends with a newline; deterministic. NULL: out of memory. */
char *manifest_to_json(const struct manifest *m);
/* Returns 0, or -1 with err. name: the path, for the message. Totals, names and source_hash are checked. */
int manifest_parse(struct manifest *m, const char *json, size_t len, const char *name, char *err, size_t cap);
/* Reads DIR/manifest.json. Returns 0, or -1 with err. */
int manifest_read(struct manifest *m, const char *dir, char *err, size_t cap);
void manifest_free(struct manifest *m);
/* Writes a name such as "000012.tok.zst" into buf. */
void manifest_shard_name(char *buf, size_t cap, size_t i, int archive);

#endif
