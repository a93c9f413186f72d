/*
 * walk.h - the regular files below a directory, in an order that depends on their names alone
 *
 * Entries of a directory come sorted bytewise, a subdirectory's files in its place. The walk leaves out names
 * that start with a dot, symbolic links (so that it stays inside and meets no cycle), special files, and the
 * program's own output. It holds in memory only the names in the directories from the root to the current
 * file.
 */
#ifndef STREAM_WALK_H
#define STREAM_WALK_H

#include "pipeline/lib/cli.h"

#include <stdbool.h>
#include <stdint.h>

struct walk;

/* globs: fnmatch patterns, matched against the base name, or against the path below dir when the pattern has
 * a '/'. No globs: every file. All calls die when a directory cannot be read. */
struct walk *walk_open(const char *dir, const struct str_list *globs);
/* Returns the path of the next file, valid until the next call; NULL at the end. */
const char *walk_next(struct walk *w);
/* Whether one of the globs matches a path below a directory; no globs match all. */
bool walk_matches(const struct str_list *globs, const char *path);
uint64_t walk_links(const struct walk *w); /* symbolic links that a glob matched and the walk skipped */
void walk_close(struct walk *w);           /* NULL is fine */

#endif
