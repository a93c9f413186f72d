/*
 * media_decode.c - tokenize decode --modality image|audio: the pictures or sounds in a stream of ids
 */
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/cli.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/tokenize/media.h"
#include "pipeline/tokenize/idsin.h"
#include "pipeline/tokenize/stage.h"

enum { MAX_CODES = 64 << 20 }; /* most codes of one picture or sound that are held */

static const char *tokenizer_path, *codebook_path, *input = "-", *output = "-", *modality_name;
static bool as_codes;

static const struct opt opts[] = {
    {0, "modality", OPT_STR, &modality_name, "WHAT",
     "image or audio: everything else in the stream is passed by"},
    {'t', "tokenizer", OPT_STR, &tokenizer_path, "FILE", "tokenizer.json that the ids are of"},
    {'c', "codebook", OPT_STR, &codebook_path, "FILE",
     "(default: beside the tokenizer, tok.WHAT.safetensors)"},
    {'i', "input", OPT_STR, &input, "WHERE", "-, a path or ring:NAME (default -)"},
    {'o', "output", OPT_STR, &output, "WHERE",
     "-, a file, or a directory, which gets 000000.png or .wav, 000001 ...\n"
     "(default -). A file NAME.png is PNG, other pictures are PPM"},
    {0, "codes", OPT_FLAG, &as_codes, NULL, "write the codes as JSON lines; needs no codebook"},
    {0},
};

static const struct cli cli = {
    "tokenize",
    "decode --modality image|audio: turn token ids back into pictures or sounds",
    "tokenize decode --modality image -t FILE -o WHERE [OPTION...]",
    opts,
    "Reads a token stream, or JSON arrays of ids. Takes the codes between a tag and its end tag.\n"
    "\n"
    "Examples:\n"
    "  tokenize --modality image -t tok.json cat.jpg | tokenize decode --modality image -t tok.json -o "
    "cat.png\n"
    "  tokenize decode --modality audio -t tok.json -i speech.tok -o back/\n"
    "\n"
    "Exit: 0 done, 1 failed (the message names input, place and reason), 2 misuse, 128+n ended by signal n.",
};

struct run {
    const struct modality *m;
    const struct tokenizer *t;
    struct media_ids ids;
    void *codec;
    bool directory, within; /* within: after a tag */
    uint16_t *codes;
    size_t n, cap;
    uint64_t documents, items;
    struct text_output out; /* --codes */
};

static void write_codes(struct run *r)
{
    struct strbuf s = {0};
    strbuf_addf(&s, "{\"%s\":[", r->m->codes_field);
    for (size_t i = 0; i < r->n; i++)
        strbuf_addf(&s, i ? ",%u" : "%u", r->codes[i]);
    strbuf_addf(&s, "]}\n");
    text_output_write(&r->out, s.s, s.len);
    strbuf_free(&s);
}

static void write_file(struct run *r)
{
    struct text_output out;
    char err[400];
    char *path = r->directory
                     ? xasprintf("%s/%06llu%s", output, (unsigned long long)r->items, r->m->extension)
                     : xstrdup(output);
    if (!r->directory && r->items > 0)
        die("%s: there is more than one %s: name a directory with -o", input, r->m->name);
    text_output_open(&out, path);
    if (r->m->decode(r->codec, r->codes, r->n, out.f, path, err, sizeof err) != 0)
        die("%s: document %llu: %s", input, (unsigned long long)r->documents + 1, err);
    text_output_close(&out, true);
    free(path);
}

static void end_item(struct run *r)
{
    if (as_codes)
        write_codes(r);
    else
        write_file(r);
    r->items++;
    r->within = false;
}

static bool put_id(void *arg, uint32_t id, int domain)
{
    struct run *r = arg;
    size_t len;
    (void)domain;
    if (id == r->ids.open) {
        r->within = true;
        r->n = 0;
    } else if (id == r->ids.close && r->within) {
        end_item(r);
    } else if (r->within && id - r->ids.base < r->ids.n) {
        if (r->n == MAX_CODES)
            die("%s: document %llu: more than %d codes", input, (unsigned long long)r->documents + 1,
                (int)MAX_CODES);
        if (r->n == r->cap) {
            r->cap = r->cap ? 2 * r->cap : 4096;
            r->codes = xrealloc(r->codes, r->cap * sizeof *r->codes);
        }
        r->codes[r->n++] = (uint16_t)(id - r->ids.base);
    } else if (r->within) {
        die("%s: document %llu: id %u among the codes is none", input, (unsigned long long)r->documents + 1,
            id);
    } else {
        return tokenizer_bytes(r->t, id, &len) != NULL;
    }
    return true;
}

static void end_document(void *arg, int domain)
{
    struct run *r = arg;
    (void)domain;
    if (r->within)
        die("%s: document %llu: ends within its %s", input, (unsigned long long)r->documents + 1, r->m->name);
    r->documents++;
}

int media_decode(int argc, char **argv, const struct modality *m)
{
    int n = cli_parse(&cli, argc, argv);
    if (n > 0)
        usage_error("%s: name the input with -i", argv[0]);
    struct tokenizer *t = stage_tokenizer(tokenizer_path);
    struct run r = {.m = m, .t = t, .ids = media_ids_of(m, t, tokenizer_path)};
    size_t len = strlen(output);
    r.directory = !as_codes && (is_dir(output) || (len > 1 && output[len - 1] == '/'));
    if (r.directory)
        make_dirs(output);
    if (!as_codes) {
        char *beside = media_codebook_path(m, tokenizer_path);
        r.codec = media_codec_load(m, codebook_path ? codebook_path : beside);
        free(beside);
    }
    if (strcmp(output, "-") != 0)
        signals_install();
    if (as_codes)
        text_output_open(&r.out, output);
    struct ids_sink sink = {put_id, end_document, &r};
    ids_read(input, t, tokenizer_path, &sink);
    if (as_codes)
        text_output_close(&r.out, !stop_signal);
    say("%llu %s%s in %llu documents", (unsigned long long)r.items,
        m == &modality_image ? "picture" : "sound", r.items == 1 ? "" : "s", (unsigned long long)r.documents);
    free(r.codes);
    m->free(r.codec);
    tokenizer_free(t);
    return signal_exit_code();
}
