/*
 * counts of words: whatever the bytes, they are refused with a reason, or every word of theirs is within
 * bounds
 */
#include "formats/wordcounts.h"

#include "tests/fuzz/fuzz.h"

static void use(void *arg, const char *bytes, size_t len, uint64_t count)
{
    uint64_t *sum = arg;
    MUST(len >= WORDCOUNTS_SHORTEST && len <= WORDCOUNTS_LONGEST && count > 0);
    *sum += count + (bytes[0] == bytes[len - 1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[800] = "";
    struct wordcounts_head h;
    uint64_t sum = 0;
    const char *path = fuzz_file(bytes, len);
    FILE *f = fopen(path, "r");
    MUST(f);
    int rc = wordcounts_read(f, path, &h, use, &sum, err, sizeof err);
    MUST(rc == 0 ? h.part >= 1 && h.part <= h.of : strncmp(err, path, strlen(path)) == 0);
    fclose(f);
    return 0;
}
