/*
 * eval_test - standard errors against their definition; choices against scores worked out one by one
 */
#include "pipeline/eval/choices.h"
#include "pipeline/eval/tally.h"
#include "pipeline/lib/fs.h"
#include "pipeline/text/bytelevel.h"
#include "pipeline/text/pretokenizer.h"
#include "tests/check.h"

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
    tally_end_document(&t);             /* nothing yet: not a document */
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
    /* right by sum and by character; by sum only; by character only (characters, not bytes); neither; equal scores: the first */
    struct question v[] = {
        {.choice = {"ab", "abcd"}, .n_choices = 2, .label = 0, .score = {-1, -9}},
        {.choice = {"ab", "abcdefgh"}, .n_choices = 2, .label = 0, .score = {-4, -8}},
        {.choice = {"ab", "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"}, .n_choices = 2, .label = 1, .score = {-4, -9}},
        {.choice = {"abcd", "\xc3\xa9\xc3\xa9\xc3\xa9"}, .n_choices = 2, .label = 1, .score = {-4, -3.1}},
        {.choice = {"ab", "ab"}, .n_choices = 2, .label = 0, .score = {-3, -3}},
    };
    struct accuracy a = questions_accuracy(&(struct questions){v, 5});
    /* fourth: -4 / 4 against -3.1 / 3: wrong by character, right by sum */
    CHECK(a.n == 5 && near(a.acc, 4 / 5.) && near(a.acc_stderr, sqrt(0.8 * 0.2 / 4)), "acc %g", a.acc);
    CHECK(near(a.acc_norm, 3 / 5.) && near(a.acc_norm_stderr, sqrt(0.6 * 0.4 / 4)), "acc_norm %g", a.acc_norm);
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
    json_t *step = json_pack("{s:s, s:b, s:b, s:b}", "type", "ByteLevel", "add_prefix_space", 0, "trim_offsets", 0,
                             "use_regex", 0);
    json_t *j = json_pack(
        "{s:s, s:[{s:i, s:s, s:b, s:b, s:b, s:b, s:b}], s:n, s:{s:s, s:[{s:s, s:{s:s}, s:s, s:b}, O]}, s:o,"
        " s:{s:s, s:o, s:[[s, s], [s, s]]}}",
        "version", "1.0", "added_tokens", "id", 258, "content", "<|eos|>", "single_word", 0, "lstrip", 0, "rstrip", 0,
        "normalized", 0, "special", 1, "normalizer", "pre_tokenizer", "type", "Sequence", "pretokenizers", "type", "Split",
        "pattern", "Regex", pretokenizer_pattern, "behavior", "Isolated", "invert", 0, step, "decoder", step, "model",
        "type", "BPE", "vocab", vocab, "merges", "\xc4\xa0", "t", "h", "e");
    CHECK(j, "the tokenizer's JSON");
    char *text = json_dumps(j, 0), err[256];
    struct tokenizer *t = tokenizer_parse(text, strlen(text), "tokenizer.json", err, sizeof err);
    CHECK(t, "%s", err);
    json_decref(j);
    free(text);
    return t;
}

/* Sum of log p of `choice` after `context`, from the logits of the one sequence. Byte by byte but for the two merges. */
static double plain_score(const struct loaded *m, const int32_t *ids, int n, int n_context)
{
    char err[256];
    int V = m->w.c.V;
    struct activations *a = activations_alloc(&m->w, 1, n, false, err, sizeof err);
    float *logits = malloc((size_t)n * (size_t)V * sizeof *logits);
    double score = 0;
    model_logits(&m->w, a, ids, 1, n, logits);
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

static void scores(void)
{
    static char *const context[] = {"Question: q?\nAnswer:", "Question: a much longer one, of the she\nAnswer:", "x \n "};
    static char *const choice[] = {"the one", "so", "tea, then the tee"};
    struct loaded m = {.tok = small_tokenizer()};
    struct model_config c = {.L = 2, .C = 32, .H = 2, .Hkv = 1, .D = 8, .F = 32, .T = 64, .V = 260, .tied = true,
                             .eps = 1e-6f, .rope_theta = 1e4};
    char err[256];
    m.dev = ops_cpu()->open(DTYPE_F32, 0, err, sizeof err);
    CHECK(m.dev, "%s", err);
    CHECK(weights_alloc(&m.w, ops_cpu(), m.dev, DTYPE_F32, &c, err, sizeof err) == 0, "%s", err);
    CHECK(weights_init(&m.w, 3) == 0);
    m.w.ops->scale(m.dev, m.w.theta, 8, m.w.layout.total);      /* far from uniform */
    weights_publish(&m.w);
    struct question v[3];
    struct questions q = {v, 3};
    for (int i = 0; i < 3; i++) {
        v[i] = (struct question){.context = context[i], .n_choices = 3};
        memcpy(v[i].choice, choice, sizeof choice);
    }
    questions_score(&m, &q, c.T);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++) {
            int32_t ids[256];
            char whole[256];
            snprintf(whole, sizeof whole, "%s %s", context[i], choice[k]);
            int n_context = spell(ids, i == 2 ? "x" : context[i]), n = spell(ids, whole);   /* white space is the choice's */
            CHECK(n <= c.T);
            double expected = plain_score(&m, ids, n, n_context);
            CHECK(fabs(v[i].score[k] - expected) < 1e-3 * fabs(expected), "question %d choice %d: %g, expected %g", i, k,
                  v[i].score[k], expected);
            CHECK(expected < -1, "a score that says nothing: %g", expected);
        }
    /* A context longer than the model's loses its beginning: two that end alike score alike. */
    char longer[2][300];
    memset(longer, 'a', sizeof longer);
    memset(longer[1], 'b', 120);
    longer[0][200] = longer[1][200] = 0;
    v[0].context = longer[0];
    v[1].context = longer[1];
    questions_score(&m, &q, c.T);
    CHECK(v[0].score[2] == v[1].score[2] && v[0].score[2] < -1);
    weights_free(&m.w);
    ops_cpu()->close(m.dev);
    tokenizer_free(m.tok);
}

int main(void)
{
    test_begin(60);
    tallies();
    accuracies();
    scores();
    return 0;
}
