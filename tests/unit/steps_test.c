/*
 * What normalisers and pre-tokenizers of tokenizer.json make of texts: the pieces are those of the tokenizers
 * library (tests/interop/vocabularies_check.py compares many more).
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/text/pretokenize/normaliser.h"
#include "pipeline/text/pretokenize/splitter.h"
#include "pipeline/text/vocabulary/vocabulary.h"
#include "tests/check.h"

static struct tokenizer *load(const char *normalizer, const char *pre_tokenizer, char *err)
{
    char *json = xasprintf("{\"model\": {\"type\": \"BPE\", \"vocab\": {\"a\": 0}, \"merges\": []}, "
                           "\"normalizer\": %s, \"pre_tokenizer\": %s}",
                           *normalizer ? normalizer : "null", *pre_tokenizer ? pre_tokenizer : "null");
    struct tokenizer *t = tokenizer_parse(json, strlen(json), "tok.json", err, 500);
    free(json);
    return t;
}

static void check(const char *normalizer, const char *pre_tokenizer, const char *text, const char *want)
{
    char err[500];
    struct strbuf got = {0};
    const struct slice *pieces;
    size_t len = strlen(text);
    struct tokenizer *t = load(normalizer, pre_tokenizer, err);
    CHECK(t, "%s", err);
    struct normaliser *n = normaliser_new(t->steps->rules, t->steps->n_rules, err, sizeof err);
    struct splitter *s = splitter_new(t->steps->steps, t->steps->n_steps, err, sizeof err);
    CHECK(n && s, "%s", err);
    text = normaliser_run(n, text, len, &len);
    size_t n_pieces = splitter_run(s, &text, len, true, &pieces);
    strbuf_add(&got, "", 0);
    for (size_t i = 0; i < n_pieces; i++) {
        strbuf_add(&got, "|", i > 0);
        strbuf_add(&got, text + pieces[i].at, pieces[i].len);
    }
    CHECK(strcmp(got.s, want) == 0, "%s %s: '%s', not '%s'", normalizer, pre_tokenizer, got.s, want);
    strbuf_free(&got);
    normaliser_free(n);
    splitter_free(s);
    tokenizer_free(t);
}

static void refused(const char *normalizer, const char *pre_tokenizer, const char *why)
{
    char err[500];
    CHECK(!load(normalizer, pre_tokenizer, err) && strstr(err, why), "%s %s: %s", normalizer, pre_tokenizer,
          err);
}

int main(void)
{
    /* normaliser, pre-tokenizer, text, and the pieces with | between them */
    static const char *const cases[][4] = {
        {"",
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"Isolated\",\"invert\":false}",
         "-a--bb-c-", "-|a|-|-|b|b|-|c|-"},
        {"", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"Isolated\",\"invert\":true}",
         "-a--bb-c-", "-|a|-|-|b|b|-|c|-"},
        {"", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"Removed\",\"invert\":false}",
         "-a--bb-c-", "a|c"},
        {"", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"Removed\",\"invert\":true}",
         "-a--bb-c-", "-|-|-|b|b|-|-"},
        {"",
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"MergedWithPrevious\",\"invert\":"
         "false}",
         "-a--bb-c-", "-|a-|-|b|b|-|c-"},
        {"",
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"MergedWithPrevious\",\"invert\":"
         "true}",
         "-a--bb-c-", "-a|-|-|b|b|-c|-"},
        {"",
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"MergedWithNext\",\"invert\":"
         "false}",
         "-a--bb-c-", "-a|-|-|b|b|-c|-"},
        {"",
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"MergedWithNext\",\"invert\":"
         "true}",
         "-a--bb-c-", "-|a-|-|b|b|-|c-"},
        {"",
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"Contiguous\",\"invert\":false}",
         "-a--bb-c-", "-|a|--bb-|c|-"},
        {"",
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"-|b\"},\"behavior\":\"Contiguous\",\"invert\":true}",
         "-a--bb-c-", "-|a|--bb-|c|-"},
        {"", "{\"type\":\"Split\",\"pattern\":{\"String\":\"ab\"},\"behavior\":\"Removed\",\"invert\":false}",
         "abxabab y", "x| y"},
        {"", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"x*\"},\"behavior\":\"Isolated\",\"invert\":false}",
         "axxbé", "a|xx|b|é"},
        {"",
         "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?=b)\"},\"behavior\":\"Isolated\",\"invert\":false}",
         "abcb", "a|bc|b"},
        {"",
         "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"Regex\":\"\\\\p{N}{1,"
         "3}\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"Split\",\"pattern\":{\"Regex\":\"[一-"
         "龥]+\"},\"behavior\":\"Isolated\",\"invert\":false},{\"type\":\"Split\",\"pattern\":{\"Regex\":\" "
         "?[\\\\p{L}\\\\p{M}]+| ?[\\\\p{P}\\\\p{S}]+\"},\"behavior\":\"Isolated\",\"invert\":false}]}",
         "ab 12345中文x é$+!", "ab| |123|45|中文|x| é|$+!"},
        {"", "{\"type\":\"Digits\",\"individual_digits\":true}", "a12٣Ⅷb", "a|1|2|٣|Ⅷ|b"},
        {"", "{\"type\":\"Digits\",\"individual_digits\":false}", "a12٣Ⅷb", "a|12٣Ⅷ|b"},
        {"", "{\"type\":\"Punctuation\",\"behavior\":\"Isolated\"}", "a.b$،。c_d", "a|.|b|$|،|。|c|_|d"},
        {"", "{\"type\":\"Punctuation\",\"behavior\":\"Contiguous\"}", "..a--b", "..|a|--|b"},
        {"", "{\"type\":\"WhitespaceSplit\"}", "a  b　c\nd ", "a|b|c|d"},
        {"", "{\"type\":\"Whitespace\"}", "it's été_1 -- 中文,x", "it|'|s|été_1|--|中文|,|x"},
        {"", "{\"type\":\"BertPreTokenizer\"}", "it's  a-b。", "it|'|s|a|-|b|。"},
        {"", "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"always\",\"split\":true}",
         "ab  cd e", "▁ab|▁|▁cd|▁e"},
        {"", "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"always\",\"split\":true}",
         " ab", "▁ab"},
        {"", "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"first\",\"split\":false}",
         "ab cd", "▁ab▁cd"},
        {"", "{\"type\":\"Metaspace\",\"replacement\":\"▁\",\"prepend_scheme\":\"never\",\"split\":true}",
         " ab ▁cd", "▁ab|▁|▁cd"},
        {"",
         "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\",\"pattern\":{\"String\":\" "
         "\"},\"behavior\":\"MergedWithPrevious\",\"invert\":false},{\"type\":\"Metaspace\",\"replacement\":"
         "\"▁\",\"prepend_scheme\":\"first\",\"split\":true}]}",
         "a b c", "▁a|▁|b|▁|c"},
        {"{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"▁\"},{\"type\":"
         "\"Replace\",\"pattern\":{\"String\":\" \"},\"content\":\"▁\"}]}",
         "", "a b  c", "▁a▁b▁▁c"},
        {"{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},{\"type\":\"StripAccents\"},{\"type\":"
         "\"Lowercase\"},{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":true}]}",
         "", "  ÉCOLE İẞΣ Ꙋ \n", "ecole ißσ ꙋ"},
        {"{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Replace\",\"pattern\":{"
         "\"Regex\":\"\\\\s+\"},\"content\":\" \"}]}",
         "", "ﬁ①  \t½", "fi1 1⁄2"},
        {"{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a*\"},\"content\":\"x\"}", "", "baac", "xbxcx"},
        {"{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}", "", " 　a ", "a "},
    };
    test_begin(30);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(cases[i][0], cases[i][1], cases[i][2], cases[i][3]);
    refused("",
            "{\"type\":\"Split\",\"pattern\":{\"String\":\"\"},\"behavior\":\"Isolated\",\"invert\":false}",
            "not empty");
    refused("", "{\"type\":\"FixedLength\",\"length\":5}", "FixedLength is not supported");
    refused("", "{\"type\":\"Metaspace\",\"replacement\":\"\"}", "Metaspace.replacement");
    refused("{\"type\":\"Strip\",\"strip_left\":true,\"strip_right\":false}",
            "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"first\"}",
            "prepend_scheme first");
    refused("{\"type\":\"Prepend\",\"prepend\":\"_\"}", /* the library takes what is behind a first digit for
                                                           the start, too */
            "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},{"
            "\"type\":"
            "\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"first\"}]}",
            "first is not supported behind other steps");
    refused("{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"(\"},\"content\":\"\"}", "", "Replace.pattern");
    refused("{\"type\":\"Sequence\"}", "", "normalizers");
    return 0;
}
