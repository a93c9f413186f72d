/*
 * idsin.c - token streams and JSON arrays, checked against a tokenizer
 */
#include "pipeline/tokenize/idsin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pipeline/lib/apart.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/cli.h"
#include "pipeline/stream/tokstream.h"

struct run {
    const struct tokenizer *t;
    const char *input, *tokenizer_path; /* their names, for messages */
    const struct ids_sink *sink;
};

/* ---- token streams ---- */

static void read_stream(struct run *r, struct tok_reader *reader)
{
    const struct tokens_header *h = tok_reader_header(reader);
    struct tok_record_view v;
    if (h->tokenizer_hash != tokenizer_hash(r->t))
        die("%s: made by another tokenizer than %s (hash %016llx, not %016llx)", r->input, r->tokenizer_path,
            (unsigned long long)h->tokenizer_hash, (unsigned long long)tokenizer_hash(r->t));
    for (;;) {
        uint64_t offset = tok_reader_offset(reader);
        if (!tok_reader_next(reader, &v))
            break;
        for (uint32_t i = 0; i < v.n_tokens; i++)
            if (!r->sink->put(r->sink->arg, tok_at(h, &v, i), v.domain))
                die("%s: offset %llu: id %u is unused in %s", r->input, (unsigned long long)offset,
                    tok_at(h, &v, i), r->tokenizer_path);
        if (!(v.flags & TOKENS_CONTINUED))
            r->sink->end(r->sink->arg, v.domain);
    }
    tok_reader_close(reader);
}

/* ---- JSON arrays ---- */

struct scanner {
    FILE *f;
    const char *name;
    unsigned long long line, column;
};

static _Noreturn void bad(const struct scanner *s, const char *reason)
{
    die("%s: line %llu, column %llu: %s", s->name, s->line, s->column, reason);
}

static int next_char(struct scanner *s)
{
    int c = getc_unlocked(s->f);
    if (c == EOF && ferror(s->f) && stop_signal)
        exit(signal_exit_code()); /* removes what is not whole */
    if (c == EOF && ferror(s->f))
        die_errno("%s: cannot read", s->name);
    s->column++;
    return c;
}

/* The next that is no space; counts lines. */
static int next_sign(struct scanner *s)
{
    int c;
    while ((c = next_char(s)) == ' ' || c == '\t' || c == '\r' || c == '\n') {
        if (c == '\n') {
            s->line++;
            s->column = 0;
        }
    }
    return c;
}

/* c is its first digit. Returns what follows it. */
static int read_number(struct scanner *s, struct run *r, int c)
{
    uint64_t id = 0;
    if (c < '0' || c > '9')
        bad(s, c == EOF ? "ends within an array" : "an id was expected");
    for (; c >= '0' && c <= '9'; c = next_char(s))
        if ((id = id * 10 + (uint64_t)(c - '0')) >= tokenizer_vocab_size(r->t))
            bad(s, "id is not below the vocabulary size");
    if (!r->sink->put(r->sink->arg, (uint32_t)id, 0))
        bad(s, "id is unused in this tokenizer");
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ungetc(c, s->f);
        s->column--;
        c = next_sign(s);
    }
    return c;
}

static void read_arrays(struct run *r, struct scanner *s)
{
    int c;
    while ((c = next_sign(s)) != EOF) {
        if (c != '[')
            bad(s, "a JSON array of ids was expected");
        c = next_sign(s);
        while (c != ']') {
            c = read_number(s, r, c);
            if (c == ',')
                c = next_sign(s);
            else if (c != ']')
                bad(s, c == EOF ? "ends within an array" : "a comma or ] was expected");
            else
                break;
            if (c == ']')
                bad(s, "an id was expected");
        }
        r->sink->end(r->sink->arg, 0);
    }
}

/* ---- which of them ---- */

static int open_input(struct run *r)
{
    apart_input(r->input);
    if (strcmp(r->input, "-") == 0) {
        if (isatty(STDIN_FILENO))
            usage_error("ids are read from standard input, and that is a terminal");
        r->input = "stdin";
        return STDIN_FILENO;
    }
    int fd = open(r->input, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die_errno("%s", r->input);
    return fd;
}

void ids_read(const char *input, const struct tokenizer *t, const char *tokenizer_path,
              const struct ids_sink *sink)
{
    struct run run = {t, input, tokenizer_path, sink}, *r = &run;
    if (strncmp(r->input, "ring:", 5) == 0) {
        read_stream(r, tok_reader_open(r->input));
        return;
    }
    int fd = open_input(r);
    char first;
    ssize_t n;
    do
        n = read(fd, &first, 1);
    while (n < 0 && errno == EINTR && !stop_signal);
    if (n < 0 && !stop_signal)
        die_errno("%s: cannot read", input);
    if (n <= 0)
        return;
    if (first == TOKENS_MAGIC[0]) {
        read_stream(r, tok_reader_open_fd(fd, r->input, &first, 1));
        return;
    }
    struct scanner s = {.f = fdopen(fd, "r"), .name = r->input, .line = 1};
    if (!s.f || ungetc((unsigned char)first, s.f) == EOF)
        die_errno("%s: cannot read", input);
    read_arrays(r, &s);
    fclose(s.f);
}
