/*
 * archive.h - shard files compressed for storage, and back
 *
 * Streams, in constant memory. Targets are committed: whole or absent. die() names the file, offset and
 * reason.
 */
#ifndef SHARD_ARCHIVE_H
#define SHARD_ARCHIVE_H

#include <stdint.h>

/* kind: ARCHIVE_ZSTD or ARCHIVE_LZ4, formats/manifest.h. Both carry a checksum of the content. */
void archive_pack(const char *from, const char *to, int kind);
/* Dies unless exactly `bytes` come out, and before more than that is written. */
void archive_unpack(const char *from, const char *to, int kind, uint64_t bytes);

/* The shards and manifest of directory `from`, and of its val/, into directory `to` (empty; val/ is made).
 * kind: the form to give them, ARCHIVE_NONE to unpack. Everything is verified, on the way in when packing,
 * afterwards when unpacking. */
void archive_dir(const char *from, const char *to, int kind);

#endif
