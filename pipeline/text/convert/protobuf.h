/*
 * protobuf.h - reads the fields of a protobuf message, one after the other
 *
 *   struct protobuf m = {.bytes = p, .end = len};
 *   while ((r = protobuf_next(&m, &f)) > 0) ... f.number, f.type, f.value or f.bytes
 *   r < 0: malformed at byte m.at
 *
 * A message within a message is a field of bytes: protobuf_message opens it. Groups, which are deprecated,
 * count as malformed. Source: the protocol buffers encoding guide.
 */
#ifndef CONVERT_PROTOBUF_H
#define CONVERT_PROTOBUF_H

#include <stddef.h>
#include <stdint.h>

enum protobuf_type { PROTOBUF_VARINT = 0, PROTOBUF_64 = 1, PROTOBUF_BYTES = 2, PROTOBUF_32 = 5 };

struct protobuf {
    const char *bytes; /* the whole file, borrowed */
    size_t at, end;    /* the unread part of the message, as offsets in the file */
};

struct protobuf_field {
    uint32_t number;
    enum protobuf_type type;
    size_t at;         /* the field's offset in the file */
    uint64_t value;    /* for all types but PROTOBUF_BYTES */
    const char *bytes; /* for PROTOBUF_BYTES: points into the file */
    size_t len;
};

/* Returns 1: a field; 0: the message has ended; -1: malformed at m->at. */
int protobuf_next(struct protobuf *m, struct protobuf_field *f);
/* Returns the message that a field of bytes contains. */
struct protobuf protobuf_message(const struct protobuf *m, const struct protobuf_field *f);

#endif
