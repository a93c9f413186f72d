/*
 * Long pieces of Chinese, Japanese and two-byte letters, with seams and without, against the merges by their
 * definition: vocabularies of merges drawn from a sample, which begin and end inside characters, too.
 */
#include <string.h>

#include "pipeline/lib/random.h"
#include "pipeline/text/vocabulary/seams.h"
#include "pipeline/text/vocabulary/vocabulary.h"
#include "tests/check.h"
#include "tests/plain_merges.h"

enum { SAMPLE = 300, MERGES = 60, MAX_CHARS = 60 };

static const char *const characters[] = {"中", "文", "字", "丮", "の", "な",
                                         "ん", "한", "é",  "a",  "𠀀", "斗"};
static uint64_t state = 11;
static uint64_t seams_found;

static uint32_t rnd(uint32_t below)
{
    return (uint32_t)(random_next(&state) >> 33) % below;
}

static size_t random_text(char *text, size_t n)
{
    size_t len = 0, kinds = rnd(3) ? 8 : sizeof characters / sizeof *characters;
    for (size_t i = 0; i < n; i++) {
        const char *c = characters[rnd((uint32_t)kinds)];
        memcpy(text + len, c, strlen(c));
        len += strlen(c);
    }
    return len;
}

static size_t as_bytes(uint32_t *ids, const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        ids[i] = (unsigned char)text[i];
    return len;
}

/* Each merge is of two neighbours of the sample, as all merges before it left that. */
static struct tokenizer *random_vocabulary(void)
{
    struct tokenizer *t = vocabulary_new(256 + MERGES);
    char why[200], sample[4 * SAMPLE];
    uint32_t ids[4 * SAMPLE], n_merges = 5 + rnd(MERGES - 5);
    for (uint32_t b = 0; b < 256; b++)
        vocabulary_set(t, b, (char[]){(char)b}, 1, TOKEN_TEXT);
    size_t len = random_text(sample, SAMPLE), n = as_bytes(ids, sample, len);
    for (uint32_t id = 256; id < 256 + n_merges; id++) {
        size_t at = rnd((uint32_t)n - 1), begin = 0, left = 0;
        for (size_t i = 0; i < at; i++)
            begin += t->tokens[ids[i]].len;
        left = t->tokens[ids[at]].len + t->tokens[ids[at + 1]].len;
        vocabulary_set(t, id, sample + begin, left, TOKEN_TEXT);
        vocabulary_merge(t, ids[at], ids[at + 1], id);
        n = plain_merges(t, ids, as_bytes(ids, sample, len));
    }
    CHECK(vocabulary_finish(t, why, sizeof why) == 0, "%s", why);
    return t;
}

static void check_text(const struct tokenizer *t, struct encoder *e, const char *text, size_t len)
{
    uint32_t want[4 * MAX_CHARS];
    size_t n_want = plain_merges(t, want, as_bytes(want, text, len)), n;
    const uint32_t *got = encode(e, text, len, false, &n);
    CHECK(n == n_want && memcmp(got, want, n * sizeof *got) == 0, "%.*s: ids differ", (int)len, text);
    for (size_t at = 0, part; at < len; at += part) {
        part = seam_next(&t->seams, text + at, len - at);
        seams_found += part < len - at;
    }
}

int main(void)
{
    test_begin(100);
    for (int round = 0; round < 40; round++) {
        struct tokenizer *t = random_vocabulary();
        struct encoder *e = encoder_new(t, NULL);
        for (int i = 0; i < 40; i++) {
            char text[4 * MAX_CHARS];
            check_text(t, e, text, random_text(text, 1 + rnd(MAX_CHARS))); /* all letters: one piece */
        }
        encoder_free(e);
        tokenizer_free(t);
    }
    printf("%llu seams\n", (unsigned long long)seams_found);
    CHECK(seams_found > 5000, "seams are used");
    return 0;
}
