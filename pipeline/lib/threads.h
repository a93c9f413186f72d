/*
 * threads.h - OpenMP threads that do not fight for the machine
 *
 * While they wait for each other, OpenMP's threads spin for milliseconds. On a machine that also runs other
 * programs (mix, a browser) a spinning thread keeps the very thread that it waits for from running: measured
 * with two busy neighbours on two cores, a training step takes twice as long. A short spin costs nothing on a
 * quiet machine.
 */
#ifndef LIB_THREADS_H
#define LIB_THREADS_H

/* Must be the first call in main. OpenMP reads its settings before main, so this sets them and starts the
 * program anew, once; it does nothing when OMP_WAIT_POLICY or GOMP_SPINCOUNT is set. */
void threads_settle(char **argv);

#endif
