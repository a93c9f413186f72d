/*
 * sharddir.h - replace a directory of shards by a new one, whole or not at all
 *
 *   sharddir_begin(&d, "tokens/code")   makes tokens/.code.building, empty and locked
 *   write files below d.building
 *   sharddir_commit(&d)                 exchanges the two names, then removes what was there before
 *
 * Killed at any moment, the directory is the old one or the new one, never a
 * part; what a killed run left is removed by the next. die() names the path,
 * and after the exchange also says that the new directory is in place.
 */
#ifndef SHARD_SHARDDIR_H
#define SHARD_SHARDDIR_H

struct sharddir {
    char *dir;            /* as given, without trailing slashes */
    char *target;         /* where it really is, symlinks resolved */
    char *building, *old; /* beside target */
    int lock;
};

/* Refuses a directory that holds anything but shards, and one that another process is writing. */
void sharddir_begin(struct sharddir *d, const char *dir);
void sharddir_commit(struct sharddir *d);
void sharddir_abort(struct sharddir *d); /* removes what was built */

struct manifest;
void sharddir_manifest(const char *dir, const struct manifest *m); /* commits DIR/manifest.json */

#endif
