#include "pipeline/stream/input.h"

#include "formats/csv.h"
#include "formats/decompress.h"
#include "formats/template.h"
#include "formats/tokens.h"
#include "pipeline/lib/apart.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/parquet_docs.h"
#include "pipeline/stream/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FIRST_BUFFER = 256 << 10,
    MAX_READ = 1 << 20,
    MAX_ROW = 16 << 20, /* bytes of a table's row */
    WAIT_MS = 200       /* how often a wait checks stop_signal */
};
static const char separator[] = "<|endoftext|>"; /* a line of its own between texts, as in TinyStories */
static const char mark[] = "\xef\xbb\xbf";       /* the byte order mark */
enum { SEPARATOR_LEN = sizeof separator - 1 };

enum kind { JSON_LINES, JSON_VALUES, TEXT, TEXT_SEPARATED, PARQUET, TABLE };

/* The position in a .json file: between values at the top level, or within an array before or after an
 * element. */
enum place { AT_TOP, IN_EMPTY_ARRAY, BEFORE_ELEMENT, AFTER_ELEMENT };

struct input {
    struct input_opts opts;
    char *join; /* opts.join, with its escapes replaced */
    const char *const *paths;
    size_t n_paths, next_path;
    struct walk *walk; /* the directory being read */
    struct doc_parser *parser;
    struct template *template; /* makes the text of a JSON document; NULL: a single field is the text */
    struct input_stats stats;

    /* At most one of the two is open. */
    struct decompress *file;
    struct parquet_docs *parquet;
    struct csv *table; /* TABLE: from its header on */
    char *name;
    enum kind kind;
    bool eof;
    bool stopped;         /* stop_signal came while waiting: no more documents are returned */
    uint64_t read_before; /* bytes of files that are finished */
    char *buf;            /* unread content is buf[pos..len) */
    size_t pos, len, cap;
    uint64_t text_before; /* bytes of this file's text before buf[0] */
    uint64_t line;        /* line number of buf[pos], from 1 */
    enum place place;     /* for JSON_VALUES */
    uint64_t piece;       /* for TEXT: documents found in this file */
    bool separated;       /* for TEXT_SEPARATED: a separator has been seen */
    char *id;
};

static const char *const stdin_paths[] = {"-"};

static bool has_end(const char *s, size_t len, const char *end)
{
    size_t n = strlen(end);
    return len > n && memcmp(s + len - n, end, n) == 0;
}

static enum kind kind_of_name(const char *name, size_t len)
{
    if (has_end(name, len, ".jsonl") || has_end(name, len, ".ndjson"))
        return JSON_LINES;
    if (has_end(name, len, ".json"))
        return JSON_VALUES;
    if (has_end(name, len, ".parquet"))
        return PARQUET;
    return has_end(name, len, ".txt") ? TEXT_SEPARATED : TEXT;
}

static bool has_tab(const char *name)
{
    size_t stem;
    decompress_kind_of_name(name, &stem);
    return has_end(name, stem, ".tsv");
}

/* Tables with a header are texts like others, unless --csv says that a row is a document. */
static bool is_table(const struct input *in, const char *name, size_t len)
{
    return in->opts.csv && (has_end(name, len, ".csv") || has_end(name, len, ".tsv"));
}

static uint64_t size_of_files(const char *const *paths, size_t n)
{
    uint64_t total = 0;
    struct stat st;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(paths[i], "-") == 0 || stat(paths[i], &st) != 0 || !S_ISREG(st.st_mode))
            return 0;
        total += (uint64_t)st.st_size;
    }
    return total;
}

static char *join_text(const struct input_opts *opts)
{
    const char *why;
    size_t at;
    char *join = opts->join ? template_literal(opts->join, &why, &at) : NULL;
    if (opts->join && !join)
        usage_error("--join: '%s': at character %zu: %s", opts->join, at + 1, why);
    return join;
}

/* The template from which docs.c makes the text; NULL: docs.c looks for a single field. */
static struct template *json_template(const struct input_opts *opts)
{
    const char *why;
    size_t at;
    if (opts->template) {
        struct template *t = template_parse(opts->template, &why, &at);
        if (!t)
            usage_error("--text: '%s': at character %zu: %s", opts->template, at + 1, why);
        return t;
    }
    if (!opts->text_field || (!opts->join && !strchr(opts->text_field, '.')))
        return NULL;
    struct template *t = template_of_field(opts->text_field);
    if (!t)
        die("out of memory");
    return t;
}

struct input *input_open_sources(const struct input_opts *opts)
{
    struct input *in = xcalloc(1, sizeof *in);
    in->opts = *opts;
    in->opts.join = in->join = join_text(opts);
    in->parser = doc_parser_new();
    if (!in->parser)
        die("out of memory");
    doc_parser_allow(in->parser, opts->accept_nan, opts->replace_surrogates);
    if (opts->window > 0 && decompress_set_window(opts->window) != 0)
        usage_error("--zstd-window: at most 2GiB");
    in->template = json_template(&in->opts);
    in->cap = FIRST_BUFFER;
    in->buf = xmalloc(in->cap);
    return in;
}

char **input_operands(const struct input_opts *opts, char **operands, int *n)
{
    if (!opts->files_from)
        return operands;
    bool standard = strcmp(opts->files_from, "-") == 0;
    FILE *f = standard ? stdin : fopen(opts->files_from, "re");
    char **all = xcalloc((size_t)*n + 1, sizeof *all), *line = NULL;
    size_t room = 0, used = 0;
    if (!f)
        die_errno("%s", opts->files_from);
    for (; used < (size_t)*n; used++)
        all[used] = operands[used];
    for (ssize_t len; (len = getline(&line, &room, f)) > 0;) {
        len -= line[len - 1] == '\n';
        if (len == 0)
            continue;
        if (memchr(line, 0, (size_t)len) || (standard && strncmp(line, "-\n", (size_t)len + 1) == 0))
            die("--files-from %s: line %zu: no name of a file", opts->files_from, used - (size_t)*n + 1);
        all = xrealloc(all, (used + 2) * sizeof *all);
        all[used++] = xasprintf("%.*s", (int)len, line);
    }
    if (ferror(f))
        die_errno("%s: cannot read", opts->files_from);
    if (used == (size_t)*n)
        die("--files-from %s: it names no files", opts->files_from);
    free(line);
    if (!standard)
        fclose(f);
    all[used] = NULL;
    *n = (int)used;
    return all;
}

struct input *input_open(const struct input_opts *opts, const char *const *paths, size_t n_paths)
{
    struct input *in = input_open_sources(opts);
    in->paths = n_paths ? paths : stdin_paths;
    in->n_paths = n_paths ? n_paths : 1;
    in->stats.total_bytes = size_of_files(in->paths, in->n_paths);
    for (size_t i = 0; i < in->n_paths; i++)
        apart_input(in->paths[i]);
    return in;
}

/* Reads more data to the end of buf. False at the end of the file. */
static bool read_more(struct input *in)
{
    if (in->eof)
        return false;
    if (in->pos > 0) {
        memmove(in->buf, in->buf + in->pos, in->len - in->pos);
        in->len -= in->pos;
        in->text_before += in->pos;
        in->pos = 0;
    }
    if (in->len == in->cap) {
        in->cap *= 2;
        in->buf = xrealloc(in->buf, in->cap);
    }
    size_t room =
        in->cap - in->len; /* reading more than MAX_READ at once would only touch memory needlessly */
    ssize_t n;
    do
        n = decompress_read(in->file, in->buf + in->len, room < MAX_READ ? room : MAX_READ);
    while (n == DECOMPRESS_AGAIN && !stop_signal);
    if (n == DECOMPRESS_AGAIN) {
        in->stopped = in->eof = true;
        return false;
    }
    if (n < 0)
        die("%s: offset %llu: %s", in->name, (unsigned long long)decompress_offset(in->file),
            decompress_error(in->file));
    in->stats.read_bytes = in->read_before + decompress_offset(in->file);
    in->len += (size_t)n;
    in->eof = n == 0;
    return n > 0;
}

static bool have(struct input *in, size_t n)
{
    while (in->len - in->pos < n)
        if (!read_more(in))
            return false;
    return true;
}

/* Waits for the first byte of a pipe, or its end. False: stop_signal. */
static bool wait_input(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!stop_signal) {
        int n = poll(&p, 1, WAIT_MS);
        if (n > 0 || (n < 0 && errno != EINTR))
            return true;
    }
    return false;
}

/* Starts reading a file that was opened; if file is NULL, why says why it could not be. */
static void start_stream(struct input *in, struct decompress *file, const char *name, enum kind kind,
                         const char *why)
{
    free(in->name);
    in->name = xstrdup(name);
    in->file = file;
    if (!in->file)
        die("%s: offset 0: %s", name, why);
    in->kind = kind;
    in->eof = in->separated = false;
    in->pos = in->len = 0;
    in->text_before = 0;
    in->line = 1;
    in->place = AT_TOP;
    in->piece = 0;
    if (have(in, 3) && memcmp(in->buf, mark, 3) == 0)
        in->pos = 3; /* skips the byte order mark */
    if (kind == JSON_LINES && have(in, 4) && memcmp(in->buf, "PAR1", 4) == 0)
        die("%s: a Parquet file is read from its end: give its path, ending in .parquet", name);
}

static void start_file(struct input *in, int fd, const char *name, enum decompress_kind compression,
                       enum kind kind)
{
    char err[200] = "";
    if (!wait_input(fd)) {
        in->stopped = true;
        close(fd);
        return;
    }
    start_stream(in, decompress_open(fd, compression, err, sizeof err), name, kind, err);
}

static void begin_parquet(struct input *in, const char *name, enum decompress_kind compression)
{
    if (compression != DECOMPRESS_AUTO)
        die("%s: a Parquet file is read from its end: decompress it first", name);
    free(in->name);
    in->name = xstrdup(name);
    in->kind = PARQUET;
}

bool input_is_parquet(const char *name)
{
    return kind_of_name(name, strlen(name)) == PARQUET;
}

void input_add(struct input *in, const struct input_source *source)
{
    size_t stem;
    char err[200] = "";
    enum decompress_kind compression = decompress_kind_of_name(source->name, &stem);
    enum kind kind = is_table(in, source->name, stem) ? TABLE : kind_of_name(source->name, stem);
    if (kind == PARQUET) {
        begin_parquet(in, source->name, compression);
        in->parquet = parquet_docs_open_source(source, &in->opts);
        return;
    }
    struct decompress *file = decompress_open_source(source->read, source->arg, compression, err, sizeof err);
    if (!file && stop_signal)
        in->stopped = true;
    else
        start_stream(in, file, source->name, kind, err);
}

static void end_file(struct input *in)
{
    if (in->parquet) {
        in->read_before += parquet_docs_offset(in->parquet);
        parquet_docs_close(in->parquet);
        in->parquet = NULL;
        return;
    }
    in->read_before += decompress_offset(in->file);
    decompress_close(in->file);
    csv_free(in->table);
    in->table = NULL;
    in->file = NULL;
}

static void start_named(struct input *in, int fd, const char *path)
{
    size_t stem;
    enum decompress_kind compression = decompress_kind_of_name(path, &stem);
    enum kind kind = is_table(in, path, stem) ? TABLE : kind_of_name(path, stem);
    if (kind != PARQUET) {
        start_file(in, fd, path, compression, kind);
        return;
    }
    begin_parquet(in, path, compression);
    in->parquet = parquet_docs_open(fd, path, &in->opts);
}

static void open_in_directory(struct input *in, const char *path)
{
    /* The open does not block, in case the file was replaced by a pipe since the directory was read. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        die_errno("%s", path);
    start_named(in, fd, path);
}

static void open_operand(struct input *in, const char *path)
{
    struct stat st;
    int fd = strcmp(path, "-") == 0 ? dup(STDIN_FILENO) : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == EINTR && stop_signal) { /* a FIFO that nobody has opened for writing yet */
        in->stopped = true;
        return;
    }
    if (fd < 0 || fstat(fd, &st) != 0)
        die_errno("%s", path);
    if (strcmp(path, "-") == 0) {
        if (isatty(fd))
            usage_error("documents are read from standard input, and that is a terminal");
        start_file(in, fd, "stdin", DECOMPRESS_AUTO, JSON_LINES);
    } else if (S_ISDIR(st.st_mode)) {
        close(fd);
        in->walk = walk_open(path, &in->opts.globs);
    } else if (S_ISREG(st.st_mode) && strncmp(path, "/dev/", 5) != 0) {
        start_named(in, fd, path);
    } else {
        start_file(in, fd, path, DECOMPRESS_AUTO, JSON_LINES); /* pipes and other special files */
    }
}

/* Opens the next file. False: there is none, or the program was stopped. */
static bool next_file(struct input *in)
{
    while (!in->stopped && !in->file && !in->parquet) {
        const char *path = in->walk ? walk_next(in->walk) : NULL;
        if (path) {
            open_in_directory(in, path);
        } else if (in->walk) {
            in->stats.links += walk_links(in->walk);
            walk_close(in->walk);
            in->walk = NULL;
        } else if (in->next_path < in->n_paths) {
            open_operand(in, in->paths[in->next_path++]);
        } else {
            return false;
        }
    }
    return !in->stopped;
}

/* Handles a bad document at the given line and byte: ends the program, or counts it. */
__attribute__((format(printf, 4, 5))) static void bad(struct input *in, uint64_t line, size_t byte,
                                                      const char *fmt, ...)
{
    char what[300];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(what, sizeof what, fmt, ap);
    va_end(ap);
    if (in->stopped) /* the document is only incomplete because of stop_signal */
        return;
    if (!in->opts.skip_bad)
        die("%s:%llu: byte %zu: %s", in->name, (unsigned long long)line, byte, what);
    detail("%s:%llu: byte %zu: %s", in->name, (unsigned long long)line, byte, what);
    in->stats.bad++;
}

static void set_id(struct input *in, struct doc *d, const char *fmt, uint64_t n)
{
    free(in->id);
    in->id = xasprintf("%s%s%llu", in->name, fmt, (unsigned long long)n);
    d->id = in->id;
}

static bool parse(struct input *in, const char *json, size_t len, uint64_t line, struct doc *d)
{
    if (in->opts.raw_json) {
        *d = (struct doc){.text = json, .len = len, .domain = DOMAIN_OTHER};
    } else if ((in->template ? doc_parse_template(in->parser, json, len, in->template, in->opts.join, d)
                             : doc_parse(in->parser, json, len, in->opts.text_field, d)) != 0) {
        size_t byte;
        const char *why = doc_error(in->parser, &byte);
        if (doc_is_stream_error(in->parser))
            die("%s:%llu: %s", in->name, (unsigned long long)line, why);
        bad(in, line, byte, "%s", why);
        return false;
    }
    if (!d->id)
        set_id(in, d, ":", line);
    return true;
}

/* Each function below looks for one document in the open file: true, or false when there was none this time.
 * At the end of the file it closes the file. */

/* Skips the line at pos, which is longer than any document may be. */
static void skip_line(struct input *in)
{
    const char *newline;
    while (!(newline = memchr(in->buf + in->pos, '\n', in->len - in->pos))) {
        in->pos = in->len;
        if (!read_more(in))
            return;
    }
    in->pos = (size_t)(newline - in->buf) + 1;
}

static bool next_json_line(struct input *in, struct doc *d)
{
    size_t len = 0; /* length of the line as far as it has been searched */
    const char *newline;
    while (!(newline = memchr(in->buf + in->pos + len, '\n', in->len - in->pos - len))) {
        len = in->len - in->pos;
        if (len > DOC_MAX_JSON) {
            bad(in, in->line++, 0, "line longer than %d MiB", DOC_MAX_JSON >> 20);
            skip_line(in);
            return false;
        }
        if (!read_more(in))
            break;
    }
    if (!newline && len == 0) {
        end_file(in);
        return false;
    }
    const char *json = in->buf + in->pos;
    if (newline)
        len = (size_t)(newline - json);
    in->pos += newline ? len + 1 : len;
    uint64_t line = in->line++;
    while (len > 0 && (json[len - 1] == '\r' || json[len - 1] == ' ' || json[len - 1] == '\t'))
        len--;
    return len > 0 && parse(in, json, len, line, d);
}

/* Returns the next byte that is not white space, or -1 at the end. */
static int peek_json(struct input *in)
{
    while (have(in, 1)) {
        char c = in->buf[in->pos];
        if (c != ' ' && c != '\t' && c != '\n' && c != '\r')
            return (unsigned char)c;
        in->line += c == '\n';
        in->pos++;
    }
    return -1;
}

/* Returns the length of the object at pos, found by its brackets; 0: there is none, and *why says why. */
static size_t object_length(struct input *in, const char **why)
{
    size_t depth = 0;
    bool in_string = false, escaped = false;
    for (size_t i = 0;; i++) {
        if (i > DOC_MAX_JSON) {
            *why = "JSON object longer than 128 MiB";
            return 0;
        }
        if (!have(in, i + 1)) {
            *why = "truncated: the file ends within a JSON object";
            return 0;
        }
        char c = in->buf[in->pos + i];
        if (escaped)
            escaped = false;
        else if (in_string)
            escaped = c == '\\', in_string = c != '"';
        else if (c == '"')
            in_string = true;
        else if ((c == '{' || c == '[') && ++depth > DOC_MAX_DEPTH) {
            *why = "JSON nested too deeply";
            return 0;
        } else if ((c == '}' || c == ']') && --depth == 0)
            return i + 1;
    }
}

/* The structure of the file is broken: nothing after this point can be read. */
static bool broken(struct input *in, const char *why)
{
    bad(in, in->line, 0, "%s", why);
    end_file(in);
    return false;
}

static bool starts_with_mark(struct input *in)
{
    return have(in, 3) && memcmp(in->buf + in->pos, mark, 3) == 0;
}

static bool next_json_value(struct input *in, struct doc *d)
{
    int c = peek_json(in);
    if (c < 0) {
        if (in->place != AT_TOP)
            return broken(in, "truncated: the file ends within a JSON array");
        end_file(in);
        return false;
    }
    bool opens = c == '[' && in->place == AT_TOP;
    bool closes = c == ']' && (in->place == IN_EMPTY_ARRAY || in->place == AFTER_ELEMENT);
    bool comma = c == ',' && in->place == AFTER_ELEMENT;
    if (opens || closes || comma) {
        in->place = opens ? IN_EMPTY_ARRAY : closes ? AT_TOP : BEFORE_ELEMENT;
        in->pos++;
        return false;
    }
    if (in->place == AFTER_ELEMENT)
        return broken(in, "invalid JSON: ',' or ']' expected");
    if (c != '{')
        return broken(in, c == 0 ? "invalid JSON: a NUL byte, as in a binary or unfinished file"
                          : starts_with_mark(in) ? "invalid JSON: a byte order mark within the file"
                                                 : "invalid JSON: an object expected");
    const char *why;
    size_t len = object_length(in, &why);
    if (len == 0)
        return broken(in, why);
    const char *json = in->buf + in->pos;
    uint64_t line = in->line;
    in->pos += len;
    for (const char *p = json; (p = memchr(p, '\n', (size_t)(json + len - p))) != NULL; p++)
        in->line++;
    if (in->place != AT_TOP)
        in->place = AFTER_ELEMENT;
    return parse(in, json, len, line, d);
}

/* Finds the next record of a table, without skipping it. Returns 0: there is none; *why is set when one was
 * expected. */
static size_t table_record(struct input *in, const char **why)
{
    size_t len;
    *why = NULL;
    while ((len = csv_record(in->table, in->buf + in->pos, in->len - in->pos, in->eof)) == 0) {
        if (in->len - in->pos > MAX_ROW)
            *why = "row longer than 16 MiB";
        else if (in->eof && in->len > in->pos)
            *why = "truncated: the file ends within quotes";
        if (*why || in->eof)
            return 0;
        read_more(in);
    }
    return len;
}

static bool next_table_row(struct input *in, struct doc *d)
{
    const char *why, *json;
    bool header = !in->table;
    if (header && !(in->table = csv_new(has_tab(in->name) ? '\t' : ',')))
        die("out of memory");
    size_t len = table_record(in, &why), n;
    if (why)
        return broken(in, why);
    if (len == 0) {
        end_file(in);
        return false;
    }
    const char *record = in->buf + in->pos;
    uint64_t line = in->line;
    in->pos += len;
    for (const char *p = record; (p = memchr(p, '\n', (size_t)(record + len - p))) != NULL; p++)
        in->line++;
    if (header && csv_header(in->table, record, len) != 0)
        return broken(in, csv_error(in->table));
    if (header || len == strspn(record, "\r\n"))
        return false;
    if (csv_json(in->table, record, len, &json, &n) == 0)
        return parse(in, json, n, line, d);
    bad(in, line, 0, "%s", csv_error(in->table));
    return false;
}

/* How much to take of a text that is too long for one document: whole lines if possible, otherwise whole
 * characters. */
static size_t cut_text(const char *s, size_t n)
{
    const char *newline = memrchr(s, '\n', n);
    if (newline)
        return (size_t)(newline - s) + 1;
    for (size_t back = 0; back < 4; back++)
        if (((unsigned char)s[n - back] & 0xc0) != 0x80)
            return n - back;
    return n;
}

/* Whether the separator at text[at] is a line of its own; *width: its bytes including the line's end. */
static bool is_separator_line(struct input *in, size_t at, size_t *width)
{
    if (at > 0 && in->buf[in->pos + at - 1] != '\n')
        return false;
    size_t end = at + SEPARATOR_LEN;
    if (have(in, end + 1) && in->buf[in->pos + end] == '\r')
        end++;
    *width = end - at;
    if (!have(in, end + 1))
        return true; /* the separator ends the file */
    ++*width;
    return in->buf[in->pos + end] == '\n';
}

/* Returns the length of the text at pos; *gap: bytes to skip after it. */
static size_t text_length(struct input *in, size_t *gap)
{
    size_t searched = 0;
    *gap = 0;
    for (;;) {
        const char *text = in->buf + in->pos;
        size_t n = in->len - in->pos;
        const char *hit = NULL;
        if (in->kind == TEXT_SEPARATED && n > searched)
            hit = memmem(text + searched, n - searched, separator, SEPARATOR_LEN);
        if (hit) {
            size_t at = (size_t)(hit - text);
            if (is_separator_line(in, at, gap))
                return at;
            searched = at + 1;
            *gap = 0;
        } else {
            searched = n >= SEPARATOR_LEN ? n - SEPARATOR_LEN + 1 : 0;
            if (n > INPUT_MAX_TEXT)
                return cut_text(text, INPUT_MAX_TEXT);
            if (!read_more(in))
                return n;
        }
    }
}

static void trim_newlines(struct doc *d)
{
    while (d->len > 0 && (d->text[0] == '\n' || d->text[0] == '\r'))
        d->text++, d->len--;
    while (d->len > 0 && (d->text[d->len - 1] == '\n' || d->text[d->len - 1] == '\r'))
        d->len--;
}

/* Handles a text that contains a NUL and was already skipped. A file that the user named must be text; in a
 * directory it is left out. */
static bool skip_binary(struct input *in, const char *nul)
{
    static const struct {
        const char *magic, *what;
    } archives[] = {
        {"PK\3\4", "a zip archive"}, {"7z\xbc\xaf", "a 7-Zip archive"}, {"Rar!", "a RAR archive"}};
    const char *what = "binary: it holds a NUL byte";
    for (size_t i = 0; in->piece == 0 && i < sizeof archives / sizeof *archives; i++)
        if (memcmp(in->buf, archives[i].magic, 4) == 0)
            what = archives[i].what;
    if (!in->walk)
        die("%s: offset %llu: %s, which is not read as text", in->name,
            (unsigned long long)(in->text_before + (uint64_t)(nul - in->buf)), what);
    detail("%s: left out: %s", in->name, what);
    in->stats.binary++;
    in->piece++;
    return false;
}

static bool next_text(struct input *in, struct doc *d)
{
    size_t gap, len = text_length(in, &gap);
    d->text = in->buf + in->pos;
    d->len = len;
    d->domain = DOMAIN_OTHER;
    if (len + gap == 0) {
        in->stats.empty += in->piece == 0; /* an empty file counts as an empty document */
        end_file(in);
        return false;
    }
    in->pos += len + gap;
    in->separated |= gap > 0;
    if (in->separated)
        trim_newlines(d);
    const char *nul = memchr(d->text, '\0', d->len);
    if (nul)
        return skip_binary(in, nul);
    if (++in->piece > 1) {
        set_id(in, d, "#", in->piece);
    } else {
        free(in->id);
        d->id = in->id = xstrdup(in->name);
    }
    return true;
}

static void report(const struct input_stats *s)
{
    const struct {
        uint64_t n;
        const char *one, *many;
    } left_out[] = {
        {s->empty, "empty document", "empty documents"},
        {s->links, "symbolic link", "symbolic links"},
    };
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (left_out[i].n > 0)
            say("left out: %llu %s", (unsigned long long)left_out[i].n,
                left_out[i].n == 1 ? left_out[i].one : left_out[i].many);
    if (s->binary > 0)
        warn("left out: %llu binary %s", (unsigned long long)s->binary,
             s->binary == 1 ? "file (NUL in it)" : "files (NUL in them)");
    if (s->repaired > 0)
        warn("%llu %s taken only as --accept-nan or --replace-surrogates asks",
             (unsigned long long)s->repaired, s->repaired == 1 ? "document was" : "documents were");
    if (s->bad > 0)
        warn("left out: %llu bad %s", (unsigned long long)s->bad, s->bad == 1 ? "document" : "documents");
}

/* When every document was left out, the program fails, so that a pipeline does not continue as if all was
 * well. */
static void check_read(const struct input *in)
{
    const struct input_stats *s = &in->stats;
    if (in->stopped || s->docs > 0 || s->bad + s->binary + s->links == 0)
        return;
    report(s);
    die("%s: nothing was read: all that is there was left out", in->paths[0]);
}

static bool next_parquet_row(struct input *in, struct doc *d)
{
    int r = parquet_docs_next(in->parquet, d);
    in->stats.read_bytes = in->read_before + parquet_docs_offset(in->parquet);
    if (r > 0)
        return true;
    if (r < 0 && !in->opts.skip_bad)
        die("%s: %s", in->name, parquet_docs_error(in->parquet));
    if (r < 0) {
        detail("%s: %s", in->name, parquet_docs_error(in->parquet));
        in->stats.bad++;
    }
    if (r != PARQUET_DOCS_BAD_ROW)
        end_file(in);
    return false;
}

bool input_next(struct input *in, struct doc *d)
{
    while (next_file(in)) {
        bool found = in->kind == JSON_LINES    ? next_json_line(in, d)
                     : in->kind == JSON_VALUES ? next_json_value(in, d)
                     : in->kind == PARQUET     ? next_parquet_row(in, d)
                     : in->kind == TABLE       ? next_table_row(in, d)
                                               : next_text(in, d);
        if (!found || in->stopped)
            continue;
        if (d->len == 0) {
            in->stats.empty++;
            continue;
        }
        if (in->opts.domain >= 0)
            d->domain = in->opts.domain;
        in->stats.docs++;
        in->stats.text_bytes += d->len;
        return true;
    }
    check_read(in);
    return false;
}

void input_stats(const struct input *in, struct input_stats *stats)
{
    *stats = in->stats;
    stats->repaired = doc_parser_repaired(in->parser);
}

void input_close(struct input *in)
{
    struct input_stats stats;
    input_stats(in, &stats);
    report(&stats);
    if (in->file || in->parquet)
        end_file(in);
    template_free(in->template);
    free(in->join);
    walk_close(in->walk);
    doc_parser_free(in->parser);
    free(in->name);
    free(in->buf);
    free(in->id);
    free(in);
}
