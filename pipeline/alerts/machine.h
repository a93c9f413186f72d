/*
 * machine.h - memory and disk of the machine, as a run meets them
 */
#ifndef ALERTS_MACHINE_H
#define ALERTS_MACHINE_H

/* Share (0..1) of the memory that is in use and cannot be reclaimed: of the machine's, or of the control
 * group's limit, whichever is nearer to its end. NaN: not known. */
double machine_memory_share(void);
/* Bytes that an ordinary user may still write to the disk of a path; NaN: not known. */
double machine_disk_free(const char *path);
/* Bytes of the files in a directory and the directories in it, two levels down; 0: there is none. */
double machine_tree_bytes(const char *dir);

#endif
