/*
 * The merges of a piece, against a plain implementation written from the definition, with random
 * vocabularies: merges in order, several merges of one token (as converted files have them), and orders that
 * no training gives.
 */
#include <stdint.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/random.h"
#include "pipeline/text/encode/merge.h"
#include "tests/check.h"
#include "tests/plain_merges.h"

enum { LETTERS = 3, MAX_MERGES = 90, MAX_LEN = 14, MAX_PIECE = 150 };
enum kind { TRAINED, ALL_SPLITS, ANY_ORDER, N_KINDS };

static uint64_t state = 5;
static uint32_t rnd(uint32_t below)
{
    return (uint32_t)(random_next(&state) >> 33) % below;
}

static uint32_t find(const struct tokenizer *t, uint32_t n, const char *bytes, size_t len)
{
    for (uint32_t id = 0; id < n; id++)
        if (t->tokens[id].len == len && memcmp(token_bytes(t, id), bytes, len) == 0)
            return id;
    return UINT32_MAX;
}

static bool is_merge(const struct tokenizer *t, uint32_t left, uint32_t right)
{
    for (uint32_t i = 0; i < t->n_merges; i++)
        if (t->merges[i].left == left && t->merges[i].right == right)
            return true;
    return false;
}

/* All ways to split the token into two that are there, as files converted from tiktoken's ranks have them. */
static void add_splits(struct tokenizer *t, uint32_t n, uint32_t id)
{
    for (uint32_t k = 1; k < t->tokens[id].len; k++) {
        uint32_t left = find(t, n, token_bytes(t, id), k),
                 right = find(t, n, token_bytes(t, id) + k, t->tokens[id].len - k);
        if (left != UINT32_MAX && right != UINT32_MAX)
            vocabulary_merge(t, left, right, id);
    }
}

static struct tokenizer *random_vocabulary(enum kind kind)
{
    struct tokenizer *t = vocabulary_new(256 + MAX_MERGES);
    uint32_t n = 256, merges = 1 + rnd(MAX_MERGES);
    char why[200];
    for (uint32_t b = 0; b < 256; b++)
        vocabulary_set(t, b, (char[]){(char)b}, 1, TOKEN_TEXT);
    for (uint32_t i = 0; i < merges; i++) {
        uint32_t pick[2];
        for (int k = 0; k < 2; k++)
            pick[k] = n > 256 && rnd(3) ? 256 + rnd(n - 256) : 'a' + rnd(LETTERS);
        char bytes[2 * MAX_LEN];
        size_t left = t->tokens[pick[0]].len, len = left + t->tokens[pick[1]].len;
        memcpy(bytes, token_bytes(t, pick[0]), left);
        memcpy(bytes + left, token_bytes(t, pick[1]), len - left);
        uint32_t id = find(t, n, bytes, len);
        if (len > MAX_LEN || (id != UINT32_MAX && kind != ANY_ORDER) || is_merge(t, pick[0], pick[1]))
            continue;
        if (id == UINT32_MAX)
            vocabulary_set(t, id = n++, bytes, len, TOKEN_TEXT);
        if (kind != ALL_SPLITS)
            vocabulary_merge(t, pick[0], pick[1], id);
    }
    for (uint32_t id = 256; kind == ALL_SPLITS && id < n; id++)
        add_splits(t, n, id);
    for (uint32_t i = 0; kind == ANY_ORDER && i < t->n_merges; i++) {
        uint32_t k = rnd(t->n_merges);
        struct merge m = t->merges[i];
        t->merges[i] = t->merges[k];
        t->merges[k] = m;
    }
    CHECK(vocabulary_finish(t, why, sizeof why) == 0, "%s", why);
    return t;
}

static size_t plain_encode(const struct tokenizer *t, const char *piece, size_t n, uint32_t *ids)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = (unsigned char)piece[i];
    return plain_merges(t, ids, n);
}

static void random_piece(char *piece, size_t len)
{
    uint32_t letters = 1 + rnd(LETTERS), again = rnd(4); /* runs, too */
    for (size_t i = 0; i < len; i++)
        piece[i] = i > 0 && rnd(4) < again ? piece[i - 1] : (char)('a' + rnd(letters));
}

/* Returns whether the vocabulary is in order. */
static bool check_vocabulary(enum kind kind)
{
    struct tokenizer *t = random_vocabulary(kind);
    struct merger *m = merger_new(t);
    char piece[MAX_PIECE];
    uint32_t want[MAX_PIECE], got[MAX_PIECE];
    for (int i = 0; i < 60; i++) {
        size_t len = 1 + rnd(i % 4 ? 30 : MAX_PIECE); /* more than a word of dead places */
        random_piece(piece, len);
        size_t n_want = plain_encode(t, piece, len, want), n = merge_piece(m, piece, len, got);
        CHECK(n == n_want && memcmp(got, want, n * sizeof *got) == 0, "kind %d, %u merges, %.*s: ids differ",
              (int)kind, t->n_merges, (int)len, piece);
    }
    bool in_order = t->in_order;
    merger_free(m);
    tokenizer_free(t);
    return in_order;
}

static void merges_are_as_defined(void)
{
    int in_order[N_KINDS] = {0}, rounds = 300;
    for (int i = 0; i < rounds; i++)
        for (int kind = 0; kind < N_KINDS; kind++)
            in_order[kind] += check_vocabulary((enum kind)kind);
    printf("in order: %d, %d, %d of %d\n", in_order[TRAINED], in_order[ALL_SPLITS], in_order[ANY_ORDER],
           rounds);
    CHECK(in_order[TRAINED] == rounds, "a trained vocabulary can be matched");
    CHECK(in_order[ALL_SPLITS] > rounds / 2, "most converted ones, too");
    CHECK(in_order[ANY_ORDER] < rounds / 2, "both ways are tried");
}

/* Returns the value of the longest string, of less than `below` bytes, that a text begins with, by trying
 * all; 0: none. */
static uint32_t plain_longest(const struct trie_string *strings, size_t n, const char *text, size_t len,
                              size_t below, size_t *longest)
{
    uint32_t value = 0;
    *longest = 0;
    for (size_t k = 0; k < n; k++) {
        const struct trie_string *s = &strings[k];
        if (s->len <= len && s->len < below && s->len > *longest && memcmp(s->bytes, text, s->len) == 0)
            value = s->value, *longest = s->len;
    }
    return value;
}

static void trie_finds_the_longest(void)
{
    enum { N = 400 };
    for (int round = 0; round < 60; round++) {
        uint32_t alphabet = round % 3 == 0 ? 2 : round % 3 == 1 ? 256 : 20, shorter[N + 1] = {0};
        struct trie_string strings[N];
        char bytes[N][12], text[20];
        size_t n = 0, got_len, want_len;
        for (size_t i = 0; i < N; i++) {
            size_t len = 1 + rnd(11);
            for (size_t k = 0; k < len; k++)
                bytes[i][k] = (char)rnd(alphabet);
            plain_longest(strings, n, bytes[i], len, SIZE_MAX, &want_len);
            if (want_len != len)
                strings[n++] = trie_string(bytes[i], len, (uint32_t)i + 1);
        }
        struct trie t;
        trie_build(&t, strings, n, shorter);
        for (size_t k = 0; k < n; k++) {
            const struct trie_string *s = &strings[k];
            uint32_t want = plain_longest(strings, n, s->bytes, s->len, s->len, &want_len);
            CHECK(shorter[s->value] == want, "%u, not %u is the longest within %u", shorter[s->value], want,
                  s->value);
        }
        for (int i = 0; i < 2000; i++) {
            const struct trie_string *begin = &strings[rnd((uint32_t)n)];
            size_t len = rnd(sizeof text);
            for (size_t k = 0; k < sizeof text; k++)
                text[k] = k < begin->len && i % 2 ? begin->bytes[k] : (char)rnd(alphabet);
            uint32_t want = plain_longest(strings, n, text, len, SIZE_MAX, &want_len);
            uint32_t got = trie_longest(&t, (const unsigned char *)text, len, &got_len);
            CHECK(got == want && got_len == want_len, "%u of %zu bytes, not %u of %zu", got, got_len, want,
                  want_len);
        }
        trie_free(&t);
    }
}

int main(void)
{
    test_begin(100);
    trie_finds_the_longest();
    merges_are_as_defined();
    return 0;
}
