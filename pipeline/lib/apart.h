/*
 * apart.h - an output must not be an input
 *
 * Whatever a program reads and writes is noted here, by device and inode, so
 * other names, links and paths do not matter. A file that would be both ends
 * the program before it is changed (exit 2). commit_open and the openers of
 * streams note by themselves; "-" is standard input or output where that is a
 * file; rings and other words that name no file are ignored.
 */
#ifndef LIB_APART_H
#define LIB_APART_H

#include <stdbool.h>
#include <sys/stat.h>

void apart_input(const char *path);    /* a file, or a directory that will be walked */
void apart_input_dir(const char *dir); /* whose files are all read: shards. Nothing in it is written over */
void apart_output(const char *path);
/* Of a directory. In an input directory it would grow with each run: refused. replaced: everything in it goes
 * away, so that no input may lie in it either. */
void apart_output_dir(const char *path, bool replaced);
/* Whether that file is an output: a walk passes it by, as it is no part of what was there to be read. */
bool apart_is_output(const struct stat *st);

#endif
