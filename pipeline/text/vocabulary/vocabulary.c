/*
 * vocabulary.c - builds a tokenizer from tokens, merges and special tokens, with tables to look them up
 */
#include "pipeline/text/vocabulary/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenize/bytelevel.h"
#include "pipeline/text/pretokenize/normaliser.h"
#include "pipeline/text/pretokenize/splitter.h"

struct tokenizer *vocabulary_new(uint32_t vocab_size)
{
    struct tokenizer *t = xcalloc(1, sizeof *t);
    t->vocab_size = vocab_size;
    t->eos = t->bos = UINT32_MAX;
    t->tokens = xcalloc(vocab_size, sizeof *t->tokens);
    return t;
}

void text_steps_free(struct text_steps *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n_rules; i++) {
        free(s->rules[i].pattern);
        free(s->rules[i].content);
    }
    for (size_t i = 0; i < s->n_steps; i++)
        free(s->steps[i].text);
    free(s->rules);
    free(s->steps);
    free(s);
}

void tokenizer_free(struct tokenizer *t)
{
    if (!t)
        return;
    text_steps_free(t->steps);
    if (t->characters) {
        free(t->characters->prefix);
        free(t->characters->suffix);
        free(t->characters);
    }
    free(t->before);
    free(t->after);
    free(t->ends);
    free(t->post_refused);
    free(t->tokens);
    free(t->bytes);
    free(t->merges);
    free(t->slots);
    free(t->added);
    free(t->regex);
    free(t->whole);
    free(t->made);
    free(t->extents);
    free(t->filter);
    trie_free(&t->trie);
    seams_free(&t->seams);
    free(t);
}

/* Keeps a copy of the bytes; returns its offset. */
static uint32_t keep_bytes(struct tokenizer *t, const char *bytes, size_t len)
{
    size_t at = t->n_bytes;
    if (t->bytes_cap - t->n_bytes < len) {
        t->bytes_cap = (t->bytes_cap + len) * 2;
        t->bytes = xrealloc(t->bytes, t->bytes_cap);
    }
    if (len > 0)
        memcpy(t->bytes + at, bytes, len);
    t->n_bytes += len;
    return (uint32_t)at;
}

static void set_token(struct tokenizer *t, uint32_t id, uint32_t at, size_t len, enum token_kind kind)
{
    t->tokens[id] = (struct token){
        .at = at, .len = (uint32_t)len, .kind = kind, .shown_at = at, .shown_len = (uint32_t)len};
}

void vocabulary_set(struct tokenizer *t, uint32_t id, const char *bytes, size_t len, enum token_kind kind)
{
    if (kind >= TOKEN_ADDED)
        vocabulary_add(t, id, bytes, len, NULL, 0, kind == TOKEN_SPECIAL);
    else
        set_token(t, id, keep_bytes(t, bytes, len), len, kind);
}

struct added *vocabulary_add(struct tokenizer *t, uint32_t id, const char *content, size_t len,
                             const char *find, size_t find_len, bool special)
{
    if (t->n_added == t->added_cap) {
        t->added_cap = t->added_cap * 2 + 64;
        t->added = xrealloc(t->added, t->added_cap * sizeof *t->added);
    }
    struct added *a = &t->added[t->n_added++];
    *a =
        (struct added){.id = id, .at = keep_bytes(t, content, len), .len = (uint32_t)len, .special = special};
    a->find_at = find ? keep_bytes(t, find, find_len) : a->at;
    a->find_len = find ? (uint32_t)find_len : a->len;
    if (t->tokens[id].kind == TOKEN_UNUSED)
        set_token(t, id, a->at, len, special ? TOKEN_SPECIAL : TOKEN_ADDED);
    t->tokens[id].added = true;
    t->tokens[id].special = special;
    return a;
}

struct added *vocabulary_added(const struct tokenizer *t, const char *content, size_t len)
{
    for (uint32_t i = 0; i < t->n_added; i++)
        if (t->added[i].len == len && memcmp(t->bytes + t->added[i].at, content, len) == 0)
            return &t->added[i];
    return NULL;
}

void vocabulary_merge(struct tokenizer *t, uint32_t left, uint32_t right, uint32_t id)
{
    if (t->n_merges == t->merges_cap) {
        t->merges_cap = t->merges_cap * 2 + 1024;
        t->merges = xrealloc(t->merges, t->merges_cap * sizeof *t->merges);
    }
    t->merges[t->n_merges++] = (struct merge){left, right, id};
}

static int find_bytes(struct tokenizer *t, char *why, size_t cap)
{
    memset(t->byte_id, 0xff, sizeof t->byte_id);
    for (uint32_t id = 0; id < t->vocab_size; id++)
        if (t->tokens[id].kind == TOKEN_TEXT && t->tokens[id].len == 1)
            t->byte_id[(unsigned char)token_bytes(t, id)[0]] = id;
    for (int b = 0; b < 256; b++) {
        bool never = b == 0xc0 || b == 0xc1 || b >= 0xf5; /* bytes that UTF-8 never contains */
        t->gaps |= never && t->byte_id[b] == UINT32_MAX;
        if (!never && t->byte_id[b] == UINT32_MAX) {
            snprintf(why, cap, "no token for byte 0x%02x: not a byte-level vocabulary", b);
            return -1;
        }
    }
    return 0;
}

static int build_merges(struct tokenizer *t, char *why, size_t cap)
{
    int bits = 4;
    while ((uint64_t)1 << bits < 2 * (uint64_t)t->n_merges)
        bits++;
    uint64_t mask = ((uint64_t)1 << bits) - 1;
    t->slots = xmalloc((mask + 1) * sizeof *t->slots);
    t->slot_shift = 64 - bits;
    memset(t->slots, 0xff, (mask + 1) * sizeof *t->slots);
    t->filter = xcalloc((mask + 1) >> FILTER_SHIFT, sizeof *t->filter);
    for (uint32_t rank = 0; rank < t->n_merges; rank++) {
        const struct merge *m = &t->merges[rank];
        if (merge_rank(t, m->left, m->right) != UINT32_MAX) {
            snprintf(why, cap, "merge %u is there twice", rank);
            return -1;
        }
        uint64_t pair = (uint64_t)m->left << 20 | m->right, hash = pair_hash(m->left, m->right),
                 i = hash >> t->slot_shift;
        while (t->slots[i] != UINT64_MAX)
            i = (i + 1) & mask;
        t->slots[i] = pair << 24 | rank;
        t->filter[hash >> (t->slot_shift + FILTER_SHIFT)] |= pair_bits(hash);
    }
    return 0;
}

/* Turns text tokens that no merge makes into codes: no text is encoded as one, unless as a whole piece. */
static void find_codes(struct tokenizer *t)
{
    if (t->ignore_merges)
        return;
    bool *made = xcalloc(t->vocab_size, sizeof *made);
    for (uint32_t i = 0; i < t->n_merges; i++)
        made[t->merges[i].id] = true;
    for (uint32_t id = 0; id < t->vocab_size; id++)
        if (t->tokens[id].kind == TOKEN_TEXT && t->tokens[id].len != 1 && !made[id])
            t->tokens[id].kind = TOKEN_CODE;
    free(made);
}

static void find_seams(struct tokenizer *t)
{
    if (t->ignore_merges)
        return;
    seams_new(&t->seams);
    for (uint32_t i = 0; i < t->n_merges; i++)
        seams_add(&t->seams, token_bytes(t, t->merges[i].id), t->tokens[t->merges[i].id].len);
}

static int by_first_byte_longest(const void *a, const void *b, void *arg)
{
    const struct tokenizer *t = arg;
    const struct added *x = a, *y = b;
    int dx = (unsigned char)t->bytes[x->find_at], dy = (unsigned char)t->bytes[y->find_at];
    if (dx != dy)
        return dx - dy;
    if (x->find_len != y->find_len)
        return x->find_len > y->find_len ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

static void sort_added(struct tokenizer *t)
{
    if (t->n_added > 0)
        qsort_r(t->added, t->n_added, sizeof *t->added, by_first_byte_longest, t);
    uint32_t i = 0;
    for (int b = 0; b < 257; b++) {
        while (i < t->n_added && (unsigned char)t->bytes[t->added[i].find_at] < b)
            i++;
        t->added_from[b] = i;
    }
}

static void hash_string(XXH3_state_t *state, const char *s)
{
    XXH3_64bits_update(state, s ? s : "", s ? strlen(s) + 1 : 1);
}

static void hash_text_steps(XXH3_state_t *state, const struct text_steps *s)
{
    for (size_t i = 0; i < s->n_rules; i++) {
        const struct rule *r = &s->rules[i];
        uint32_t what[4] = {r->kind, r->form, r->left, r->right};
        XXH3_64bits_update(state, what, sizeof what);
        hash_string(state, r->pattern);
        hash_string(state, r->content);
    }
    for (size_t i = 0; i < s->n_steps; i++) {
        const struct step *st = &s->steps[i];
        uint32_t what[6] = {st->kind, st->match, st->behaviour, st->invert, st->pattern, st->prepend};
        XXH3_64bits_update(state, what, sizeof what);
        hash_string(state, st->text);
    }
}

static void hash_characters(XXH3_state_t *state, const struct characters *c)
{
    uint32_t what[4] = {c->fuse_unknown, c->byte_fallback, c->unknown, c->spaces | c->spelled << 1};
    XXH3_64bits_update(state, what, sizeof what);
    hash_string(state, c->prefix);
    hash_string(state, c->suffix);
}

static void hash_added(XXH3_state_t *state, const struct tokenizer *t, const struct added *a)
{
    const struct token *token = &t->tokens[a->id];
    uint32_t flags[2] = {a->id, (uint32_t)(a->lstrip | a->rstrip << 1 | a->normalized << 2 | a->word << 3)};
    if (flags[1])
        XXH3_64bits_update(state, flags, sizeof flags);
    if (token->len != a->len || memcmp(token_bytes(t, a->id), t->bytes + a->at, a->len) != 0)
        XXH3_64bits_update(state, t->bytes + a->at, a->len);
}

/* Adds nothing for the steps of our own tokenizers, whose hash is that of the vocabulary. */
static void hash_steps(XXH3_state_t *state, const struct tokenizer *t)
{
    uint32_t steps[4] = {t->pattern, t->nfc, t->ignore_merges, t->regex ? (uint32_t)strlen(t->regex) : 0};
    if (steps[0] | steps[1] | steps[2])
        XXH3_64bits_update(state, steps, sizeof steps);
    if (t->regex)
        XXH3_64bits_update(state, t->regex, steps[3]);
    for (uint32_t i = 0; i < t->n_added; i++)
        hash_added(state, t, &t->added[i]);
    if (t->steps)
        hash_text_steps(state, t->steps);
    if (t->characters)
        hash_characters(state, t->characters);
}

/* The kind that enters the hash: the one that tokens had before an id could be both text and added. */
static enum token_kind hashed_kind(const struct token *token)
{
    return !token->added ? token->kind : token->special ? TOKEN_SPECIAL : TOKEN_ADDED;
}

static uint64_t hash_all(const struct tokenizer *t)
{
    XXH3_state_t on_stack, *state = &on_stack; /* no lack of memory can refuse it */
    XXH3_64bits_reset(state);
    XXH3_64bits_update(state, &t->vocab_size, 4);
    for (uint32_t id = 0; id < t->vocab_size; id++) {
        uint32_t head[2] = {hashed_kind(&t->tokens[id]), t->tokens[id].len};
        XXH3_64bits_update(state, head, sizeof head);
        XXH3_64bits_update(state, token_bytes(t, id), t->tokens[id].len);
    }
    XXH3_64bits_update(state, &t->n_merges, 4);
    XXH3_64bits_update(state, t->merges, (size_t)t->n_merges * sizeof *t->merges);
    hash_steps(state, t);
    return XXH3_64bits_digest(state);
}

static void index_tokens(struct tokenizer *t)
{
    uint32_t n = 16;
    while (n < 2 * (uint64_t)t->vocab_size)
        n *= 2;
    t->whole = xmalloc(n * sizeof *t->whole);
    t->whole_mask = n - 1;
    memset(t->whole, 0xff, n * sizeof *t->whole);
    for (uint32_t id = 0; id < t->vocab_size; id++) {
        if (t->tokens[id].kind != TOKEN_TEXT && t->tokens[id].kind != TOKEN_CODE)
            continue;
        uint32_t i = (uint32_t)XXH3_64bits(token_bytes(t, id), t->tokens[id].len) & t->whole_mask;
        while (t->whole[i] != UINT32_MAX)
            i = (i + 1) & t->whole_mask;
        t->whole[i] = id;
    }
}

uint32_t vocabulary_find(const struct tokenizer *t, const char *bytes, size_t len)
{
    uint32_t i = (uint32_t)XXH3_64bits(bytes, len) & t->whole_mask;
    for (; t->whole[i] != UINT32_MAX; i = (i + 1) & t->whole_mask) {
        const struct token *token = &t->tokens[t->whole[i]];
        if (token->len == len && memcmp(token_bytes(t, t->whole[i]), bytes, len) == 0)
            return t->whole[i];
    }
    return UINT32_MAX;
}

static void add_replaced(struct strbuf *out, const char *s, size_t len, const char *what)
{
    const char *end = s + len, *hit;
    size_t n = strlen(what);
    for (; n > 0 && (hit = memmem(s, (size_t)(end - s), what, n)); s = hit + n) {
        strbuf_add(out, s, (size_t)(hit - s));
        strbuf_add(out, " ", 1);
    }
    strbuf_add(out, s, (size_t)(end - s));
}

/* Sets the bytes that tokens of characters stand for in a text: single bytes, and spaces. */
static void show_characters(struct tokenizer *t)
{
    const struct characters *c = t->characters;
    const char *space = c->spaces ? "\xe2\x96\x81" : c->suffix;
    struct strbuf bytes = {0}, shown = {0};
    for (uint32_t id = 0; id < t->vocab_size; id++) {
        struct token *token = &t->tokens[id];
        if (token->kind != TOKEN_TEXT || token->added || !(*space || c->spelled))
            continue;
        strbuf_reset(&shown);
        strbuf_reset(&bytes);
        add_replaced(&shown, token_bytes(t, id), token->len, space);
        struct strbuf *s =
            &shown; /* a space that comes from a suffix is not part of the alphabet, and ends the token */
        size_t spaces = c->spelled && shown.len && shown.s[shown.len - 1] == ' ';
        if (c->spelled && bytelevel_bytes(&bytes, shown.s, shown.len - spaces) == 0) {
            strbuf_add(&bytes, " ", spaces);
            s = &bytes;
        }
        token->shown_len = (uint32_t)s->len;
        token->shown_at = keep_bytes(t, s->s, s->len);
    }
    strbuf_free(&shown);
    strbuf_free(&bytes);
    for (int b = 0; b < 256 && t->characters->byte_fallback; b++) {
        uint32_t id = t->characters->fallback[b];
        if (id == UINT32_MAX)
            continue;
        t->tokens[id].shown_at = keep_bytes(t, &(char){(char)b}, 1);
        t->tokens[id].shown_len = 1;
    }
}

/* Finds the byte tokens, <0x00> to <0xFF>. */
static void find_fallback(struct tokenizer *t)
{
    for (unsigned b = 0; b < 256; b++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", b);
        t->characters->fallback[b] = vocabulary_find(t, name, 6);
    }
}

static int finish_characters(struct tokenizer *t, char *why, size_t cap)
{
    if (build_merges(t, why, cap) < 0)
        return -1;
    t->made = xcalloc(t->vocab_size, sizeof *t->made);
    t->extents = xcalloc(t->vocab_size, sizeof *t->extents);
    index_tokens(t);
    find_fallback(t);
    show_characters(t);
    return 0;
}

static int finish_bytes(struct tokenizer *t, char *why, size_t cap)
{
    if (find_bytes(t, why, cap) < 0 || build_merges(t, why, cap) < 0)
        return -1;
    find_codes(t);
    merges_prepare(t);
    find_seams(t);
    if (t->ignore_merges)
        index_tokens(t);
    return 0;
}

int vocabulary_finish(struct tokenizer *t, char *why, size_t cap)
{
    if ((t->characters ? finish_characters : finish_bytes)(t, why, cap) < 0)
        return -1;
    sort_added(t);
    added_prepare(t);
    t->hash = hash_all(t);
    return 0;
}

uint32_t tokenizer_vocab_size(const struct tokenizer *t)
{
    return t->vocab_size;
}

uint64_t tokenizer_hash(const struct tokenizer *t)
{
    return t->hash;
}

uint32_t tokenizer_special(const struct tokenizer *t, const char *content)
{
    const struct added *a = vocabulary_added(t, content, strlen(content));
    return a ? a->id : UINT32_MAX;
}

static uint32_t first_named(const struct tokenizer *t, const char *const *names, size_t n)
{
    uint32_t id = UINT32_MAX;
    for (size_t i = 0; i < n && id == UINT32_MAX; i++)
        id = tokenizer_special(t, names[i]);
    return id;
}

/* The id that was set, or else our own name, or else the names of other families. */
uint32_t tokenizer_eos(const struct tokenizer *t)
{
    static const char *const names[] = {"<|eos|>", "<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>"};
    return t->eos != UINT32_MAX ? t->eos : first_named(t, names, sizeof names / sizeof *names);
}

uint32_t tokenizer_bos(const struct tokenizer *t)
{
    static const char *const names[] = {"<|bos|>", "<|begin_of_text|>", "<s>", "<bos>"};
    return t->bos != UINT32_MAX ? t->bos : first_named(t, names, sizeof names / sizeof *names);
}

void tokenizer_set_eos(struct tokenizer *t, uint32_t id)
{
    t->eos = id;
}

bool tokenizer_is_special(const struct tokenizer *t, uint32_t id)
{
    if (id >= t->vocab_size)
        return false;
    return t->tokens[id].added ? t->tokens[id].special : t->tokens[id].kind == TOKEN_CODE;
}

const char *tokenizer_bytes(const struct tokenizer *t, uint32_t id, size_t *len)
{
    if (id >= t->vocab_size || t->tokens[id].kind == TOKEN_UNUSED)
        return NULL;
    *len = t->tokens[id].shown_len;
    return t->bytes + t->tokens[id].shown_at;
}

size_t tokenizer_drop_spaces(const struct tokenizer *t)
{
    return t->drop_spaces;
}

const char *tokenizer_around(const struct tokenizer *t, const uint32_t **before, size_t *n_before,
                             const uint32_t **after, size_t *n_after)
{
    *before = t->before;
    *n_before = t->n_before;
    *after = t->after;
    *n_after = t->n_after;
    return t->post_refused;
}

char *decode(const struct tokenizer *t, const uint32_t *ids, size_t n, bool skip_special, size_t *len)
{
    struct strbuf out = {0};
    strbuf_add(&out, "", 0);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < t->vocab_size && !(skip_special && tokenizer_is_special(t, ids[i])))
            strbuf_add(&out, t->bytes + t->tokens[ids[i]].shown_at, t->tokens[ids[i]].shown_len);
    size_t spaces = 0;
    while (spaces < out.len && spaces < t->drop_spaces && out.s[spaces] == ' ')
        spaces++;
    *len = out.len - spaces;
    memmove(out.s, out.s + spaces, *len + 1);
    return out.s;
}
