/*
 * The tables of pieces that threads share: what is put is got, or nothing is, while tables grow and go;
 * several threads that put and get the same keys, and that encode the same text, agree with one that is
 * alone. `make tsan` runs it too.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "pipeline/lib/random.h"
#include "pipeline/text/encode/pieces.h"
#include "pipeline/text/vocabulary/vocabulary.h"
#include "tests/check.h"

enum { THREADS = 4, KEYS = 400000, TEXT = 300000 };

/* Key i, and what its ids are: functions of i. */
static struct piece_key key_of(uint64_t i)
{
    uint64_t state = i;
    uint64_t low = random_next(&state), high = random_next(&state);
    return (struct piece_key){low, high >> 8 | (1 + i % PIECE_KEY) << 56};
}

static size_t ids_of(uint64_t i, uint32_t *ids)
{
    size_t n = 1 + i % PIECE_IDS;
    for (size_t k = 0; k < n; k++)
        ids[k] = (uint32_t)(i * 7 + k) & ((1 << PIECE_ID_BITS) - 1);
    return n;
}

static bool got(const struct piece_table *t, uint64_t i)
{
    uint32_t ids[PIECE_IDS], want[PIECE_IDS];
    struct piece_key k = key_of(i);
    const struct piece_slot *s = piece_find(piece_line(t, k), k);
    if (!s && !(s = pieces_find(t, k)))
        return false;
    size_t n = piece_ids_take(s, ids), w = ids_of(i, want);
    CHECK(n == w && memcmp(ids, want, n * sizeof *ids) == 0, "key %llu", (unsigned long long)i);
    return true;
}

static void put(struct pieces *p, struct piece_table *t, uint64_t i)
{
    uint32_t ids[PIECE_IDS];
    pieces_put(p, t, key_of(i), ids, ids_of(i, ids));
}

/* The table grows and keeps what is in it; the largest one makes room for a new one, and an old table stays
 * as it is while it is used. */
static void test_alone(void)
{
    struct pieces *p = pieces_new(NULL);
    struct piece_table *first = pieces_enter(p), *t = pieces_enter(p);
    CHECK(!got(first, 0), "an empty table has a key");
    uint64_t tables = 0, kept = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        put(p, t, i);
        CHECK(i >= 1000 || got(t, i), "key %llu was put", (unsigned long long)i);
        struct piece_table *newest = pieces_renew(p, t);
        tables += newest != t;
        t = newest;
    }
    for (uint64_t i = 0; i < KEYS; i++)
        kept += got(t, i);
    CHECK(tables == 8 && t->bits == 20, "%llu tables, 2^%d slots", (unsigned long long)tables, t->bits);
    CHECK(kept > KEYS - KEYS / 50, "%llu of %d kept", (unsigned long long)kept, KEYS);
    CHECK(got(first, 0) && !got(first, KEYS - 1), "the first table is not what it was");
    for (uint64_t i = KEYS; t->bits == 20 && tables == 8; i++) {
        CHECK(i < 3 << 20, "the largest table stays for ever");
        put(p, t, i);
        struct piece_table *newest = pieces_renew(p, t);
        tables += newest != t;
        t = newest;
    }
    CHECK(!got(t, 0), "a new table has an old key");
    pieces_leave(first);
    pieces_leave(t);
    pieces_free(p);
}

/* A piece at the end of its text, where no more than its bytes may be read, has the key that it has
 * elsewhere. */
static void test_keys(void)
{
    for (size_t len = 1; len <= PIECE_KEY; len++) {
        char text[32];
        memset(text, 'x', sizeof text);
        struct piece_key within = piece_key(text, len, sizeof text), end = piece_key_at_end(text, len);
        CHECK(within.low == end.low && within.high == end.high, "%zu bytes", len);
        CHECK(end.high >> 56 == len, "%zu bytes: the key says %d", len, (int)(end.high >> 56));
    }
}

struct worker {
    pthread_t thread;
    struct pieces *pieces;
    const struct tokenizer *t;
    const char *text;
    const uint32_t *want;
    size_t n_want;
    uint64_t found;
};

static void *put_and_get(void *arg)
{
    struct worker *w = arg;
    struct piece_table *t = pieces_enter(w->pieces);
    for (uint64_t i = 0; i < KEYS / 4; i++) {
        w->found += got(t, i);
        put(w->pieces, t, i);
        t = pieces_renew(w->pieces, t);
        got(t, i ^ 1);
    }
    pieces_leave(t);
    return NULL;
}

/* Goes on putting into a table that has been replaced. */
static void *put_and_stay(void *arg)
{
    struct worker *w = arg;
    struct piece_table *t = pieces_enter(w->pieces);
    for (uint64_t i = 0; i < 8 * t->limit; i++)
        put(w->pieces, t, i);
    pieces_leave(t);
    return NULL;
}

static void *encode_all(void *arg)
{
    struct worker *w = arg;
    struct encoder *e = encoder_new(w->t, w->pieces);
    size_t n;
    const uint32_t *ids = encode(e, w->text, TEXT, false, &n);
    CHECK(n == w->n_want && memcmp(ids, w->want, n * sizeof *ids) == 0, "threads differ");
    encoder_free(e);
    return NULL;
}

static uint64_t run(void *(*what)(void *), struct worker each)
{
    struct worker workers[THREADS];
    uint64_t found = 0;
    for (int i = 0; i < THREADS; i++) {
        workers[i] = each;
        CHECK(pthread_create(&workers[i].thread, NULL, what, &workers[i]) == 0, "pthread_create");
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(workers[i].thread, NULL);
        found += workers[i].found;
    }
    return found;
}

/* Whatever others put into the old table while it is copied, the new one is replaced in its turn. */
static void test_stragglers(void)
{
    for (int i = 0; i < 20; i++) {
        struct worker w = {.pieces = pieces_new(NULL)};
        run(put_and_stay, w);
        const struct piece_table *t = w.pieces->newest;
        CHECK(t->puts < t->limit, "%zu puts of %zu", (size_t)t->puts, t->limit);
        pieces_free(w.pieces);
    }
}

static struct tokenizer *some_vocabulary(void)
{
    struct tokenizer *t = vocabulary_new(256 + 25 * 25);
    char why[200];
    uint32_t id = 256;
    for (uint32_t b = 0; b < 256; b++)
        vocabulary_set(t, b, (char[]){(char)b}, 1, TOKEN_TEXT);
    for (char a = 'a'; a < 'z'; a++)
        for (char b = 'a'; b < 'z'; b++, id++) {
            vocabulary_set(t, id, (char[]){a, b}, 2, TOKEN_TEXT);
            vocabulary_merge(t, (uint32_t)a, (uint32_t)b, id);
        }
    CHECK(vocabulary_finish(t, why, sizeof why) == 0, "%s", why);
    return t;
}

static void test_encoders(void)
{
    static char text[TEXT];
    uint64_t state = 3;
    for (size_t i = 0; i < TEXT; i++) { /* words of up to four letters come again, longer ones hardly */
        uint64_t r = random_next(&state) >> 33;
        text[i] = r % 6 == 0 ? ' ' : (char)('a' + r / 6 % 26);
    }
    struct tokenizer *t = some_vocabulary();
    struct encoder *alone = encoder_new(t, NULL);
    struct worker w = {.pieces = pieces_new(t), .t = t, .text = text};
    w.want = encode(alone, text, TEXT, false, &w.n_want);
    run(encode_all, w);
    pieces_free(w.pieces);
    encoder_free(alone);
    tokenizer_free(t);
}

int main(void)
{
    test_begin(30);
    test_alone();
    test_keys();
    struct worker w = {.pieces = pieces_new(NULL)};
    uint64_t found = run(put_and_get, w);
    CHECK(found > 0, "no thread found what another put");
    pieces_free(w.pieces);
    test_stragglers();
    test_encoders();
    return 0;
}
