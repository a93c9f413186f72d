/*
 * ringend.h - the two ends of a ring (shm/ring.h) for programs: waits check stop_signal, and failures are
 * reported with the ring's name
 *
 *   writer                          reader
 *   p = ring_out_claim(o, len)      p = ring_in_next(in, &len, &why)
 *   fill p[0..len)                  use p[0..len) until the next call
 *   ring_out_commit(o)
 *
 * Endpoints are "ring:NAME". The ring's name in shared memory is removed however the writer ends, except by
 * kill -9.
 */
#ifndef STREAM_RINGEND_H
#define STREAM_RINGEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring_out;

bool is_ring(const char *endpoint);

/* capacity: a power of two. Dies when the ring cannot be made. */
struct ring_out *ring_out_open(const char *endpoint, uint64_t capacity);
/* Returns NULL when stop_signal came while waiting, or the reader closed the ring (ring_out_reader_gone).
 * Dies when the reader died: within 100 ms when it waits, otherwise at the next claim. */
void *ring_out_claim(struct ring_out *o, uint32_t len);
void ring_out_commit(struct ring_out *o);
bool ring_out_reader_gone(const struct ring_out *o);
/* whole: first waits for a reader, since the records of a ring that nobody has opened would vanish with its
 * name; dies when the reader died. Frees o. */
void ring_out_close(struct ring_out *o, bool whole);

struct ring_in;

/* Waits up to a minute for the writer. Dies when there is none, or the name is not a ring of ours; ends the
 * program on stop_signal. */
struct ring_in *ring_in_open(const char *endpoint);
/* Returns a copy of the next record, valid until the next call: no writer can change it. NULL: *why is
 * RING_OK (stop_signal), RING_ECLOSED (the end) or an error, which ring_in_strerror describes. */
const void *ring_in_next(struct ring_in *in, uint32_t *len, int *why);
const char *ring_in_strerror(int why);
void ring_in_close(struct ring_in *in); /* NULL is fine */

#endif
