/*
 * process.h - which process is that, and does it still live
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

uint64_t process_identity(pid_t pid); /* 0: no such process, or it ended and waits to be reaped */
pid_t process_pid(uint64_t identity);
bool process_alive(uint64_t identity); /* true also when it cannot be told */

/* A descriptor that becomes readable when the process ends; -1: it has ended, or use process_alive instead.
 */
int process_watch(uint64_t identity);
bool process_watch_ended(int fd);

int boot_identity(uint64_t id[2]); /* 0, or -1 with errno */

#endif
