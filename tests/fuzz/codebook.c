/*
 * codebooks of pictures and sounds: whatever the bytes, they are refused with a reason, or read
 */
#include "pipeline/media/codebook.h"

#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[800] = "";
    struct rvq q[2] = {{0}};
    struct codebook b = {.kind = "image", .n_parameters = 1, .parts = {{"codes", &q[0]}}, .n_parts = 1};
    if (fuzz_choice(&bytes, &len) & 1)
        b = (struct codebook){.kind = "audio",
                              .n_parameters = 2,
                              .parts = {{"envelope", &q[0]}, {"shape", &q[1]}},
                              .n_parts = 2};
    const char *path = fuzz_file(bytes, len);
    int r = codebook_read(&b, path, err, sizeof err);
    MUST(r == 0 || strncmp(err, path, strlen(path)) == 0);
    for (size_t i = 0; i < b.n_parts && r == 0; i++)
        rvq_free(b.parts[i].q);
    return 0;
}
