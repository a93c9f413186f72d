/*
 * encode.c - encodes text: cuts it into pieces, and finds the ids of each piece in caches or by merging
 *
 * Pieces of up to 15 bytes are looked up in a table that all encoders of a tokenizer share (pieces.h), which
 * has nearly all of them: a look-up compares two words twice and always copies four ids, even if fewer are
 * needed. AHEAD pieces are looked up together, so that their memory accesses overlap. Longer pieces are first
 * cut at their seams (seams.h). Parts that are still longer than 15 bytes, and pieces with more than four
 * ids, of which the table says no more than that, are looked up in the cache `warm`, which has longer keys
 * and more ids, a fixed size, and belongs to one thread. A piece is merged only if it is in neither.
 */
#include "pipeline/text/vocabulary/vocabulary.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/encode/added.h"
#include "pipeline/text/encode/characters.h"
#include "pipeline/text/encode/merge.h"
#include "pipeline/text/pretokenize/bytelevel.h"
#include "pipeline/text/pretokenize/normal_form.h"
#include "pipeline/text/encode/pieces.h"
#include "pipeline/text/pretokenize/normaliser.h"
#include "pipeline/text/pretokenize/pretokenizer.h"
#include "pipeline/text/pretokenize/splitter.h"

enum {
    AHEAD = 64,     /* pieces that are looked up together */
    WARM_BITS = 16, /* slots of 128 bytes: 8 MiB */
    WARM_KEY = 46,
    WARM_IDS = 20,
};
_Static_assert(VOCABULARY_MAX < 1 << PIECE_ID_BITS, "an id and a number of ids fit one word");

struct warm_slot {
    unsigned char len, n;
    char key[WARM_KEY];
    uint32_t ids[WARM_IDS];
};
_Static_assert(sizeof(struct warm_slot) == 128, "slots do not straddle cache lines");

struct encoder {
    const struct tokenizer *t;
    struct pretokenizer *pretokenizer;
    struct merger *merger;
    struct warm_slot *warm;
    struct pieces *pieces;     /* shared with other encoders, or else owned: */
    struct pieces *own;        /* NULL: shared */
    struct piece_table *table; /* of pieces, the newest when it was looked at last */
    uint32_t *ids;
    size_t n, cap;
    struct strbuf normalised;
    /* These two are used where the hand-written patterns do not suffice. */
    struct normaliser *normaliser;
    struct splitter *splitter;
    uint32_t *symbols; /* scratch for characters_encode */
    size_t symbols_cap;
};

void encoder_free(struct encoder *e)
{
    if (!e)
        return;
    pretokenizer_free(e->pretokenizer);
    merger_free(e->merger);
    strbuf_free(&e->normalised);
    normaliser_free(e->normaliser);
    splitter_free(e->splitter);
    free(e->symbols);
    pieces_leave(e->table);
    pieces_free(e->own);
    free_huge(e->warm, (size_t)1 << WARM_BITS, sizeof *e->warm);
    free(e->ids);
    free(e);
}

/* Encodes a piece that is in no cache. Returns the number of ids. */
static size_t encode_new(struct encoder *e, const char *piece, size_t len, uint32_t *ids)
{
    uint32_t whole;
    if (len == 1 && e->t->byte_id[(unsigned char)*piece] == UINT32_MAX)
        die("a text holds byte 0x%02x, which UTF-8 never does and this vocabulary has no token for",
            (unsigned char)*piece);
    if (e->t->ignore_merges && (whole = vocabulary_find(e->t, piece, len)) != UINT32_MAX) {
        ids[0] = whole;
        return 1;
    }
    size_t n = 0;
    for (; len > MERGE_MAX; len -= MERGE_MAX, piece += MERGE_MAX)
        n += merge_piece(e->merger, piece, MERGE_MAX, ids + n);
    return n + merge_piece(e->merger, piece, len, ids + n);
}

/* Encodes a piece that is not among the short ones. Returns the number of ids. */
static size_t encode_warm(struct encoder *e, const char *piece, size_t len, uint32_t *ids)
{
    if (len > WARM_KEY)
        return encode_new(e, piece, len, ids);
    struct warm_slot *slot = &e->warm[XXH3_64bits(piece, len) >> (64 - WARM_BITS)];
    if (slot->len == len && memcmp(slot->key, piece, len) == 0) {
        memcpy(ids, slot->ids, slot->n * sizeof *ids);
        return slot->n;
    }
    size_t n = encode_new(e, piece, len, ids);
    if (n <= WARM_IDS) {
        slot->len = (unsigned char)len;
        slot->n = (unsigned char)n;
        memcpy(slot->key, piece, len);
        memcpy(slot->ids, ids, n * sizeof *ids);
    }
    return n;
}

static void reserve(struct encoder *e, size_t more)
{
    if (e->cap - e->n >= more)
        return;
    e->cap = (e->n + more) + e->cap / 2;
    e->ids = xrealloc(e->ids, e->cap * sizeof *e->ids);
}

struct key { /* a piece, or part of one, that is being looked up */
    const char *piece;
    size_t len;
    struct piece_key key;
    const struct piece_slot *line; /* where it is looked for; NULL: it is too long for that */
};

/* Encodes a piece whose ids are not on its line. This is not inlined, so that the loop over hits keeps its
 * registers. Returns the number of ids. */
static __attribute__((noinline)) size_t encode_miss(struct encoder *e, const struct key *k, uint32_t *ids)
{
    if (!k->line)
        return encode_warm(e, k->piece, k->len, ids);
    const struct piece_slot *slot = pieces_find(e->table, k->key);
    size_t n = slot ? piece_ids_take(slot, ids) : 0;
    if (n > 0)
        return n;
    n = slot ? encode_warm(e, k->piece, k->len, ids) : encode_new(e, k->piece, k->len, ids);
    if (!slot)
        pieces_put(e->pieces, e->table, k->key, ids, n <= PIECE_IDS ? n : 0);
    return n;
}

static inline void find_line(const struct encoder *e, struct key *k, size_t there)
{
    if (k->len > PIECE_KEY) {
        k->line = NULL;
        return;
    }
    k->key = piece_key(k->piece, k->len, there);
    k->line = piece_line(e->table, k->key);
    __builtin_prefetch(k->line);
}

struct left { /* pieces that the pre-tokenizer has found: their ends, and where the first one begins */
    const size_t *ends;
    size_t n, from;
};

/* Collects up to AHEAD keys, of whole pieces or of parts of long ones, and prefetches their lines. Returns
 * the number of keys. */
static inline size_t find_keys(const struct encoder *e, struct key *keys, const char *text, size_t len,
                               struct left *left)
{
    size_t n = 0;
    struct left l = *left; /* which stays in registers */
    for (; n < AHEAD && l.n > 0; n++) {
        struct key *k = &keys[n];
        size_t at = l.from, piece = *l.ends - at;
        k->piece = text + at;
        k->len = piece > PIECE_KEY ? seam_next(&e->t->seams, k->piece, piece) : piece;
        l.from += k->len;
        if (k->len == piece)
            l.ends++, l.n--;
        find_line(e, k, len - at);
    }
    *left = l;
    return n;
}

static inline uint32_t *put_piece(struct encoder *e, const struct key *k, uint32_t *ids)
{
    const struct piece_slot *slot = k->line ? piece_find(k->line, k->key) : NULL;
    size_t n = slot ? piece_ids_take(slot, ids) : 0;
    return ids + (n > 0 ? n : encode_miss(e, k, ids));
}

static void encode_text(struct encoder *e, const char *text, size_t len)
{
    struct left left = {0};
    struct key keys[AHEAD];
    pretokenizer_begin(e->pretokenizer, text, len);
    while ((left.n = pretokenizer_ends(e->pretokenizer, &left.ends)) > 0) {
        reserve(e, left.ends[left.n - 1] - left.from + PIECE_IDS);
        e->table = pieces_renew(e->pieces, e->table);
        uint32_t *ids = e->ids + e->n;
        for (size_t n; (n = find_keys(e, keys, text, len, &left)) > 0;)
            for (size_t i = 0; i < n; i++)
                ids = put_piece(e, &keys[i], ids);
        e->n = (size_t)(ids - e->ids);
    }
}

/* Encodes one piece through the caches. */
static void encode_piece(struct encoder *e, const char *piece, size_t len)
{
    reserve(e, len + PIECE_IDS);
    uint32_t *ids = e->ids + e->n;
    for (size_t at = 0; at < len;) {
        struct key k = {.piece = piece + at, .len = len - at};
        if (k.len > PIECE_KEY)
            k.len = seam_next(&e->t->seams, k.piece, k.len);
        find_line(e, &k, len - at);
        ids = put_piece(e, &k, ids);
        at += k.len;
    }
    e->n = (size_t)(ids - e->ids);
}

static void encode_characters(struct encoder *e, const char *piece, size_t len)
{
    if (len > MERGE_MAX)
        die("a text of more than %d MiB that nothing cuts", MERGE_MAX >> 20);
    reserve(e, len);
    if (len > e->symbols_cap)
        e->symbols = xrealloc(e->symbols, (e->symbols_cap = len + len / 2) * sizeof *e->symbols);
    e->n += characters_encode(e->merger, e->t, piece, len, e->symbols, e->ids + e->n);
}

/* Encodes valid UTF-8 with the normaliser and the splitter. first: the text is at the beginning of the
 * document. */
static void encode_by_steps(struct encoder *e, const char *text, size_t len, bool first)
{
    const struct slice *pieces;
    size_t n = splitter_run(e->splitter, &text, len, first, &pieces);
    for (size_t i = 0; i < n; i++) {
        const char *piece = text + pieces[i].at;
        size_t piece_len = pieces[i].len;
        if (e->t->characters) {
            encode_characters(e, piece, piece_len);
            continue;
        }
        if (e->t->spelled) {
            strbuf_reset(&e->normalised);
            bytelevel_bytes(&e->normalised, piece, piece_len);
            piece = e->normalised.s;
            piece_len = e->normalised.len;
        }
        encode_piece(e, piece, piece_len);
    }
}

struct span { /* the text between added tokens that added_split has found */
    struct encoder *e;
    enum added_kinds kinds;
    const char *start, *part; /* start: of the whole text; part: of the part that the second pass searches
                                 (tokenizers with steps only) */
    bool first;               /* the part is at the beginning of the text */
};

static void put_added(void *arg, uint32_t id)
{
    struct span *s = arg;
    reserve(s->e, 1);
    s->e->ids[s->e->n++] = id;
}

static void put_text(void *arg, const char *text, size_t len)
{
    struct span *s = arg;
    if (!s->e->splitter)
        encode_text(s->e, text, len);
    else
        encode_by_steps(s->e, text, len, s->first && text == s->part);
}

static void put_valid(struct span *s, const char *text, size_t len)
{
    s->first = text == s->start;
    if (s->e->normaliser)
        text = normaliser_run(s->e->normaliser, text, len, &len);
    s->part = text;
    if (s->e->t->nfc)
        text = normal_form(FORM_NFC, &s->e->normalised, text, len, &len);
    added_split(s->e->t, text, len, ADDED_NORMALISED, s->kinds, put_text, put_added, s);
}

/* Encodes text between the added tokens that are searched for before the normaliser. The steps of a tokenizer
 * handle valid UTF-8 only, so bytes that are not UTF-8 become pieces of their own between texts. */
static void put_raw(void *arg, const char *text, size_t len)
{
    struct span *s = arg;
    while (s->e->splitter && len > 0) {
        size_t valid = utf8_prefix(text, len);
        if (valid > 0)
            put_valid(s, text, valid);
        if (valid == len)
            return;
        if (tokenizer_wants_utf8(s->e->t))
            die("a text holds byte 0x%02x where it is not UTF-8, and this vocabulary is of characters",
                (unsigned char)text[valid]);
        encode_piece(s->e, text + valid, 1);
        text += valid + 1;
        len -= valid + 1;
    }
    if (len > 0)
        put_valid(s, text, len);
}

static void open_steps(struct encoder *e, const struct text_steps *s)
{
    char why[200];
    e->normaliser = s->n_rules ? normaliser_new(s->rules, s->n_rules, why, sizeof why) : NULL;
    e->splitter = splitter_new(s->steps, s->n_steps, why, sizeof why);
    if (!e->splitter || (s->n_rules && !e->normaliser))
        die("pattern of the tokenizer: %s", why); /* unlikely: it could be compiled when the file was read */
}

struct encoder *encoder_new(const struct tokenizer *t, struct pieces *shared)
{
    char why[200];
    struct encoder *e = xcalloc(1, sizeof *e);
    e->t = t;
    e->own = shared ? NULL : pieces_new(t);
    e->pieces = shared ? shared : e->own;
    e->table = pieces_enter(e->pieces);
    e->pretokenizer = pretokenizer_open(t->pattern, t->regex, why, sizeof why);
    if (!e->pretokenizer)
        die("pattern of the pre-tokenizer: %s",
            why); /* unlikely: it could be compiled when the file was read */
    if (t->steps)
        open_steps(e, t->steps);
    e->merger = merger_new(t);
    e->warm = xcalloc_huge((size_t)1 << WARM_BITS, sizeof *e->warm);
    return e;
}

const uint32_t *encode(struct encoder *e, const char *text, size_t len, bool parse_special, size_t *n)
{
    struct span s = {.e = e, .kinds = parse_special ? ADDED_ALL : ADDED_NOT_SPECIAL, .start = text};
    e->n = 0;
    reserve(e, 1);
    added_split(e->t, text, len, ADDED_RAW, s.kinds, put_raw, put_added, &s);
    *n = e->n;
    return e->ids;
}

bool tokenizer_wants_utf8(const struct tokenizer *t)
{
    if (!t->steps)
        return false;
    bool changes = t->characters || t->steps->n_rules > 0;
    for (size_t i = 0; i < t->steps->n_steps; i++)
        changes |= t->steps->steps[i].kind == STEP_PREFIX || t->steps->steps[i].kind == STEP_REPLACE;
    return changes;
}

size_t tokenizer_check(const struct tokenizer *t, const char *text, size_t len)
{
    bool wants = tokenizer_wants_utf8(t);
    if (!wants && !t->gaps)
        return len;
    for (size_t at = 0;; at++) {
        at += utf8_prefix(text + at, len - at);
        if (at == len || wants || t->byte_id[(unsigned char)text[at]] == UINT32_MAX)
            return at;
    }
}

bool tokenizer_may_cut(const struct tokenizer *t)
{
    return !t->steps && t->pattern < N_PATTERNS;
}
