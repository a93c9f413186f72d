#include "formats/signatures.h"

#include "formats/little.h"
#include "formats/reason.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    VERSION = 1,
    HEAD = 24,
    EXACT = 1,
    NEAR = 2,
    MAX_WORDS = 1 + 2 + SIGNATURES_BANDS,
    LAST_VERDICT = 255
};
static const char magics[][9] = {[SIGNATURES_KEYS] = "TRTSIGN\n", [SIGNATURES_VERDICTS] = "TRTDUPL\n"};
static const char *const makers[] = {[SIGNATURES_KEYS] = "is no file of signatures (filter --signatures)",
                                     [SIGNATURES_VERDICTS] = "is no list of duplicates (filter --merge)"};

/* The 64-bit words of a record. */
static size_t record_words(const struct signatures_head *h)
{
    return 1u + (h->exact ? 2 : 0) + (h->near ? SIGNATURES_BANDS : 0);
}

/* --- writing --------------------------------------------------------------------- */

struct signatures_writer {
    FILE *f;
    enum signatures_content content;
    struct signatures_head head;
    XXH3_state_t *hash;
};

static void write_hashed(struct signatures_writer *w, const void *p, size_t n)
{
    XXH3_64bits_update(w->hash, p, n);
    fwrite(p, 1, n, w->f);
}

struct signatures_writer *signatures_create(FILE *f, enum signatures_content content,
                                            const struct signatures_head *h)
{
    unsigned char head[HEAD];
    struct signatures_writer *w = malloc(sizeof *w);
    if (!w || !(w->hash = XXH3_createState())) {
        free(w);
        return NULL;
    }
    w->f = f;
    w->content = content;
    w->head = *h;
    XXH3_64bits_reset(w->hash);
    memcpy(head, magics[content], 8);
    little_put(head + 8, VERSION, 4);
    little_put(head + 12, h->part, 4);
    little_put(head + 16, h->of, 4);
    little_put(head + 20, (h->exact ? EXACT : 0) | (h->near ? NEAR : 0), 4);
    write_hashed(w, head, sizeof head);
    return w;
}

void signatures_put_keys(struct signatures_writer *w, const struct signatures_keys *k)
{
    unsigned char record[8 * MAX_WORDS];
    size_t n = 0;
    little_put(record + 8 * n++, k->number, 8);
    for (size_t i = 0; w->head.exact && i < 2; i++)
        little_put(record + 8 * n++, k->exact[i], 8);
    for (size_t i = 0; w->head.near && i < SIGNATURES_BANDS; i++)
        little_put(record + 8 * n++, k->near[i], 8);
    write_hashed(w, record, 8 * n);
}

void signatures_put_verdict(struct signatures_writer *w, enum signatures_verdict v)
{
    unsigned char record = (unsigned char)v;
    write_hashed(w, &record, 1);
}

/* The record that ends the others is one byte, or one word, of ones. */
void signatures_finish(struct signatures_writer *w, uint64_t texts)
{
    unsigned char end[24];
    size_t n = w->content == SIGNATURES_KEYS ? 8 : 1;
    memset(end, 0xff, n);
    little_put(end + n, texts, 8);
    write_hashed(w, end, n + 8);
    little_put(end, XXH3_64bits_digest(w->hash), 8);
    fwrite(end, 1, 8, w->f);
    XXH3_freeState(w->hash);
    free(w);
}

/* --- reading --------------------------------------------------------------------- */

struct signatures_reader {
    FILE *f;
    const char *path;
    struct signatures_head head;
    XXH3_state_t *hash;
    uint64_t at, texts;
    bool began;
    uint64_t number; /* of the record before, when there was one */
};

static int wrong(const struct signatures_reader *r, uint64_t at, const char *why, char *err, size_t cap)
{
    return reason(err, cap, "%s: offset %llu: %s", r->path, (unsigned long long)at, why);
}

static int read_bytes(struct signatures_reader *r, void *p, size_t n, char *err, size_t cap)
{
    size_t got = fread(p, 1, n, r->f);
    if (got != n && ferror(r->f))
        return reason(err, cap, "%s: %s", r->path, strerror(errno));
    if (got != n)
        return wrong(r, r->at + got, "the file ends too early", err, cap);
    r->at += n;
    return 0;
}

static int read_hashed(struct signatures_reader *r, void *p, size_t n, char *err, size_t cap)
{
    int rc = read_bytes(r, p, n, err, cap);
    if (rc == 0)
        XXH3_64bits_update(r->hash, p, n);
    return rc;
}

static int read_head(struct signatures_reader *r, enum signatures_content content, char *err, size_t cap)
{
    unsigned char head[HEAD];
    if (read_hashed(r, head, sizeof head, err, cap) != 0)
        return -1;
    uint64_t kinds = little_get(head + 20, 4);
    r->head = (struct signatures_head){.part = (uint32_t)little_get(head + 12, 4),
                                       .of = (uint32_t)little_get(head + 16, 4),
                                       .exact = kinds & EXACT,
                                       .near = kinds & NEAR};
    if (memcmp(head, magics[content], 8) != 0)
        return wrong(r, 0, makers[content], err, cap);
    if (little_get(head + 8, 4) != VERSION)
        return wrong(r, 8, "is of another version than 1", err, cap);
    if (r->head.part < 1 || r->head.part > r->head.of)
        return wrong(r, 12, "is part K of N with K above N, or 0", err, cap);
    if (kinds < EXACT || kinds > (EXACT | NEAR))
        return wrong(r, 20, "neither exact nor near duplicates, or others", err, cap);
    return 0;
}

struct signatures_reader *signatures_open(FILE *f, const char *path, enum signatures_content content,
                                          struct signatures_head *h, char *err, size_t cap)
{
    struct signatures_reader *r = calloc(1, sizeof *r);
    if (!r || !(r->hash = XXH3_createState())) {
        free(r);
        reason(err, cap, "%s: out of memory", path);
        return NULL;
    }
    r->f = f;
    r->path = path;
    XXH3_64bits_reset(r->hash);
    if (read_head(r, content, err, cap) != 0) {
        signatures_close(r);
        return NULL;
    }
    *h = r->head;
    return r;
}

/* Returns 0 when the file ends here, and is as it was written. */
static int read_end(struct signatures_reader *r, char *err, size_t cap)
{
    unsigned char texts[8], hash[8];
    if (read_hashed(r, texts, sizeof texts, err, cap) != 0)
        return -1;
    uint64_t at = r->at;
    if (read_bytes(r, hash, sizeof hash, err, cap) != 0)
        return -1;
    if (little_get(hash, 8) != XXH3_64bits_digest(r->hash))
        return wrong(r, at, "the checksum is another one: damaged", err, cap);
    r->texts = little_get(texts, 8);
    return getc(r->f) == EOF ? 0 : wrong(r, r->at, "bytes follow the end", err, cap);
}

int signatures_get_keys(struct signatures_reader *r, struct signatures_keys *k, char *err, size_t cap)
{
    unsigned char record[8 * MAX_WORDS];
    const unsigned char *at = record + 8;
    size_t n = 8 * record_words(&r->head);
    if (read_hashed(r, record, 8, err, cap) != 0)
        return -1;
    *k = (struct signatures_keys){.number = little_get(record, 8)};
    if (k->number == UINT64_MAX)
        return read_end(r, err, cap);
    if (k->number % r->head.of != r->head.part - 1 || (r->began && k->number <= r->number))
        return wrong(r, r->at - 8, "a document of another part, or not behind the one before", err, cap);
    r->began = true;
    r->number = k->number;
    if (read_hashed(r, record + 8, n - 8, err, cap) != 0)
        return -1;
    for (size_t i = 0; r->head.exact && i < 2; i++, at += 8)
        k->exact[i] = little_get(at, 8);
    for (size_t i = 0; r->head.near && i < SIGNATURES_BANDS; i++, at += 8)
        k->near[i] = little_get(at, 8);
    return 1;
}

int signatures_get_verdict(struct signatures_reader *r, enum signatures_verdict *v, char *err, size_t cap)
{
    unsigned char record;
    if (read_hashed(r, &record, 1, err, cap) != 0)
        return -1;
    if (record == LAST_VERDICT)
        return read_end(r, err, cap);
    if (record > SIGNATURES_NEAR)
        return wrong(r, r->at - 1, "no verdict has this number", err, cap);
    *v = record;
    return 1;
}

uint64_t signatures_texts(const struct signatures_reader *r)
{
    return r->texts;
}

void signatures_close(struct signatures_reader *r)
{
    if (!r)
        return;
    XXH3_freeState(r->hash);
    free(r);
}
