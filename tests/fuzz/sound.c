/*
 * WAV and FLAC files: whatever the bytes, they are read or refused
 */
#include <stdint.h>
#include <stdlib.h>

#include "pipeline/media/sound.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[300];
    struct sound s;
    if (sound_parse(&s, bytes, len, 16000, err, sizeof err) == 0)
        sound_free(&s);
    return 0;
}
