/*
 * Training a byte-pair encoding: the merges are those of a plain trainer written from the definition, which
 * counts all pairs anew for each merge; and the counts of words are exact whatever went through the disk.
 */
#include <stdint.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/learn/bpe_train.h"
#include "pipeline/text/vocabulary/vocabulary.h"
#include "pipeline/text/learn/word_runs.h"
#include "tests/check.h"
#include "tests/plain_merges.h"

static uint64_t state = 88172645463325252u;
static uint32_t rnd(uint32_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

static void no_progress(uint32_t done, uint32_t total)
{
    (void)done, (void)total;
}

static struct tokenizer *train_counted(const struct word_counts *counts, uint32_t vocab_size,
                                       uint32_t *n_merges)
{
    struct bpe *b = bpe_new();
    for (size_t i = 0; i < counts->n; i++) {
        struct word w = word_counts_get(counts, i);
        bpe_add(b, w.bytes, w.len, w.count);
    }
    struct bpe_opts opts = {.vocab_size = vocab_size, .min_count = 2, .progress = no_progress};
    struct tokenizer *t = bpe_learn(b, &opts, n_merges);
    CHECK(t);
    return t;
}

/* ---- training against its definition: count all pairs anew each time ---- */

struct plain_word {
    uint32_t s[64], len;
    uint64_t count;
};

struct plain {
    struct plain_word *words;
    size_t n;
    const struct tokenizer *t;
    uint32_t n_merges;
};

/* The place of an id in the order of ties: bytes by spelling (bytelevel.h), then merges. */
static uint32_t plain_order(uint32_t id)
{
    if (id >= 256)
        return id;
    bool printable = (id >= 33 && id <= 126) || (id >= 161 && id <= 172) || id >= 174;
    uint32_t before = 0;
    for (uint32_t b = 0; b < id; b++)
        before += printable == ((b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174);
    return printable ? before : 188 + before;
}

static uint64_t plain_count(const struct plain *p, uint32_t a, uint32_t b)
{
    uint64_t count = 0;
    for (size_t w = 0; w < p->n; w++)
        for (uint32_t i = 0; i + 1 < p->words[w].len; i++)
            count += p->words[w].s[i] == a && p->words[w].s[i + 1] == b ? p->words[w].count : 0;
    return count;
}

/* The id of what a and b spell together: always a new one, but here that is not taken for granted. */
static uint32_t plain_spelled(const struct plain *p, uint32_t a, uint32_t b)
{
    struct strbuf s = {0};
    strbuf_add(&s, token_bytes(p->t, a), p->t->tokens[a].len);
    strbuf_add(&s, token_bytes(p->t, b), p->t->tokens[b].len);
    uint32_t id = 0;
    while (id < 256 + p->n_merges &&
           (p->t->tokens[id].len != s.len || memcmp(token_bytes(p->t, id), s.s, s.len) != 0))
        id++;
    strbuf_free(&s);
    return id;
}

/* The next merge as the definition has it; *best 0: none. */
static struct merge plain_best(const struct plain *p, uint64_t *best)
{
    struct merge m = {0};
    *best = 0;
    for (size_t w = 0; w < p->n; w++) {
        for (uint32_t i = 0; i + 1 < p->words[w].len; i++) {
            uint32_t a = p->words[w].s[i], b = p->words[w].s[i + 1];
            uint64_t count = plain_count(p, a, b);
            if (count < *best ||
                (count == *best && merge_pair(plain_order(a), plain_order(b)) >=
                                       merge_pair(plain_order(m.left), plain_order(m.right))))
                continue;
            m = (struct merge){a, b, plain_spelled(p, a, b)};
            *best = count;
        }
    }
    return m;
}

static void plain_apply(struct plain *p, const struct merge *m)
{
    for (size_t k = 0; k < p->n; k++) {
        struct plain_word *w = &p->words[k];
        uint32_t n = 0;
        for (uint32_t i = 0; i < w->len; i++) {
            bool here = i + 1 < w->len && w->s[i] == m->left && w->s[i + 1] == m->right;
            w->s[n++] = here ? m->id : w->s[i];
            i += here;
        }
        w->len = n;
    }
}

static void plain_step(struct plain *p)
{
    uint64_t count;
    struct merge want = plain_best(p, &count), got = p->t->merges[p->n_merges];
    CHECK(count >= 2 && got.left == want.left && got.right == want.right && got.id == want.id,
          "merge %u is (%u, %u) -> %u, by the definition (%u, %u) -> %u", p->n_merges, got.left, got.right,
          got.id, want.left, want.right, want.id);
    p->n_merges++;
    plain_apply(p, &want);
}

static size_t plain_encode(const struct tokenizer *t, const char *piece, size_t n, uint32_t *ids)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = t->byte_id[(unsigned char)piece[i]];
    return plain_merges(t, ids, n);
}

/* The words as training leaves them are what encoding makes of them. */
static void words_are_as_encoded(const struct plain *p, const struct word_counts *counts)
{
    for (size_t i = 0; i < p->n; i++) {
        struct word w = word_counts_get(counts, i);
        uint32_t ids[64];
        size_t n = plain_encode(p->t, w.bytes, w.len, ids);
        CHECK(n == p->words[i].len && memcmp(ids, p->words[i].s, n * sizeof *ids) == 0, "%.*s", (int)w.len,
              w.bytes);
    }
}

static void training_is_as_defined(const struct word_counts *counts, uint32_t vocab_size)
{
    uint32_t n_merges;
    uint64_t count;
    struct tokenizer *t = train_counted(counts, vocab_size, &n_merges);
    struct plain p = {.words = xcalloc(counts->n, sizeof *p.words), .n = counts->n, .t = t};
    for (size_t i = 0; i < counts->n; i++) {
        struct word w = word_counts_get(counts, i);
        CHECK(w.len <= 64);
        p.words[i].count = w.count;
        p.words[i].len = w.len;
        for (uint32_t k = 0; k < w.len; k++)
            p.words[i].s[k] = (unsigned char)w.bytes[k];
    }
    while (p.n_merges < t->n_merges)
        plain_step(&p);
    plain_best(&p, &count);
    CHECK(256 + p.n_merges == vocabulary_layout(vocab_size).n_text || count < 2, "training stopped early");
    CHECK(p.n_merges == n_merges, "%u merges", n_merges);
    words_are_as_encoded(&p, counts);
    free(p.words);
    tokenizer_free(t);
}

static void training_on_random_words(void)
{
    static const char *const letters[] = {"aaabbc  \xc3", "ab", "abc ", "aaaaaaa\t", " !z\x80\xa1\x01"};
    for (int round = 0; round < 300; round++) {
        struct word_counts counts;
        const char *from = letters[round % 5];
        word_counts_init(&counts);
        for (int i = 0; i < 40; i++) {
            char word[24];
            size_t len = 1 + rnd(sizeof word);
            for (size_t k = 0; k < len; k++)
                word[k] = from[rnd((uint32_t)strlen(from))];
            word_counts_add(&counts, word, len, 1 + rnd(4));
        }
        word_counts_sort(&counts);
        training_is_as_defined(&counts, 256 + 32 + 50 + rnd(200));
        word_counts_free(&counts);
    }
}

/* ---- what is odd ---- */

static void nothing_to_merge(void)
{
    struct word_counts counts;
    uint32_t n_merges;
    word_counts_init(&counts);
    for (int round = 0; round < 2; round++) {
        struct tokenizer *t = train_counted(&counts, 400, &n_merges);
        CHECK(n_merges == 0, "%u merges", n_merges);
        CHECK(tokenizer_vocab_size(t) == 400);
        tokenizer_free(t);
        word_counts_add(&counts, "ab", 2, 1); /* once is not enough */
        word_counts_add(&counts, "c", 1, 1000);
        word_counts_sort(&counts);
    }
    word_counts_free(&counts);
}

static void huge_counts(void)
{
    struct word_counts counts;
    uint32_t n_merges;
    word_counts_init(&counts);
    word_counts_add(&counts, "ab", 2, (uint64_t)5 << 32);
    word_counts_add(&counts, "xy", 2, ((uint64_t)5 << 32) + 1);
    word_counts_add(&counts, "ab", 2, 2);
    word_counts_sort(&counts);
    struct tokenizer *t = train_counted(&counts, 400, &n_merges);
    CHECK(n_merges == 2 && t->merges[0].left == 'a' && t->merges[1].left == 'x', "%u merges", n_merges);
    tokenizer_free(t);
    word_counts_free(&counts);
}

/* Long random words of two letters give tokens as long as words: their bytes must stay bounded, and time must
 * be linear. */
static void long_words(void)
{
    struct word_counts counts;
    uint32_t n_merges;
    char word[WORD_MAX];
    uint64_t bytes = 0;
    word_counts_init(&counts);
    for (int i = 0; i < 300; i++) {
        for (size_t k = 0; k < sizeof word; k++)
            word[k] = rnd(20) ? 'a' : 'b';
        word_counts_add(&counts, word, sizeof word - (size_t)i, 1 + (uint64_t)i % 2);
    }
    word_counts_sort(&counts);
    struct tokenizer *t = train_counted(&counts, 20000, &n_merges);
    for (uint32_t id = 0; id < 256 + n_merges; id++)
        bytes += t->tokens[id].len;
    CHECK(n_merges > 5000 && bytes <= 256 + 20000 * BPE_TOKEN_BYTES, "%u merges, %llu bytes", n_merges,
          (unsigned long long)bytes);
    tokenizer_free(t);
    word_counts_free(&counts);
}

/* ---- counting ---- */

enum { N_WORDS = 30000, N_TABLES = 3 };

struct seen {
    uint64_t *counts, n;
    struct word last;
    char bytes[WORD_MAX];
};

/* Word i, so that its number can be read from it; some are long. */
static size_t spell(uint32_t i, char *word)
{
    size_t n = (size_t)sprintf(word, "%u", i), len = i % 1000 == 7 ? WORD_MAX : i % 10 == 3 ? 5 + i % 60 : n;
    if (len > n)
        memset(word + n, 'x', len - n);
    return len > n ? len : n;
}

static void see(void *arg, const struct word *w)
{
    struct seen *s = arg;
    char number[16] = {0}, want[WORD_MAX + 16];
    CHECK(s->n == 0 || word_compare(&s->last, w) < 0, "words out of order");
    memcpy(number, w->bytes, w->len < 15 ? w->len : 15);
    uint32_t i = (uint32_t)strtoul(number, NULL, 10);
    CHECK(i < N_WORDS && spell(i, want) == w->len && memcmp(w->bytes, want, w->len) == 0,
          "%.20s was never counted", number);
    CHECK(s->counts[i] == 0, "%u came twice", i);
    s->counts[i] = w->count;
    s->n++;
    memcpy(s->bytes, w->bytes, w->len);
    s->last = *w;
    s->last.bytes = s->bytes;
}

/* Tables spill now and then, one of them so often that runs are joined. */
static void counts_are_exact(int spills)
{
    struct word_counts tables[N_TABLES];
    struct word_runs *runs = word_runs_new();
    uint64_t *want = xcalloc(N_WORDS, sizeof *want), *got = xcalloc(N_WORDS, sizeof *got), different = 0;
    char word[WORD_MAX + 16];
    for (int i = 0; i < N_TABLES; i++)
        word_counts_init(&tables[i]);
    for (int k = 0; k < 200000; k++) {
        uint32_t i = rnd(1 + rnd(N_WORDS)), table = rnd(N_TABLES);
        uint64_t count = i % 100 == 0 ? (uint64_t)1 << 33 : 1;
        want[i] += count;
        word_counts_add(&tables[table], word, spell(i, word), count);
        if (spills && k % (200000 / spills) == 0)
            word_runs_spill(runs, &tables[table]);
    }
    for (int i = 0; i < N_TABLES; i++)
        word_counts_sort(&tables[i]);
    CHECK((word_runs_bytes(runs) > 0) == (spills > 0));
    for (int again = 0; again < 2; again++) {
        struct seen s = {.counts = got};
        memset(got, 0, N_WORDS * sizeof *got);
        word_runs_each(runs, tables, N_TABLES, see, &s);
        different = 0;
        for (uint32_t i = 0; i < N_WORDS; i++) {
            CHECK(got[i] == want[i], "word %u: %llu, not %llu", i, (unsigned long long)got[i],
                  (unsigned long long)want[i]);
            different += want[i] > 0;
        }
        CHECK(s.n == different);
    }
    for (int i = 0; i < N_TABLES; i++)
        word_counts_free(&tables[i]);
    word_runs_free(runs);
    free(want);
    free(got);
}

/* Among 300,000 words there are some whose hashes are equal: they are told apart, in any order of arrival. */
static void equal_hashes(void)
{
    enum { N = 300000 };
    struct word_counts tables[2];
    size_t equal = 0;
    char word[16];
    for (int i = 0; i < 2; i++)
        word_counts_init(&tables[i]);
    for (int i = 0; i < N; i++) {
        word_counts_add(&tables[0], word, (size_t)sprintf(word, "%06d", i), 1);
        word_counts_add(&tables[1], word, (size_t)sprintf(word, "%06d", N - 1 - i), 1);
    }
    for (int i = 0; i < 2; i++)
        word_counts_sort(&tables[i]);
    for (size_t i = 0; i < N; i++) {
        struct word x = word_counts_get(&tables[0], i), y = word_counts_get(&tables[1], i);
        CHECK(word_compare(&x, &y) == 0, "word %zu: %.6s and %.6s", i, x.bytes, y.bytes);
        struct word before = word_counts_get(&tables[0], i ? i - 1 : 0);
        CHECK(i == 0 || word_compare(&before, &x) < 0, "words out of order");
        equal += i > 0 && before.hash == x.hash;
    }
    CHECK(equal > 0, "no two hashes are equal: nothing was tested");
    for (int i = 0; i < 2; i++)
        word_counts_free(&tables[i]);
}

int main(void)
{
    test_begin(100);
    training_on_random_words();
    nothing_to_merge();
    huge_counts();
    long_words();
    counts_are_exact(0);
    counts_are_exact(1);
    counts_are_exact(200);
    equal_hashes();
    return 0;
}
