/*
 * merge.h - one directory of shards from several, such as those that the jobs of an array made
 *
 * The shards themselves are not copied where the file system can link them: they never change.
 */
#ifndef SHARD_MERGE_H
#define SHARD_MERGE_H

#include <stddef.h>

/* Fills the empty directory `to` with the shards of `from`, in the order given, and with their held-out ones
 * in to/val. Dies when they are not of one tokenizer, archived, or too many. Returns how many shards to/ has;
 * *val: how many to/val. After stop_signal it returns early, and `to` is not whole. */
size_t merge_dirs(char *const *from, int n, const char *to, size_t *val);

#endif
