/*
 * bpe_train.c - byte-pair training with counts kept up to date
 *
 * words    each different pre-token as symbols; at first its bytes
 * pairs    each adjacent pair of symbols: how often it occurs (u64), and in which words
 * heap     candidates (count, pair). Lazy: a candidate whose count is out of date when it comes up is put back with the count of now.
 *
 * Merging (a, b) touches only the words on that pair's list. A list may name a
 * word that no longer has the pair; rewriting such a word changes nothing.
 */
#include "pipeline/text/bpe_train.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/vocabulary.h"

struct pair {
    uint32_t a, b;
    uint64_t count;
    uint32_t *words;
    uint32_t n_words, cap;
};

struct candidate {
    uint64_t count;
    uint64_t ab;                /* a << 32 | b: the tie break */
    uint32_t pair;
};

struct text {                   /* the words, as symbols */
    uint32_t *symbols;
    struct {
        uint64_t at, count;
        uint32_t len;
    } *words;
    uint32_t n;
};

struct trainer {
    struct text text;
    struct pair *pairs;
    uint32_t n_pairs, pairs_cap;
    uint32_t *slots;            /* index in pairs + 1; 0: empty */
    uint32_t n_slots;
    struct candidate *heap;
    size_t heap_n, heap_cap;
    uint32_t *grown, n_grown, grown_cap;    /* pairs whose count rose in this step */
    struct tokenizer *t;
    uint32_t *token_slots, n_token_slots;   /* ids + 1 by spelling */
};

/* ---- pairs ---- */

static uint32_t pair_slot(const struct trainer *tr, uint32_t a, uint32_t b)
{
    uint32_t i = (uint32_t)((merge_pair(a, b) * 0x9e3779b97f4a7c15u) >> 32) & (tr->n_slots - 1);
    while (tr->slots[i] && (tr->pairs[tr->slots[i] - 1].a != a || tr->pairs[tr->slots[i] - 1].b != b))
        i = (i + 1) & (tr->n_slots - 1);
    return i;
}

static void grow_slots(struct trainer *tr)
{
    free(tr->slots);
    tr->n_slots = tr->n_slots ? tr->n_slots * 2 : 1 << 16;
    tr->slots = xcalloc(tr->n_slots, sizeof *tr->slots);
    for (uint32_t i = 0; i < tr->n_pairs; i++)
        tr->slots[pair_slot(tr, tr->pairs[i].a, tr->pairs[i].b)] = i + 1;
}

static uint32_t pair_index(struct trainer *tr, uint32_t a, uint32_t b)
{
    uint32_t slot = pair_slot(tr, a, b);
    if (tr->slots[slot])
        return tr->slots[slot] - 1;
    if (tr->n_pairs == tr->pairs_cap) {
        tr->pairs_cap = tr->pairs_cap * 2 + 4096;
        tr->pairs = xrealloc(tr->pairs, tr->pairs_cap * sizeof *tr->pairs);
    }
    tr->pairs[tr->n_pairs] = (struct pair){.a = a, .b = b};
    tr->slots[slot] = ++tr->n_pairs;
    if (tr->n_pairs * 2 > tr->n_slots)
        grow_slots(tr);
    return tr->n_pairs - 1;
}

static uint32_t pair_add(struct trainer *tr, uint32_t a, uint32_t b, uint64_t count, uint32_t word)
{
    uint32_t i = pair_index(tr, a, b);
    struct pair *p = &tr->pairs[i];
    p->count += count;
    if (p->n_words > 0 && p->words[p->n_words - 1] == word)
        return i;
    if (p->n_words == p->cap) {
        p->cap = p->cap ? p->cap * 2 : 2;
        p->words = xrealloc(p->words, p->cap * sizeof *p->words);
    }
    p->words[p->n_words++] = word;
    return i;
}

/* ---- candidates ---- */

static bool before(const struct candidate *x, const struct candidate *y)
{
    return x->count != y->count ? x->count > y->count : x->ab < y->ab;
}

static void push(struct trainer *tr, uint32_t pair)
{
    const struct pair *p = &tr->pairs[pair];
    struct candidate c = {p->count, merge_pair(p->a, p->b), pair};
    if (tr->heap_n == tr->heap_cap) {
        tr->heap_cap = tr->heap_cap * 2 + 4096;
        tr->heap = xrealloc(tr->heap, tr->heap_cap * sizeof *tr->heap);
    }
    size_t i = tr->heap_n++;
    for (; i > 0 && before(&c, &tr->heap[(i - 1) / 2]); i = (i - 1) / 2)
        tr->heap[i] = tr->heap[(i - 1) / 2];
    tr->heap[i] = c;
}

static struct candidate pop(struct trainer *tr)
{
    struct candidate top = tr->heap[0], last = tr->heap[--tr->heap_n];
    size_t i = 0;
    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= tr->heap_n)
            break;
        if (child + 1 < tr->heap_n && before(&tr->heap[child + 1], &tr->heap[child]))
            child++;
        if (!before(&tr->heap[child], &last))
            break;
        tr->heap[i] = tr->heap[child];
        i = child;
    }
    tr->heap[i] = last;
    return top;
}

/* The most frequent pair, or false when none occurs min_count times. */
static bool best_pair(struct trainer *tr, uint64_t min_count, uint32_t *pair)
{
    while (tr->heap_n > 0) {
        struct candidate c = pop(tr);
        uint64_t now = tr->pairs[c.pair].count;
        if (now == c.count && now >= min_count) {
            *pair = c.pair;
            return true;
        }
        if (now < c.count && now >= min_count)
            push(tr, c.pair);       /* it fell; had it risen, a higher candidate was pushed then */
    }
    return false;
}

/* ---- merging ---- */

static void rose(struct trainer *tr, uint32_t pair)
{
    if (tr->n_grown == tr->grown_cap) {
        tr->grown_cap = tr->grown_cap * 2 + 256;
        tr->grown = xrealloc(tr->grown, tr->grown_cap * sizeof *tr->grown);
    }
    if (tr->n_grown == 0 || tr->grown[tr->n_grown - 1] != pair)
        tr->grown[tr->n_grown++] = pair;
}

static void merge_in_word(struct trainer *tr, uint32_t word, uint32_t a, uint32_t b, uint32_t id)
{
    uint32_t *s = tr->text.symbols + tr->text.words[word].at;
    uint32_t len = tr->text.words[word].len, n = 0;
    uint64_t count = tr->text.words[word].count;
    for (uint32_t i = 0; i < len; i++, n++) {       /* s[0..n) is rewritten; s[n-1] is the left neighbour of s[i] */
        if (i + 1 == len || s[i] != a || s[i + 1] != b) {
            s[n] = s[i];
            continue;
        }
        if (n > 0) {
            tr->pairs[pair_index(tr, s[n - 1], a)].count -= count;
            rose(tr, pair_add(tr, s[n - 1], id, count, word));
        }
        if (i + 2 < len) {
            tr->pairs[pair_index(tr, b, s[i + 2])].count -= count;
            rose(tr, pair_add(tr, id, s[i + 2], count, word));
        }
        s[n] = id;
        i++;
    }
    tr->text.words[word].len = n;
}

static int by_number(const void *x, const void *y)
{
    uint32_t a = *(const uint32_t *)x, b = *(const uint32_t *)y;
    return a < b ? -1 : a > b;
}

static void apply_merge(struct trainer *tr, uint32_t pair, uint32_t id)
{
    uint32_t a = tr->pairs[pair].a, b = tr->pairs[pair].b, n = tr->pairs[pair].n_words;
    uint32_t *words = tr->pairs[pair].words;
    tr->pairs[pair].words = NULL;
    tr->pairs[pair].n_words = tr->pairs[pair].cap = 0;
    tr->n_grown = 0;
    for (uint32_t i = 0; i < n; i++)
        merge_in_word(tr, words[i], a, b, id);
    free(words);
    tr->pairs[pair].count = 0;
    if (tr->n_grown > 1)
        qsort(tr->grown, tr->n_grown, sizeof *tr->grown, by_number);
    for (uint32_t i = 0; i < tr->n_grown; i++)
        if (i == 0 || tr->grown[i] != tr->grown[i - 1])
            push(tr, tr->grown[i]);
}

/* ---- tokens ---- */

/* The slot of the token that a and b spell, empty when it is new. */
static uint32_t *token_slot(struct trainer *tr, const char *bytes, size_t len)
{
    uint32_t i = (uint32_t)XXH3_64bits(bytes, len) & (tr->n_token_slots - 1);
    for (; tr->token_slots[i]; i = (i + 1) & (tr->n_token_slots - 1)) {
        uint32_t id = tr->token_slots[i] - 1;
        if (tr->t->tokens[id].len == len && memcmp(token_bytes(tr->t, id), bytes, len) == 0)
            break;
    }
    return &tr->token_slots[i];
}

/* False: there is such a token already. */
static bool add_token(struct trainer *tr, const struct pair *p, uint32_t id)
{
    char bytes[BPE_MAX_WORD];
    size_t left = tr->t->tokens[p->a].len, right = tr->t->tokens[p->b].len;
    memcpy(bytes, token_bytes(tr->t, p->a), left);
    memcpy(bytes + left, token_bytes(tr->t, p->b), right);
    uint32_t *slot = token_slot(tr, bytes, left + right);
    if (*slot)
        return false;
    vocabulary_set(tr->t, id, bytes, left + right, TOKEN_TEXT);
    vocabulary_merge(tr->t, p->a, p->b, id);
    *slot = id + 1;
    return true;
}

static void begin_tokens(struct trainer *tr, uint32_t vocab_size)
{
    tr->t = vocabulary_new(vocab_size);
    for (tr->n_token_slots = 1024; tr->n_token_slots < 2 * vocab_size;)
        tr->n_token_slots *= 2;
    tr->token_slots = xcalloc(tr->n_token_slots, sizeof *tr->token_slots);
    for (uint32_t b = 0; b < 256; b++)
        vocabulary_set(tr->t, b, &(char){(char)b}, 1, TOKEN_TEXT);
}

/* ---- set-up ---- */

static void begin_text(struct trainer *tr, struct word_counts *counts)
{
    struct text *x = &tr->text;
    x->symbols = xmalloc(counts->n_bytes * sizeof *x->symbols + 1);
    x->words = xmalloc(counts->n * sizeof *x->words + 1);
    x->n = (uint32_t)counts->n;
    for (uint32_t w = 0; w < x->n; w++) {
        const struct word *word = &counts->words[w];
        x->words[w].at = word->at;
        x->words[w].count = word->count;
        x->words[w].len = word->len;
        for (uint32_t i = 0; i < word->len; i++)
            x->symbols[word->at + i] = (unsigned char)counts->bytes[word->at + i];
    }
    word_counts_free(counts);
    grow_slots(tr);
    for (uint32_t w = 0; w < x->n; w++) {
        const uint32_t *s = x->symbols + x->words[w].at;
        for (uint32_t i = 0; i + 1 < x->words[w].len; i++)
            pair_add(tr, s[i], s[i + 1], x->words[w].count, w);
    }
    for (uint32_t i = 0; i < tr->n_pairs; i++)
        push(tr, i);
}

static void end_training(struct trainer *tr)
{
    for (uint32_t i = 0; i < tr->n_pairs; i++)
        free(tr->pairs[i].words);
    free(tr->pairs);
    free(tr->slots);
    free(tr->heap);
    free(tr->grown);
    free(tr->token_slots);
    free(tr->text.symbols);
    free(tr->text.words);
}

struct tokenizer *bpe_train(struct word_counts *counts, const struct bpe_opts *opts, uint32_t *n_merges)
{
    struct trainer tr = {0};
    struct layout layout = vocabulary_layout(opts->vocab_size);
    begin_tokens(&tr, opts->vocab_size);
    begin_text(&tr, counts);
    uint32_t id = 256, pair;
    while (id < layout.n_text && !stop_signal && best_pair(&tr, opts->min_count, &pair)) {
        if (!add_token(&tr, &tr.pairs[pair], id))
            continue;                   /* it is not a candidate any more, unless its count rises */
        apply_merge(&tr, pair, id++);
        opts->progress(id, layout.n_text);
    }
    end_training(&tr);
    *n_merges = id - 256;
    vocabulary_add_rest(tr.t, &layout, id);
    char why[200];
    if (vocabulary_finish(tr.t, why, sizeof why) < 0)
        die("trained vocabulary: %s", why);
    if (!stop_signal)
        return tr.t;
    tokenizer_free(tr.t);
    return NULL;
}
