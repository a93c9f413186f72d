/*
 * jobs.h - from what a client asks for to texts that the engine can make
 */
#ifndef SAMPLE_JOBS_H
#define SAMPLE_JOBS_H

#include "pipeline/sample/chat.h"
#include "pipeline/sample/engine.h"

struct jobs {
    const struct loaded *m;   /* borrowed */
    int context;              /* tokens of a text at most */
    bool special;             /* as in struct continuation */
    struct chat chat;         /* owned */
    struct encoder *encoder;  /* owned */
    pthread_mutex_t encoding; /* the encoder has one user at a time */
};

void jobs_open(struct jobs *j, const struct loaded *m, int context, bool special);
void jobs_close(struct jobs *j);
/* Opens a job for a request: its prompts as tokens, each with its place for new ones. Returns 0, or -1 with
 * the reason; then there is no job. Text i of a prompt has the seed of the request, plus i. */
int jobs_make(struct jobs *j, struct job *job, struct request *r, struct request_error *e);

#endif
