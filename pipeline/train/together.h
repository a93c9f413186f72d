/*
 * together.h - a checkpoint that all ranks write, each its own part, and that rank 0 commits
 *
 *   s = together_begin(t, dir);     rank 0 makes the directory, and says where it is
 *   checkpoint_put_tensors(s, ...)  on all ranks; texts on rank 0 alone
 *   together_commit(t, s, state);   rank 0 lists what all wrote and synced, and gives the directory its name
 *
 * A rank that fails before that leaves no checkpoint of this name, and the one before as it was.
 */
#ifndef TRAIN_TOGETHER_H
#define TRAIN_TOGETHER_H

#include "pipeline/model/checkpoint.h"

struct trainer; /* loop.h */

struct checkpoint_save *together_begin(const struct trainer *t, const char *dir);
/* state: rank 0's, which is released; NULL on the others. */
void together_commit(const struct trainer *t, struct checkpoint_save *s, json_t *state);

#endif
