/*
 * stage_decode.c - tokenize decode: ids back to documents
 *
 * Reads a token stream, or JSON arrays of ids: the first byte tells which.
 */
#include "pipeline/text/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "formats/docs.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/tokstream.h"

enum { MAX_DOCUMENT = 256 << 20 };      /* bytes of text that are held to write a JSON line */

static const char *tokenizer_path, *input = "-", *output = "-";
static bool raw, special;

static const struct opt opts[] = {
    {'t', "tokenizer", OPT_STR, &tokenizer_path, "FILE", "tokenizer.json that the ids are of"},
    {'i', "input", OPT_STR, &input, "WHERE", "-, a path or ring:NAME (default -)"},
    {'o', "output", OPT_STR, &output, "WHERE", "- or a path (default -)"},
    {0, "raw", OPT_FLAG, &raw, NULL, "write the bytes of all documents exactly, nothing between them"},
    {0, "special", OPT_FLAG, &special, NULL, "write special tokens by name; default: they are left out"},
    {0},
};

static const struct cli cli = {
    "tokenize", "decode: turn token ids back into documents",
    "tokenize decode -t FILE [OPTION...]", opts,
    "Reads a token stream, or JSON arrays of ids (what tokenize --ids writes). Writes one JSON line a document; in it\n"
    "bytes that are not UTF-8 become U+FFFD, with a warning. --raw keeps them.\n"
    "\n"
    "Examples:\n"
    "  echo '[72, 105]' | tokenize decode -t tok.json\n"
    "  tokenize -t tok.json <docs.jsonl | tokenize decode -t tok.json | jq -r .text\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names input, place and reason), 2 misuse, 128+n ended by signal n.",
};

struct run {
    const struct tokenizer *t;
    struct text_output out;
    struct strbuf text;                 /* of the document being decoded */
    uint64_t documents, replaced;
};

static void end_document(struct run *r, int domain)
{
    struct doc d = {.text = r->text.s ? r->text.s : "", .len = r->text.len, .domain = domain};
    r->documents++;
    if (!raw && doc_write(r->out.f, &d, &r->replaced) < 0)
        die_errno("%s: cannot write", r->out.name);
    strbuf_reset(&r->text);
}

/* False: no such id. */
static bool put_id(struct run *r, uint32_t id, int domain)
{
    size_t len;
    const char *bytes = tokenizer_bytes(r->t, id, &len);
    if (!bytes)
        return false;
    if (!special && tokenizer_is_special(r->t, id))
        return true;
    if (raw) {
        text_output_write(&r->out, bytes, len);
        return true;
    }
    if (r->text.len + len > MAX_DOCUMENT) {
        warn("document %llu is larger than %d MiB: it is written as several", (unsigned long long)r->documents + 1,
             (int)MAX_DOCUMENT >> 20);
        end_document(r, domain);
    }
    strbuf_add(&r->text, bytes, len);
    return true;
}

/* ---- token streams ---- */

static void decode_stream(struct run *r, struct tok_reader *reader)
{
    const struct tokens_header *h = tok_reader_header(reader);
    struct tok_record_view v;
    if (h->tokenizer_hash != tokenizer_hash(r->t))
        die("%s: made by another tokenizer than %s (hash %016llx, not %016llx)", input, tokenizer_path,
            (unsigned long long)h->tokenizer_hash, (unsigned long long)tokenizer_hash(r->t));
    for (;;) {
        uint64_t offset = tok_reader_offset(reader);
        if (!tok_reader_next(reader, &v))
            break;
        for (uint32_t i = 0; i < v.n_tokens; i++)
            if (!put_id(r, tok_at(h, &v, i), v.domain))
                die("%s: offset %llu: id %u is unused in %s", input, (unsigned long long)offset, tok_at(h, &v, i),
                    tokenizer_path);
        if (!(v.flags & TOKENS_CONTINUED))
            end_document(r, v.domain);
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
        exit(signal_exit_code());       /* removes what is not whole */
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
static int decode_number(struct scanner *s, struct run *r, int c)
{
    uint64_t id = 0;
    if (c < '0' || c > '9')
        bad(s, c == EOF ? "ends within an array" : "an id was expected");
    for (; c >= '0' && c <= '9'; c = next_char(s))
        if ((id = id * 10 + (uint64_t)(c - '0')) >= tokenizer_vocab_size(r->t))
            bad(s, "id is not below the vocabulary size");
    if (!put_id(r, (uint32_t)id, 0))
        bad(s, "id is unused in this tokenizer");
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        ungetc(c, s->f);
        s->column--;
        c = next_sign(s);
    }
    return c;
}

static void decode_arrays(struct run *r, struct scanner *s)
{
    int c;
    while ((c = next_sign(s)) != EOF) {
        if (c != '[')
            bad(s, "a JSON array of ids was expected");
        c = next_sign(s);
        while (c != ']') {
            c = decode_number(s, r, c);
            if (c == ',')
                c = next_sign(s);
            else if (c != ']')
                bad(s, c == EOF ? "ends within an array" : "a comma or ] was expected");
            else
                break;
            if (c == ']')
                bad(s, "an id was expected");
        }
        end_document(r, 0);
    }
}

/* ---- which of them ---- */

static int open_input(void)
{
    if (strcmp(input, "-") == 0) {
        if (isatty(STDIN_FILENO))
            usage_error("ids are read from standard input, and that is a terminal");
        input = "stdin";
        return STDIN_FILENO;
    }
    int fd = open(input, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die_errno("%s", input);
    return fd;
}

static void decode_input(struct run *r)
{
    if (strncmp(input, "ring:", 5) == 0) {
        decode_stream(r, tok_reader_open(input));
        return;
    }
    int fd = open_input();
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
        decode_stream(r, tok_reader_open_fd(fd, input, &first, 1));
        return;
    }
    struct scanner s = {.f = fdopen(fd, "r"), .name = input, .line = 1};
    if (!s.f || ungetc((unsigned char)first, s.f) == EOF)
        die_errno("%s: cannot read", input);
    decode_arrays(r, &s);
    fclose(s.f);
}

int tokenize_decode(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (n > 0)
        usage_error("%s: name the input with -i", argv[0]);
    struct tokenizer *t = stage_tokenizer(tokenizer_path);
    struct run r = {.t = t};
    if (strcmp(output, "-") != 0)
        signals_install();              /* to standard output nothing is committed, and signals just end us */
    text_output_open(&r.out, output);
    decode_input(&r);
    text_output_close(&r.out, !stop_signal);
    if (r.replaced)
        warn("%llu bytes that are not UTF-8 were written as U+FFFD", (unsigned long long)r.replaced);
    strbuf_free(&r.text);
    tokenizer_free(t);
    return signal_exit_code();
}
