/*
 * gzip, zstd, lz4, bzip2 and xz streams: whatever the bytes, they give bytes and an end or a reason. Bombs
 * are left when they have given enough.
 */
#include "formats/decompress.h"

#include "tests/fuzz/fuzz.h"

enum { ENOUGH = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static char out[65536];
    char err[800] = "";
    uint8_t choice = fuzz_choice(&bytes, &len);
    size_t total = 0, room = choice & 0x80 ? sizeof out : 7;
    ssize_t n = 0;
    struct decompress *d =
        decompress_open(dup(fuzz_fd(bytes, len)), (enum decompress_kind)(choice % 7), err, sizeof err);
    MUST(d || *err);
    while (d && total < ENOUGH && (n = decompress_read(d, out, room)) > 0)
        total += (size_t)n;
    MUST(!d || n >= 0 || (n == -1 && *decompress_error(d)));
    MUST(!d || decompress_offset(d) <= len);
    MUST(!d || n != 0 || decompress_kind(d) != DECOMPRESS_PLAIN || total == len);
    decompress_close(d);
    return 0;
}
