/*
 * logfile.h - a file of lines that only grows, except when a run goes on from a checkpoint
 *
 * The checkpoint records how long the file was. What came after that belongs
 * to steps that will be done again, and is cut, so no step is ever in it twice.
 * A line reaches the file whole, at once. These calls die() with the path.
 */
#ifndef TRAIN_LOGFILE_H
#define TRAIN_LOGFILE_H

#include <stdint.h>
#include <stdio.h>

struct logfile {
    char *path; /* NULL: nowhere */
    FILE *f;
};

void logfile_open(struct logfile *l, const char *dir, const char *name, uint64_t keep_bytes);
void logfile_open_nowhere(struct logfile *l); /* lines that nobody reads */
void logfile_end_line(struct logfile *l);     /* '\n', and hands the line to the system */
uint64_t logfile_sync(struct logfile *l);     /* to the disk; how long it is */
void logfile_close(struct logfile *l);
void logfile_number(struct logfile *l, const char *key, double x); /* ,"key":x   null when not finite */

#endif
