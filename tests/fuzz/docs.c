/*
 * documents as JSON objects: whatever the bytes, they are refused with a reason, or are written and read back
 * the same
 */
#include "formats/docs.h"

#include "tests/fuzz/fuzz.h"

static void check(const struct doc *d, struct doc_parser *q)
{
    struct doc e;
    char *line = NULL;
    size_t n = 0;
    uint64_t replaced = 0;
    FILE *f = open_memstream(&line, &n);
    MUST(f && doc_write(f, d, &replaced) == 0 && fclose(f) == 0);
    MUST(replaced == 0); /* JSON is UTF-8 */
    MUST(doc_parse(q, line, n, NULL, &e) == 0);
    MUST(e.len == d->len && memcmp(e.text, d->text, d->len) == 0 && e.domain == d->domain);
    MUST(d->id ? e.id && strcmp(e.id, d->id) == 0 : !e.id);
    free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const fields[] = {NULL, NULL, NULL, "body"};
    struct doc_parser *p = doc_parser_new(), *q = doc_parser_new();
    struct doc d;
    size_t byte;
    const char *field = fields[fuzz_choice(&bytes, &len) % 4];
    MUST(p && q);
    if (doc_parse(p, (const char *)bytes, len, field, &d) == 0)
        check(&d, q);
    else
        MUST(*doc_error(p, &byte) && byte <= len);
    doc_parser_free(p);
    doc_parser_free(q);
    return 0;
}
