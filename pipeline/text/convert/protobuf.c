#include "pipeline/text/convert/protobuf.h"

#include "formats/little.h"

/* Returns 0, or -1: the number does not end, or has more than 64 bits. */
static int read_varint(struct protobuf *m, uint64_t *value)
{
    *value = 0;
    for (int shift = 0; shift < 64 && m->at < m->end; shift += 7) {
        unsigned char byte = (unsigned char)m->bytes[m->at++];
        if (shift == 63 && byte > 1)
            return -1;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return 0;
    }
    return -1;
}

static int read_fixed(struct protobuf *m, size_t n, uint64_t *value)
{
    if (m->end - m->at < n)
        return -1;
    *value = little_get((const unsigned char *)m->bytes + m->at, (int)n);
    m->at += n;
    return 0;
}

static int read_bytes(struct protobuf *m, struct protobuf_field *f)
{
    uint64_t len;
    if (read_varint(m, &len) < 0 || len > m->end - m->at)
        return -1;
    f->bytes = m->bytes + m->at;
    f->len = (size_t)len;
    m->at += f->len;
    return 0;
}

int protobuf_next(struct protobuf *m, struct protobuf_field *f)
{
    uint64_t key;
    if (m->at >= m->end)
        return 0;
    *f = (struct protobuf_field){.at = m->at};
    if (read_varint(m, &key) < 0 || key >> 3 == 0 || key >> 3 > 0x1fffffff)
        return -1;
    f->number = (uint32_t)(key >> 3);
    f->type = (enum protobuf_type)(key & 7);
    int rc = -1;
    switch (f->type) {
    case PROTOBUF_VARINT:
        rc = read_varint(m, &f->value);
        break;
    case PROTOBUF_64:
        rc = read_fixed(m, 8, &f->value);
        break;
    case PROTOBUF_BYTES:
        rc = read_bytes(m, f);
        break;
    case PROTOBUF_32:
        rc = read_fixed(m, 4, &f->value);
        break;
    }
    return rc < 0 ? -1 : 1;
}

struct protobuf protobuf_message(const struct protobuf *m, const struct protobuf_field *f)
{
    size_t at = (size_t)(f->bytes - m->bytes);
    return (struct protobuf){m->bytes, at, at + f->len};
}
