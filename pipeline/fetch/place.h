/*
 * place.h - a file's places in the cache: the lock, the part that has come, the whole, and the link to it
 *
 * No call here ends the program: each returns NULL, or why it failed, to be freed by the caller.
 */
#ifndef FETCH_PLACE_H
#define FETCH_PLACE_H

#include "pipeline/fetch/files.h"

/* Makes all folders above a path. */
char *place_make_parents(const char *path);
/* Takes the lock without waiting. *fd: to be closed to give it back, or -1: another process has it. */
char *place_lock(const struct remote_file *f, int *fd);
/* Opens what has come so far, or makes it empty. The caller closes *fd. */
char *place_open(const struct remote_file *f, int *fd, uint64_t *size);
/* The part is whole: its content goes to the disk, and then it becomes the blob. */
char *place_commit(const struct remote_file *f, int fd);
/* The blobs' names go to the disk. */
char *place_sync(const struct file_list *files);
/* Makes the link, unless it is there or none is wanted. Nothing outside the snapshot is ever reached. */
char *place_link(const struct remote_file *f);

#endif
