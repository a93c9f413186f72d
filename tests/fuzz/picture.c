/*
 * PNG, JPEG and PPM files: whatever the bytes, they are read or refused
 */
#include <stdint.h>
#include <stdlib.h>

#include "pipeline/media/picture.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[300];
    struct picture p;
    if (picture_parse(&p, bytes, len, err, sizeof err) == 0)
        picture_free(&p);
    return 0;
}
