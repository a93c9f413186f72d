#include "formats/tfevents.h"

#include <string.h>

uint32_t crc32c(const void *p, size_t n)
{
    uint32_t c = 0xffffffff;
    for (const uint8_t *s = p; n > 0; n--) {
        c ^= *s++;
        for (int i = 0; i < 8; i++)
            c = c & 1 ? c >> 1 ^ 0x82f63b78 : c >> 1;
    }
    return ~c;
}

static uint8_t *put(uint8_t *at, const void *p, size_t n)
{
    memcpy(at, p, n);
    return at + n;
}

static uint8_t *put_varint(uint8_t *at, uint64_t x)
{
    for (; x >= 0x80; x >>= 7)
        *at++ = (uint8_t)(x | 0x80);
    *at++ = (uint8_t)x;
    return at;
}

/* A field's key: its number, and how its value is stored. */
enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
static uint8_t *put_key(uint8_t *at, unsigned field, unsigned stored)
{
    return put_varint(at, field << 3 | stored);
}

static uint8_t *put_bytes(uint8_t *at, unsigned field, const void *p, size_t n)
{
    return put(put_varint(put_key(at, field, BYTES), n), p, n);
}

static uint8_t *put_checksum(uint8_t *at, const void *p, size_t n)
{
    uint32_t c = crc32c(p, n), masked = (c >> 15 | c << 17) + 0xa282ead8;
    return put(at, &masked, 4);
}

static size_t record(uint8_t *out, const uint8_t *message, uint64_t n)
{
    uint8_t *at = put(out, &n, 8);
    at = put_checksum(at, out, 8);
    at = put(at, message, n);
    return (size_t)(put_checksum(at, message, n) - out);
}

size_t tfevent_begin(uint8_t *out, double wall)
{
    uint8_t message[64], *at = put(put_key(message, 1, FIXED64), &wall, 8);
    at = put_bytes(at, 3, "brain.Event:2", 13);
    return record(out, message, (uint64_t)(at - message));
}

size_t tfevent_scalar(uint8_t *out, double wall, int64_t step, const char *tag, float value)
{
    uint8_t message[TFEVENT_MAX], summary[TFEVENT_MAX_TAG + 16], scalar[TFEVENT_MAX_TAG + 16];
    uint8_t *at = put_bytes(scalar, 1, tag, strnlen(tag, TFEVENT_MAX_TAG));
    at = put(put_key(at, 2, FIXED32), &value, 4);
    uint8_t *end = put_bytes(summary, 1, scalar, (size_t)(at - scalar));
    at = put(put_key(message, 1, FIXED64), &wall, 8);
    at = put_varint(put_key(at, 2, VARINT), (uint64_t)step);
    at = put_bytes(at, 5, summary, (size_t)(end - summary));
    return record(out, message, (uint64_t)(at - message));
}
