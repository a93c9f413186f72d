/*
 * sandbox.h - a program that reads foreign files gives up the rights that it does not need
 *
 * With the option --sandbox, in programs whose option table has SANDBOX_OPTION (lib/cli.h), the kernel
 * refuses for the rest of the process, and of every thread and child that it starts: writing, creating,
 * renaming and removing files, but in the directories of the outputs and in /dev/shm, where rings and pages
 * of counters live (Landlock); starting a program (Landlock), and signals to processes outside (Landlock 6);
 * sockets of every kind, io_uring, tracing, mounting, keys, BPF (seccomp). What was open before stays open:
 * standard input and output. Files can still be read.
 *
 * Where the kernel cannot refuse all changes of files and all sockets, the program ends with a message before
 * it has done anything.
 */
#ifndef LIB_SANDBOX_H
#define LIB_SANDBOX_H

#include <stddef.h>

/* outputs: paths of files or directories that exist or will be created; NULL, "-" and ring:NAME are skipped.
 * Called while the process has one thread. Cannot be undone. */
void sandbox_enter(const char *const *outputs, size_t n);

#endif
