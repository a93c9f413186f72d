/*
 * sentencepiece_json.c - writes a SentencePiece BPE as a tokenizer.json for the `tokenizers` library:
 * tokenizer.md, "Converting"
 */
#include "pipeline/text/convert/sentencepiece.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "formats/json_text.h"
#include "formats/reason.h"
#include "pipeline/lib/fs.h"
#include "pipeline/text/vocabulary/quote.h"
#include "pipeline/text/convert/splits.h"

enum { ALL_SPACES = 65535 }; /* the most spaces at the start of a text that one rule removes */

struct writer {
    const struct sentencepiece *m;
    const char *name;
    char *err;
    size_t cap;
    struct strbuf out;
    struct splits *splits;    /* the splits of all pieces that text can become by merging */
    uint32_t *order, n_ranks; /* the ids of these pieces by rank */
};

__attribute__((format(printf, 2, 3))) static int bad(const struct writer *w, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    reason_about(w->err, w->cap, w->name, fmt, ap);
    va_end(ap);
    return -1;
}

static void add(struct writer *w, const char *s)
{
    strbuf_add(&w->out, s, strlen(s));
}

static void quote_piece(struct writer *w, uint32_t id)
{
    quote(&w->out, w->m->pieces[id].s, w->m->pieces[id].len);
}

/* ---- ranks ---- */

static bool merges(const struct piece *p)
{
    return p->type == PIECE_NORMAL || p->type == PIECE_USER_DEFINED;
}

/* The longest comes first among equal scores: see can_be_equal. */
static int by_score(const void *a, const void *b, void *arg)
{
    const struct sentencepiece *m = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    float sx = m->pieces[x].score, sy = m->pieces[y].score;
    if (sx != sy)
        return sx > sy ? -1 : 1;
    if (m->pieces[x].len != m->pieces[y].len)
        return m->pieces[x].len > m->pieces[y].len ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int check_names(struct writer *w)
{
    const struct sentencepiece *m = w->m;
    struct splits *names = splits_new((uint32_t)m->n, SPLIT_CHARACTERS);
    int rc = 0;
    for (size_t id = 0; id < m->n && rc == 0; id++)
        if (!splits_add(names, m->pieces[id].s, m->pieces[id].len))
            rc = bad(w, "pieces %u and %zu are the same",
                     splits_find(names, m->pieces[id].s, m->pieces[id].len), id);
    splits_free(names);
    return rc;
}

static void rank_pieces(struct writer *w)
{
    const struct sentencepiece *m = w->m;
    w->order = xmalloc((m->n + 1) * sizeof *w->order);
    for (uint32_t id = 0; id < m->n; id++)
        if (merges(&m->pieces[id]))
            w->order[w->n_ranks++] = id;
    qsort_r(w->order, w->n_ranks, sizeof *w->order, by_score, (void *)m);
    w->splits = splits_new(w->n_ranks, SPLIT_CHARACTERS);
    for (uint32_t rank = 0; rank < w->n_ranks; rank++)
        splits_add(w->splits, m->pieces[w->order[rank]].s, m->pieces[w->order[rank]].len);
}

/* ---- parts of the file ---- */

static void write_added(struct writer *w)
{
    const char *comma = "";
    add(w, "  \"added_tokens\": [");
    for (uint32_t id = 0; id < w->m->n; id++) {
        enum piece_type type = w->m->pieces[id].type;
        if (type != PIECE_CONTROL && type != PIECE_UNKNOWN)
            continue;
        strbuf_addf(&w->out, "%s\n    {\"id\": %u, \"content\": ", comma, id);
        quote_piece(w, id);
        add(w, ", \"single_word\": false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
               "\"special\": true}");
        comma = ",";
    }
    add(w, "\n  ],\n");
}

#define SPACE "\xe2\x96\x81" /* U+2581, which stands for a space */
#define REPLACE(kind, pattern, content)                                                                      \
    "    {\"type\": \"Replace\", \"pattern\": {\"" kind "\": \"" pattern "\"}, \"content\": \"" content "\"" \
    "}"

/* SentencePiece removes trailing spaces after it has replaced them by U+2581, so it also removes such
 * characters that were in the text. */
static void write_normalizer(struct writer *w)
{
    bool fewer = w->m->fewer_spaces;
    add(w, "  \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [\n");
    if (fewer)
        add(w, REPLACE("Regex", "\\\\A +", "") ",\n" REPLACE("Regex", " +", " ") ",\n");
    if (w->m->dummy_prefix)
        add(w, "    {\"type\": \"Prepend\", \"prepend\": \"" SPACE "\"},\n");
    add(w, REPLACE("String", " ", SPACE));
    if (fewer)
        add(w, ",\n" REPLACE("Regex", SPACE "+\\\\z", ""));
    add(w, "\n  ]},\n");
}

static int longest_first(const void *a, const void *b, void *arg)
{
    const struct sentencepiece *m = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (m->pieces[x].len != m->pieces[y].len)
        return m->pieces[x].len > m->pieces[y].len ? -1 : 1;
    return x < y ? -1 : x > y;
}

static void add_escaped(struct strbuf *regex, const struct piece *p)
{
    for (size_t i = 0; i < p->len; i++) {
        if ((unsigned char)p->s[i] < 0x80 && strchr("\\^$.|?*+()[]{}-#&~", p->s[i]) && p->s[i])
            strbuf_add(regex, "\\", 1);
        strbuf_add(regex, p->s + i, 1);
    }
}

/* User-defined pieces are found before anything merges: the leftmost first, and the longest of those that
 * begin there. Each becomes a pre-token of its own, and with ignore_merges a pre-token that is in the
 * vocabulary becomes that token. */
static void write_pre_tokenizer(struct writer *w)
{
    const struct sentencepiece *m = w->m;
    uint32_t *ids = xmalloc((m->n + 1) * sizeof *ids), n = 0;
    struct strbuf regex = {0};
    for (uint32_t id = 0; id < m->n; id++)
        if (m->pieces[id].type == PIECE_USER_DEFINED)
            ids[n++] = id;
    qsort_r(ids, n, sizeof *ids, longest_first, (void *)m);
    for (uint32_t i = 0; i < n; i++) {
        strbuf_add(&regex, "|", i > 0);
        add_escaped(&regex, &m->pieces[ids[i]]);
    }
    if (n == 0) {
        add(w, "  \"pre_tokenizer\": null,\n");
    } else {
        add(w, "  \"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": ");
        quote(&w->out, regex.s, regex.len);
        add(w, "}, \"behavior\": \"Isolated\", \"invert\": false},\n");
    }
    strbuf_free(&regex);
    free(ids);
}

static void write_decoder(struct writer *w)
{
    add(w, "  \"post_processor\": null,\n  \"decoder\": {\"type\": \"Sequence\", \"decoders\": [\n");
    add(w, REPLACE("String", SPACE, " ") ",\n    {\"type\": \"ByteFallback\"},\n    {\"type\": \"Fuse\"}");
    if (w->m->dummy_prefix || w->m->fewer_spaces)
        strbuf_addf(&w->out, ",\n    {\"type\": \"Strip\", \"content\": \" \", \"start\": %d, \"stop\": 0}",
                    w->m->fewer_spaces ? ALL_SPACES : 1);
    add(w, "\n  ]},\n");
}

/* Whether the piece repeats the first character of another, and holds nothing else. */
static bool is_run_of(const struct piece *p, const struct piece *first)
{
    size_t unit = utf8_char(first->s, first->len);
    for (size_t at = 0; at < p->len; at += unit)
        if (p->len - at < unit || memcmp(p->s + at, first->s, unit) != 0)
            return false;
    return true;
}

/* Whether merges that come one after the other, the longer piece first, do what SentencePiece does with equal
 * scores: it merges the leftmost pair of a text, which no order of merges does in general. It does for runs
 * of one character, as are the spaces of Llama's and Mistral's models. While the leftmost of these grows, all
 * right of it are single characters, so the leftmost pair is also one that makes the longest piece. */
static bool can_be_equal(const struct piece *longer, const struct piece *shorter)
{
    return is_run_of(longer, longer) && is_run_of(shorter, longer);
}

static int write_merges(struct writer *w)
{
    const struct sentencepiece *m = w->m;
    const char *comma = "";
    uint32_t last = UINT32_MAX, left, right;
    add(w, "\n    },\n    \"merges\": [");
    for (uint32_t rank = 0; rank < w->n_ranks; rank++) {
        uint32_t id = w->order[rank];
        enum split split = splits_of(w->splits, rank, &left, &right);
        if (split == SPLIT_NEVER && m->pieces[id].type == PIECE_NORMAL && m->n_of[PIECE_USER_DEFINED])
            return bad(
                w,
                "piece %u is one that merging never makes, which is not supported beside user-defined pieces",
                id);
        if (split != SPLIT_PAIR || m->pieces[id].type != PIECE_NORMAL)
            continue;
        if (left == UINT32_MAX || right == UINT32_MAX)
            return bad(w, "piece %u is made of a character that is no piece, which is not supported", id);
        if (last != UINT32_MAX && m->pieces[last].score == m->pieces[id].score &&
            !can_be_equal(&m->pieces[last], &m->pieces[id]))
            return bad(w, "pieces %u and %u have the same score, which is not supported", last, id);
        strbuf_addf(&w->out, "%s\n      [", comma);
        quote_piece(w, w->order[left]);
        add(w, ", ");
        quote_piece(w, w->order[right]);
        add(w, "]");
        comma = ",";
        last = id;
    }
    add(w, "\n    ]\n  }\n}\n");
    return 0;
}

static int write_model(struct writer *w)
{
    const char *comma = "";
    add(w, "  \"model\": {\n    \"type\": \"BPE\", \"dropout\": null, \"unk_token\": ");
    quote_piece(w, w->m->unknown);
    strbuf_addf(
        &w->out,
        ", \"continuing_subword_prefix\": null,\n    \"end_of_word_suffix\": null, \"fuse_unk\": true, "
        "\"byte_fallback\": %s, \"ignore_merges\": %s,\n    \"vocab\": {",
        w->m->byte_fallback ? "true" : "false", w->m->n_of[PIECE_USER_DEFINED] ? "true" : "false");
    for (uint32_t id = 0; id < w->m->n; id++) {
        strbuf_addf(&w->out, "%s\n      ", comma);
        quote_piece(w, id);
        strbuf_addf(&w->out, ": %u", id);
        comma = ",";
    }
    return write_merges(w);
}

char *sentencepiece_to_json(const struct sentencepiece *m, const char *name, size_t *len, char *err,
                            size_t cap)
{
    struct writer w = {.m = m, .name = name, .err = err, .cap = cap};
    int rc = check_names(&w);
    if (rc == 0) {
        rank_pieces(&w);
        add(&w, "{\n  \"version\": \"1.0\",\n  \"truncation\": null,\n  \"padding\": null,\n");
        write_added(&w);
        write_normalizer(&w);
        write_pre_tokenizer(&w);
        write_decoder(&w);
        rc = write_model(&w);
    }
    splits_free(w.splits);
    free(w.order);
    *len = w.out.len;
    if (rc == 0)
        return w.out.s;
    strbuf_free(&w.out);
    return NULL;
}
