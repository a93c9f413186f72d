/*
 * shard_test - the shard format: golden file, damage of every kind, hostile headers, reading back
 */
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <xxhash.h>

#include "formats/manifest.h"
#include "formats/shard_write.h"
#include "formats/tokens.h"
#include "tests/program.h"

static char err[4096];
static const struct shard_header LIKE = {
    .vocab_size = 5000, .eos_id = 4999, .bos_id = UINT32_MAX, .tokenizer_hash = 0x0123456789abcdef};

static uint64_t rng = 1;
static uint32_t below(uint32_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint32_t)((rng >> 20) % n);
}

/* A directory with these shards of n_documents[i] documents; the tokens (EOS too) go to *all, document ends
 * to *ends.
 */
struct reference {
    uint32_t *all;
    uint64_t *ends;
    size_t n_tokens, n_documents;
};

static void add_document(struct reference *r, struct shard_writer *w, const struct shard_header *like,
                         uint32_t n)
{
    uint16_t *t16 = malloc(2 * (n + 1));
    uint32_t *t32 = malloc(4 * (n + 1));
    for (uint32_t i = 0; i < n; i++)
        t16[i] = (uint16_t)(t32[i] = below(like->vocab_size - 1));
    bool narrow = like->vocab_size <= 65536;
    uint32_t half = n / 2;
    CHECK(shard_writer_put(w, narrow ? (void *)t16 : t32, half, err, sizeof err) == 0, "%s", err);
    CHECK(shard_writer_put(w, narrow ? (void *)(t16 + half) : t32 + half, n - half, err, sizeof err) == 0,
          "%s", err);
    CHECK(shard_writer_end(w, DOMAIN_CODE, 3 * n, err, sizeof err) == 0, "%s", err);
    t32[n] = like->eos_id;
    r->all = realloc(r->all, 4 * (r->n_tokens + n + 1));
    memcpy(r->all + r->n_tokens, t32, 4 * (n + 1));
    r->n_tokens += n + 1;
    r->ends = realloc(r->ends, 8 * (r->n_documents + 1));
    r->ends[r->n_documents++] = r->n_tokens;
    free(t16);
    free(t32);
}

static struct reference make_dir(const char *dir, const struct shard_header *like, const uint32_t *documents,
                                 size_t n_shards, uint32_t max_tokens)
{
    struct reference r = {0};
    struct manifest m = {.vocab_size = like->vocab_size,
                         .eos_id = like->eos_id,
                         .bos_id = like->bos_id,
                         .token_width = like->vocab_size <= 65536 ? 2 : 4,
                         .tokenizer_hash = like->tokenizer_hash,
                         .domain = DOMAIN_CODE,
                         .split = "train",
                         .val = 0.005};
    CHECK(mkdir(dir, 0755) == 0, "%s", dir);
    for (size_t i = 0; i < n_shards; i++) {
        char path[256], name[32];
        struct shard_writer *w;
        struct shard_header h;
        manifest_shard_name(name, sizeof name, i, ARCHIVE_NONE);
        snprintf(path, sizeof path, "%s/%s", dir, name);
        CHECK(shard_writer_open(&w, path, like, err, sizeof err) == 0, "%s", err);
        for (uint32_t d = 0; d < documents[i]; d++)
            add_document(&r, w, like, below(max_tokens));
        CHECK(shard_writer_finish(w, &h, err, sizeof err) == 0, "%s", err);
        struct manifest_shard s = {h.file_bytes, h.header_hash, h.n_tokens, h.n_documents, h.text_bytes};
        manifest_add(&m, &s);
    }
    manifest_seal(&m);
    char path[256], *json = manifest_to_json(&m);
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    spill(path, json, strlen(json));
    free(json);
    manifest_free(&m);
    return r;
}

static void free_reference(struct reference *r)
{
    free(r->all);
    free(r->ends);
}

static bool opens(const char *dir)
{
    struct shard_set *s = shard_set_open(dir, true, err, sizeof err);
    shard_set_close(s);
    return s != NULL;
}

/* The writer makes, byte for byte, the file that the format page shows. */
static void golden(void)
{
    static const uint16_t one[] = {7, 0, 255}, two[] = {65};
    struct shard_header like = {.vocab_size = 257,
                                .eos_id = 256,
                                .bos_id = UINT32_MAX,
                                .tokenizer_hash = 0x0123456789abcdef},
                        h;
    struct shard_writer *w;
    char path[4096];
    snprintf(path, sizeof path, "%s/tests/golden/shard-v1.tok", getenv("ROOT") ? getenv("ROOT") : ".");
    CHECK(shard_writer_open(&w, "golden.tok", &like, err, sizeof err) == 0, "%s", err);
    CHECK(shard_writer_put(w, one, 3, err, sizeof err) == 0, "%s", err);
    CHECK(shard_writer_end(w, DOMAIN_LANGUAGE, 4, err, sizeof err) == 0, "%s", err);
    CHECK(shard_writer_put(w, two, 1, err, sizeof err) == 0, "%s", err);
    CHECK(shard_writer_end(w, DOMAIN_LANGUAGE, 1, err, sizeof err) == 0, "%s", err);
    CHECK(shard_writer_finish(w, &h, err, sizeof err) == 0, "%s", err);
    CHECK(!exists("golden.tok.tmp"), "temporary file left");
    CHECK(same_file("golden.tok", path), "written shard differs from %s", path);
    CHECK(DUMP("--verify", path) == 0, "%s", stderr_text());
}

/* Any read, across blocks and shards, gives the tokens that were written; so do the documents. */
static void reading(const char *dir, const struct shard_header *like, const uint32_t *documents, size_t n,
                    uint32_t max_tokens)
{
    struct reference r = make_dir(dir, like, documents, n, max_tokens);
    struct shard_set *s = shard_set_open(dir, false, err, sizeof err);
    CHECK(s != NULL, "%s", err);
    CHECK(shard_set_tokens(s) == r.n_tokens && shard_set_documents(s) == r.n_documents, "counts");
    CHECK(shard_set_text_bytes(s) == 3 * (r.n_tokens - r.n_documents), "text bytes");
    uint32_t w = shard_set_token_width(s), *out = malloc(4 * r.n_tokens);
    for (int k = 0; k < 300; k++) {
        size_t len = k == 0 ? r.n_tokens : below(3000),
               pos = k == 0 ? 0 : below((uint32_t)(r.n_tokens - len));
        CHECK(shard_set_read(s, pos, len, out, err, sizeof err) == 0, "%s", err);
        for (size_t i = 0; i < len; i++)
            CHECK((w == 2 ? ((uint16_t *)out)[i] : out[i]) == r.all[pos + i], "token %zu of %zu+%zu", i, pos,
                  len);
    }
    CHECK(shard_set_read(s, r.n_tokens - 1, 2, out, err, sizeof err) == -1, "read beyond the end");
    CHECK(shard_set_read(s, UINT64_MAX, 2, out, err, sizeof err) == -1, "read that overflows");
    uint32_t eos = like->eos_id;
    for (size_t i = 0; i < r.n_documents; i++)
        CHECK(r.all[r.ends[i] - 1] == eos, "document %zu", i);
    shard_set_close(s);
    CHECK(opens(dir), "%s", err);
    CHECK(DUMP("--verify", dir) == 0, "%s", stderr_text());
    free(out);
    free_reference(&r);
}

static void readings(void)
{
    static const uint32_t three[] = {50, 1, 400}, big[] = {900};
    struct shard_header wide = LIKE, full = LIKE;
    wide.vocab_size = 100000;
    wide.eos_id = 99999;
    full.vocab_size = 65536;
    full.eos_id = 65535;
    reading("narrow", &LIKE, three, 3, 300);
    reading("wide", &wide, three, 3, 300);
    reading("blocks", &full, big, 1, 4000); /* several blocks in a shard */
}

/* A read that crosses from one block into the next, or into the next shard, checks both: damage in either, a
 * hundred bytes from the read itself, is named by the offset of its block. */
static void straddling(void)
{
    static const uint32_t documents[] = {600, 100};
    struct reference r = make_dir("straddled", &LIKE, documents, 2, 4000);
    uint64_t first_shard = r.ends[documents[0] - 1];
    free_reference(&r);
    const struct {
        uint64_t at; /* token that the read begins 5 before */
        const char *file;
        off_t damaged;
        const char *word;
    } cases[] = {
        {SHARD_BLOCK_BYTES / 2, "straddled/000000.tok", 4096 + SHARD_BLOCK_BYTES - 100,
         "000000.tok: offset 4096:"},
        {SHARD_BLOCK_BYTES / 2, "straddled/000000.tok", 4096 + SHARD_BLOCK_BYTES + 100,
         "000000.tok: offset 1052672:"},
        {first_shard, "straddled/000001.tok", 4096 + 100, "000001.tok: offset 4096:"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint16_t out[10];
        unsigned char byte;
        int fd = open(cases[i].file, O_RDWR);
        CHECK(fd >= 0 && pread(fd, &byte, 1, cases[i].damaged) == 1, "%s", cases[i].file);
        for (int bad = 1; bad >= 0; bad--) { /* then as it was */
            byte ^= 4;
            CHECK(pwrite(fd, &byte, 1, cases[i].damaged) == 1, "%s", cases[i].file);
            struct shard_set *s = shard_set_open("straddled", false, err, sizeof err);
            CHECK(s != NULL, "%s", err);
            CHECK(shard_set_read(s, cases[i].at - 5, 10, out, err, sizeof err) == -bad, "case %zu: %s", i,
                  err);
            CHECK(!bad || strstr(err, cases[i].word), "case %zu: %s", i, err);
            shard_set_close(s);
        }
        close(fd);
    }
}

/* Each bit, one at a time: all of the header, every 13th of the rest; and cut at many lengths. */
static void damage(void)
{
    static const uint32_t documents[] = {100};
    struct reference r = make_dir("damaged", &LIKE, documents, 1, 600);
    free_reference(&r);
    const char *path = "damaged/000000.tok";
    int fd = open(path, O_RDWR);
    struct stat st;
    CHECK(fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 50000, "%s: %ld bytes", path, (long)st.st_size);
    size_t n = (size_t)st.st_size;
    unsigned char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED, "mmap");
    unsigned flips = 0;
    for (size_t bit = 0; bit < 8 * n; bit += bit < 8 * 4096 ? 1 : 13) {
        p[bit / 8] ^= (unsigned char)(1 << bit % 8);
        CHECK(!opens("damaged"), "bit %zu of byte %zu flipped, and not seen", bit % 8, bit / 8);
        CHECK(strstr(err, path) && strstr(err, "offset"), "message names no file or offset: %s", err);
        if (++flips % 2500 == 0)
            EXPECT(1, DUMP("--verify", "damaged"), path);
        p[bit / 8] ^= (unsigned char)(1 << bit % 8);
    }
    CHECK(opens("damaged"), "%s", err);
    char *whole = slurp(path, &n);
    for (size_t len = 0; len < n; len += len + 64 < n && len > 64 ? 61 : 1) {
        CHECK(ftruncate(fd, (off_t)len) == 0, "truncate");
        CHECK(!opens("damaged"), "cut at %zu, and not seen", len);
        if (len % 9973 == 0)
            EXPECT(1, DUMP("damaged"), path);
        spill(path, whole, n);
    }
    CHECK(ftruncate(fd, (off_t)n + 1) == 0 && !opens("damaged"), "a byte more, and not seen");
    spill(path, whole, n);
    CHECK(opens("damaged"), "%s", err);
    munmap(p, n);
    close(fd);
    free(whole);
}

/* Headers with right checksums and wrong numbers: refused, or, where the number is free, no longer the
 * manifest's shard. */
static void boundaries(void)
{
    static const struct {
        size_t at, size;
    } fields[] = {{8, 4},  {12, 4}, {16, 4}, {20, 4}, {24, 4}, {28, 4}, {32, 8}, {40, 8},
                  {48, 8}, {56, 8}, {64, 8}, {72, 8}, {80, 8}, {88, 4}, {92, 4}, {96, 8}};
    static const uint64_t values[] = {0,
                                      1,
                                      2,
                                      3,
                                      4,
                                      4095,
                                      4096,
                                      65535,
                                      65536,
                                      65537,
                                      0x7fffffff,
                                      0x80000000,
                                      0xffffffff,
                                      0x100000000,
                                      0x1fffffffffffffff,
                                      0x2000000000000000,
                                      0x7fffffffffffffff,
                                      0x8000000000000000,
                                      0xfffffffffffffff0,
                                      0xffffffffffffffff};
    static const uint32_t documents[] = {20};
    struct reference r = make_dir("bounds", &LIKE, documents, 1, 50);
    free_reference(&r);
    size_t n;
    char *was = slurp("bounds/000000.tok", &n);
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++) {
        for (size_t v = 0; v < sizeof values / sizeof *values; v++) {
            char *is = memcpy(malloc(n), was, n);
            memcpy(is + fields[f].at, &values[v], fields[f].size);
            bool same = memcmp(is, was, n) == 0;
            uint64_t hash = XXH3_64bits(is, 4088), offset = 0;
            memcpy(is + 4088, &hash, 8);
            spill("bounds/000000.tok", is, n);
            CHECK(opens("bounds") == same, "field at %zu, value %llx", fields[f].at,
                  (unsigned long long)values[v]);
            bool free_field = fields[f].at == 24 || fields[f].at == 28 || fields[f].at == 32 ||
                              fields[f].at == 56 || fields[f].at == 16 || fields[f].at == 20 ||
                              fields[f].at == 92 || fields[f].at == 96;
            CHECK(free_field || same || shard_header_problem((struct shard_header *)is, n, &offset),
                  "field at %zu, value %llx", fields[f].at, (unsigned long long)values[v]);
            free(is);
        }
    }
    free(was);
}

/* Checksums right throughout, and still wrong: tokens beyond the vocabulary, documents without EOS, a crooked
 * index. */
static void hostile_contents(void)
{
    static const struct {
        const char *what;
        size_t at;
        uint64_t value;
        size_t size;
    } cases[] = {{"outside the vocabulary", 4096 + 2, 5000, 2},
                 {"does not end with", 0, 1, 2},
                 {"does not grow", 8, 0, 8},
                 {"does not grow", 8, UINT64_MAX, 8},
                 {"does not begin", 0, 3, 8}};
    for (int c = 0; c < 5; c++) {
        static const uint32_t documents[] = {3};
        char dir[32], path[64], json[64];
        snprintf(dir, sizeof dir, "hostile%d", c);
        snprintf(path, sizeof path, "%s/000000.tok", dir);
        snprintf(json, sizeof json, "%s/manifest.json", dir);
        struct reference r = make_dir(dir, &LIKE, documents, 1, 100);
        size_t n, at;
        char *p = slurp(path, &n), name[64];
        struct shard_header *h = (struct shard_header *)p;
        at = c == 0 ? cases[c].at : c == 1 ? 4096 + 2 * (r.ends[0] - 1) : h->index_offset + cases[c].at;
        memcpy(p + at, &cases[c].value, cases[c].size);
        *(uint64_t *)(p + h->blocks_offset) = XXH3_64bits(p + 4096, h->blocks_offset - 4096);
        h->blocks_hash = XXH3_64bits(p + h->blocks_offset, 8);
        h->header_hash = XXH3_64bits(p, 4088);
        spill(path, p, n);
        struct manifest m;
        CHECK(manifest_read(&m, dir, err, sizeof err) == 0, "%s", err);
        m.shards[0].hash = h->header_hash;
        manifest_seal(&m);
        char *text = manifest_to_json(&m);
        spill(json, text, strlen(text));
        CHECK(!opens(dir) && strstr(err, cases[c].what), "%s: %s", cases[c].what, err);
        snprintf(name, sizeof name, "%s/000000.tok", dir);
        EXPECT(1, DUMP("--verify", dir), name);
        uint16_t out[10];
        struct shard_set *s = shard_set_open(dir, false, err, sizeof err);
        CHECK(s != NULL, "%s", err);
        CHECK(c != 0 || shard_set_read(s, 0, 10, out, err, sizeof err) == -1,
              "a token outside the vocabulary was read");
        shard_set_close(s);
        free(text);
        free(p);
        manifest_free(&m);
        free_reference(&r);
    }
}

static void manifests(void)
{
    static const uint32_t documents[] = {3, 3};
    struct reference r = make_dir("manifests", &LIKE, documents, 2, 100);
    free_reference(&r);
    size_t n;
    char *was = slurp("manifests/manifest.json", &n);
    static const struct {
        const char *from, *to, *word;
    } edits[] = {{"tritter-shards", "xritter-shards", "format"},
                 {"\"version\": 1", "\"version\": 2", "version"},
                 {"000001.tok", "../../.tok", "file"},
                 {"\"code\"", "\"cake\"", "domain"},
                 {"\"documents\": 6", "\"documents\": 7", ""},
                 {"\"archive\": \"none\"", "\"archive\": \"zstd\"", "file"},
                 {"\"tokens\": ", "\"tokens\":-", "tokens"},
                 {"\"shards\": [", "\"shards\": {", "offset"},
                 {"\"hash\": \"", "\"hash\": \"z", "hash"}};
    for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
        char text[8192], *at = strstr(was, edits[i].from);
        CHECK(at != NULL, "%s", edits[i].from);
        snprintf(text, sizeof text, "%.*s%s%s", (int)(at - was), was, edits[i].to,
                 at + strlen(edits[i].from));
        spill("manifests/manifest.json", text, strlen(text));
        CHECK(!opens("manifests") && strstr(err, "manifest.json") && strstr(err, edits[i].word), "%s: %s",
              edits[i].to, err);
    }
    for (size_t len = 0; len + 2 < n; len += 7) {
        spill("manifests/manifest.json", was, len);
        CHECK(!opens("manifests"), "manifest cut at %zu", len);
    }
    CHECK(unlink("manifests/manifest.json") == 0 && !opens("manifests") && strstr(err, "not a finished"),
          "%s", err);
    free(was);
}

enum { MARKED = 300, MARK_BLOCKS = 7 }; /* every 7th of the first blocks begins with its number */

/* sparse/: 5.4 GB, nearly all of it a hole, one document; the three tokens at `at` are 11, 22, 33. False: no
 * room. */
static bool make_sparse(struct shard_header *h, uint64_t at)
{
    *h = (struct shard_header){
        .vocab_size = 65536, .eos_id = 0, .bos_id = UINT32_MAX, .n_tokens = 2700000000, .n_documents = 1};
    CHECK(shard_header_seal(h), "seal");
    size_t n_blocks = shard_n_blocks(h);
    uint64_t *table = malloc(8 * n_blocks), zeros, index[2] = {0, h->n_tokens};
    unsigned char *block = calloc(1, SHARD_BLOCK_BYTES);
    uint16_t mark[3] = {11, 22, 33};
    zeros = XXH3_64bits(block, SHARD_BLOCK_BYTES);
    for (size_t i = 0; i < n_blocks; i++)
        table[i] = zeros;
    CHECK(mkdir("sparse", 0755) == 0, "mkdir");
    int fd = open("sparse/000000.tok", O_RDWR | O_CREAT, 0644);
    if (ftruncate(fd, (off_t)h->file_bytes) != 0) {
        printf("a sparse shard of 5.4 GB was not tried: %s\n", strerror(errno));
        return false;
    }
    for (size_t i = 0; i < MARKED * MARK_BLOCKS; i += MARK_BLOCKS) {
        uint16_t number = (uint16_t)i;
        memcpy(block, &number, 2);
        table[i] = XXH3_64bits(block, SHARD_BLOCK_BYTES);
        CHECK(pwrite(fd, &number, 2, (off_t)(4096 + i * SHARD_BLOCK_BYTES)) == 2, "number");
    }
    size_t last = (h->blocks_offset - 4096 - 1) / SHARD_BLOCK_BYTES, start = 4096 + last * SHARD_BLOCK_BYTES;
    CHECK(pwrite(fd, mark, 6, (off_t)(4096 + 2 * at)) == 6, "mark");
    CHECK(pwrite(fd, index, 16, (off_t)h->index_offset) == 16, "index");
    size_t left = h->blocks_offset - start;
    CHECK(pread(fd, block, left, (off_t)start) == (ssize_t)left, "last block");
    table[last] = XXH3_64bits(block, left);
    h->blocks_hash = XXH3_64bits(table, 8 * n_blocks);
    CHECK(shard_header_seal(h), "seal");
    CHECK(pwrite(fd, table, 8 * n_blocks, (off_t)h->blocks_offset) == (ssize_t)(8 * n_blocks), "table");
    CHECK(pwrite(fd, h, 4096, 0) == 4096 && close(fd) == 0, "header");
    struct manifest m = {.vocab_size = 65536, .token_width = 2, .bos_id = UINT32_MAX, .split = "train"};
    struct manifest_shard entry = {h->file_bytes, h->header_hash, h->n_tokens, 1, 0};
    manifest_add(&m, &entry);
    manifest_seal(&m);
    char *json = manifest_to_json(&m);
    spill("sparse/manifest.json", json, strlen(json));
    manifest_free(&m);
    free(json);
    free(table);
    free(block);
    return true;
}

static long peak_megabytes(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss >> 10;
}

/* More blocks than the cache holds, again and again, some rarely, some often: the right tokens, in bounded
 * memory. */
static void reads_all_over(struct shard_set *s)
{
    uint16_t got[3];
    long before = peak_megabytes();
    for (int i = 0; i < 12000; i++) {
        uint64_t block = below(i % 4 ? MARKED : 20) * MARK_BLOCKS, pos = block * (SHARD_BLOCK_BYTES / 2);
        shard_set_prefetch(s, pos, 300);
        CHECK(shard_set_read(s, block ? pos - 1 : 0, 3, got, err, sizeof err) == 0, "%s", err);
        CHECK(got[block ? 1 : 0] == block && got[2] == 0, "block %llu: %u", (unsigned long long)block,
              got[1]);
    }
    CHECK(peak_megabytes() - before < 300, "reading took %ld MB", peak_megabytes() - before);
    for (uint64_t pos = 0; pos < 3 * SHARD_BLOCK_BYTES; pos += 1000) { /* forwards: each block is read once */
        uint16_t all[1000];
        CHECK(shard_set_read(s, pos, 1000, all, err, sizeof err) == 0, "%s", err);
    }
}

/* Offsets beyond 32 bits, and the way sources take that are larger than memory should look. */
static void sparse(void)
{
    struct shard_header h;
    uint64_t at = 2700000000 - 100;
    uint16_t got[5];
    if (!make_sparse(&h, at))
        return;
    struct shard_set *s = shard_set_open("sparse", false, err, sizeof err);
    CHECK(s != NULL, "%s", err);
    CHECK(shard_set_read(s, at - 1, 5, got, err, sizeof err) == 0, "%s", err);
    CHECK(got[0] == 0 && got[1] == 11 && got[2] == 22 && got[3] == 33 && got[4] == 0, "tokens beyond 4 GiB");
    reads_all_over(s);
    shard_set_close(s);

    s = shard_set_open("sparse", false, err, sizeof err);
    CHECK(s != NULL && shard_set_read(s, 0, 5, got, err, sizeof err) == 0, "%s", err);
    CHECK(truncate("sparse/000000.tok", (off_t)(4096 + 2 * at)) == 0,
          "truncate"); /* under the reader's hands */
    CHECK(shard_set_read(s, at - 1, 5, got, err, sizeof err) == -1 && strstr(err, "sparse/000000.tok"), "%s",
          err);
    CHECK(shard_set_read(s, at - 1, 5, got, err, sizeof err) == -1, "read the second time");
    int fd = open("sparse/000000.tok", O_RDWR);
    CHECK(fd >= 0 && pwrite(fd, "x", 1, 4096 + (5 << 20)) == 1 && close(fd) == 0, "damage");
    CHECK(shard_set_read(s, 5 << 19, 5, got, err, sizeof err) == -1 && strstr(err, "block is damaged"), "%s",
          err);
    CHECK(shard_set_read(s, 0, 5, got, err, sizeof err) == 0 && got[0] == 0, "%s", err);
    shard_set_close(s);
    unlink("sparse/000000.tok");
}

static void writer_refuses(void)
{
    struct shard_writer *w;
    uint16_t t[] = {1, 5000};
    CHECK(shard_writer_open(&w, "no/such/dir.tok", &LIKE, err, sizeof err) == -1 && strstr(err, "no/such"),
          "%s", err);
    CHECK(shard_writer_open(&w, "refused.tok", &LIKE, err, sizeof err) == 0, "%s", err);
    CHECK(shard_writer_put(w, t, 2, err, sizeof err) == -1 && strstr(err, "vocabulary"), "%s", err);
    shard_writer_abort(w);
    CHECK(!exists("refused.tok") && !exists("refused.tok.tmp"), "an aborted shard was left");
}

int main(void)
{
    test_begin(240);
    golden();
    readings();
    straddling();
    damage();
    boundaries();
    hostile_contents();
    manifests();
    writer_refuses();
    sparse();
    return 0;
}
