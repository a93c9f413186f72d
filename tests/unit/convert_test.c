/*
 * Vocabularies of other libraries: the merges found for a list of ranks against tiktoken's own way to encode,
 * written from its definition, on random vocabularies; and .tiktoken and .model files good and bad. Against
 * the libraries themselves: make interop.
 */
#include <stdint.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/convert/sentencepiece.h"
#include "pipeline/text/convert/splits.h"
#include "pipeline/text/convert/tiktoken.h"
#include "pipeline/text/vocabulary/vocabulary.h"
#include "tests/check.h"

static uint64_t state = 88172645463325252u;
static uint32_t rnd(uint32_t below)
{
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    return (uint32_t)(state >> 20) % below;
}

/* ---- .tiktoken files ---- */

enum { MAX_TOKENS = 400, MAX_LEN = 9 };

struct vocabulary { /* by rank */
    char bytes[MAX_TOKENS][MAX_LEN + 1];
    size_t len[MAX_TOKENS], n;
};

static void add_line(struct strbuf *file, const char *bytes, size_t len, uint32_t rank)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++)
            bits = bits << 8 | (i + k < len ? (unsigned char)bytes[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            strbuf_add(file, i + k > len ? "=" : &digits[bits >> (18 - 6 * k) & 63], 1);
    }
    strbuf_addf(file, " %u\n", rank);
}

static uint32_t rank_of(const struct vocabulary *v, const char *bytes, size_t len)
{
    for (uint32_t i = 0; i < v->n; i++)
        if (v->len[i] == len && memcmp(v->bytes[i], bytes, len) == 0)
            return i;
    return UINT32_MAX;
}

/* The 256 bytes among `more` tokens of few letters, in any order: of later ones, or of ones that are not
 * there, too. */
static void make_vocabulary(struct vocabulary *v, uint32_t more)
{
    v->n = 0;
    for (int b = 0; b < 256; b++) {
        v->bytes[v->n][0] = (char)b;
        v->len[v->n++] = 1;
    }
    while (v->n < 256 + more) {
        char token[MAX_LEN];
        size_t len = 2 + rnd(rnd(3) ? 2 : MAX_LEN - 1);
        for (size_t i = 0; i < len; i++)
            token[i] = "ab\xc3"[rnd(3)];
        if (rank_of(v, token, len) != UINT32_MAX)
            continue;
        memcpy(v->bytes[v->n], token, len);
        v->len[v->n++] = len;
    }
    for (uint32_t i = 0; i < v->n; i++) {
        uint32_t k = rnd((uint32_t)v->n);
        char token[MAX_LEN + 1];
        size_t len = v->len[i];
        memcpy(token, v->bytes[i], sizeof token);
        memcpy(v->bytes[i], v->bytes[k], sizeof token);
        memcpy(v->bytes[k], token, sizeof token);
        v->len[i] = v->len[k];
        v->len[k] = len;
    }
}

static size_t encode_by_definition(const struct vocabulary *v, const char *piece, size_t len, uint32_t *ids)
{
    size_t at[64], n = len; /* where the parts begin */
    if ((ids[0] = rank_of(v, piece, len)) != UINT32_MAX)
        return 1;
    for (size_t i = 0; i <= n; i++)
        at[i] = i;
    for (;;) {
        uint32_t best = UINT32_MAX, rank;
        size_t join = 0;
        for (size_t i = 0; i + 1 < n; i++)
            if ((rank = rank_of(v, piece + at[i], at[i + 2] - at[i])) < best)
                best = rank, join = i;
        if (best == UINT32_MAX)
            break;
        memmove(at + join + 1, at + join + 2, (n - join - 1) * sizeof *at);
        n--;
    }
    for (size_t i = 0; i < n; i++)
        ids[i] = rank_of(v, piece + at[i], at[i + 1] - at[i]);
    return n;
}

static struct tokenizer *parse(const char *bytes, size_t len, const struct tiktoken_opts *opts, char *err)
{
    *err = 0;
    return tiktoken_parse(bytes, len, opts, "x.tiktoken", err, 500);
}

static void ranks_give_the_same_ids(void)
{
    struct vocabulary v;
    struct tiktoken_opts opts = {.pattern = PATTERN_NONE};
    unsigned whole = 0, apart = 0;
    for (int round = 0; round < 40; round++) {
        struct strbuf file = {0};
        char err[500];
        make_vocabulary(&v, rnd(MAX_TOKENS - 256));
        for (uint32_t i = 0; i < v.n; i++)
            add_line(&file, v.bytes[i], v.len[i], i);
        struct tokenizer *t = parse(file.s, file.len, &opts, err);
        CHECK(t, "%s", err);
        whole += t->ignore_merges;
        apart += !t->ignore_merges;
        struct encoder *e = encoder_new(t, NULL);
        for (int k = 0; k < 300; k++) {
            char text[40];
            uint32_t want[64];
            size_t len = 1 + rnd(k % 2 ? MAX_LEN : sizeof text), n, back;
            for (size_t i = 0; i < len; i++)
                text[i] = k % 3 ? "ab"[rnd(2)] : "ab\xc3\xa1\xa2"[rnd(5)];
            while (utf8_prefix(text, len) < len) /* bytes that are not UTF-8 are pieces of their own */
                text[utf8_prefix(text, len)] = 'a';
            size_t n_want = encode_by_definition(&v, text, len, want);
            const uint32_t *ids = encode(e, text, len, false, &n);
            CHECK(n == n_want && memcmp(ids, want, n * sizeof *ids) == 0, "round %d: %.*s: %zu ids, not %zu",
                  round, (int)len, text, n, n_want);
            char *again = decode(t, ids, n, true, &back);
            CHECK(back == len && memcmp(again, text, len) == 0, "%.*s comes back as %s", (int)len, text,
                  again);
            free(again);
        }
        encoder_free(e);
        tokenizer_free(t);
        strbuf_free(&file);
    }
    CHECK(whole > 10 && apart > 0, "%u vocabularies with tokens that merging never makes, %u without", whole,
          apart);
}

static void long_tokens_are_quick(void)
{
    struct strbuf file = {0};
    struct tiktoken_opts opts = {.pattern = PATTERN_NONE};
    char err[500], *run = xmalloc(SPLIT_MAX_TOKEN);
    memset(run, 'a', SPLIT_MAX_TOKEN);
    for (int b = 0; b < 256; b++)
        add_line(&file, &(char){(char)b}, 1, (uint32_t)b);
    for (uint32_t i = 0; i < 20; i++)
        add_line(&file, run, i < 15 ? (size_t)2 << i : SPLIT_MAX_TOKEN - i, 256 + i);
    double start = now_seconds();
    struct tokenizer *t = parse(file.s, file.len, &opts, err);
    CHECK(t, "%s", err);
    CHECK(now_seconds() - start < 10, "%.1f s", now_seconds() - start); /* quadratic: minutes */
    tokenizer_free(t);
    strbuf_free(&file);
    free(run);
}

static void bad_tiktoken_files_are_refused(void)
{
    static const struct {
        const char *line, *reason;
    } cases[] = {
        {"YWI=", "line 257: not a token in base64"},
        {"YWI= ", "line 257: the rank is not"},
        {" 300", "line 257: the token is not base64"},
        {"YWI 300", "not base64"},
        {"YW=I 300", "not base64"},
        {"Y=== 300", "not base64"},
        {"==== 300", "not base64"},
        {"YWJ= 300", "not base64"}, /* bits that no byte takes */
        {"YW\xffI 300", "not base64"},
        {"YW I= 300", "not base64"},
        {"YWI= 0300", "rank"},
        {"YWI= -1", "rank"},
        {"YWI= 1.5", "rank"},
        {"YWI= 300 ", "rank"},
        {"YWI=  300", "rank"},
        {"YWI= 1048576", "rank is not a whole number from 0 to 1048575"},
        {"YWI= 99999999999999999999", "rank"},
        {"YWI= 65", "line 257: rank 65 is there twice"},
        {"QQ== 300", "ranks 65 and 300 are the same token"},
        {"{\"version\": 1}", "the token is not base64"},
    };
    struct strbuf file = {0};
    struct tiktoken_opts opts = {.pattern = PATTERN_GPT2};
    char err[500];
    for (int b = 0; b < 256; b++)
        add_line(&file, &(char){(char)b}, 1, (uint32_t)b);
    size_t good = file.len;
    struct tokenizer *t = parse(file.s, good, &opts, err);
    CHECK(t && tokenizer_vocab_size(t) == 256, "%s", err);
    tokenizer_free(t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        file.len = good;
        strbuf_add(&file, cases[i].line, strlen(cases[i].line));
        t = parse(file.s, file.len, &opts, err);
        CHECK(!t, "%s: accepted", cases[i].line);
        CHECK(strstr(err, "x.tiktoken: ") == err && strstr(err, cases[i].reason), "%s: %s", cases[i].line,
              err);
    }
    file.len = good;
    strbuf_add(&file, "YWI\0 300", 8);
    CHECK(!parse(file.s, file.len, &opts, err) && strstr(err, "line 257"), "%s", err);
    CHECK(!parse(file.s, 20, &opts, err) && strstr(err, "no token for byte"), "%s", err);
    CHECK(!parse("\r\n\n", 3, &opts, err) && strstr(err, "no tokens"), "%s", err);
    for (size_t cut = 0; cut < good; cut += 7)
        CHECK(!parse(file.s, cut, &opts, err) && *err, "cut at %zu: accepted", cut);
    strbuf_free(&file);
}

static void special_tokens_have_their_ids(void)
{
    static const struct special_token some[] = {{"<a>", UINT32_MAX}, {"<b>", 300}, {"<c>", UINT32_MAX}};
    static const struct special_token on_a_rank[] = {{"<a>", 65}}, same[] = {{"<a>", 300}, {"<b>", 300}};
    struct tiktoken_opts opts = {.pattern = PATTERN_GPT2, .special = some, .n_special = 3};
    struct strbuf file = {0};
    char err[500];
    for (int b = 0; b < 256; b++)
        add_line(&file, &(char){(char)b}, 1, (uint32_t)b);
    struct tokenizer *t = parse(file.s, file.len, &opts, err);
    CHECK(t, "%s", err);
    CHECK(tokenizer_special(t, "<a>") == 256 && tokenizer_special(t, "<b>") == 300 &&
          tokenizer_special(t, "<c>") == 301);
    tokenizer_free(t);
    opts = (struct tiktoken_opts){.special = on_a_rank, .n_special = 1};
    CHECK(!parse(file.s, file.len, &opts, err) && strstr(err, "id 65 is a rank"), "%s", err);
    opts = (struct tiktoken_opts){.special = same, .n_special = 2};
    CHECK(!parse(file.s, file.len, &opts, err) && strstr(err, "id 300 is that of another"), "%s", err);
    for (size_t i = 0; i < TIKTOKEN_FAMILIES; i++) {
        char *text;
        struct special_token *s = tiktoken_family_special(&tiktoken_families[i], &text);
        for (size_t k = 0; k < tiktoken_families[i].n_special; k++)
            CHECK(s[k].content && *s[k].content && s[k].id >= tiktoken_families[i].n_ranks, "%s: %zu",
                  tiktoken_families[i].name, k);
        if (i == 2)
            CHECK(s[255].id == 128255 && strcmp(s[255].content, "<|reserved_special_token_250|>") == 0, "%s",
                  s[255].content);
        free(s);
        free(text);
    }
    strbuf_free(&file);
}

/* ---- .model files ---- */

static void put_piece(struct strbuf *m, const char *s, float score, int type)
{
    char score_bytes[4];
    size_t len = strlen(s);
    memcpy(score_bytes, &score, 4);
    strbuf_add(m, (char[]){'\n', (char)(len + 9), '\n', (char)len}, 4);
    strbuf_add(m, s, len);
    strbuf_add(m, "\x15", 1);
    strbuf_add(m, score_bytes, 4);
    strbuf_add(m, (char[]){0x18, (char)type}, 2);
}

/* <unk> <s> </s>, letters, merges; trainer: model_type BPE; normaliser: identity. */
static struct strbuf good_model(void)
{
    struct strbuf m = {0};
    put_piece(&m, "<unk>", 0, PIECE_UNKNOWN);
    put_piece(&m, "<s>", 0, PIECE_CONTROL);
    put_piece(&m, "</s>", 0, PIECE_CONTROL);
    put_piece(&m, "ab", -0.f, PIECE_NORMAL);
    put_piece(&m,
              "\xe2\x96\x81"
              "ab",
              -1, PIECE_NORMAL);
    put_piece(&m, "\xe2\x96\x81", -2, PIECE_NORMAL);
    put_piece(&m, "a", -3, PIECE_NORMAL);
    put_piece(&m, "b", -4, PIECE_NORMAL);
    strbuf_add(&m, "\x12\x02\x18\x02", 4);
    strbuf_add(&m, "\x1a\x04\x18\x01\x20\x00", 6);
    return m;
}

static char *model_json(const char *bytes, size_t len, char *err)
{
    struct sentencepiece m;
    size_t n;
    *err = 0;
    if (sentencepiece_parse(&m, bytes, len, "x.model", err, 500) != 0)
        return NULL;
    char *json = sentencepiece_to_json(&m, "x.model", &n, err, 500);
    sentencepiece_free(&m);
    return json;
}

static void a_model_becomes_json(void)
{
    struct strbuf m = good_model();
    char err[500], *json = model_json(m.s, m.len, err);
    CHECK(json, "%s", err);
    CHECK(strstr(json, "[\"a\", \"b\"],\n      [\"\xe2\x96\x81\", \"ab\"]\n    ]"), "%s", json);
    CHECK(strstr(json, "\"\xe2\x96\x81"
                       "ab\": 4,"),
          "%s", json);
    CHECK(strstr(json, "\"Prepend\"") && !strstr(json, "\\\\A"), "%s", json);
    struct tokenizer *t = tokenizer_parse(json, strlen(json), "sp.json", err, sizeof err);
    CHECK(t, "%s", err);
    struct encoder *e = encoder_new(t, NULL);
    size_t n;
    const uint32_t *ids = encode(e, "ab a", 4, false, &n);
    CHECK(n == 3 && ids[0] == 4 && tokenizer_bytes(t, ids[2], &n)[0] == 'a', "%u", ids[0]);
    encoder_free(e);
    tokenizer_free(t);
    free(json);
    for (size_t cut = 0; cut < m.len - 10; cut++) /* all of these lack the trainer's settings at least */
        CHECK(!(json = model_json(m.s, cut, err)) && strstr(err, "x.model: ") == err, "cut at %zu: accepted",
              cut);
    for (size_t at = 0; at < m.len; at++)
        for (int bit = 0; bit < 8; bit++) { /* any answer will do, but there must be one */
            m.s[at] ^= (char)(1 << bit);
            json = model_json(m.s, m.len, err);
            CHECK(json || *err);
            free(json);
            m.s[at] ^= (char)(1 << bit);
        }
    strbuf_free(&m);
}

/* Runs of one character may have one score: the leftmost grows first, a character at a time. */
static void runs_of_one_score_merge_from_the_left(void)
{
    static const char *const texts[] = {"aaaaa", "aaaaaa", "aaaaaaaa", "aaab"};
    static const size_t lengths[][4] = {{5}, {5, 1}, {5, 3}, {2, 2}}; /* of the tokens, after a space */
    struct strbuf m = good_model();
    char err[500];
    put_piece(&m, "aa", -9, PIECE_NORMAL);
    put_piece(&m, "aaaaa", -9, PIECE_NORMAL);
    put_piece(&m, "aaa", -9, PIECE_NORMAL);
    char *json = model_json(m.s, m.len, err);
    CHECK(json, "%s", err);
    struct tokenizer *t = tokenizer_parse(json, strlen(json), "sp.json", err, sizeof err);
    CHECK(t, "%s", err);
    struct encoder *e = encoder_new(t, NULL);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        size_t n, len;
        const uint32_t *ids = encode(e, texts[i], strlen(texts[i]), false, &n);
        for (size_t k = 0; k < 4 && lengths[i][k]; k++)
            CHECK(k + 1 < n && tokenizer_bytes(t, ids[k + 1], &len) && len == lengths[i][k],
                  "%s: token %zu of %zu", texts[i], k, n);
    }
    encoder_free(e);
    tokenizer_free(t);
    free(json);
    put_piece(&m, "bb", -9, PIECE_NORMAL);
    CHECK(!model_json(m.s, m.len, err) && strstr(err, "have the same score"), "%s", err);
    strbuf_free(&m);
}

static void bad_models_are_refused(void)
{
    static const struct {
        const char *bytes;
        size_t len;
        const char *reason;
    } cases[] = {
        /* behind a good model */
        {"\x12\x02\x18\x01", 4, "model_type is unigram"},
        {"\x12\x02\x18\x63", 4, "model_type is unknown"},
        {"\x12\x03\xc0\x01\x01", 5, "treat_whitespace_as_suffix"},
        {"\x12\x03\x98\x02\x01", 5, "0 pieces of type BYTE, with byte_fallback true"},
        {"\x1a\x02\x28\x00", 4, "escape_whitespaces false"},
        {"\x1a\x03\x12\x01x", 5, "precompiled_charsmap"},
        {"\x1a\x02\x10\x01", 4, "field 2 is not of the type"},
        {"\x12\x02\x1a\x00", 4, "field 3 is not of the type"},
        {"\x08\x01", 2, "field 1 is not of the type"},
        {"\x10\x01", 2, "field 2 is not of the type"},
        {"\n\x03\n\x01"
         "a",
         5, "pieces 6 and 8 are the same"},
        {"\n\x00", 2, "piece 8 has 0 bytes"},
        {"\n\x02\n\x00", 4, "piece 8 has 0 bytes"},
        {"\n\x03\n\x01\xff", 5, "piece 8 is not UTF-8"},
        {"\n\x08\n\x01x\x15\x00\x00\xc0\x7f", 10, "piece 8: its score is not a number"},
        {"\n\x05\n\x01x\x18\x05", 7, "UNUSED"},
        {"\n\x05\n\x01x\x18\x06", 7, "type BYTE, but not named"},
        {"\n\x0a\n\x06<0x4g>\x18\x06", 12, "type BYTE, but not named"},
        {"\n\x0a\n\x06<0x41>\x18\x06", 12, "1 pieces of type BYTE, with byte_fallback false"},
        {"\n\x05\n\x01x\x18\x07", 7, "unknown type 7"},
        {"\n\x05\n\x01x\x18\x02", 7, "2 pieces of type UNKNOWN"},
        {"\n\x09\n\x02"
         "ba\x15\x00\x00\x00\x00",
         11, "pieces 3 and 8 have the same score"},
        {"\n\x09\n\x02"
         "ax\x15\x00\x00\x00\x3f",
         11, "piece 8 is made of a character that is no piece"},
        {"\n\x0a\n\x03"
         "bbb\x15\x00\x00\x00\x3f",
         12, NULL}, /* merging never makes it: fine */
        {"\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, "malformed"},
        {"\n\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 11, "malformed"},
        {"\n\x05\n\x09x\x18\x01", 7, "malformed"},
        {"\n", 1, "malformed"},
        {"\x0b", 1, "malformed"}, /* a group */
        {"\x00\x00", 2, "malformed"},
        {"\x25\x00", 2, "malformed"},
        {"\x21\x00\x00\x00\x00\x00\x00\x00", 8, "malformed"},
    };
    char err[500];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct strbuf m = good_model();
        strbuf_add(&m, cases[i].bytes, cases[i].len);
        char *json = model_json(m.s, m.len, err);
        CHECK(!json == !!cases[i].reason, "case %zu: %s", i, json ? "accepted" : err);
        CHECK(json || (strstr(err, "x.model: ") == err && strstr(err, cases[i].reason)),
              "case %zu: %s, not %s", i, err, cases[i].reason);
        free(json);
        strbuf_free(&m);
    }
}

int main(void)
{
    test_begin(200);
    ranks_give_the_same_ids();
    long_tokens_are_quick();
    bad_tiktoken_files_are_refused();
    special_tokens_have_their_ids();
    a_model_becomes_json();
    runs_of_one_score_merge_from_the_left();
    bad_models_are_refused();
    return 0;
}
