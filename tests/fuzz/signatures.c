/*
 * signatures and lists of duplicates: whatever the bytes, they are refused with a reason, or every record is
 * of its part, in order, and a verdict that there is
 */
#include "formats/signatures.h"

#include "tests/fuzz/fuzz.h"

static int read_keys(struct signatures_reader *r, const struct signatures_head *h, char *err, size_t cap)
{
    struct signatures_keys k;
    uint64_t least = 0;
    int rc;
    while ((rc = signatures_get_keys(r, &k, err, cap)) > 0) {
        MUST(k.number >= least && k.number % h->of == h->part - 1);
        least = k.number + 1;
    }
    return rc;
}

static int read_verdicts(struct signatures_reader *r, char *err, size_t cap)
{
    enum signatures_verdict v;
    int rc;
    while ((rc = signatures_get_verdict(r, &v, err, cap)) > 0)
        MUST(v <= SIGNATURES_NEAR);
    return rc;
}

static void try(const char *path, enum signatures_content content)
{
    char err[800] = "";
    struct signatures_head h;
    FILE *f = fopen(path, "r");
    MUST(f);
    struct signatures_reader *r = signatures_open(f, path, content, &h, err, sizeof err);
    int rc = -1;
    if (r) {
        MUST(h.part >= 1 && h.part <= h.of && (h.exact || h.near));
        rc = content == SIGNATURES_KEYS ? read_keys(r, &h, err, sizeof err)
                                        : read_verdicts(r, err, sizeof err);
    }
    MUST(rc == 0 || strncmp(err, path, strlen(path)) == 0);
    signatures_close(r);
    fclose(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    const char *path = fuzz_file(bytes, len);
    try(path, SIGNATURES_KEYS);
    try(path, SIGNATURES_VERDICTS);
    return 0;
}
