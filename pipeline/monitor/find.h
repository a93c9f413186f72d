/*
 * find.h - the runs that a user probably wants to see
 */
#ifndef MONITOR_FIND_H
#define MONITOR_FIND_H

#include <stddef.h>

/* Finds the paths (malloc'd) of the runs that a live `train` of this user writes or, if there is none, of the
 * newest below runs/. Returns how many, at most cap. */
size_t find_runs(char **paths, size_t cap);

/* Returns the process of the live `train` of this user that writes a run; 0: none is known. */
int find_trainer(const char *run);

#endif
