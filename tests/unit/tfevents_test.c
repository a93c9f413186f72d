/* Records of TensorBoard's event files: known checksums, and a whole record byte for byte. */
#include "formats/tfevents.h"
#include "tests/check.h"

#include <string.h>

static void checksums(void)
{
    uint8_t zeros[32] = {0}; /* the vectors of RFC 3720, B.4 */
    CHECK(crc32c("123456789", 9) == 0xe3069283, "of 123456789");
    CHECK(crc32c(zeros, sizeof zeros) == 0x8a9136aa, "of 32 zeros");
    CHECK(crc32c("", 0) == 0, "of nothing");
}

/* As tensorboard 2.20 writes them (tensorboard.summary.writer.record_writer). */
static const uint8_t first[] = {0x18, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xa3, 0x7f,
                                0x4b, 0x22, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8,
                                0x3f, 0x1a, 0x0d, 0x62, 0x72, 0x61, 0x69, 0x6e, 0x2e, 0x45,
                                0x76, 0x65, 0x6e, 0x74, 0x3a, 0x32, 0x2a, 0x28, 0x64, 0x6c};
static const uint8_t loss[] = {0x1b, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x1a, 0x0d, 0x9e,
                               0x13, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0xf8, 0x3f, 0x10,
                               0xac, 0x02, 0x2a, 0x0d, 0x0a, 0x0b, 0x0a, 0x04, 0x6c, 0x6f, 0x73,
                               0x73, 0x15, 0x00, 0x00, 0x20, 0x40, 0x68, 0x99, 0x7c, 0x51};

static void records(void)
{
    uint8_t out[TFEVENT_MAX];
    size_t n = tfevent_begin(out, 1.5);
    CHECK(n == sizeof first && memcmp(out, first, n) == 0, "the first record of a file");
    n = tfevent_scalar(out, 1.5, 300, "loss", 2.5f);
    CHECK(n == sizeof loss && memcmp(out, loss, n) == 0, "a scalar");
    char tag[1000];
    memset(tag, 'x', sizeof tag - 1);
    tag[sizeof tag - 1] = 0;
    n = tfevent_scalar(out, 1.5, INT64_MAX, tag, 1);
    CHECK(n <= sizeof out, "a long tag: %zu bytes", n);
}

int main(void)
{
    test_begin(60);
    checksums();
    records();
    return 0;
}
