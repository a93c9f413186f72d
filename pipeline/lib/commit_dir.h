/*
 * commit_dir.h - a directory that appears under its name complete, or not at all
 *
 *   commit_dir_open(&c, "runs/a/model")      an empty directory runs/a/.model.tritter-partial, locked: c.tmp
 *   write and sync files in c.tmp
 *   commit_dir_finish(&c)                    sync, rename, sync the parent
 *
 * All calls die() with the path on failure. What was not finished is removed when the program fails;
 * what a killed program left is taken over by the next that writes the same directory, or removed by
 * tools/doctor. Two programs cannot write the same directory at once.
 */
#ifndef LIB_COMMIT_DIR_H
#define LIB_COMMIT_DIR_H

struct commit_dir {
    char *path, *tmp, *parent, *old; /* owned */
    int lock;
};

void commit_dir_open(struct commit_dir *c, const char *path);
/* Gives c->tmp its name. An older directory of that name is replaced in one step, and then removed. */
void commit_dir_finish(struct commit_dir *c);
void commit_dir_abort(struct commit_dir *c); /* removes c->tmp */

#endif
