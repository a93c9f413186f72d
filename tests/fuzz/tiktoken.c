/*
 * .tiktoken files: whatever the bytes, they are refused with a reason, or are a tokenizer that encodes and
 * decodes. The lines of the 256 bytes come first, without which nothing is accepted.
 */
#include "pipeline/text/convert/tiktoken.h"

#include "pipeline/lib/fs.h"
#include "tests/fuzz/fuzz.h"

/* Appends the lines of the 256 bytes, which are made once. */
static void add_bytes(struct strbuf *file)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    static struct strbuf lines;
    for (int b = lines.len ? 256 : 0; b < 256; b++)
        strbuf_addf(&lines, "%c%c== %d\n", digits[b >> 2], digits[b << 4 & 63], b);
    strbuf_add(file, lines.s, lines.len);
}

static void check(const struct tokenizer *t, const uint8_t *bytes, size_t len)
{
    struct encoder *e = encoder_new(t, NULL);
    size_t n, back;
    const uint32_t *ids = encode(e, (const char *)bytes, len, false, &n);
    char *text = decode(t, ids, n, true, &back);
    MUST(back == len && memcmp(text, bytes, len) == 0);
    free(text);
    encoder_free(e);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const struct special_token special[] = {{"<|endoftext|>", UINT32_MAX}};
    char err[800] = "";
    struct strbuf file = {0};
    uint8_t choice = fuzz_choice(&bytes, &len);
    struct tiktoken_opts opts = {
        .pattern = choice % N_PATTERNS, .special = special, .n_special = choice >> 7};
    if (choice & 64)
        add_bytes(&file);
    strbuf_add(&file, bytes, len);
    struct tokenizer *t = tiktoken_parse(file.s, file.len, &opts, "input", err, sizeof err);
    MUST(t || strncmp(err, "input: ", 7) == 0);
    if (t && choice & 32) /* an encoder takes long to make */
        check(t, bytes, len);
    tokenizer_free(t);
    strbuf_free(&file);
    return 0;
}
