/*
 * vocabulary.c - tokens, merges and special tokens of a tokenizer, and the tables to look them up
 */
#include "pipeline/text/vocabulary/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define XXH_STATIC_LINKING_ONLY
#include <xxhash.h>

#include "pipeline/lib/fs.h"

struct tokenizer *vocabulary_new(uint32_t vocab_size)
{
    struct tokenizer *t = xcalloc(1, sizeof *t);
    t->vocab_size = vocab_size;
    t->tokens = xcalloc(vocab_size, sizeof *t->tokens);
    return t;
}

void tokenizer_free(struct tokenizer *t)
{
    if (!t)
        return;
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

void vocabulary_set(struct tokenizer *t, uint32_t id, const char *bytes, size_t len, enum token_kind kind)
{
    if (t->bytes_cap - t->n_bytes < len) {
        t->bytes_cap = (t->bytes_cap + len) * 2;
        t->bytes = xrealloc(t->bytes, t->bytes_cap);
    }
    if (len > 0)
        memcpy(t->bytes + t->n_bytes, bytes, len);
    t->tokens[id] = (struct token){.at = (uint32_t)t->n_bytes, .len = (uint32_t)len, .kind = kind};
    t->n_bytes += len;
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
        if (t->byte_id[b] == UINT32_MAX) {
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

/* Text tokens that nothing makes become codes: no text becomes one, unless as a whole piece. */
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
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int dx = (unsigned char)token_bytes(t, x)[0], dy = (unsigned char)token_bytes(t, y)[0];
    if (dx != dy)
        return dx - dy;
    if (t->tokens[x].len != t->tokens[y].len)
        return t->tokens[x].len > t->tokens[y].len ? -1 : 1;
    return x < y ? -1 : x > y;
}

static void find_added(struct tokenizer *t)
{
    t->added = xmalloc((size_t)t->vocab_size * sizeof *t->added);
    for (uint32_t id = 0; id < t->vocab_size; id++)
        if (t->tokens[id].kind >= TOKEN_ADDED)
            t->added[t->n_added++] = id;
    qsort_r(t->added, t->n_added, sizeof *t->added, by_first_byte_longest, t);
    uint32_t i = 0;
    for (int b = 0; b < 257; b++) {
        while (i < t->n_added && (unsigned char)token_bytes(t, t->added[i])[0] < b)
            i++;
        t->added_from[b] = i;
    }
}

/* Nothing for what our own tokenizers do: their hash is that of the vocabulary. */
static void hash_steps(XXH3_state_t *state, const struct tokenizer *t)
{
    uint32_t steps[4] = {t->pattern, t->nfc, t->ignore_merges, t->regex ? (uint32_t)strlen(t->regex) : 0};
    if (steps[0] | steps[1] | steps[2])
        XXH3_64bits_update(state, steps, sizeof steps);
    if (t->regex)
        XXH3_64bits_update(state, t->regex, steps[3]);
    for (uint32_t i = 0; i < t->n_added; i++) {
        const struct token *token = &t->tokens[t->added[i]];
        uint32_t flags[2] = {t->added[i], token->lstrip | token->rstrip << 1 | token->normalized << 2};
        if (flags[1])
            XXH3_64bits_update(state, flags, sizeof flags);
    }
}

static uint64_t hash_all(const struct tokenizer *t)
{
    XXH3_state_t on_stack, *state = &on_stack; /* no lack of memory can refuse it */
    XXH3_64bits_reset(state);
    XXH3_64bits_update(state, &t->vocab_size, 4);
    for (uint32_t id = 0; id < t->vocab_size; id++) {
        uint32_t head[2] = {t->tokens[id].kind, t->tokens[id].len};
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

int vocabulary_finish(struct tokenizer *t, char *why, size_t cap)
{
    if (find_bytes(t, why, cap) < 0 || build_merges(t, why, cap) < 0)
        return -1;
    find_codes(t);
    merges_prepare(t);
    find_seams(t);
    find_added(t);
    added_prepare(t);
    if (t->ignore_merges)
        index_tokens(t);
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
    size_t len = strlen(content);
    for (uint32_t i = 0; i < t->n_added; i++)
        if (t->tokens[t->added[i]].len == len && memcmp(token_bytes(t, t->added[i]), content, len) == 0)
            return t->added[i];
    return UINT32_MAX;
}

/* Our own name first, then those of other families. */
uint32_t tokenizer_eos(const struct tokenizer *t)
{
    static const char *const names[] = {"<|eos|>", "<|endoftext|>", "<|end_of_text|>", "</s>"};
    uint32_t id = UINT32_MAX;
    for (size_t i = 0; i < sizeof names / sizeof *names && id == UINT32_MAX; i++)
        id = tokenizer_special(t, names[i]);
    return id;
}

uint32_t tokenizer_bos(const struct tokenizer *t)
{
    static const char *const names[] = {"<|bos|>", "<|begin_of_text|>", "<s>"};
    uint32_t id = UINT32_MAX;
    for (size_t i = 0; i < sizeof names / sizeof *names && id == UINT32_MAX; i++)
        id = tokenizer_special(t, names[i]);
    return id;
}

bool tokenizer_is_special(const struct tokenizer *t, uint32_t id)
{
    return id < t->vocab_size && (t->tokens[id].kind == TOKEN_SPECIAL || t->tokens[id].kind == TOKEN_CODE);
}

const char *tokenizer_bytes(const struct tokenizer *t, uint32_t id, size_t *len)
{
    if (id >= t->vocab_size || t->tokens[id].kind == TOKEN_UNUSED)
        return NULL;
    *len = t->tokens[id].len;
    return token_bytes(t, id);
}

char *decode(const struct tokenizer *t, const uint32_t *ids, size_t n, bool skip_special, size_t *len)
{
    struct strbuf out = {0};
    strbuf_add(&out, "", 0);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < t->vocab_size && !(skip_special && tokenizer_is_special(t, ids[i])))
            strbuf_add(&out, token_bytes(t, ids[i]), t->tokens[ids[i]].len);
    *len = out.len;
    return out.s;
}
