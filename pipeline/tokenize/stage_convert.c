/*
 * stage_convert.c - tokenize convert: vocabularies of other libraries to tokenizer.json
 */
#include "pipeline/tokenize/stage.h"

#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/apart.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/text/convert/sentencepiece.h"
#include "pipeline/text/convert/tekken.h"
#include "pipeline/text/convert/tiktoken.h"
#include "pipeline/text/vocabulary/vocabulary.h"

enum { MAX_FILE = 32 << 20 }; /* bytes: some times the largest in use */

static const char *output, *pattern_name;
static struct str_list special;
static bool use_nfc;

static const struct opt opts[] = {
    {'o', "output", OPT_STR, &output, "FILE", "write tokenizer.json here; - is standard output"},
    {0, NULL, OPT_HEADING, NULL, NULL, "For .tiktoken files"},
    {0, "pattern", OPT_STR, &pattern_name, "NAME",
     "how text is cut: gpt2, cl100k, llama3, qwen2 or o200k (default: by the number of\n"
     "tokens, where that is of a vocabulary in use)"},
    {0, "special", OPT_LIST, &special, "NAME[=ID]",
     "a special token; its id is the next one where none is given; may be\n"
     "given again. Default: those of the vocabulary in use"},
    {0, "nfc", OPT_FLAG, &use_nfc, NULL, "normalise text to NFC first"},
    SANDBOX_OPTION(&output),
    {0},
};

static const struct cli cli = {
    "tokenize",
    "convert: vocabularies of other libraries to tokenizer.json",
    "tokenize convert -o FILE [OPTION...] VOCABULARY",
    opts,
    "Reads a .tiktoken file (tokens in base64 and their ranks), a SentencePiece .model of type BPE, or "
    "Mistral's\n"
    "tekken.json; the content says which. The tokenizer.json gives the ids of the library that the file is "
    "of,\n"
    "here and in the tokenizers library.\n"
    "\n"
    "Examples:\n"
    "  tokenize convert -o tok.json cl100k_base.tiktoken\n"
    "  tokenize convert -o tok.json --pattern gpt2 --special '<|endoftext|>' mine.tiktoken\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names file, place and reason), 2 misuse.",
};

/* ---- tiktoken ---- */

/* The one of this many ranks, and of the pattern that was asked for; NULL: none. */
static const struct tiktoken_family *family_of(uint32_t n_ranks)
{
    for (size_t i = 0; i < TIKTOKEN_FAMILIES; i++)
        if (tiktoken_families[i].n_ranks == n_ranks &&
            (!pattern_name || strcmp(pattern_name, tiktoken_families[i].name) == 0))
            return &tiktoken_families[i];
    return NULL;
}

/* The one whose pattern was asked for, for a file of another size. */
static const struct tiktoken_family *pattern_asked(const char *path, uint32_t n_ranks)
{
    if (!pattern_name)
        die("%s: %u tokens: of no vocabulary that is known: say how text is cut with --pattern", path,
            n_ranks);
    for (size_t i = 0; i < TIKTOKEN_FAMILIES; i++)
        if (strcmp(pattern_name, tiktoken_families[i].name) == 0)
            return &tiktoken_families[i];
    usage_error("--pattern %s: it is gpt2, cl100k, llama3, qwen2 or o200k", pattern_name);
}

/* NAME or NAME=ID; what is behind the last = counts as an id when it is a number. */
static struct special_token read_special(const char *given, char **text)
{
    const char *equals = strrchr(given, '=');
    uint64_t id = UINT32_MAX;
    size_t n = strlen(given);
    if (equals && equals > given && parse_u64(equals + 1, &id) == 0)
        n = (size_t)(equals - given);
    if (n == 0 || n > VOCABULARY_MAX_TOKEN || utf8_prefix(given, n) != n ||
        (n < strlen(given) && id >= VOCABULARY_MAX))
        usage_error("--special %s: a name in UTF-8, or NAME=ID with an id below %d", given,
                    (int)VOCABULARY_MAX);
    *text = xasprintf("%.*s", (int)n, given);
    return (struct special_token){*text, (uint32_t)id};
}

/* The tokenizer as its JSON text, which is loaded again: it must be the same. */
static char *to_json(const struct tokenizer *t, const char *path, size_t *len)
{
    char err[800];
    char *json = tokenizer_to_json(t, len);
    struct tokenizer *again = tokenizer_parse(json, *len, path, err, sizeof err);
    if (!again)
        die("it has no tokenizer.json: %s", err);
    if (tokenizer_hash(again) != tokenizer_hash(t))
        die("%s: its tokenizer.json is not the same tokenizer", path);
    tokenizer_free(again);
    return json;
}

static char *convert_tiktoken(const char *path, const char *bytes, size_t n_bytes, size_t *len)
{
    char err[800], **texts = xcalloc(special.n + 1, sizeof *texts);
    uint32_t n_ranks = tiktoken_count(bytes, n_bytes);
    const struct tiktoken_family *f = family_of(n_ranks);
    const struct tiktoken_family *cuts = f ? f : pattern_asked(path, n_ranks);
    struct tiktoken_opts o = {
        .pattern = cuts->pattern, .regex = cuts->regex, .nfc = use_nfc || (f && f->nfc)};
    struct special_token *tokens;
    if (f && special.n == 0) {
        tokens = tiktoken_family_special(f, &texts[0]);
        o.n_special = f->n_special;
    } else {
        tokens = xcalloc(special.n + 1, sizeof *tokens);
        for (; o.n_special < special.n; o.n_special++)
            tokens[o.n_special] = read_special(special.v[o.n_special], &texts[o.n_special]);
    }
    o.special = tokens;
    struct tokenizer *t = tiktoken_parse(bytes, n_bytes, &o, path, err, sizeof err);
    if (!t)
        die("%s", err);
    char *json = to_json(t, path, len);
    if (tokenizer_eos(t) == UINT32_MAX)
        warn("%s: no token is known to end a text: --special '<|endoftext|>' makes one", path);
    say("%s: tiktoken: %u tokens, %zu special ones, %u merges, pattern %s%s", path, n_ranks, o.n_special,
        t->n_merges, f ? f->name : pattern_name,
        t->ignore_merges ? "; some tokens are found as whole pieces only" : "");
    tokenizer_free(t);
    for (size_t i = 0; i <= special.n; i++)
        free(texts[i]);
    free(texts);
    free(tokens);
    return json;
}

/* ---- Mistral's tekken.json ---- */

static char *convert_tekken(const char *path, const char *bytes, size_t n_bytes, size_t *len)
{
    struct tekken k;
    char err[800];
    if (pattern_name || special.n || use_nfc)
        usage_error(
            "%s: --pattern, --special and --nfc are for .tiktoken files; a tekken.json says these itself",
            path);
    int rc = tekken_read(&k, bytes, n_bytes, path, err, sizeof err);
    if (rc > 0)
        die("%s: JSON, but no tekken.json: a tokenizer.json is read as it is", path);
    if (rc < 0)
        die("%s", err);
    const struct tiktoken_opts o = {
        .pattern = PATTERN_REGEX, .regex = k.pattern, .special = k.special, .n_special = k.n_special};
    struct tokenizer *t = tiktoken_parse(k.lines.s, k.lines.len, &o, path, err, sizeof err);
    if (!t)
        die("%s", err);
    char *json = to_json(t, path, len);
    say("%s: tekken: %u tokens, %u special ones, %u merges", path, k.n_ranks, k.n_special, t->n_merges);
    tokenizer_free(t);
    tekken_free(&k);
    return json;
}

/* ---- SentencePiece ---- */

static char *convert_sentencepiece(const char *path, const char *bytes, size_t n_bytes, size_t *len)
{
    struct sentencepiece m;
    char err[800];
    if (pattern_name || special.n || use_nfc)
        usage_error("%s: --pattern, --special and --nfc are for .tiktoken files; a .model says these itself",
                    path);
    if (sentencepiece_parse(&m, bytes, n_bytes, path, err, sizeof err) < 0)
        die("%s", err);
    char *json = sentencepiece_to_json(&m, path, len, err, sizeof err);
    if (!json)
        die("%s", err);
    say("%s: SentencePiece: %zu pieces%s", path, m.n, m.byte_fallback ? ", bytes among them" : "");
    sentencepiece_free(&m);
    return json;
}

/* The first field of a model is number 1, of bytes: a newline, then a length and more that is no line of
 * .tiktoken. */
static bool is_model(const char *bytes, size_t n)
{
    static const char line[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/= \r\n";
    size_t first = n < 64 ? n : 64;
    return bytes[0] == '\n' && (n == 1 || strspn(bytes, line) < first);
}

int tokenize_convert(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (n != 1)
        usage_error(n == 0 ? "which vocabulary? a .tiktoken or .model file" : "one vocabulary at a time");
    if (!output)
        usage_error("where to? -o tokenizer.json");
    struct text_output out;
    size_t n_bytes, len;
    apart_input(argv[0]);
    char *bytes = read_file(argv[0], &n_bytes, MAX_FILE);
    if (n_bytes == 0)
        die("%s: empty", argv[0]);
    char *(*convert)(const char *, const char *, size_t, size_t *) = bytes[0] == '{' ? convert_tekken
                                                                     : is_model(bytes, n_bytes)
                                                                         ? convert_sentencepiece
                                                                         : convert_tiktoken;
    char *json = convert(argv[0], bytes, n_bytes, &len);
    text_output_open(&out, output);
    text_output_write(&out, json, len);
    text_output_close(&out, true);
    free(json);
    free(bytes);
    return 0;
}
