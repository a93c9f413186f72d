/*
 * shard-dump - say what token shards hold, and check every byte of them
 *
 * Written from formats/shard.md alone, and sharing no code with the programs
 * that write and read shards: two readings of the page that must agree.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

enum { HEADER = 4096, BLOCK = 1048576, N_DOMAIN_NAMES = 6, MANIFEST_LIMIT = 64 << 20 };

static bool check_all;
static bool damaged; /* damage was found in some file */

static const struct opt opts[] = {
    {0, "verify", OPT_FLAG, &check_all, NULL, "check every block, token and index entry"},
    SANDBOX_OPTION(),
    {0},
};
static const struct cli cli = {
    "shard-dump", "say what token shards hold, and check them", "shard-dump [--verify] DIR|FILE ...", opts,
    "A directory is read by its manifest.json, with its val/. Without --verify headers, sizes and the "
    "manifest are\n"
    "checked. Damage is reported as FILE: offset N: reason, for each file that has some.\n"
    "\n"
    "Exit: 0 sound, 1 damaged or not readable, 2 misuse."};

struct file {
    const char *name;
    int fd;
    uint64_t size;
    uint32_t width, vocab, eos, bos, domain;
    uint64_t tokenizer, tokens, documents, text_bytes, index_at, blocks_at, blocks_hash, hash;
};

static bool bad(const char *name, uint64_t offset, const char *reason)
{
    fflush(stdout);
    fprintf(stderr, "shard-dump: %s: offset %" PRIu64 ": %s\n", name, offset, reason);
    damaged = true;
    return false;
}

static uint32_t u32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static uint64_t u64(const unsigned char *p)
{
    return u32(p) | (uint64_t)u32(p + 4) << 32;
}

static bool read_at(const struct file *f, void *p, size_t n, uint64_t at)
{
    size_t got = 0;
    while (got < n) {
        ssize_t k = pread(f->fd, (char *)p + got, n - got, (off_t)(at + got));
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return bad(f->name, at + got, k < 0 ? strerror(errno) : "file ends here");
        got += (size_t)k;
    }
    return true;
}

/* Offsets and size as the page derives them; sizes are bounded by the file's before anything is multiplied.
 */
static bool check_layout(const struct file *f, const unsigned char *h)
{
    if (f->documents == 0 || f->documents > f->tokens)
        return bad(f->name, 48, "n_documents is not within 1 and n_tokens");
    if (f->tokens > f->size / f->width || f->documents > f->size / 8)
        return bad(f->name, 40, "more tokens or documents than the file has room for (truncated?)");
    uint64_t index_at = (HEADER + f->tokens * f->width + 7) / 8 * 8;
    uint64_t blocks_at = index_at + 8 * (f->documents + 1);
    uint64_t n_blocks = (blocks_at - HEADER + BLOCK - 1) / BLOCK;
    if (f->index_at != index_at)
        return bad(f->name, 64, "index_offset does not follow from n_tokens");
    if (f->blocks_at != blocks_at)
        return bad(f->name, 72, "blocks_offset does not follow from n_documents");
    if (u64(h + 80) != blocks_at + 8 * n_blocks)
        return bad(f->name, 80, "file_bytes does not follow from the offsets");
    if (f->size != blocks_at + 8 * n_blocks)
        return bad(f->name, 80,
                   f->size < blocks_at + 8 * n_blocks ? "file is shorter than file_bytes (truncated)"
                                                      : "file is longer than file_bytes");
    return true;
}

static bool read_header(struct file *f)
{
    unsigned char h[HEADER];
    if (f->size < HEADER)
        return bad(f->name, f->size, "file ends within the header");
    if (!read_at(f, h, HEADER, 0))
        return false;
    if (memcmp(h, "TRTSHRD\n", 8) != 0)
        return bad(f->name, 0, "not a token shard (magic)");
    if (u32(h + 8) != 1)
        return bad(f->name, 8, "version is not 1");
    f->hash = u64(h + 4088);
    if (XXH3_64bits(h, 4088) != f->hash)
        return bad(f->name, 4088, "header_hash is wrong: the header is damaged");
    f->width = u32(h + 12);
    f->vocab = u32(h + 16);
    f->eos = u32(h + 20);
    f->bos = u32(h + 24);
    f->domain = u32(h + 28);
    f->tokenizer = u64(h + 32);
    f->tokens = u64(h + 40);
    f->documents = u64(h + 48);
    f->text_bytes = u64(h + 56);
    f->index_at = u64(h + 64);
    f->blocks_at = u64(h + 72);
    f->blocks_hash = u64(h + 96);
    if (f->vocab == 0 || f->width != (f->vocab <= 65536 ? 2u : 4u))
        return bad(f->name, 12, "token_width does not fit vocab_size");
    if (f->eos >= f->vocab)
        return bad(f->name, 20, "eos_id is outside the vocabulary");
    if (f->domain >= N_DOMAIN_NAMES)
        return bad(f->name, 28, "unknown domain");
    if (u32(h + 88) != BLOCK || u32(h + 92) != 0)
        return bad(f->name, 88, "block_bytes is not 1048576, or the zero after it is not zero");
    for (int i = 104; i < 4088; i++)
        if (h[i] != 0)
            return bad(f->name, (uint64_t)i, "reserved byte is not zero");
    return check_layout(f, h);
}

static void print_header(const struct file *f)
{
    static const char *const names[N_DOMAIN_NAMES] = {"other", "language", "code", "math", "ml", "logic"};
    printf("%s\n", f->name);
    printf("  tokens      %" PRIu64 ", %u bits each, below %u, eos %u", f->tokens, 8 * f->width, f->vocab,
           f->eos);
    if (f->bos != UINT32_MAX)
        printf(", bos %u", f->bos);
    printf("\n  documents   %" PRIu64 ", domain %s, text bytes %" PRIu64 "\n", f->documents, names[f->domain],
           f->text_bytes);
    printf("  tokenizer   %016" PRIx64 "\n", f->tokenizer);
    printf("  header hash %016" PRIx64 ", block table hash %016" PRIx64 "\n", f->hash, f->blocks_hash);
    printf("  bytes       %" PRIu64 ": tokens at %d, index at %" PRIu64 ", blocks at %" PRIu64 "\n", f->size,
           HEADER, f->index_at, f->blocks_at);
}

static uint32_t token_of(const struct file *f, const unsigned char *p)
{
    return f->width == 2 ? (uint32_t)(p[0] | p[1] << 8) : u32(p);
}

static bool check_tokens(const struct file *f, const unsigned char *p, uint64_t at, uint64_t n)
{
    uint64_t tokens_end = HEADER + f->tokens * f->width, i = 0;
    for (; i < n && at + i < tokens_end; i += f->width)
        if (token_of(f, p + i) >= f->vocab)
            return bad(f->name, at + i, "token is not below vocab_size");
    for (; i < n && at + i < f->index_at; i++)
        if (p[i] != 0)
            return bad(f->name, at + i, "padding after the tokens is not zero");
    return true;
}

static bool check_blocks(const struct file *f)
{
    uint64_t table_bytes = f->size - f->blocks_at;
    unsigned char *table = xmalloc(table_bytes), *block = xmalloc(BLOCK);
    bool ok = read_at(f, table, table_bytes, f->blocks_at);
    if (ok && XXH3_64bits(table, table_bytes) != f->blocks_hash)
        ok = bad(f->name, f->blocks_at, "blocks_hash is wrong: the block table is damaged");
    for (uint64_t i = 0; ok && i < table_bytes / 8; i++) {
        uint64_t at = HEADER + i * BLOCK, n = f->blocks_at - at < BLOCK ? f->blocks_at - at : BLOCK;
        ok = read_at(f, block, n, at);
        if (ok && XXH3_64bits(block, n) != u64(table + 8 * i))
            ok = bad(f->name, at, "block is damaged (checksum)");
        ok = ok && check_tokens(f, block, at, n);
    }
    free(table);
    free(block);
    return ok;
}

static bool check_index(const struct file *f)
{
    enum { N = 8192 };
    unsigned char part[8 * N], t[4];
    uint64_t before = 0;
    for (uint64_t i = 0; i <= f->documents; i++) {
        uint64_t at = f->index_at + 8 * i, left = f->documents + 1 - i;
        if (i % N == 0 && !read_at(f, part, 8 * (left < N ? left : N), at))
            return false;
        uint64_t end = u64(part + 8 * (i % N));
        if (i == 0 ? end != 0 : end <= before)
            return bad(f->name, at, i == 0 ? "index does not begin with 0" : "index does not grow");
        if (end > f->tokens || (i == f->documents && end != f->tokens))
            return bad(f->name, at, "index does not end at n_tokens");
        if (i > 0 && !read_at(f, t, f->width, HEADER + (end - 1) * f->width))
            return false;
        if (i > 0 && token_of(f, t) != f->eos)
            return bad(f->name, HEADER + (end - 1) * f->width, "document does not end with eos_id");
        before = end;
    }
    return true;
}

static bool open_file(struct file *f, const char *name)
{
    struct stat st;
    *f = (struct file){.name = name, .fd = open(name, O_RDONLY | O_CLOEXEC)};
    if (f->fd < 0 || fstat(f->fd, &st) != 0)
        return bad(name, 0, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return bad(name, 0, "not a regular file");
    f->size = (uint64_t)st.st_size;
    return true;
}

static bool dump_file(struct file *f, const char *name)
{
    bool ok = open_file(f, name) && read_header(f);
    if (ok) {
        print_header(f);
        ok = !check_all || (check_blocks(f) && check_index(f));
    }
    if (ok && check_all)
        printf("  verified    every block, token and index entry\n");
    if (f->fd >= 0)
        close(f->fd);
    return ok;
}

static uint64_t hex_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? strtoull(s, NULL, 16) : 0;
}

static uint64_t int_of(const json_t *o, const char *key)
{
    return (uint64_t)json_integer_value(json_object_get(o, key));
}

/* One shard that the manifest lists: the file must be what the entry says. */
static bool dump_listed(const char *dir, const json_t *m, const json_t *entry, size_t i)
{
    char want[32];
    const char *name = json_string_value(json_object_get(entry, "file"));
    snprintf(want, sizeof want, "%06zu.tok", i);
    if (!name || strcmp(name, want) != 0)
        return bad(dir, 0, "manifest.json: shards are not named 000000.tok, 000001.tok, ...");
    char *path = path_join(dir, name);
    struct file f;
    bool ok = dump_file(&f, path);
    if (ok && (f.hash != hex_of(entry, "hash") || f.size != int_of(entry, "bytes") ||
               f.tokens != int_of(entry, "tokens") || f.documents != int_of(entry, "documents") ||
               f.text_bytes != int_of(entry, "text_bytes")))
        ok = bad(path, 0, "not the shard that manifest.json lists");
    if (ok && (f.tokenizer != hex_of(m, "tokenizer_hash") || f.vocab != int_of(m, "vocab_size") ||
               f.eos != int_of(m, "eos_id") || f.width != int_of(m, "token_width")))
        ok = bad(path, 32, "tokenizer is not the one in manifest.json");
    free(path);
    return ok;
}

static bool check_totals(const char *path, const json_t *m, const json_t *shards)
{
    uint64_t tokens = 0, documents = 0, text_bytes = 0, *hashes = xcalloc(json_array_size(shards) + 1, 8);
    for (size_t i = 0; i < json_array_size(shards); i++) {
        const json_t *e = json_array_get(shards, i);
        tokens += int_of(e, "tokens");
        documents += int_of(e, "documents");
        text_bytes += int_of(e, "text_bytes");
        hashes[i] = hex_of(e, "hash");
    }
    uint64_t hash = XXH3_64bits(hashes, 8 * json_array_size(shards));
    free(hashes);
    if (tokens != int_of(m, "tokens") || documents != int_of(m, "documents") ||
        text_bytes != int_of(m, "text_bytes"))
        return bad(path, 0, "totals are not the sum of the shards");
    return hash == hex_of(m, "source_hash") ||
           bad(path, 0, "source_hash does not follow from the shards' hashes");
}

static void dump_manifest(const char *dir, const char *path, const json_t *m)
{
    const json_t *shards = json_object_get(m, "shards");
    const char *format = json_string_value(json_object_get(m, "format"));
    const char *archive = json_string_value(json_object_get(m, "archive"));
    if (!format || strcmp(format, "tritter-shards") != 0 || int_of(m, "version") != 1 ||
        !json_is_array(shards) || !archive) {
        bad(path, 0, "not a manifest of token shards, version 1");
        return;
    }
    printf("%s: shards %zu, documents %" PRIu64 ", tokens %" PRIu64 ", source hash %016" PRIx64 "\n", dir,
           json_array_size(shards), int_of(m, "documents"), int_of(m, "tokens"), hex_of(m, "source_hash"));
    if (!check_totals(path, m, shards))
        return;
    if (strcmp(archive, "none") != 0) {
        printf("  archived    %s\n", archive);
        if (check_all)
            bad(dir, 0, "archived: shard --unpack it to verify it");
        return;
    }
    for (size_t i = 0; i < json_array_size(shards); i++)
        dump_listed(dir, m, json_array_get(shards, i), i);
}

static void dump_dir(const char *dir)
{
    char *path = path_join(dir, "manifest.json"), *val = path_join(dir, "val");
    if (!path_exists(path)) {
        bad(path, 0, "missing: the directory is not a finished one");
    } else {
        size_t len;
        json_error_t e;
        char *text = read_file(path, &len, MANIFEST_LIMIT);
        json_t *m = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
        if (m)
            dump_manifest(dir, path, m);
        else
            bad(path, (uint64_t)e.position, e.text);
        json_decref(m);
        free(text);
    }
    if (is_dir(val))
        dump_dir(val);
    free(path);
    free(val);
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (n == 0)
        usage_error("a directory or a file is needed");
    for (int i = 0; i < n; i++) {
        struct file f;
        if (is_dir(argv[i]))
            dump_dir(argv[i]);
        else
            dump_file(&f, argv[i]);
    }
    close_stdout();
    return damaged ? 1 : 0;
}
