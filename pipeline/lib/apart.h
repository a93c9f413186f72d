/*
 * apart.h - an output must not be an input
 *
 * Everything that a program reads and writes is recorded here, by device and inode, so that it is recognised
 * under other names, links and paths. If a file would be both, the program exits with 2 before the file is
 * changed. commit_open and the functions that open streams record their files themselves; "-" is standard
 * input or output where that is a file; rings and other words that name no file are ignored.
 */
#ifndef LIB_APART_H
#define LIB_APART_H

#include <stdbool.h>
#include <sys/stat.h>

void apart_input(const char *path); /* a file, or a directory that will be walked */
/* A directory of shards, all of whose files are read, so that none may be overwritten. */
void apart_input_dir(const char *dir);
void apart_output(const char *path);
/* Records a directory that is written to. One inside an input directory would grow with each run, so it is
 * refused. replaced: everything in the directory will be removed, so no input may lie in it either. */
void apart_output_dir(const char *path, bool replaced);
/* Whether that file is an output: a walk over a directory skips such files, since they were not there to be
 * read. */
bool apart_is_output(const struct stat *st);

#endif
