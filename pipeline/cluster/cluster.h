/*
 * cluster.h - the processes of one job: who they are, and what they tell each other
 *
 *   struct cluster *c = cluster_open(timeout_s);      alone, or one of `size` that mpirun or srun started
 *   cluster_broadcast(c, p, n, 0);                    all processes call the same functions in one order
 *   cluster_close(c);
 *
 * A process that nobody started as one of several is rank 0 of 1, needs no MPI, and every call here returns
 * at once. All of it is made of messages from one process to one other (transport.h), so that sums have an
 * order that we choose, bytes can be counted, and a wait ends: when another process does not answer for
 * timeout_s, the job ends with CLUSTER_LOST. A process that dies in any other way takes the job with it.
 *
 * Messages to people come from rank 0. Other ranks are silent unless they fail; then the message begins with
 * the rank and the host.
 */
#ifndef CLUSTER_CLUSTER_H
#define CLUSTER_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLUSTER_LOST = 75 }; /* exit code (EX_TEMPFAIL): another process does not answer; run the job again */

struct cluster {
    int rank, size;
    bool launched;             /* by mpirun or srun, if only as one process */
    char name[128];            /* what carries the messages */
    double timeout_s;          /* of a wait for another process */
    int group;                 /* of the messages that are begun and waited for now (cluster_in) */
    bool on_gpus;              /* the messages of groups other than 0 (cluster_use_gpus) */
    uint64_t sent;             /* bytes that this process has handed over so far */
    double waited;             /* seconds that it has waited for others */
    struct cluster_link *link; /* owned; NULL: alone */
};

/* Dies when a launcher started several processes and there is no MPI to join them. */
struct cluster *cluster_open(double timeout_s);
/* Waits for the other processes. From here on this one ends alone. */
void cluster_close(struct cluster *c);
/* True if mpirun or srun started this process. *size: as one of so many, as far as the environment says. */
bool cluster_launched(int *size, const char **by);

/* Messages: begun, then all of them waited for. The memory must stay as it is until cluster_wait returns. */
void cluster_send(struct cluster *c, const void *p, size_t n, int to);
void cluster_receive(struct cluster *c, void *p, size_t n, int from);
void cluster_wait(struct cluster *c);

/* From here on the messages of all groups but 0 are between the memories of the processes' GPUs, without a
 * way through the machine's memory, if NCCL is there on every one. Returns false, and in why a clause on what
 * is missing here or elsewhere, when they are as before. All ranks call it. */
bool cluster_use_gpus(struct cluster *c, char *why, size_t cap);

/* Messages are waited for in groups. Those of group 0 make way while the process waits for them; those of the
 * others also while it computes: a thread looks after them. Messages that are begun from here on, and the
 * three calls that ask for them, are of this group. The ranks begin the messages of all groups in one order.
 */
enum { CLUSTER_GROUPS = 3 };
void cluster_in(struct cluster *c, int group);
/* All of the group are done; does not wait. */
bool cluster_arrived(struct cluster *c);
/* After cluster_wait: now_seconds() when the last of them was done. */
double cluster_arrival(const struct cluster *c);

/* p (n bytes) of rank `root` becomes that of all. */
void cluster_broadcast(struct cluster *c, void *p, size_t n, int root);
/* Rank r has bytes at[r] .. at[r+1] of p; afterwards every rank has all of them. */
void cluster_gather(struct cluster *c, void *p, const size_t *at);
void cluster_gather_begin(struct cluster *c, void *p, const size_t *at); /* without cluster_wait */
/* Each of n numbers becomes the largest of the ranks'. */
void cluster_max(struct cluster *c, int *x, int n);
/* Dies on rank 0 when the n bytes at p are not the same everywhere; what: their name in the message. */
void cluster_same(struct cluster *c, const void *p, size_t n, const char *what);
/* Another rank has the same n bytes at p. All ranks call it. */
bool cluster_has_twin(struct cluster *c, const void *p, size_t n);
/* All have come here. */
void cluster_barrier(struct cluster *c);
/* For a rank other than 0 when all ranks are about to fail for one reason, which rank 0 says: waits until
 * rank 0 ends the job. Returns at once on rank 0. */
void cluster_leave_to_first(struct cluster *c);

#endif
