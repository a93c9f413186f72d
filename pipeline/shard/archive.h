/*
 * archive.h - shard files compressed for storage, and back
 *
 * Files are streamed, in constant memory. Targets are committed: they are complete or absent. die() names the
 * file, offset and reason.
 */
#ifndef SHARD_ARCHIVE_H
#define SHARD_ARCHIVE_H

#include <stdint.h>

/* kind: ARCHIVE_ZSTD or ARCHIVE_LZ4, formats/manifest.h. Both carry a checksum of the content. */
void archive_pack(const char *from, const char *to, int kind);
/* Dies unless exactly `bytes` bytes result, and before it writes more than that. */
void archive_unpack(const char *from, const char *to, int kind, uint64_t bytes);

/* Converts the shards and manifest of directory `from`, and of its val/, into directory `to` (which is empty;
 * val/ is made). kind: the form that they get; ARCHIVE_NONE unpacks. Everything is verified: the input when
 * packing, the result when unpacking. */
void archive_dir(const char *from, const char *to, int kind);

#endif
