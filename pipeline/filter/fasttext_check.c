#include "pipeline/filter/fasttext_check.h"

#include <stdbool.h>
#include <string.h>

enum {
    MAGIC = 793712314,
    VERSION = 12,
    SUPERVISED = 3,
    LOSSES = 4,
    CENTROIDS = 256, /* of a product quantizer */
    MOST = 1 << 28,  /* rows, words: more than any model has */
};
#define MOST_COUNT 1000000000000000 /* the library takes counts of labels, summed, to be below this */

struct reader {
    const char *s;
    size_t n, at;
    const char *error;
};

static void read_bytes(struct reader *r, void *to, size_t n)
{
    memset(to, 0, n);
    if (r->n - r->at < n)
        r->error = r->error ? r->error : "ends too early";
    if (r->error)
        return;
    memcpy(to, r->s + r->at, n);
    r->at += n;
}

static int64_t read_32(struct reader *r)
{
    int32_t v;
    read_bytes(r, &v, sizeof v);
    return v;
}

static int64_t read_64(struct reader *r)
{
    int64_t v;
    read_bytes(r, &v, sizeof v);
    return v;
}

static bool read_bool(struct reader *r)
{
    uint8_t v;
    read_bytes(r, &v, sizeof v);
    if (v > 1 && !r->error)
        r->error = "a flag is neither 0 nor 1";
    return v;
}

static void skip(struct reader *r, int64_t count, size_t size)
{
    uint64_t n;
    if (r->error)
        return;
    if (count < 0 || __builtin_mul_overflow((uint64_t)count, size, &n) || n > r->n - r->at)
        r->error = "ends too early, or a size is wrong";
    else
        r->at += n;
}

static void want(struct reader *r, bool is, const char *error)
{
    if (!is && !r->error)
        r->error = error;
}

struct shape {
    int64_t dim, buckets, words, labels, pruned;
};

static void read_arguments(struct reader *r, struct shape *s)
{
    int64_t v[12];
    for (int i = 0; i < 12; i++)
        v[i] = read_32(r);
    skip(r, 1, sizeof(double));
    s->dim = v[0];
    s->buckets = v[8];
    want(r, s->dim > 0 && s->dim <= 1 << 16, "the dimension is wrong");
    want(r, v[7] == SUPERVISED, "not a classifier: it was not trained with `fasttext supervised`");
    want(r, v[6] >= 1 && v[6] <= LOSSES, "the loss is unknown");
    want(r, s->buckets >= 0 && s->buckets <= MOST, "the number of buckets is wrong");
    want(r, v[9] >= 0 && v[10] >= 0 && v[10] <= 64 && v[5] >= 0 && v[5] <= 64,
         "the lengths of n-grams are wrong");
    want(r, s->buckets > 0 || (v[10] == 0 && v[5] <= 1), "n-grams have no buckets");
}

static void read_dictionary(struct reader *r, struct shape *s)
{
    int64_t size = read_32(r);
    s->words = read_32(r);
    s->labels = read_32(r);
    skip(r, 1, sizeof(int64_t)); /* tokens */
    s->pruned = read_64(r);
    want(r, size >= 0 && size <= MOST && s->words >= 0 && s->labels > 0 && s->words + s->labels == size,
         "the numbers of words and labels are wrong");
    for (int64_t i = 0; i < size && !r->error; i++) {
        const char *end = memchr(r->s + r->at, '\0', r->n - r->at);
        want(r, end != NULL, "ends too early");
        if (!end)
            return;
        r->at = (size_t)(end - r->s) + 1;
        int64_t count = read_64(r);
        uint8_t kind;
        read_bytes(r, &kind, 1);
        want(r, count >= 0 && count <= MOST_COUNT / size, "a word's count is wrong");
        want(r, kind == (i >= s->words), "words and labels are out of order");
    }
    want(r, s->pruned >= -1 && s->pruned <= MOST, "the number of pruned n-grams is wrong");
    for (int64_t i = 0; i < s->pruned && !r->error; i++) {
        skip(r, 1, sizeof(int32_t));
        int64_t to = read_32(r);
        want(r, to >= 0 && to < s->pruned, "a pruned n-gram leads outside of the table");
    }
}

/* Reads a product quantizer for vectors of dim numbers; returns how many codes each has. */
static int64_t read_quantizer(struct reader *r, int64_t dim)
{
    int64_t own = read_32(r), parts = read_32(r), part = read_32(r), last = read_32(r);
    want(r,
         own == dim && part > 0 && last > 0 && last <= part && parts > 0 && (parts - 1) * part + last == dim,
         "the parts of the quantizer are wrong");
    skip(r, own * CENTROIDS, sizeof(float));
    return parts;
}

static void read_matrix(struct reader *r, bool quantized, int64_t rows, int64_t dim)
{
    bool norms = quantized && read_bool(r);
    int64_t m = read_64(r), n = read_64(r);
    want(r, m == rows && n == dim, "a matrix does not have the size that the model has");
    if (!quantized) {
        skip(r, r->error ? 0 : m * n, sizeof(float));
        return;
    }
    int64_t codes = read_32(r);
    skip(r, codes, 1);
    int64_t parts = read_quantizer(r, dim);
    want(r, codes == rows * parts, "the codes do not have the size that the model has");
    if (!norms)
        return;
    skip(r, m, 1);
    read_quantizer(r, 1);
}

const char *fasttext_check(const void *bytes, size_t n, uint64_t *offset)
{
    struct reader r = {.s = bytes, .n = n};
    struct shape s = {0};
    want(&r, read_32(&r) == MAGIC, "not a fastText model");
    int64_t version = read_32(&r);
    want(&r, version > 0 && version <= VERSION, "a version of fastText that is not known");
    read_arguments(&r, &s);
    read_dictionary(&r, &s);
    bool quantized = read_bool(&r);
    want(&r, quantized || s.pruned <= 0, "pruned n-grams, but nothing is quantized");
    read_matrix(&r, quantized, s.words + (s.pruned >= 0 ? s.pruned : s.buckets), s.dim);
    bool output = read_bool(&r);
    read_matrix(&r, quantized && output, s.labels, s.dim);
    *offset = r.at;
    return r.error;
}
