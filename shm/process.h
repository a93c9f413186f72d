/*
 * process.h - identifies a process, and tells whether it is still alive
 *
 * A process id alone is reused; together with its start time it is not,
 * within one boot. Both fit one word, so that they are read and written whole:
 *   identity = start time (clock ticks since boot) << 24 | pid        0: nobody
 */
#ifndef SHM_PROCESS_H
#define SHM_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

uint64_t process_identity(pid_t pid); /* 0: no such process, or it has ended and waits to be reaped */
pid_t process_pid(uint64_t identity);
bool process_alive(uint64_t identity); /* true also when it is unknown */

/* Returns a descriptor that becomes readable when the process ends; -1: it has ended, or process_alive must
 * be used instead. */
int process_watch(uint64_t identity);
bool process_watch_ended(int fd);

int boot_identity(uint64_t id[2]); /* returns 0, or -1 with errno */

#endif
