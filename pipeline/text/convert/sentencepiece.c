/*
 * sentencepiece.c - reads the fields of a .model file: ModelProto of sentencepiece_model.proto
 */
#include "pipeline/text/convert/sentencepiece.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenize/pretokenizer.h"
#include "pipeline/text/convert/protobuf.h"
#include "pipeline/text/convert/splits.h"
#include "pipeline/text/vocabulary/vocabulary.h"

enum { /* field numbers */
       MODEL_PIECES = 1,
       MODEL_TRAINER = 2,
       MODEL_NORMALIZER = 3,
       PIECE_TEXT = 1,
       PIECE_SCORE = 2,
       PIECE_TYPE = 3,
       TRAINER_TYPE = 3,
       TRAINER_SUFFIX = 24,
       TRAINER_BYTES = 35,
       NORMALIZER_MAP = 2,
       NORMALIZER_PREFIX = 3,
       NORMALIZER_FEWER = 4,
       NORMALIZER_ESCAPE = 5,
       TYPE_BPE = 2,
};

struct reader {
    const char *name;
    char *err;
    size_t cap;
    struct sentencepiece *m;
    uint64_t type; /* model_type, as the trainer's settings number it */
    bool suffix, escape,
        map; /* treat_whitespace_as_suffix, escape_whitespaces, whether there is a charsmap */
};

__attribute__((format(printf, 3, 4))) static int bad(const struct reader *r, size_t at, const char *fmt, ...)
{
    char reason[400];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(reason, sizeof reason, fmt, ap);
    va_end(ap);
    snprintf(r->err, r->cap, "%s: offset %zu: %s", r->name, at, reason);
    return -1;
}

/* Calls use for each field of a message. */
static int each_field(struct reader *r, struct protobuf m,
                      int (*use)(struct reader *, struct protobuf *, struct protobuf_field *))
{
    struct protobuf_field f;
    int rc;
    while ((rc = protobuf_next(&m, &f)) > 0)
        if (use(r, &m, &f) < 0)
            return -1;
    return rc < 0 ? bad(r, m.at, "not a SentencePiece model: malformed protobuf") : 0;
}

static int wrong_type(const struct reader *r, const struct protobuf_field *f)
{
    return bad(r, f->at, "field %u is not of the type that it has in a SentencePiece model", f->number);
}

static int read_flag(const struct reader *r, const struct protobuf_field *f, bool *flag)
{
    *flag = f->value != 0;
    return f->type == PROTOBUF_VARINT ? 0 : wrong_type(r, f);
}

/* ---- pieces ---- */

static int use_piece_field(struct reader *r, struct protobuf *m, struct protobuf_field *f)
{
    struct piece *p = &r->m->pieces[r->m->n];
    enum protobuf_type want = f->number == PIECE_TEXT    ? PROTOBUF_BYTES
                              : f->number == PIECE_SCORE ? PROTOBUF_32
                                                         : PROTOBUF_VARINT;
    (void)m;
    if (f->number > PIECE_TYPE)
        return 0; /* a field of an extension is ignored */
    if (f->type != want)
        return wrong_type(r, f);
    if (f->number == PIECE_TEXT) {
        p->s = f->bytes;
        p->len = f->len;
    } else if (f->number == PIECE_SCORE) {
        uint32_t bits = (uint32_t)f->value;
        memcpy(&p->score, &bits, 4);
    } else if (f->value < PIECE_NORMAL || f->value > PIECE_BYTE) {
        return bad(r, f->at, "piece %zu: unknown type %llu", r->m->n, (unsigned long long)f->value);
    } else {
        p->type = (enum piece_type)f->value;
    }
    return 0;
}

/* Whether the piece is spelled "<0xNN>", which is the only way in which SentencePiece writes a byte. */
static bool is_byte_name(const struct piece *p)
{
    static const char digits[] = "0123456789ABCDEF";
    return p->len == 6 && memcmp(p->s, "<0x", 3) == 0 && strchr(digits, p->s[3]) && strchr(digits, p->s[4]) &&
           p->s[3] && p->s[4] && p->s[5] == '>';
}

static int check_piece(struct reader *r, size_t at)
{
    const struct piece *p = &r->m->pieces[r->m->n];
    size_t id = r->m->n;
    if (p->len == 0 || p->len > SPLIT_MAX_TOKEN)
        return bad(r, at, "piece %zu has %zu bytes", id, p->len);
    if (utf8_prefix(p->s, p->len) != p->len)
        return bad(r, at, "piece %zu is not UTF-8", id);
    if (!isfinite(p->score))
        return bad(r, at, "piece %zu: its score is not a number", id);
    if (p->type == PIECE_UNUSED)
        return bad(r, at, "piece %zu is of type UNUSED, which is not supported", id);
    if (p->type == PIECE_BYTE && !is_byte_name(p))
        return bad(r, at, "piece %zu is of type BYTE, but not named <0xNN>", id);
    return 0;
}

static int add_piece(struct reader *r, struct protobuf *model, struct protobuf_field *f)
{
    struct sentencepiece *m = r->m;
    if (f->type != PROTOBUF_BYTES)
        return wrong_type(r, f);
    if (m->n == VOCABULARY_MAX)
        return bad(r, f->at, "more than %d pieces", (int)VOCABULARY_MAX);
    if (m->n == m->cap) {
        m->cap = m->cap * 2 + 1024;
        m->pieces = xrealloc(m->pieces, m->cap * sizeof *m->pieces);
    }
    m->pieces[m->n] = (struct piece){.type = PIECE_NORMAL};
    if (each_field(r, protobuf_message(model, f), use_piece_field) < 0 || check_piece(r, f->at) < 0)
        return -1;
    m->n_of[m->pieces[m->n].type]++;
    if (m->pieces[m->n].type == PIECE_UNKNOWN)
        m->unknown = (uint32_t)m->n;
    m->n++;
    return 0;
}

/* ---- settings ---- */

static int use_trainer(struct reader *r, struct protobuf *m, struct protobuf_field *f)
{
    (void)m;
    if (f->number == TRAINER_SUFFIX)
        return read_flag(r, f, &r->suffix);
    if (f->number == TRAINER_BYTES)
        return read_flag(r, f, &r->m->byte_fallback);
    if (f->number != TRAINER_TYPE)
        return 0;
    r->type = f->value;
    return f->type == PROTOBUF_VARINT ? 0 : wrong_type(r, f);
}

static int use_normalizer(struct reader *r, struct protobuf *m, struct protobuf_field *f)
{
    (void)m;
    if (f->number == NORMALIZER_PREFIX)
        return read_flag(r, f, &r->m->dummy_prefix);
    if (f->number == NORMALIZER_FEWER)
        return read_flag(r, f, &r->m->fewer_spaces);
    if (f->number == NORMALIZER_ESCAPE)
        return read_flag(r, f, &r->escape);
    if (f->number != NORMALIZER_MAP)
        return 0;
    r->map = f->len > 0;
    return f->type == PROTOBUF_BYTES ? 0 : wrong_type(r, f);
}

static int use_model(struct reader *r, struct protobuf *m, struct protobuf_field *f)
{
    if (f->number == MODEL_PIECES)
        return add_piece(r, m, f);
    if (f->number != MODEL_TRAINER && f->number != MODEL_NORMALIZER)
        return 0;
    if (f->type != PROTOBUF_BYTES)
        return wrong_type(r, f);
    return each_field(r, protobuf_message(m, f), f->number == MODEL_TRAINER ? use_trainer : use_normalizer);
}

static int check_model(struct reader *r, size_t len)
{
    static const char *const types[] = {"none", "unigram", "BPE", "word", "char"};
    const struct sentencepiece *m = r->m;
    if (r->type != TYPE_BPE)
        return bad(r, 0, "model_type is %s: only BPE can be converted",
                   r->type < 5 ? types[r->type] : "unknown");
    if (r->map)
        return bad(
            r, 0,
            "it normalises by a table (precompiled_charsmap), which is not supported: only \"identity\"");
    if (r->suffix || !r->escape)
        return bad(r, 0, "%s is not supported",
                   r->suffix ? "treat_whitespace_as_suffix" : "escape_whitespaces false");
    if (m->n_of[PIECE_UNKNOWN] != 1)
        return bad(r, len, "%zu pieces of type UNKNOWN, not one", m->n_of[PIECE_UNKNOWN]);
    if (m->n_of[PIECE_BYTE] != (m->byte_fallback ? 256 : 0))
        return bad(r, len, "%zu pieces of type BYTE, with byte_fallback %s", m->n_of[PIECE_BYTE],
                   m->byte_fallback ? "true" : "false");
    return 0;
}

int sentencepiece_parse(struct sentencepiece *m, const char *bytes, size_t len, const char *name, char *err,
                        size_t cap)
{
    struct reader r = {.name = name,
                       .err = err,
                       .cap = cap,
                       .m = m,
                       .type = 1,
                       .escape = true}; /* the defaults of absent fields */
    *m = (struct sentencepiece){.dummy_prefix = true, .fewer_spaces = true};
    if (each_field(&r, (struct protobuf){.bytes = bytes, .end = len}, use_model) == 0 &&
        check_model(&r, len) == 0)
        return 0;
    sentencepiece_free(m);
    return -1;
}

void sentencepiece_free(struct sentencepiece *m)
{
    free(m->pieces);
    *m = (struct sentencepiece){0};
}
