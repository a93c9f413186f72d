/*
 * shards: a directory with one shard of these bytes and a manifest that fits it is refused with a reason, or
 * every token and document can be asked for. Checksums are put right by choice, so that what is behind them
 * is reached.
 */
#include "formats/shard.h"

#include <xxhash.h>

#include "formats/manifest.h"
#include "tests/fuzz/fuzz.h"

static char dir[64];

static void remove_dir(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/000000.tok", dir);
    unlink(path);
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    unlink(path);
    rmdir(dir);
}

static void write_to(const char *name, const void *bytes, size_t len)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "wb");
    MUST(f && fwrite(bytes, 1, len, f) == len && fclose(f) == 0);
}

static void write_manifest(const struct shard_header *h, size_t len)
{
    struct manifest m = {.vocab_size = h->vocab_size,
                         .token_width = h->token_width,
                         .eos_id = h->eos_id,
                         .bos_id = h->bos_id,
                         .domain = (int)(h->domain % 6),
                         .tokenizer_hash = h->tokenizer_hash,
                         .split = "train"};
    struct manifest_shard s = {len, h->header_hash, h->n_tokens & INT64_MAX >> 16,
                               h->n_documents & INT64_MAX >> 24, h->text_bytes & INT64_MAX >> 16};
    manifest_add(&m, &s);
    manifest_seal(&m);
    char *json = manifest_to_json(&m);
    write_to("manifest.json", json, strlen(json));
    free(json);
    manifest_free(&m);
}

/* The table of blocks, its hash and the header's. */
static void put_right(uint8_t *bytes, size_t len)
{
    struct shard_header h;
    memcpy(&h, bytes, sizeof h);
    uint64_t from = h.blocks_offset, at = SHARD_DATA_ALIGN;
    for (uint64_t t = from; from >= at && from <= len && at < from && len - t >= 8;
         t += 8, at += SHARD_BLOCK_BYTES) {
        uint64_t n = from - at < SHARD_BLOCK_BYTES ? from - at : SHARD_BLOCK_BYTES,
                 hash = XXH3_64bits(bytes + at, n);
        memcpy(bytes + t, &hash, 8);
    }
    if (from <= len)
        h.blocks_hash = XXH3_64bits(bytes + from, len - from);
    h.header_hash = XXH3_64bits(&h, offsetof(struct shard_header, header_hash));
    memcpy(bytes, &h, sizeof h);
}

static void read_all(struct shard_set *s)
{
    char err[800];
    uint32_t out[64];
    uint64_t n = shard_set_tokens(s);
    for (uint64_t at = 0; at < n && at < 4096; at += 13)
        (void)shard_set_read(s, at, n - at < 64 ? (size_t)(n - at) : 64, out, err, sizeof err);
    MUST(shard_set_read(s, n, 1, out, err, sizeof err) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    struct shard_header h;
    char err[800] = "";
    uint8_t choice = fuzz_choice(&bytes, &len);
    if (len < sizeof h)
        return 0;
    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/dev/shm/fuzz-shard-XXXXXX");
        MUST(mkdtemp(dir));
        atexit(remove_dir);
    }
    uint8_t *copy = malloc(len);
    MUST(copy);
    memcpy(copy, bytes, len);
    if (choice & 1)
        put_right(copy, len);
    memcpy(&h, copy, sizeof h);
    write_to("000000.tok", copy, len);
    write_manifest(&h, len);
    free(copy);
    struct shard_set *s = shard_set_open(dir, choice & 2, err, sizeof err);
    MUST(s || strstr(err, dir));
    if (s)
        read_all(s);
    shard_set_close(s);
    return 0;
}
