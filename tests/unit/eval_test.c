/*
 * eval_test - standard errors against their definition; windows and choices against scores worked out one by
 * one
 */
#include "formats/manifest.h"
#include "formats/shard_write.h"
#include "formats/tokens.h"
#include "pipeline/eval/answers.h"
#include "pipeline/eval/choices.h"
#include "pipeline/eval/compare.h"
#include "pipeline/eval/mersenne.h"
#include "pipeline/eval/report.h"
#include "pipeline/eval/windows.h"
#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenize/bytelevel.h"
#include "pipeline/text/pretokenize/pretokenizer.h"
#include "tests/program.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

static bool near(double a, double b)
{
    return fabs(a - b) <= 1e-9 * (1 + fabs(b));
}

/* Three documents: losses 2+1, 4, 1+1+1; bytes 3+0, 5, 2+2+0. */
static void tallies(void)
{
    static const double y[] = {3, 4, 3}, tokens[] = {2, 1, 3}, bytes[] = {3, 5, 4};
    struct tally t = {0}, u = {0};
    tally_end_document(&t); /* nothing yet: not a document */
    CHECK(isnan(tally_loss(&t).value) && isnan(tally_bits_per_byte(&t).value));
    tally_add(&t, 2, 3);
    tally_add(&t, 1, 0);
    tally_end_document(&t);
    CHECK(tally_loss(&t).value == 1.5 && isnan(tally_loss(&t).stderr_), "one document has no error");
    tally_add(&u, 4, 5);
    tally_end_document(&u);
    for (int i = 0; i < 3; i++)
        tally_add(&u, 1, i < 2 ? 2 : 0);
    tally_end_document(&u);
    tally_end_document(&u);
    tally_merge(&t, &u);
    CHECK(t.documents == 3 && t.tokens == 6 && t.bytes == 12);
    double r = 10 / 6., q = 10 / 12., by_token = 0, by_byte = 0;
    for (int i = 0; i < 3; i++) {
        by_token += pow(y[i] - r * tokens[i], 2);
        by_byte += pow(y[i] - q * bytes[i], 2);
    }
    CHECK(near(tally_loss(&t).value, r) && near(tally_loss(&t).stderr_, sqrt(3 / 2. * by_token) / 6));
    CHECK(near(tally_perplexity(&t).value, exp(r)));
    CHECK(near(tally_bits_per_byte(&t).value, q / log(2)));
    CHECK(near(tally_bits_per_byte(&t).stderr_, sqrt(3 / 2. * by_byte) / 12 / log(2)));
}

static void accuracies(void)
{
    /* right by sum and by character; by sum only; by character only (characters, not bytes); neither; equal
     * scores: the first */
    struct question v[] = {
        {.choice = {"ab", "abcd"}, .n_choices = 2, .label = 0, .score = {-1, -9}},
        {.choice = {"ab", "abcdefgh"}, .n_choices = 2, .label = 0, .score = {-4, -8}},
        {.choice = {"ab", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"},
         .n_choices = 2,
         .label = 1,
         .score = {-4, -9}},
        {.choice = {"abcd", "\xc3\xa9\xc3\xa9\xc3\xa9"}, .n_choices = 2, .label = 1, .score = {-4, -3.1}},
        {.choice = {"ab", "ab"}, .n_choices = 2, .label = 0, .score = {-3, -3}},
        /* an empty choice: minus infinity, however likely; refused: counted apart */
        {.choice = {"", "ab"}, .n_choices = 2, .label = 1, .score = {-1, -9}},
        {.choice = {"ab", "abcd"}, .n_choices = 2, .label = 0, .refused = true},
    };
    struct accuracy a = questions_accuracy(&(struct questions){.v = v, .n = 7});
    /* fourth: -4 / 4 against -3.1 / 3: wrong by character, right by sum */
    CHECK(a.n == 6 && a.refused == 1, "%zu of 7", a.n);
    CHECK(near(a.acc.value, 4 / 6.) && near(a.acc.stderr_, sqrt(4 / 6. * (2 / 6.) / 5)), "acc %g",
          a.acc.value);
    CHECK(near(a.acc_norm.value, 4 / 6.) && near(a.acc_norm.stderr_, sqrt(4 / 6. * (2 / 6.) / 5)),
          "acc_norm %g", a.acc_norm.value);
}

/* 256 bytes, a merge that joins a space to a letter, one of two letters, and the end of text. */
static struct tokenizer *small_tokenizer(void)
{
    json_t *vocab = json_object();
    for (int i = 0; i < 256; i++) {
        struct strbuf s = {0};
        char byte = (char)i;
        bytelevel_spell(&s, &byte, 1);
        json_object_set_new(vocab, s.s, json_integer(i));
        strbuf_free(&s);
    }
    json_object_set_new(vocab, "\xc4\xa0t", json_integer(256));
    json_object_set_new(vocab, "he", json_integer(257));
    json_t *step = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0,
                             "trim_offsets", 0, "use_regex", 0);
    json_t *j = json_pack(
        "{s:s, s:[{s:i, s:s, s:b, s:b, s:b, s:b, s:b}], s:n, s:{s:s, s:[{s:s, s:{s:s}, s:s, s:b}, O]}, s:o,"
        " s:{s:s, s:o, s:[[s, s], [s, s]]}}",
        "version", "1.0", "added_tokens", "id", 258, "content", "<|eos|>", "single_word", 0, "lstrip", 0,
        "rstrip", 0, "normalized", 0, "special", 1, "normalizer", "pre_tokenizer", "type", "Sequence",
        "pretokenizers", "type", "Split", "pattern", "Regex", pattern_regex(PATTERN_QWEN2), "behavior",
        "Isolated", "invert", 0, step, "decoder", step, "model", "type", "BPE", "vocab", vocab, "merges",
        "\xc4\xa0", "t", "h", "e");
    CHECK(j, "the tokenizer's JSON");
    char *text = json_dumps(j, 0), err[256];
    struct tokenizer *t = tokenizer_parse(text, strlen(text), "tokenizer.json", err, sizeof err);
    CHECK(t, "%s", err);
    json_decref(j);
    free(text);
    return t;
}

/* Sum of log p of `choice` after `context`, from the logits of the one sequence. Byte by byte but for the two
 * merges. */
static double plain_score(const struct loaded *m, const int32_t *ids, int n, int n_context)
{
    char err[256];
    int V = m->w.c.V;
    struct activations *a = activations_alloc(&m->w, 1, n - 1, ACT_FORWARD, err, sizeof err);
    CHECK(a, "%s", err);
    float *logits = malloc((size_t)n * (size_t)V * sizeof *logits);
    double score = 0;
    model_logits(&m->w, a, ids, 1, n - 1, logits);
    for (int t = n_context; t < n; t++) {
        const float *x = logits + (size_t)(t - 1) * (size_t)V;
        double sum = 0;
        for (int i = 0; i < V; i++)
            sum += exp((double)x[i]);
        score += (double)x[ids[t]] - log(sum);
    }
    free(logits);
    activations_free(a);
    return score;
}

static int spell(int32_t *ids, const char *s)
{
    int n = 0;
    for (; *s; n++) {
        int pair = s[0] == ' ' && s[1] == 't' ? 256 : s[0] == 'h' && s[1] == 'e' ? 257 : 0;
        ids[n] = pair ? pair : (unsigned char)*s;
        s += pair ? 2 : 1;
    }
    return n;
}

static struct loaded small_model(void)
{
    struct loaded m = {.tok = small_tokenizer(), .tokenizer_path = "tokenizer.json"};
    struct model_config c = {.L = 2,
                             .C = 32,
                             .H = 2,
                             .Hkv = 1,
                             .D = 8,
                             .F = 32,
                             .T = 64,
                             .V = 260,
                             .tied = true,
                             .eps = 1e-6f,
                             .rope_theta = 1e4};
    char err[256];
    m.dev = ops_cpu()->open(DTYPE_F32, 1, err, sizeof err);
    CHECK(m.dev, "%s", err);
    CHECK(weights_alloc(&m.w, ops_cpu(), m.dev, DTYPE_F32, &c, err, sizeof err) == 0, "%s", err);
    CHECK(weights_init(&m.w, 3) == 0);
    m.w.ops->scale(m.dev, m.w.theta, 8, m.w.layout.total); /* far from uniform */
    weights_publish(&m.w);
    return m;
}

static void free_model(struct loaded *m)
{
    weights_free(&m->w);
    ops_cpu()->close(m->dev);
    tokenizer_free(m->tok);
}

static void scores(const struct loaded *m, enum scoring_way way)
{
    static char *const context[] = {
        "Question: q?\nAnswer:", "Question: a much longer one, of the she\nAnswer:", "x \n "};
    static char *const choice[] = {"the one", "so", "tea, then the tee"};
    int T = m->w.c.T;
    struct question v[3];
    struct questions q = {.v = v, .n = 3, .path = "questions"};
    for (int i = 0; i < 3; i++) {
        v[i] = (struct question){.context = context[i], .n_choices = 3};
        memcpy(v[i].choice, choice, sizeof choice);
    }
    questions_score(m, &q, T, way);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            int32_t ids[256];
            char whole[256];
            snprintf(whole, sizeof whole, "%s %s", context[i], choice[k]);
            int n_context = spell(ids, i == 2 ? "x" : context[i]),
                n = spell(ids, whole); /* white space is the choice's */
            CHECK(n <= T);
            double expected = plain_score(m, ids, n, n_context);
            CHECK(fabs(v[i].score[k] - expected) < 1e-3 * fabs(expected),
                  "question %d choice %d: %g, expected %g", i, k, v[i].score[k], expected);
            CHECK(expected < -1, "a score that says nothing: %g", expected);
        }
    /* A context longer than the model's loses its beginning: two that end alike score alike. */
    char longer[2][300];
    memset(longer, 'a', sizeof longer);
    memset(longer[1], 'b', 120);
    longer[0][200] = longer[1][200] = 0;
    v[0].context = longer[0];
    v[1].context = longer[1];
    questions_score(m, &q, T, way);
    CHECK(v[0].score[2] == v[1].score[2] && v[0].score[2] < -1);
    CHECK(v[0].cut && v[1].cut && !v[2].cut && questions_accuracy(&q).cut == 2);
    /* A choice is never cut: one of T tokens is scored with a single token before it, and a longer one is
     * refused. */
    char most[80];
    memset(most, 'z', sizeof most);
    most[T - 1] = 0; /* and the space that joins it */
    v[0] = (struct question){.context = longer[0], .choice = {most, "so"}, .n_choices = 2};
    v[1] = (struct question){.context = "x", .choice = {"so", most + 1}, .n_choices = 2};
    questions_score(m, &q, T, way);
    CHECK(!v[0].refused && v[0].cut && !v[1].refused && !v[1].cut && questions_accuracy(&q).n == 3);
    most[T - 1] = 'z', most[T] = 0;
    questions_score(m, &q, T, way);
    struct accuracy a = questions_accuracy(&q);
    CHECK(v[0].refused && !v[1].refused && a.n == 2 && a.refused == 1 && a.cut == 0, "%zu %zu", a.n, a.cut);
}

enum { N_DOCUMENTS = 5, EOS = 258 };

/* A source of five documents of 0 to 80 tokens; its tokens, ends of documents included, go to all. */
static struct shard_set *make_source(const struct loaded *m, int32_t *all, size_t *n)
{
    static const int lengths[N_DOCUMENTS] = {30, 0, 80, 1, 47};
    char err[512];
    struct shard_header like = {.vocab_size = 259,
                                .eos_id = EOS,
                                .bos_id = UINT32_MAX,
                                .tokenizer_hash = tokenizer_hash(m->tok)},
                        h;
    struct manifest list = {.vocab_size = 259,
                            .eos_id = EOS,
                            .bos_id = UINT32_MAX,
                            .token_width = 2,
                            .tokenizer_hash = like.tokenizer_hash,
                            .domain = DOMAIN_MATH,
                            .split = "val"};
    struct shard_writer *w;
    uint32_t r = 5;
    *n = 0;
    CHECK(mkdir("source", 0755) == 0);
    CHECK(shard_writer_open(&w, "source/000000.tok", &like, err, sizeof err) == 0, "%s", err);
    for (int d = 0; d < N_DOCUMENTS; d++) {
        uint16_t ids[80];
        for (int i = 0; i < lengths[d]; i++) {
            r = r * 1664525 + 1013904223;
            all[(*n)++] = ids[i] = (uint16_t)(r >> 16) % EOS;
        }
        all[(*n)++] = EOS;
        CHECK(shard_writer_put(w, ids, (size_t)lengths[d], err, sizeof err) == 0, "%s", err);
        CHECK(shard_writer_end(w, DOMAIN_MATH, (uint64_t)lengths[d], err, sizeof err) == 0, "%s", err);
    }
    CHECK(shard_writer_finish(w, &h, err, sizeof err) == 0, "%s", err);
    manifest_add(&list, &(struct manifest_shard){h.file_bytes, h.header_hash, h.n_tokens, h.n_documents,
                                                 h.text_bytes});
    manifest_seal(&list);
    char *json = manifest_to_json(&list);
    spill("source/manifest.json", json, strlen(json));
    free(json);
    manifest_free(&list);
    struct shard_set *s = shard_set_open("source", true, err, sizeof err);
    CHECK(s, "%s", err);
    return s;
}

/* Where the window begins that predicts token p: the definition of windows.h, one token at a time. */
static size_t window_begin(size_t p, size_t T, size_t stride, size_t end)
{
    size_t last = 1 + T;
    while (last <= p)
        last += stride;
    last = last < end ? last : end;
    return last - 1 < T ? 0 : last - 1 - T;
}

/* Tokens all[0..n) as one stretch; target by target. */
static void expect_stretch(const struct loaded *m, const struct window_plan *plan, const int32_t *all,
                           size_t n, size_t T, struct tally *expected)
{
    for (size_t p = 1; p < n; p++) {
        size_t begin = window_begin(p, T, (size_t)plan->stride, n);
        for (size_t i = begin; plan->document_mask && i < p; i++)
            begin = all[i] == EOS && i + 1 < p ? i + 1 : begin;
        tally_add(expected, -plain_score(m, all + begin, (int)(p - begin + 1), (int)(p - begin)),
                  all[p] == EOS  ? 0
                  : all[p] < 256 ? 1
                                 : 2);
        if (all[p] == EOS)
            tally_end_document(expected);
    }
    tally_end_document(expected);
}

static void windows(const struct loaded *m)
{
    static const struct {
        struct window_plan plan;
        int stretches; /* that the plan must come to */
    } cases[] = {
        {{16, 8, 0, 0, false, NULL}, 1},    {{16, 16, 0, 0, false, NULL}, 1},
        {{13, 5, 0, 0, false, NULL}, 1},    {{64, 1, 0, 0, false, NULL}, 1},
        {{16, 8, 100, 0, false, NULL}, 1},  {{16, 8, 9, 0, false, NULL}, 1},
        {{64, 32, 0, 0, true, NULL}, 1},    {{1, 1, 0, 0, false, NULL}, 1},
        {{16, 8, 100, 25, false, NULL}, 4}, {{16, 8, 100, 34, true, NULL}, 3},
        {{64, 32, 61, 30, false, NULL}, 3}, {{16, 8, 1000, 10, false, NULL}, 1},
    };
    int32_t all[512];
    size_t n;
    struct shard_set *s = make_source(m, all, &n);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const struct window_plan *plan = &cases[k].plan;
        struct tally t = {0}, expected = {0};
        size_t want = plan->limit && plan->limit < n - 1 ? plan->limit : n - 1,
               parts = (size_t)cases[k].stretches;
        size_t T = (size_t)plan->T < want / parts ? (size_t)plan->T : want / parts;
        for (size_t i = 0; i < parts; i++)
            expect_stretch(m, plan, all + (n - 1) / parts * i, want * (i + 1) / parts - want * i / parts + 1,
                           T, &expected);
        windows_run(m, s, "source", plan, &t);
        CHECK(t.tokens == (double)want && t.tokens == expected.tokens && t.bytes == expected.bytes,
              "plan %zu", k);
        CHECK(t.documents == expected.documents && (want < n - 1 || t.documents == N_DOCUMENTS), "plan %zu",
              k);
        CHECK(fabs(t.loss - expected.loss) < 1e-4 * expected.loss, "plan %zu: %g, expected %g", k, t.loss,
              expected.loss);
        CHECK(fabs(t.ll - expected.ll) < 1e-3 * expected.ll, "plan %zu", k);
    }
    shard_set_close(s);
}

/* What Python's re.findall and re.sub make of the same, as lm-evaluation-harness uses them. */
static void answers(void)
{
    static const char task[] =
        "{\"extract\": [{\"name\": \"strict\", \"pattern\": \"#### (\\\\-?[0-9\\\\.\\\\,]+)\"},"
        " {\"name\": \"last\", \"pattern\": \"(-?[$0-9.,]{2,})|(-?[0-9]+)\", \"take\": \"last\"},"
        " {\"name\": \"empty\", \"pattern\": \"x*\", \"take\": \"last\"}],"
        " \"ignore\": [\",\", \"\\\\$\", \"(?s).*#### \", \"\\\\.$\"], \"ignore_case\": true}";
    static const struct {
        const char *text, *reference;
        bool right[2];
    } cases[] = {
        {"it is #### 12", "so\n#### 12", {true, true}},
        {"it is #### -1,234. and 5", "#### -1234", {true, false}},
        {"it is 3 or $4.", "#### 4", {false, true}},
        {"#### 7 #### 8", "7", {true, false}},
        {"12..", "12", {false, false}}, /* one full stop alone is removed */
        {"none", "[INVALID]", {true, true}},
        {"", "[invalid]", {true, true}},
        {"\xff #### 5\xe2\x82", "5", {true, true}},
    };
    char why[ANSWERS_WHY];
    json_t *o = json_loads(task, 0, NULL);
    struct answers *a = answers_parse(o, why);
    CHECK(a && answers_count(a) == 3 && strcmp(answers_name(a, 1), "last") == 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < 2; k++)
            CHECK(answers_right(a, k, cases[i].text, strlen(cases[i].text), cases[i].reference) ==
                      cases[i].right[k],
                  "'%s' and '%s' by %s", cases[i].text, cases[i].reference, answers_name(a, k));
    CHECK(answers_right(a, 2, "axx", 3, ""), "the last match is the empty one at the end");
    answers_free(a);
    json_decref(o);
}

/* A byte of NUL belongs to the answer. An expression that would take 2^60 steps is given up. */
static void odd_answers(void)
{
    char why[ANSWERS_WHY], slow[] = "b aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    json_t *o = json_pack("{s:[{s:s, s:s}, {s:s, s:s, s:s}]}", "extract", "name", "all", "pattern",
                          "(?s)(.+)", "name", "slow", "pattern", "b?(?:(?:a|a)*c)?", "take", "last");
    struct answers *a = answers_parse(o, why);
    CHECK(a, "%s", why);
    CHECK(!answers_right(a, 0, "5\0z", 3, "5"));
    CHECK(answers_right(a, 0, "5\0z", 3, "5\xef\xbf\xbdz"));
    CHECK(answers_right(a, 1, slow, strlen(slow), "[invalid]"));
    answers_free(a);
    json_decref(o);
    o = json_pack("{s:[{s:s, s:s}]}", "extract", "name", "bytes", "pattern", "\\C");
    CHECK(!answers_parse(o, why) && strstr(why, "\\C"), "%s", why);
    json_decref(o);
}

/* The numbers are those of random.Random(seed).sample(range(n), k), one call after the other, in Python 3.11.
 */
static void samples(void)
{
    static const struct {
        uint64_t seed;
        size_t n, k, first[7];
    } cases[] = {
        {1234, 10, 3, {7, 1, 0}},
        {0, 100, 5, {11, 74, 4, 85, 88}},
        {0, 1000, 6, {85, 100, 784, 363, 242, 17}},
        {0, 40000, 25, {2019, 1038, 22681, 31735, 30379, 9735, 5982}},
        {0, 7, 7, {5, 2, 3, 6, 1, 0, 4}},
        {0, 85, 6, {58, 67, 2, 65, 9, 0}},
        {(1ull << 40) + 5, 30, 4, {16, 8, 21, 29}},
    };
    struct mersenne m;
    size_t out[25];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t k = cases[i].k < 7 ? cases[i].k : 7;
        if (cases[i].seed)
            mersenne_seed(&m, cases[i].seed);
        mersenne_sample(&m, cases[i].n, cases[i].k, out);
        CHECK(memcmp(out, cases[i].first, k * sizeof *out) == 0, "sample %zu: %zu %zu", i, out[0], out[1]);
    }
}

/* The interval of many differences is that of the normal distribution. */
static void bootstraps(void)
{
    enum { N = 400 };
    double difference[N], size[N], mean = 0, variance = 0;
    for (int i = 0; i < N; i++) {
        difference[i] = .1 + sin(i * 1.7);
        size[i] = 2;
        mean += difference[i] / N;
    }
    for (int i = 0; i < N; i++)
        variance += pow(difference[i] - mean, 2) / (N - 1);
    double half = 1.96 * sqrt(variance / N);
    struct paired p = paired_bootstrap(difference, NULL, N), q = paired_bootstrap(difference, size, N);
    CHECK(near(p.difference, mean) && fabs(p.low - (mean - half)) < .1 * half &&
              fabs(p.high - (mean + half)) < .1 * half,
          "%g in %g .. %g", p.difference, p.low, p.high);
    double z = mean / sqrt(variance / N), expected = .5 * erfc(-z / sqrt(2));
    CHECK(fabs(p.positive - expected) < .02, "%g, expected %g", p.positive, expected);
    CHECK(near(q.difference, mean / 2) && near(q.low, p.low / 2) && q.positive == p.positive);
    p = paired_bootstrap((double[]){.5, .5}, NULL, 2);
    CHECK(p.low == .5 && p.high == .5 && p.positive == 1);
    p = paired_bootstrap((double[]){0, 0, 0}, NULL, 3);
    CHECK(p.difference == 0 && p.positive == .5);
    /* sizes weigh: 3 bits over 4 bytes */
    CHECK(paired_bootstrap((double[]){1, 2}, (double[]){3, 1}, 2).difference == .75);
    struct task t = {.acc = true};
    CHECK(near(accuracy_centred(&t, &(struct accuracy){.acc = {.4, 0}, .chance = .25}), .2));
}

int main(void)
{
    test_begin(60);
    bootstraps();
    samples();
    answers();
    odd_answers();
    tallies();
    accuracies();
    struct loaded m = small_model();
    scores(&m, SCORE_BATCHED);
    scores(&m, SCORE_CACHED);
    windows(&m);
    free_model(&m);
    return 0;
}
