#include "pipeline/text/pretokenize/splitter.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenize/bytelevel.h"
#include "pipeline/text/pretokenize/pretokenizer_impl.h"
#include "pipeline/text/pretokenize/unicode.h"

struct match {
    size_t from, end;
    bool is_match;
};

struct slices {
    struct slice *v;
    size_t n, cap;
};

struct splitter {
    const struct step *steps;
    size_t n;
    struct matcher { /* the compiled pattern of a step; both NULL: it has none */
        struct pretokenizer *by_hand;
        struct regex_pieces *regex;
    } * matchers;
    struct slices pieces, next; /* pieces before a step and after it */
    struct match *matches;      /* matches in the current piece */
    size_t n_matches, matches_cap;
    struct strbuf buf[2]; /* texts that steps produce */
    int at;               /* index of the buffer to write into next */
};

static bool open_matcher(struct matcher *m, const struct step *s, char *why, size_t cap)
{
    if (s->kind != STEP_SPLIT || s->match != MATCH_PATTERN)
        return true;
    if (s->pattern == PATTERN_REGEX)
        return (m->regex = regex_pieces_new(s->text, why, cap));
    return (m->by_hand = pretokenizer_open(s->pattern, NULL, why, cap));
}

struct splitter *splitter_new(const struct step *steps, size_t n, char *why, size_t cap)
{
    struct splitter *s = xcalloc(1, sizeof *s);
    s->steps = steps;
    s->n = n;
    s->matchers = xcalloc(n + 1, sizeof *s->matchers);
    for (size_t i = 0; i < n; i++)
        if (!open_matcher(&s->matchers[i], &steps[i], why, cap)) {
            splitter_free(s);
            return NULL;
        }
    return s;
}

void splitter_free(struct splitter *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        pretokenizer_free(s->matchers[i].by_hand);
        regex_pieces_free(s->matchers[i].regex);
    }
    free(s->matchers);
    free(s->pieces.v);
    free(s->next.v);
    free(s->matches);
    strbuf_free(&s->buf[0]);
    strbuf_free(&s->buf[1]);
    free(s);
}

static void add_slice(struct slices *s, size_t at, size_t len, bool first)
{
    if (len == 0)
        return;
    if (s->n == s->cap) {
        s->cap = 2 * s->cap + 64;
        s->v = xrealloc(s->v, s->cap * sizeof *s->v);
    }
    s->v[s->n++] = (struct slice){at, len, first};
}

/* ---- the matches in one piece, and the text between them ---- */

static void put_match(struct splitter *s, size_t from, size_t end, bool is_match)
{
    if (s->n_matches == s->matches_cap) {
        s->matches_cap = 2 * s->matches_cap + 64;
        s->matches = xrealloc(s->matches, s->matches_cap * sizeof *s->matches);
    }
    s->matches[s->n_matches++] = (struct match){from, end, is_match};
}

/* Adds a match, after the text between the last match and it. */
static void add_match(struct splitter *s, size_t from, size_t end)
{
    size_t before = s->n_matches ? s->matches[s->n_matches - 1].end : 0;
    if (from > before)
        put_match(s, before, from, false);
    put_match(s, from, end, true);
}

static void match_by_hand(struct splitter *s, struct pretokenizer *p, const char *text, size_t len)
{
    const size_t *ends;
    size_t n, from = 0;
    pretokenizer_begin(p, text, len);
    while ((n = pretokenizer_ends(p, &ends)) > 0)
        for (size_t i = 0; i < n; from = ends[i++])
            put_match(s, from, ends[i], true);
}

static void match_regex(struct splitter *s, struct regex_pieces *regex, const char *text, size_t len)
{
    struct regex_walk w = {.regex = regex, .text = text, .len = len};
    size_t start, end;
    while (regex_walk_next(&w, &start, &end))
        add_match(s, start, end);
}

static void match_string(struct splitter *s, const char *what, const char *text, size_t len)
{
    size_t n = strlen(what), at = 0;
    const char *hit;
    while ((hit = memmem(text + at, len - at, what, n))) {
        at = (size_t)(hit - text);
        add_match(s, at, at + n);
        at += n;
    }
}

/* Whether a character belongs to matches of this kind. Words are runs of one kind; all others are single
 * characters. */
static bool is_of(enum split_match match, enum unicode_class class, uint32_t c)
{
    switch (match) {
    case MATCH_NUMBER:
        return class == CLASS_NUMBER;
    case MATCH_PUNCTUATION:
        return unicode_in(unicode_punctuation, n_unicode_punctuation, c);
    case MATCH_WHITE:
        return class >= CLASS_SPACE && class <= CLASS_BLANK;
    default:
        return unicode_in(unicode_words, n_unicode_words, c);
    }
}

/* Classes of \w+|[^\w\s]+: 0 white space, 1 word characters, 2 all others. */
static int word_kind(enum unicode_class class, uint32_t c)
{
    if (is_of(MATCH_WORD, class, c))
        return 1;
    return is_of(MATCH_WHITE, class, c) ? 0 : 2;
}

static void match_class(struct splitter *s, enum split_match match, const char *text, size_t len)
{
    const uint8_t *classes = unicode_classes();
    const unsigned char *u = (const unsigned char *)text;
    int last = 0;
    for (size_t at = 0, n; at < len; at += n) {
        enum unicode_class class = unicode_at(classes, u + at, len - at, &n);
        uint32_t c = unicode_point(u + at, n);
        if (match != MATCH_WORD) {
            if (is_of(match, class, c))
                add_match(s, at, at + n);
            continue;
        }
        int kind = word_kind(class, c);
        if (kind > 0 && kind == last)
            s->matches[s->n_matches - 1].end = at + n;
        else if (kind > 0)
            add_match(s, at, at + n);
        last = kind;
    }
}

static void find_matches(struct splitter *s, size_t step, const char *text, size_t len)
{
    const struct step *st = &s->steps[step];
    s->n_matches = 0;
    if (s->matchers[step].by_hand)
        match_by_hand(s, s->matchers[step].by_hand, text, len);
    else if (s->matchers[step].regex)
        match_regex(s, s->matchers[step].regex, text, len);
    else if (st->match == MATCH_STRING)
        match_string(s, st->text, text, len);
    else
        match_class(s, st->match, text, len);
    size_t end = s->n_matches ? s->matches[s->n_matches - 1].end : 0;
    if (end < len)
        put_match(s, end, len, false);
    for (size_t i = 0; st->invert && i < s->n_matches; i++)
        s->matches[i].is_match = !s->matches[i].is_match;
}

/* ---- the behaviours: how matches become pieces ---- */

/* Goes from the last piece to the first: a match is joined to the piece after it, unless that is a match,
 * too. */
static void merge_with_next(struct splitter *s)
{
    bool previous = false;
    for (size_t i = s->n_matches; i-- > 0;) {
        struct match *m = &s->matches[i];
        if (m->is_match && !previous && i + 1 < s->n_matches) {
            m[1].from = m->from;
            m->end = m->from;
        }
        previous = m->is_match;
    }
}

static void merge_with_previous(struct splitter *s)
{
    bool previous = false;
    for (size_t i = 0, last = 0; i < s->n_matches; i++) {
        struct match *m = &s->matches[i];
        if (m->is_match && !previous && i > 0) {
            s->matches[last].end = m->end;
            m->from = m->end;
        } else {
            last = i;
        }
        previous = m->is_match;
    }
}

static void merge_alike(struct splitter *s)
{
    for (size_t i = 1, last = 0; i < s->n_matches; i++) {
        struct match *m = &s->matches[i];
        if (m->is_match == s->matches[i - 1].is_match) {
            s->matches[last].end = m->end;
            m->from = m->end;
        } else {
            last = i;
        }
    }
}

static void split(struct splitter *s, size_t step, const char *text)
{
    enum split_behaviour behaviour = s->steps[step].behaviour;
    for (size_t i = 0; i < s->pieces.n; i++) {
        struct slice piece = s->pieces.v[i];
        find_matches(s, step, text + piece.at, piece.len);
        if (behaviour == BEHAVIOUR_MERGED_WITH_NEXT)
            merge_with_next(s);
        else if (behaviour == BEHAVIOUR_MERGED_WITH_PREVIOUS)
            merge_with_previous(s);
        else if (behaviour == BEHAVIOUR_CONTIGUOUS)
            merge_alike(s);
        for (size_t k = 0; k < s->n_matches; k++) {
            const struct match *m = &s->matches[k];
            if (behaviour != BEHAVIOUR_REMOVED || !m->is_match)
                add_slice(&s->next, piece.at + m->from, m->end - m->from, piece.first && m->from == 0);
        }
    }
}

/* ---- steps that change the text ---- */

static void add_piece(struct strbuf *out, const struct step *st, const char *s, size_t len, bool first)
{
    const char *space = st->kind == STEP_PREFIX ? " " : st->text;
    size_t n = strlen(space);
    bool there = (len >= n && memcmp(s, space, n) == 0) || (st->kind == STEP_REPLACE && s[0] == ' ');
    if (!there && (st->prepend == PREPEND_ALWAYS || (st->prepend == PREPEND_FIRST && first)))
        strbuf_add(out, space, n);
    if (st->kind == STEP_PREFIX) {
        strbuf_add(out, s, len);
        return;
    }
    for (const char *hit, *end = s + len; s < end; s = hit) {
        hit = memchr(s, ' ', (size_t)(end - s));
        strbuf_add(out, s, (size_t)((hit ? hit : end) - s));
        if (!hit)
            break;
        strbuf_add(out, space, n);
        hit++;
    }
}

static const char *rewrite(struct splitter *s, const struct step *st, const char *text)
{
    struct strbuf *out = &s->buf[s->at];
    s->at ^= 1;
    strbuf_reset(out);
    for (size_t i = 0; i < s->pieces.n; i++) {
        struct slice piece = s->pieces.v[i];
        size_t at = out->len;
        if (st->kind == STEP_SPELL)
            bytelevel_spell(out, text + piece.at, piece.len);
        else
            add_piece(out, st, text + piece.at, piece.len, piece.first);
        add_slice(&s->next, at, out->len - at, piece.first);
    }
    return out->s;
}

size_t splitter_run(struct splitter *s, const char **text, size_t len, bool first,
                    const struct slice **pieces)
{
    s->pieces.n = 0;
    add_slice(&s->pieces, 0, len, first);
    for (size_t i = 0; i < s->n; i++) {
        s->next.n = 0;
        if (s->steps[i].kind == STEP_SPLIT)
            split(s, i, *text);
        else
            *text = rewrite(s, &s->steps[i], *text);
        struct slices done = s->pieces;
        s->pieces = s->next;
        s->next = done;
    }
    *pieces = s->pieces.v;
    return s->pieces.n;
}
