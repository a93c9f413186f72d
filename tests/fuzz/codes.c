/*
 * documents of codes: whatever the bytes, they are read or refused
 */
#include <stdint.h>
#include <stdlib.h>

#include "pipeline/media/codes.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[300];
    struct code_list codes;
    char *text;
    size_t n;
    const struct modality *m = len % 2 ? &modality_image : &modality_audio;
    if (codes_parse(m, (const char *)bytes, len, &codes, &text, &n, err, sizeof err) == 0) {
        free(codes.v);
        free(text);
    }
    return 0;
}
