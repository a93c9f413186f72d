/*
 * stage_decode.c - tokenize decode: ids back to documents
 */
#include "pipeline/tokenize/stage.h"

#include <string.h>

#include "formats/docs.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/tokenize/idsin.h"

enum { MAX_DOCUMENT = 256 << 20 }; /* bytes of text that are held to write a JSON line */

static const char *tokenizer_path, *input = "-", *output = "-";
static bool raw, special;

static const struct opt opts[] = {
    {'t', "tokenizer", OPT_STR, &tokenizer_path, "FILE", "tokenizer.json that the ids are of"},
    {'i', "input", OPT_STR, &input, "WHERE", "-, a path or ring:NAME (default -)"},
    {'o', "output", OPT_STR, &output, "WHERE", "- or a path (default -)"},
    {0, "raw", OPT_FLAG, &raw, NULL, "write the bytes of all documents exactly, nothing between them"},
    {0, "special", OPT_FLAG, &special, NULL, "write special tokens by name; default: they are left out"},
    SANDBOX_OPTION(&output),
    {0},
};

static const struct cli cli = {
    "tokenize",
    "decode: turn token ids back into documents",
    "tokenize decode -t FILE [OPTION...]",
    opts,
    "Reads a token stream, or JSON arrays of ids (what tokenize --ids writes). Writes one JSON line a "
    "document; in it\n"
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
    struct strbuf text; /* text of the document being decoded */
    size_t spaces;      /* that are still to be dropped at the start of the document */
    uint64_t documents, replaced;
};

static void end_document(void *arg, int domain)
{
    struct run *r = arg;
    struct doc d = {.text = r->text.s ? r->text.s : "", .len = r->text.len, .domain = domain};
    r->documents++;
    if (!raw && doc_write(r->out.f, &d, &r->replaced) < 0)
        die_errno("%s: cannot write", r->out.name);
    strbuf_reset(&r->text);
    r->spaces = tokenizer_drop_spaces(r->t);
}

static bool put_id(void *arg, uint32_t id, int domain)
{
    struct run *r = arg;
    size_t len;
    const char *bytes = tokenizer_bytes(r->t, id, &len);
    if (!bytes)
        return false;
    if (!special && tokenizer_is_special(r->t, id))
        return true;
    for (; r->spaces > 0 && len > 0 && *bytes == ' '; r->spaces--)
        bytes++, len--;
    if (len > 0)
        r->spaces = 0;
    if (raw) {
        text_output_write(&r->out, bytes, len);
        return true;
    }
    if (r->text.len + len > MAX_DOCUMENT) {
        warn("document %llu is larger than %d MiB: it is written as several",
             (unsigned long long)r->documents + 1, (int)MAX_DOCUMENT >> 20);
        end_document(r, domain);
    }
    strbuf_add(&r->text, bytes, len);
    return true;
}

int tokenize_decode(int argc, char **argv)
{
    int n = cli_parse(&cli, argc, argv);
    if (n > 0)
        usage_error("%s: name the input with -i", argv[0]);
    struct tokenizer *t = stage_tokenizer(tokenizer_path);
    struct run r = {.t = t, .spaces = tokenizer_drop_spaces(t)};
    if (strcmp(output, "-") != 0)
        signals_install(); /* to standard output nothing is committed, and signals just end us */
    text_output_open(&r.out, output);
    struct ids_sink sink = {put_id, end_document, &r};
    ids_read(input, t, tokenizer_path, &sink);
    text_output_close(&r.out, !stop_signal);
    if (r.replaced)
        warn("%llu bytes that are not UTF-8 were written as U+FFFD", (unsigned long long)r.replaced);
    strbuf_free(&r.text);
    tokenizer_free(t);
    return signal_exit_code();
}
