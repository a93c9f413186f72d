/*
 * sharddir.h - replaces a directory of shards by a new one, completely or not at all
 *
 *   sharddir_open(&d, "tokens/code")    makes tokens/.code.tritter-partial, empty and locked: d.tmp
 *   write files below d.tmp
 *   commit_dir_finish(&d)               exchanges the two names, then removes the old directory
 *
 * When the program is killed at any moment, the directory is the old one or the new one, never a part; the
 * next run removes what a killed run left. die() names the path, and after the exchange also says that the
 * new directory is in place.
 */
#ifndef SHARD_SHARDDIR_H
#define SHARD_SHARDDIR_H

#include "pipeline/lib/commit_dir.h"

/* Refuses a directory that holds anything but shards, and one that another process is writing. */
void sharddir_open(struct commit_dir *d, const char *dir);

struct manifest;
void sharddir_manifest(const char *dir, const struct manifest *m); /* commits DIR/manifest.json */

#endif
