#include "formats/wordcounts.h"

#include "formats/little.h"
#include "formats/reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { VERSION = 1, HEAD = 48, RECORD = 12 };
static const char magic[8] = "TRTCNTS\n";

/* --- writing --------------------------------------------------------------------- */

struct wordcounts_writer {
    FILE *f;
    XXH3_state_t *hash;
};

static void write_hashed(struct wordcounts_writer *w, const void *p, size_t n)
{
    XXH3_64bits_update(w->hash, p, n);
    fwrite(p, 1, n, w->f);
}

struct wordcounts_writer *wordcounts_write_head(FILE *f, const struct wordcounts_head *h)
{
    unsigned char head[HEAD] = {0};
    struct wordcounts_writer *w = malloc(sizeof *w);
    if (!w || !(w->hash = XXH3_createState())) {
        free(w);
        return NULL;
    }
    w->f = f;
    XXH3_64bits_reset(w->hash);
    memcpy(head, magic, sizeof magic);
    little_put(head + 8, VERSION, 4);
    little_put(head + 12, h->part, 4);
    little_put(head + 16, h->of, 4);
    little_put(head + 24, h->documents, 8);
    little_put(head + 32, h->bytes, 8);
    little_put(head + 40, h->words, 8);
    write_hashed(w, head, sizeof head);
    return w;
}

void wordcounts_write(struct wordcounts_writer *w, const char *bytes, size_t len, uint64_t count)
{
    unsigned char record[RECORD];
    little_put(record, count, 8);
    little_put(record + 8, len, 4);
    write_hashed(w, record, sizeof record);
    write_hashed(w, bytes, len);
}

void wordcounts_write_end(struct wordcounts_writer *w)
{
    unsigned char hash[8];
    little_put(hash, XXH3_64bits_digest(w->hash), 8);
    fwrite(hash, 1, sizeof hash, w->f);
    XXH3_freeState(w->hash);
    free(w);
}

/* --- reading --------------------------------------------------------------------- */

struct reader {
    FILE *f;
    const char *path;
    XXH3_state_t *hash;
    uint64_t at, left; /* left: bytes of the text that no word so far is from */
    char *err;
    size_t cap;
};

static int wrong(const struct reader *r, uint64_t at, const char *why)
{
    return reason(r->err, r->cap, "%s: offset %llu: %s", r->path, (unsigned long long)at, why);
}

static int read_bytes(struct reader *r, void *p, size_t n)
{
    size_t got = fread(p, 1, n, r->f);
    if (got != n && ferror(r->f))
        return reason(r->err, r->cap, "%s: %s", r->path, strerror(errno));
    if (got != n)
        return wrong(r, r->at + got, "the file ends too early");
    r->at += n;
    return 0;
}

static int read_hashed(struct reader *r, void *p, size_t n)
{
    int rc = read_bytes(r, p, n);
    if (rc == 0)
        XXH3_64bits_update(r->hash, p, n);
    return rc;
}

static int read_head(struct reader *r, struct wordcounts_head *h)
{
    unsigned char head[HEAD];
    if (read_hashed(r, head, sizeof head) != 0)
        return -1;
    *h = (struct wordcounts_head){.part = (uint32_t)little_get(head + 12, 4),
                                  .of = (uint32_t)little_get(head + 16, 4),
                                  .documents = little_get(head + 24, 8),
                                  .bytes = little_get(head + 32, 8),
                                  .words = little_get(head + 40, 8)};
    r->left = h->bytes;
    if (memcmp(head, magic, sizeof magic) != 0)
        return wrong(r, 0, "is no file of counts (tokenize train --counts)");
    if (little_get(head + 8, 4) != VERSION)
        return wrong(r, 8, "is of another version than 1");
    if (h->part < 1 || h->part > h->of)
        return wrong(r, 12, "is part K of N with K above N, or 0");
    return little_get(head + 20, 4) == 0 ? 0 : wrong(r, 20, "a reserved field is not 0");
}

static int read_word(struct reader *r, char *bytes, size_t *len, uint64_t *count)
{
    unsigned char record[RECORD];
    uint64_t at = r->at;
    if (read_hashed(r, record, sizeof record) != 0)
        return -1;
    *count = little_get(record, 8);
    *len = (size_t)little_get(record + 8, 4);
    if (*len < WORDCOUNTS_SHORTEST || *len > WORDCOUNTS_LONGEST)
        return wrong(r, at + 8, "a word of fewer than 2 or more than 4096 bytes");
    if (*count == 0 || *count > r->left / *len)
        return wrong(r, at, "a count of 0, or words that are longer together than the text");
    r->left -= *count * *len;
    return read_hashed(r, bytes, *len);
}

static int read_end(struct reader *r)
{
    unsigned char hash[8];
    uint64_t at = r->at;
    if (read_bytes(r, hash, sizeof hash) != 0)
        return -1;
    if (little_get(hash, 8) != XXH3_64bits_digest(r->hash))
        return wrong(r, at, "the checksum is another one: damaged");
    return getc(r->f) == EOF ? 0 : wrong(r, r->at, "bytes follow the end");
}

int wordcounts_read(FILE *f, const char *path, struct wordcounts_head *h,
                    void (*use)(void *arg, const char *bytes, size_t len, uint64_t count), void *arg,
                    char *err, size_t cap)
{
    struct reader r = {.f = f, .path = path, .hash = XXH3_createState(), .err = err, .cap = cap};
    char bytes[WORDCOUNTS_LONGEST];
    size_t len;
    uint64_t count;
    if (!r.hash)
        return reason(err, cap, "%s: out of memory", path);
    XXH3_64bits_reset(r.hash);
    int rc = read_head(&r, h);
    for (uint64_t i = 0; rc == 0 && i < h->words; i++)
        if ((rc = read_word(&r, bytes, &len, &count)) == 0)
            use(arg, bytes, len, count);
    if (rc == 0)
        rc = read_end(&r);
    XXH3_freeState(r.hash);
    return rc;
}
