/*
 * sharddir.h - replaces a directory of shards by a new one, completely or not at all
 *
 *   sharddir_begin(&d, "tokens/code")   makes tokens/.code.tritter-partial, empty and locked
 *   write files below d.building
 *   sharddir_commit(&d)                 exchanges the two names, then removes the old directory
 *
 * When the program is killed at any moment, the directory is the old one or the new one, never a part; the
 * next run removes what a killed run left. die() names the path, and after the exchange also says that the
 * new directory is in place.
 */
#ifndef SHARD_SHARDDIR_H
#define SHARD_SHARDDIR_H

struct sharddir {
    char *dir;            /* as given, but without trailing slashes */
    char *target;         /* the real path, with symlinks resolved */
    char *building, *old; /* beside target, in the same parent directory */
    int lock;
};

/* Refuses a directory that holds anything but shards, and one that another process is writing. */
void sharddir_begin(struct sharddir *d, const char *dir);
void sharddir_commit(struct sharddir *d);
void sharddir_abort(struct sharddir *d); /* removes the unfinished directory */

struct manifest;
void sharddir_manifest(const char *dir, const struct manifest *m); /* commits DIR/manifest.json */

#endif
