/*
 * members.h - the files in an archive: .tar (also compressed: .tar.gz .tgz .tar.zst .tar.xz ...) and .zip
 *
 * Through libarchive, one member after the other in the archive's order, in constant memory, without
 * extracting anything. Directories, links, hidden and special files are passed over. All calls die when the
 * archive is damaged or was cut, naming it and the offset.
 */
#ifndef STREAM_MEMBERS_H
#define STREAM_MEMBERS_H

#include "pipeline/lib/cli.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct members;

/* Whether a file's name ends as an archive's does. */
bool members_is_archive(const char *name);
/* Takes over fd. globs choose among members as among files (stream/walk.h). */
struct members *members_open(int fd, const char *name, const struct str_list *globs);
/* The next member's name after the archive's, "a.tar/b/c.jsonl", valid until the next call; NULL at the end,
 * and when stop_signal came. */
const char *members_next(struct members *m);
/* Reads the current member: a decompress_source (formats/decompress.h), whose argument is the struct members.
 */
ssize_t members_read(void *members, void *buf, size_t n);
uint64_t members_offset(const struct members *m); /* bytes of the archive consumed */
void members_close(struct members *m);            /* NULL is fine */

#endif
