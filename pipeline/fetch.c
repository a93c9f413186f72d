/*
 * fetch - bring documents from where they are: files, directories, pipes, the built-in generator
 *
 * stdout: --cat  documents as JSON lines (formats/docs.md)
 *         -o DIR the path of each file that is there and complete
 * files:  -o     DIR/NAME.jsonl.zst, one a source, committed whole; beside it .NAME.jsonl.zst.made says from
 *                what it was made, so that a second run does only what is missing or has changed
 */
#include "formats/compress.h"
#include "formats/docs.h"
#include "formats/tokens.h"
#include "pipeline/demo/demo.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/stream/input.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/walk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { ZSTD_LEVEL = 3, OUT_BUFFER = 1 << 20 };

static bool cat;
static const char *out_dir, *domain_name, *limit_word;
static uint64_t seed = 1, max_docs = UINT64_MAX, max_bytes = UINT64_MAX;
static struct input_opts input_opts = {.domain = -1};

static const struct opt opts[] = {
    {0, NULL, OPT_HEADING, NULL, NULL, "Where to"},
    {'c', "cat", OPT_FLAG, &cat, NULL, "write the documents to standard output, as JSON lines"},
    {'o', "output", OPT_STR, &out_dir, "DIR",
     "make one file NAME.jsonl.zst a source in DIR; sources that are\n"
     "there already, from the same origin and options, are left"},
    {0, NULL, OPT_HEADING, NULL, NULL, "Which documents"},
    {'n', "limit", OPT_STR, &limit_word, "N|SIZE",
     "stop after N documents, or with the document that reaches\n"
     "SIZE bytes of text (100KB, 1MB, 2GB, 1MiB); with -o, in each file"},
    {'g', "glob", OPT_LIST, &input_opts.globs, "GLOB",
     "of directories, only the files whose name matches ('*.py'), or\n"
     "whose path below it does ('lib/*.c'); may be given again"},
    {0, "skip-bad", OPT_FLAG, &input_opts.skip_bad, NULL,
     "count bad JSON documents and go on; default: stop with an error"},
    {'s', "seed", OPT_U64, &seed, "N", "of the built-in generator (default 1)"},
    {0, NULL, OPT_HEADING, NULL, NULL, "What of them"},
    {'f', "text-field", OPT_STR, &input_opts.text_field, "FIELD",
     "the text of JSON documents; default: the first there is of text,\n"
     "content, code, solution, output, response, else instruction\n"
     "or question with answer"},
    {'d', "domain", OPT_STR, &domain_name, "DOMAIN",
     "mark all as language, code, math, ml, logic or other;\n"
     "default: the document's own domain field, else other"},
    {0},
};

static const struct cli cli = {
    "fetch",
    "bring documents from files, directories, pipes or the built-in generator",
    "fetch --cat [OPTION...] SOURCE...\nfetch -o DIR [OPTION...] SOURCE...",
    opts,
    "Sources:\n"
    "  FILE             .jsonl .ndjson: one JSON object a line; .json: objects, or an array of them;\n"
    "                   anything else is one document, .txt files are split at lines <|endoftext|>.\n"
    "                   Compressed ones end in .gz .zst .lz4 as well, and are read as a stream.\n"
    "  DIRECTORY        all files below it in the order of their names; hidden files, symbolic links and\n"
    "                   binary files (with a NUL in them) are left out\n"
    "  -                standard input: JSON lines, compressed or not\n"
    "  demo:DOMAIN      generated text without end, the same for the same seed: language code math ml logic\n"
    "\n"
    "Examples:\n"
    "  fetch --cat demo:math --limit 1MB | head -2\n"
    "  fetch --cat books.jsonl.zst --domain language | tokenize -t tok.json | shard -o tokens/language\n"
    "  fetch --cat /usr/lib/python3.11 --glob '*.py' --domain code | jq -r .id\n"
    "  fetch -o raw demo:code demo:logic --limit 50MB && fetch --cat raw | wc -l\n"
    "\n"
    "Output is {\"text\": ..., \"id\": ..., \"domain\": ...}, one a line. Bytes that are not UTF-8 become\n"
    "U+FFFD, with a warning. Empty documents are left out. The id is the document's own, else FILE:LINE, or "
    "the\n"
    "file's path. A stream that fails ends with {\"stream_error\":\"fetch\"}, at which tokenize fails, too.\n"
    "Exit: 0 done, 1 failed (the message names file, place and reason), 2 misuse.",
};

/* --- sources --------------------------------------------------------------- */

struct source {
    const struct scheme *scheme;
    const char *word;
    struct input *input; /* files */
    struct demo *demo;
    struct strbuf text, id; /* of the demo's current document */
    uint64_t n;
};

struct scheme {
    const char *prefix;
    bool endless;
    void (*open)(struct source *s); /* NULL: known, but not in this build */
    bool (*next)(struct source *s, struct doc *d);
    void (*close)(struct source *s);
    void (*recipe)(const char *word, struct strbuf *b); /* adds what tells whether the source has changed */
};

static void demo_source_open(struct source *s)
{
    int domain = domain_from_name(s->word + strlen("demo:"));
    s->demo = domain < 0 ? NULL : demo_new(domain, seed);
    if (!s->demo)
        usage_error("%s: no such generator; there are demo:language demo:code demo:math demo:ml demo:logic",
                    s->word);
}

static bool demo_source_next(struct source *s, struct doc *d)
{
    int domain = input_opts.domain >= 0 ? input_opts.domain : domain_from_name(s->word + strlen("demo:"));
    demo_next(s->demo, &s->text);
    strbuf_reset(&s->id);
    strbuf_addf(&s->id, "%s:%llu:%llu", s->word, (unsigned long long)seed, (unsigned long long)s->n++);
    *d = (struct doc){.text = s->text.s, .len = s->text.len, .id = s->id.s, .domain = domain};
    return true;
}

static void demo_source_close(struct source *s)
{
    demo_free(s->demo);
    strbuf_free(&s->text);
    strbuf_free(&s->id);
}

static void demo_source_recipe(const char *word, struct strbuf *b)
{
    (void)word;
    strbuf_addf(b, "seed %llu\ngenerator %s\n", (unsigned long long)seed, tritter_version);
}

static void file_source_open(struct source *s)
{
    s->input = input_open(&input_opts, &s->word, 1);
}

static bool file_source_next(struct source *s, struct doc *d)
{
    return input_next(s->input, d);
}

static void file_source_close(struct source *s)
{
    input_close(s->input);
}

static void hash_file(XXH3_state_t *state, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        die_errno("%s", path);
    int64_t facts[3] = {(int64_t)st.st_size, (int64_t)st.st_mtim.tv_sec, (int64_t)st.st_mtim.tv_nsec};
    XXH3_64bits_update(state, path, strlen(path) + 1);
    XXH3_64bits_update(state, facts, sizeof facts);
}

static void file_source_recipe(const char *word, struct strbuf *b)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        die("out of memory");
    XXH3_64bits_reset(state);
    if (is_dir(word)) {
        struct walk *w = walk_open(word, &input_opts.globs);
        for (const char *path; (path = walk_next(w)) != NULL;)
            hash_file(state, path);
        walk_close(w);
    } else {
        hash_file(state, word);
    }
    strbuf_addf(b, "files %016llx\n", (unsigned long long)XXH3_64bits_digest(state));
    XXH3_freeState(state);
}

/* The first whose prefix fits. Remote sources get their functions here. */
static const struct scheme schemes[] = {
    {"demo:", true, demo_source_open, demo_source_next, demo_source_close, demo_source_recipe},
    {.prefix = "hf://"},
    {.prefix = "https://"},
    {.prefix = "http://"},
    {"", false, file_source_open, file_source_next, file_source_close, file_source_recipe},
};

static const struct scheme *scheme_of(const char *word)
{
    const struct scheme *s = schemes;
    while (strncmp(word, s->prefix, strlen(s->prefix)) != 0)
        s++;
    if (!s->open)
        die("%s: this build reads no %s sources; fetch the file by other means and give its path", word,
            s->prefix);
    return s;
}

/* --- copying --------------------------------------------------------------- */

struct tally {
    uint64_t docs, text_bytes, replaced;
};

static void show_progress(const struct source *s, const struct tally *t)
{
    struct input_stats stats = {0};
    if (s->input)
        input_stats(s->input, &stats);
    if (max_docs != UINT64_MAX)
        progress(s->word, t->docs, max_docs, "docs", NULL);
    else if (max_bytes != UINT64_MAX)
        progress(s->word, t->text_bytes, max_bytes, "bytes", NULL);
    else if (stats.total_bytes > 0)
        progress(s->word, stats.read_bytes, stats.total_bytes, "bytes", NULL);
    else
        progress(s->word, t->docs, 0, "docs", NULL);
}

/* Writes the source's documents to f, up to the limit. False: f failed. */
static bool copy(struct source *s, FILE *f, struct tally *t)
{
    struct doc d;
    while (t->docs < max_docs && t->text_bytes < max_bytes && !stop_signal && s->scheme->next(s, &d)) {
        if (doc_write(f, &d, &t->replaced) != 0)
            return false;
        t->docs++;
        t->text_bytes += d.len;
        if (t->docs % 64 == 0)
            show_progress(s, t);
    }
    progress_end();
    return true;
}

static void warn_replaced(const struct tally *t, const char *where)
{
    if (t->replaced > 0)
        warn("%s: %llu bytes that are not UTF-8 became U+FFFD", where, (unsigned long long)t->replaced);
}

static void open_source(struct source *s, const char *word)
{
    *s = (struct source){.scheme = scheme_of(word), .word = word};
    s->scheme->open(s); /* may keep the address of s->word */
}

/* Readers take the end of a pipe for the end of the documents: a stream that failed says so in its last line.
 */
static void tell_readers(void *f)
{
    fputs(DOC_STREAM_ERROR, f);
    fflush(f);
}

static void cat_sources(char **words, int n)
{
    struct tally t = {0};
    setvbuf(stdout, NULL, _IOFBF, OUT_BUFFER);
    at_failure(tell_readers, stdout);
    for (int i = 0; i < n; i++) {
        struct source s;
        open_source(&s, words[i]);
        if (!copy(&s, stdout, &t))
            break; /* close_stdout says why */
        s.scheme->close(&s);
    }
    at_failure_cancel(stdout);
    close_stdout();
    warn_replaced(&t, "output");
    detail("%llu documents, %llu bytes of text", (unsigned long long)t.docs,
           (unsigned long long)t.text_bytes);
}

/* --- files in a directory -------------------------------------------------- */

/* NAME.jsonl.zst for a source: its last path component less the endings of JSON lines and compression. */
static char *output_name(const char *word)
{
    if (strcmp(word, "-") == 0)
        usage_error("-o needs sources with names; use --cat for standard input");
    char *real = scheme_of(word)->endless ? xstrdup(word) : realpath(word, NULL);
    if (!real)
        die_errno("%s", word);
    char *base = strrchr(real, '/') ? strrchr(real, '/') + 1 : real;
    static const char *const ends[] = {".gz", ".zst", ".zstd", ".lz4", ".jsonl", ".ndjson", ".json"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        size_t len = strlen(base), end = strlen(ends[i]);
        if (len > end && strcmp(base + len - end, ends[i]) == 0)
            base[len - end] = '\0';
    }
    for (char *c = base; *c; c++)
        if (*c == ':')
            *c = '-';
    char *name = xasprintf("%s.jsonl.zst", *base == '.' || *base == '\0' ? "source" : base);
    free(real);
    return name;
}

/* Everything the content of the output depends on. */
static void write_recipe(const char *word, struct strbuf *b)
{
    strbuf_addf(b, "tritter fetch 1\nsource %s\ndomain %s\ntext-field %s\nlimit %s\nskip-bad %d\n", word,
                domain_name ? domain_name : "", input_opts.text_field ? input_opts.text_field : "",
                limit_word ? limit_word : "", input_opts.skip_bad);
    for (size_t i = 0; i < input_opts.globs.n; i++)
        strbuf_addf(b, "glob %s\n", input_opts.globs.v[i]);
    scheme_of(word)->recipe(word, b);
}

static bool is_made(const char *path, const char *made, const struct strbuf *recipe)
{
    size_t len;
    if (!path_exists(path) || !path_exists(made))
        return false;
    char *old = read_file(made, &len, 1 << 20);
    bool same = len == recipe->len && memcmp(old, recipe->s, len) == 0;
    free(old);
    return same;
}

static void make_file(const char *word, const char *path)
{
    struct commit c;
    struct tally t = {0};
    FILE *f = commit_open(&c, path);
    FILE *z = compress_open(f, ZSTD_LEVEL);
    if (!z)
        die("out of memory");
    struct source s;
    open_source(&s, word);
    bool written = copy(&s, z, &t);
    if (fclose(z) != 0 || !written)
        die_errno("%s: cannot write", path);
    s.scheme->close(&s);
    if (stop_signal) {
        commit_abort(&c);
        return;
    }
    commit_finish(&c);
    warn_replaced(&t, path);
    say("%s: %llu documents, %.1f MB of text", path, (unsigned long long)t.docs, (double)t.text_bytes / 1e6);
}

/* Makes one source's file unless it is there. The recipe goes first and comes last: where it is, it vouches.
 */
static void fetch_source(const char *word, const char *name)
{
    struct strbuf recipe = {0};
    char *hidden = xasprintf(".%s.made", name), *made = path_join(out_dir, hidden),
         *path = path_join(out_dir, name);
    write_recipe(word, &recipe);
    if (is_made(path, made, &recipe)) {
        detail("%s: already there", path);
    } else {
        if (unlink(made) == 0)
            fsync_dir(out_dir);
        make_file(word, path);
        if (!stop_signal) {
            struct commit c;
            fwrite(recipe.s, 1, recipe.len, commit_open(&c, made));
            commit_finish(&c);
        }
    }
    if (!stop_signal)
        printf("%s\n", path);
    fflush(stdout);
    strbuf_free(&recipe);
    free(hidden);
    free(made);
    free(path);
}

static void fetch_sources(char **words, int n)
{
    char **names = xcalloc((size_t)n, sizeof *names);
    for (int i = 0; i < n; i++) {
        names[i] = output_name(words[i]);
        for (int j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                usage_error("%s and %s would both become %s; give them in runs with different -o", words[j],
                            words[i], names[i]);
    }
    make_dirs(out_dir);
    for (int i = 0; i < n && !stop_signal; i++)
        fetch_source(words[i], names[i]);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    say_in_place(out_dir);
    close_stdout();
}

static void parse_limit(void)
{
    if (!limit_word)
        return;
    bool plain = limit_word[0] != '\0' && limit_word[strspn(limit_word, "0123456789")] == '\0';
    if (parse_bytes(limit_word, plain ? &max_docs : &max_bytes) != 0)
        usage_error("--limit: '%s' is neither a number of documents nor a size such as 1MB", limit_word);
}

static void check_sources(char **words, int n)
{
    if (n == 0)
        usage_error("no source given");
    for (int i = 0; i < n; i++) {
        if (out_dir && !limit_word && scheme_of(words[i])->endless)
            usage_error("%s has no end: -o needs --limit with it", words[i]);
        if (scheme_of(words[i])->endless) {
            struct source s;
            open_source(&s, words[i]); /* refuses a name that is none before anything is written */
            s.scheme->close(&s);
        }
    }
}

int main(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (cat == (out_dir != NULL))
        usage_error("say where to: either --cat or -o DIR");
    if (domain_name && (input_opts.domain = domain_from_name(domain_name)) < 0)
        usage_error("--domain: '%s' is none of language, code, math, ml, logic, other", domain_name);
    parse_limit();
    check_sources(argv, n);
    if (cat) {
        cat_sources(argv, n); /* nothing to commit: signals end it as they end any filter */
    } else {
        signals_install();
        fetch_sources(argv, n);
    }
    return signal_exit_code();
}
