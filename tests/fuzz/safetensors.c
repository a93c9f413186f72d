/*
 * safetensors files: whatever the bytes, they are refused with a reason, or every tensor of theirs can be
 * read
 */
#include "formats/safetensors.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[800] = "";
    float out[64];
    const char *path = fuzz_file(bytes, len);
    struct safetensors *s = safetensors_open(path, err, sizeof err);
    MUST(s || strncmp(err, path, strlen(path)) == 0);
    for (size_t i = 0; s && i < safetensors_count(s); i++) {
        const struct st_tensor *t = safetensors_at(s, i);
        MUST(safetensors_find(s, t->name) && t->begin <= t->end && t->end <= len);
        uint64_t n = t->n < 64 ? t->n : 64;
        int r = safetensors_read_f32(s, t, t->n - n, (size_t)n, out, err, sizeof err);
        MUST((r == 0) == (t->dtype <= ST_BF16));
    }
    safetensors_close(s);
    return 0;
}
