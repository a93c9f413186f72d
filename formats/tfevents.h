/*
 * tfevents.h - scalars as TensorBoard reads them: a record a value in a file events.out.tfevents.*
 *
 * A file is records one after the other (TFRecord):
 *   u64 length, u32 masked CRC-32C of it, `length` bytes, u32 masked CRC-32C of these; little-endian
 * The bytes are a message Event of TensorFlow's event.proto: field 1 wall_time (double), 2 step (int64), and
 * 3 file_version (string, the first record) or 5 summary: there field 1, a value: 1 tag (string), 2
 * simple_value (float). The mask of a checksum c is ((c >> 15) | (c << 17)) + 0xa282ead8
 * (tensorflow/core/lib/hash/crc32c.h).
 */
#ifndef FORMATS_TFEVENTS_H
#define FORMATS_TFEVENTS_H

#include <stddef.h>
#include <stdint.h>

enum { TFEVENT_MAX_TAG = 200, TFEVENT_MAX = TFEVENT_MAX_TAG + 80 };

/* Each writes one record into out (TFEVENT_MAX bytes) and returns its length. wall: seconds since 1970. */
size_t tfevent_begin(uint8_t *out, double wall); /* the first record of a file */
/* Tags longer than TFEVENT_MAX_TAG bytes are cut. */
size_t tfevent_scalar(uint8_t *out, double wall, int64_t step, const char *tag, float value);

uint32_t crc32c(const void *p, size_t n); /* Castagnoli, reflected polynomial 0x82f63b78 */

#endif
