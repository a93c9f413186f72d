/*
 * Byte-pair encoding: round trips of any bytes, encoding against a plain
 * implementation written from the definition, special tokens, and
 * tokenizer.json good and bad. Training: bpe_train_test.c.
 */
#include <stdint.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/learn/bpe_train.h"
#include "pipeline/text/pretokenize/pretokenizer.h"
#include "pipeline/text/vocabulary/tokenizer.h"
#include "pipeline/text/vocabulary/vocabulary.h"
#include "tests/check.h"
#include "tests/plain_merges.h"

static const char corpus[] =
    "the cat sat on the mat. the rat sat on the cat; the cat ate the rat.\n\n"
    "def add(a, b):\n    return a + b\n\n\ndef sub(a, b):\n    return a - b\n"
    "aaaa aaaaaaa aaa banana bananas ananas. it's what we'll do: 'tis 12 + 34 = 46.\n"
    "na\xc3\xafve caf\xc3\xa9 "
    "\xe4\xb8\xad\xe6\x96\x87\xe5\x88\x86\xe8\xaf\x8d\xef\xbc\x8c\xe4\xb8\xad\xe6\x96\x87 "
    "\xf0\x9f\x91\x8d\xf0\x9f\x91\x8d\xf0\x9f\x98\x80 ====== ------ ======\n";

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

static struct tokenizer *train(const char *text, size_t len, uint32_t vocab_size)
{
    struct pretokenizer *p = pretokenizer_new();
    struct bpe *b = bpe_new();
    const char *word;
    size_t n;
    pretokenizer_begin(p, text, len);
    while ((n = pretokenizer_next(p, &word)) > 0)
        bpe_add(b, word, n, 1);
    pretokenizer_free(p);
    struct bpe_opts opts = {.vocab_size = vocab_size, .min_count = 2, .progress = no_progress};
    uint32_t n_merges;
    struct tokenizer *t = bpe_learn(b, &opts, &n_merges);
    CHECK(t);
    return t;
}

/* ---- encoding against its definition ---- */

static size_t plain_encode(const struct tokenizer *t, const char *piece, size_t n, uint32_t *ids)
{
    for (size_t i = 0; i < n; i++)
        ids[i] = t->byte_id[(unsigned char)piece[i]];
    return plain_merges(t, ids, n);
}

static void encoding_is_as_defined(const struct tokenizer *t)
{
    struct encoder *e = encoder_new(t, NULL);
    struct pretokenizer *p = pretokenizer_new();
    for (int round = 0; round < 300; round++) {
        char text[400];
        uint32_t want[400];
        size_t len = 1 + rnd(sizeof text), n_want = 0, n, m;
        size_t alphabet = round % 2 ? 4 : sizeof corpus - 1; /* long letter runs, and everything */
        for (size_t i = 0; i < len; i++)
            text[i] = round % 2 ? "aantb"[rnd((uint32_t)alphabet + 1)] : corpus[rnd((uint32_t)alphabet)];
        const char *piece;
        pretokenizer_begin(p, text, len);
        while ((m = pretokenizer_next(p, &piece)) > 0)
            n_want += plain_encode(t, piece, m, want + n_want);
        for (int again = 0; again < 2; again++) { /* the second time from the cache */
            const uint32_t *ids = encode(e, text, len, false, &n);
            CHECK(n == n_want && memcmp(ids, want, n * sizeof *ids) == 0, "round %d: ids differ", round);
        }
    }
    pretokenizer_free(p);
    encoder_free(e);
}

/* ---- round trips ---- */

static void round_trip(const struct tokenizer *t, struct encoder *e, const char *text, size_t len)
{
    size_t n, back_len;
    const uint32_t *ids = encode(e, text, len, false, &n);
    char *back = decode(t, ids, n, true, &back_len);
    CHECK(back_len == len && memcmp(back, text, len) == 0, "%zu bytes came back as %zu", len, back_len);
    free(back);
}

static void any_bytes_round_trip(const struct tokenizer *t)
{
    struct encoder *e = encoder_new(t, NULL);
    char text[3000];
    for (int a = 0; a < 256; a++) {
        for (int b = 0; b < 256; b++) {
            text[0] = (char)a, text[1] = (char)b;
            round_trip(t, e, text, 2);
        }
        round_trip(t, e, text, 1);
    }
    round_trip(t, e, text, 0);
    for (int i = 0; i < 500; i++) {
        size_t len = rnd(sizeof text);
        for (size_t k = 0; k < len; k++)
            text[k] = (char)rnd(i % 2 ? 256 : 3 + (uint32_t)i);
        round_trip(t, e, text, len);
    }
    for (size_t cut = 0; cut < sizeof corpus; cut++) { /* invalid at every split */
        memcpy(text, corpus + cut, sizeof corpus - cut);
        memcpy(text + sizeof corpus - cut, corpus, cut);
        round_trip(t, e, text, sizeof corpus);
        round_trip(t, e, corpus, cut);
        round_trip(t, e, corpus + cut, sizeof corpus - cut);
    }
    encoder_free(e);
}

static void long_runs_are_quick(const struct tokenizer *t)
{
    static const char *const units[] = {"a", " ", "\n", "=", "\xf0\x9f\x91\x8d", "ab", "\xff"};
    struct encoder *e = encoder_new(t, NULL);
    size_t len = 1000000;
    char *text = xmalloc(len);
    for (size_t u = 0; u < sizeof units / sizeof *units; u++) {
        for (size_t i = 0; i < len; i++)
            text[i] = units[u][i % strlen(units[u])];
        round_trip(t, e, text, len);
    }
    free(text);
    encoder_free(e);
}

static void known_ids(void)
{
    static const char text[] =
        "low low low low low lower lower newest newest newest newest newest newest widest widest widest";
    static const uint32_t merges[][2] = {
        /* es est lo low ew new _low _new _newest dest */
        {'e', 's'}, {256, 't'}, {'l', 'o'}, {258, 'w'}, {'e', 'w'},
        {'n', 260}, {' ', 259}, {' ', 261}, {263, 257}, {'d', 257},
    };
    static const uint32_t want[] = {259, 262, 'e', 'r', 262};
    struct tokenizer *t = train(text, strlen(text), 256 + 32 + 10);
    CHECK(t->n_merges == 10, "%u merges", t->n_merges);
    for (uint32_t i = 0; i < t->n_merges; i++)
        CHECK(t->merges[i].left == merges[i][0] && t->merges[i].right == merges[i][1], "merge %u: %u %u", i,
              t->merges[i].left, t->merges[i].right);
    struct encoder *e = encoder_new(t, NULL);
    size_t n;
    const uint32_t *ids = encode(e, "low lower low", 13, false, &n);
    CHECK(n == 5 && memcmp(ids, want, sizeof want) == 0, "%zu ids, the first is %u", n, ids[0]);
    encoder_free(e);
    tokenizer_free(t);
}

/* ---- special tokens and layout ---- */

static void special_tokens(const struct tokenizer *t)
{
    static const char text[] = "a<|eos|>b<|eos|<|eos|>";
    struct encoder *e = encoder_new(t, NULL);
    uint32_t eos = tokenizer_eos(t), specials = 0;
    size_t n, len;
    CHECK(eos == tokenizer_special(t, "<|eos|>") && eos != UINT32_MAX && tokenizer_is_special(t, eos));
    CHECK(tokenizer_bos(t) == tokenizer_special(t, "<|bos|>") &&
          tokenizer_special(t, "<|nothing|>") == UINT32_MAX);
    const uint32_t *ids = encode(e, text, strlen(text), false, &n);
    for (size_t i = 0; i < n; i++)
        CHECK(!tokenizer_is_special(t, ids[i]), "a document's text became a special token");
    ids = encode(e, text, strlen(text), true, &n);
    for (size_t i = 0; i < n; i++)
        specials += ids[i] == eos;
    CHECK(specials == 2 && ids[1] == eos && ids[n - 1] == eos, "%u of 2 special tokens", specials);
    char *all = decode(t, ids, n, false, &len), *some = decode(t, ids, n, true, &len);
    CHECK(strcmp(all, text) == 0, "%s", all);
    CHECK(strcmp(some, "ab<|eos|") == 0, "%s", some);
    free(all);
    free(some);
    encoder_free(e);
}

static void layouts(void)
{
    struct layout small = vocabulary_layout(8192), middle = vocabulary_layout(49152),
                  full = vocabulary_layout(65536);
    CHECK(small.n_text == 8160 && small.n_special == 32 && small.n_image == 0);
    CHECK(middle.n_text == 48896 && middle.n_special == 256 && middle.n_audio == 0);
    CHECK(full.n_text == 48896 && full.n_special == 256 && full.n_image == 8192 && full.n_audio == 8192);
    struct tokenizer *t = train(corpus, strlen(corpus), 65536);
    size_t len;
    CHECK(tokenizer_vocab_size(t) == 65536 && tokenizer_special(t, "<|pad|>") == 48896);
    for (uint32_t id = 0; id < 65536; id++)
        CHECK(tokenizer_bytes(t, id, &len), "id %u is unused", id);
    const char *audio = tokenizer_bytes(t, 65535, &len);
    CHECK(len == 14 && memcmp(audio, "<|audio_8191|>", 14) == 0 && tokenizer_is_special(t, 65535));
    CHECK(!tokenizer_bytes(t, 65536, &len));
    tokenizer_free(t);
}

/* ---- tokenizer.json ---- */

static struct tokenizer *parse(const char *json, size_t len, char *err)
{
    *err = 0;
    return tokenizer_parse(json, len, "tok.json", err, 500);
}

static void json_keeps_everything(const struct tokenizer *t)
{
    char err[500];
    size_t len, len2;
    char *json = tokenizer_to_json(t, &len);
    struct tokenizer *u = parse(json, len, err);
    CHECK(u, "%s", err);
    CHECK(tokenizer_hash(u) == tokenizer_hash(t), "another hash");
    char *json2 = tokenizer_to_json(u, &len2);
    CHECK(len == len2 && memcmp(json, json2, len) == 0, "another file");
    free(json2);
    tokenizer_free(u);
    free(json);
}

/* json with the first `from` after `after` replaced; malloc'd. */
static char *replaced(const char *json, const char *after, const char *from, const char *to)
{
    const char *start = strstr(json, after);
    CHECK(start, "no %s", after);
    const char *at = strstr(start, from);
    CHECK(at, "no %s", from);
    return xasprintf("%.*s%s%s", (int)(at - json), json, to, at + strlen(from));
}

static void bad_json_is_refused(const struct tokenizer *t)
{
    static const struct {
        const char *after, *from, *to, *reason;
    } cases[] = {
        {"{", "\"BPE\"", "\"WordPiece\"", "model.type"},
        {"{", "\"normalizer\": null", "\"normalizer\": {\"type\": \"Nmt\"}",
         "normalizer: Nmt is not supported"},
        {"{", "\"normalizer\": null", "\"normalizer\": 7", "normalizer"},
        {"{", "\\\\p{N}|", "\\\\p{N|", "pre_tokenizer"},
        {"{", "\\\\p{N}|", "\\\\p{Han}|", "\\p{Han} is not supported"},
        {"{", "\\\\p{N}|", "(|", "pre_tokenizer"},
        {"{", "{\"Regex\": ", "{\"Other\": ", "pre_tokenizer"},
        {"{", "\"type\": \"Split\"", "\"type\": \"UnicodeScripts\"", "UnicodeScripts is not supported"},
        {"{", "\"add_prefix_space\": false", "\"add_prefix_space\": 1", "add_prefix_space"},
        {"{", "\"ignore_merges\": false", "\"ignore_merges\": 1", "ignore_merges"},
        {"{", "\"use_regex\": false", "\"use_regex\": 0", "pre_tokenizer"},
        {"\"added_tokens\"", "\"normalized\": false", "\"normalized\": []", "normalized"},
        {"\"added_tokens\"", "\"single_word\": false", "\"single_word\": 1", "single_word"},
        {"{", "\"behavior\": \"Isolated\"", "\"behavior\": \"Other\"", "pre_tokenizer"},
        {"\"decoder\"", "ByteLevel", "WordPiece", "decoder"},
        {"{", "\"dropout\": null", "\"dropout\": 0.1", "model.dropout"},
        {"{", "\"byte_fallback\": false", "\"byte_fallback\": 1", "model.byte_fallback"},
        {"{", "\"vocab\": {", "\"vocab\": 7, \"other\": {", "model.vocab"},
        {"{", "\"merges\": [", "\"other\": [", "model.merges"},
        {"{", "\"merges\": [", "\"merges\": {}, \"other\": [", "model.merges"},
        {"{", "\"A\": 65", "\"A\": \"65\"", "not a whole number"},
        {"{", "\"A\": 65", "\"A\": -1", "out of range"},
        {"{", "\"A\": 65", "\"A\": 1048576", "out of range"},
        {"{", "\"A\": 65", "\"A\": 99999999999999999999", "too big"},
        {"{", "\"A\": 65", "\"A\": 66", "used twice"},
        {"{", "\"A\": 65", "\"B\": 65", "uplicate"},
        {"{", "\"A\": 65,", "", "no token for byte 0x41"},
        {"{", "\"A\": 65", "\"\\u4e2d\": 65", "no token for byte 0x41"},
        {"{", "\"A\": 65", "\"<|eos|>\": 65", "uplicate"},
        {"\"merges\"", "[\"", "[7, \"", "merges[0]"},
        {"\"merges\"", "[\"", "[\"\", \"", "merges[0]"},
        {"\"merges\"", "[\"", "[\"<|eos|>", "merges[0]"},
        {"\"merges\"", "[\n", "[\n[\"A\", \"Z\"],", "which is not in the vocabulary"},
        {"\"merges\"", "[\n", "[\n\"AZ\",", "not a pair"},
        {"\"merges\"", "[\n", "[\n\"A  Z\",", "not a pair"},
        {"\"merges\"", "[\n", "[\n[\"a\", \"t\"],", "twice"},
        {"\"added_tokens\"", "\"content\": ", "\"other\": ", "no content"},
        {"\"added_tokens\"", "\"lstrip\": false", "\"lstrip\": 1", "lstrip"},
        {"\"added_tokens\"", "\"special\": true", "\"special\": 1", "special"},
        {"\"added_tokens\"", "\"id\": ", "\"id\": null, \"was\": ", "not a whole number"},
        {"{", "\"added_tokens\": [", "\"added_tokens\": {}, \"was\": [", "added_tokens"},
        {"{", "{", "[{", "offset"},
        {"{", "\"A\": 65", "\"A\xff\": 65", "offset"},
    };
    char err[500];
    size_t len;
    char *json = tokenizer_to_json(t, &len);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *wrong = replaced(json, cases[i].after, cases[i].from, cases[i].to);
        struct tokenizer *u = parse(wrong, strlen(wrong), err);
        CHECK(!u, "case %zu (%s) was accepted", i, cases[i].to);
        CHECK(strstr(err, "tok.json: ") == err && strstr(err, cases[i].reason), "case %zu (%s): %s", i,
              cases[i].to, err);
        free(wrong);
    }
    for (size_t cut = 0; cut + 2 < len; cut += 1 + len / 300)
        CHECK(!parse(json, cut, err) && *err, "cut at %zu was accepted", cut);
    for (int i = 0; i < 300; i++) { /* any answer will do, but there must be one */
        size_t at = rnd((uint32_t)len);
        char was = json[at];
        json[at] = (char)(was ^ 1 << rnd(8));
        struct tokenizer *u = parse(json, len, err);
        CHECK(u || *err);
        tokenizer_free(u);
        json[at] = was;
    }
    free(json);
}

static void hostile_json(void)
{
    char err[500];
    size_t n = 1000000;
    char *deep = xmalloc(n);
    memset(deep, '[', n);
    CHECK(!parse(deep, n, err) && strstr(err, "offset 0: not a JSON object"), "%s", err);
    memcpy(deep, "{\"a\":", 5);
    CHECK(!parse(deep, n, err) && strstr(err, "offset 2053: maximum parsing depth"), "%s", err);
    free(deep);
    n = 12000000;
    char *many = xmalloc(n);
    for (size_t i = 0; i < n; i++)
        many[i] = "[],"[i % 3];
    memcpy(many, "{\"a\":[", 6);
    CHECK(!parse(many, n, err) && strstr(err, "values"), "%s", err);
    free(many);
    CHECK(!tokenizer_load("no/such/file.json", err, sizeof err) && strstr(err, "no/such/file.json: "), "%s",
          err);
    CHECK(!tokenizer_load("/", err, sizeof err) && strstr(err, "/: "), "%s", err);
}

static void merges_as_strings(const struct tokenizer *t)
{
    char err[500];
    size_t len;
    char *json = tokenizer_to_json(t, &len);
    struct strbuf old = {0};
    char *merges = strstr(json, "\"merges\": [");
    strbuf_add(&old, json, (size_t)(merges - json));
    for (const char *p = merges; *p; p++) { /* ["a", "b"] to "a b" */
        if (strncmp(p, "[\"", 2) == 0)
            p++, strbuf_add(&old, "\"", 1);
        else if (strncmp(p, "\", \"", 4) == 0)
            p += 3, strbuf_add(&old, " ", 1);
        else if (strncmp(p, "\"]", 2) == 0)
            p++, strbuf_add(&old, "\"", 1);
        else
            strbuf_add(&old, p, 1);
    }
    struct tokenizer *u = parse(old.s, old.len, err);
    CHECK(u, "%s", err);
    CHECK(tokenizer_hash(u) == tokenizer_hash(t));
    tokenizer_free(u);
    strbuf_free(&old);
    free(json);
}

int main(void)
{
    test_begin(200);
    struct tokenizer *t = train(corpus, strlen(corpus), 256 + 32 + 100);
    known_ids();
    encoding_is_as_defined(t);
    any_bytes_round_trip(t);
    long_runs_are_quick(t);
    special_tokens(t);
    layouts();
    json_keeps_everything(t);
    merges_as_strings(t);
    bad_json_is_refused(t);
    hostile_json();
    tokenizer_free(t);
    return 0;
}
