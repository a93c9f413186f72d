#include "pipeline/fetch/output.h"

#include "formats/compress.h"
#include "pipeline/fetch/copy.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ZSTD_LEVEL = 3 };

/* NAME.jsonl.zst for a source: its last path component less the endings of JSON lines and compression. */
static char *output_name(const char *word)
{
    char *real = source_scheme(word)->name(word);
    char *base = strrchr(real, '/') ? strrchr(real, '/') + 1 : real;
    static const char *const ends[] = {".gz", ".zst",   ".zstd",   ".lz4",  ".bz2",
                                       ".xz", ".jsonl", ".ndjson", ".json", ".parquet"};
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
static void write_recipe(struct source *s, struct strbuf *b)
{
    const struct fetch_options *o = s->options;
    strbuf_addf(b, "tritter fetch 1\nsource %s\ndomain %s\ntext-field %s\nlimit %s\nskip-bad %d\n", s->word,
                o->domain ? o->domain : "", s->input.text_field ? s->input.text_field : "",
                o->limit ? o->limit : "", o->input.skip_bad);
    if (s->input.template)
        strbuf_addf(b, "text %s\n", s->input.template);
    if (s->input.join)
        strbuf_addf(b, "join %s\n", s->input.join);
    if (o->input.csv)
        strbuf_addf(b, "csv 1\n");
    if (o->input.part)
        strbuf_addf(b, "part %s\n", o->input.part);
    if (o->input.accept_nan || o->input.replace_surrogates)
        strbuf_addf(b, "nan %d surrogates %d\n", o->input.accept_nan, o->input.replace_surrogates);
    for (size_t i = 0; i < o->input.globs.n; i++)
        strbuf_addf(b, "glob %s\n", o->input.globs.v[i]);
    s->scheme->recipe(s, b);
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

static void make_file(struct source *s, const char *path)
{
    struct commit c;
    struct tally t = {0};
    FILE *f = commit_open(&c, path);
    FILE *z = compress_open(f, ZSTD_LEVEL);
    if (!z)
        die("out of memory");
    bool written = copy_documents(s, z, &t);
    if (fclose(z) != 0 || !written)
        die_errno("%s: cannot write", path);
    if (stop_signal) {
        commit_abort(&c);
        return;
    }
    commit_finish(&c);
    warn_replaced(&t, path);
    say("%s: %llu documents, %.1f MB of text", path, (unsigned long long)t.docs, (double)t.text_bytes / 1e6);
}

/* The recipe goes first and comes last: where it is, it vouches. */
static void make_again(struct source *s, const char *path, const char *made, const struct strbuf *recipe)
{
    const char *dir = s->options->out_dir;
    if (unlink(made) == 0)
        fsync_dir(dir);
    make_file(s, path);
    if (!stop_signal) {
        struct commit c;
        fwrite(recipe->s, 1, recipe->len, commit_open(&c, made));
        commit_finish(&c);
    }
}

static void output_source(struct fetch_options *o, const char *word, const char *name)
{
    struct strbuf recipe = {0};
    char *hidden = xasprintf(".%s.made", name), *made = path_join(o->out_dir, hidden);
    char *path = path_join(o->out_dir, name);
    struct source *s = fetch_source_open(o, word);
    write_recipe(s, &recipe);
    if (is_made(path, made, &recipe))
        detail("%s: already there", path);
    else
        make_again(s, path, made, &recipe);
    fetch_source_close(s);
    if (!stop_signal)
        printf("%s\n", path);
    fflush(stdout);
    strbuf_free(&recipe);
    free(hidden);
    free(made);
    free(path);
}

void output_sources(struct fetch_options *o, char **words, int n)
{
    char **names = xcalloc((size_t)n, sizeof *names);
    for (int i = 0; i < n; i++) {
        names[i] = output_name(words[i]);
        for (int j = 0; j < i; j++)
            if (strcmp(names[i], names[j]) == 0)
                usage_error("%s and %s would both become %s; give them in runs with different -o", words[j],
                            words[i], names[i]);
    }
    make_dirs(o->out_dir);
    apart_output_dir(o->out_dir, false);
    for (int i = 0; i < n; i++) { /* before the first is made */
        char *path = path_join(o->out_dir, names[i]);
        apart_input(words[i]);
        apart_output(path);
        free(path);
    }
    for (int i = 0; i < n && !stop_signal; i++)
        output_source(o, words[i], names[i]);
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
    say_in_place(o->out_dir);
    close_stdout();
}
