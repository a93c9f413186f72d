/*
 * ranges.h - parts of a file on a server, as they are needed: for Parquet, of which a reader takes a few
 * columns
 *
 *   r = ranges_open(&settings, file)
 *   ranges_will_need(r, offset, n)        these are read next, in this order
 *   ranges_read_at(r, offset, buf, n)     waits for them
 *   ranges_close(r)
 *
 * A thread brings what was announced ahead of the reading: little at first, more as the reader goes on, in
 * bounded memory. What was not announced is brought at once. Nothing goes through the cache, and no hash
 * judges the parts: the server's ETag ties them together, and what is in them must be judged by their reader.
 */
#ifndef FETCH_RANGES_H
#define FETCH_RANGES_H

#include "pipeline/fetch/files.h"
#include "pipeline/fetch/settings.h"

struct ranges;

/* Both must live until ranges_close. */
struct ranges *ranges_open(const struct hub_settings *settings, const struct remote_file *file);
/* As formats/parquet/parquet.h wants them; arg is the struct ranges. Reading dies when the server fails. */
int64_t ranges_read_at(void *arg, uint64_t offset, void *buf, size_t n);
void ranges_will_need(void *arg, uint64_t offset, uint64_t n);
uint64_t ranges_moved(struct ranges *r); /* bytes that came */
void ranges_close(struct ranges *r);     /* NULL is fine */

#endif
