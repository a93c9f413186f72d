/*
 * send.h - an upload from its first look to its commit, so that running it again is always right
 */
#ifndef UPLOADER_SEND_H
#define UPLOADER_SEND_H

#include "tools/uploader/repo.h"

struct send_options {
    bool public; /* the repository is made public */
    bool yes;    /* nothing is asked */
    const char *message;
};

void send_files(struct repo *r, struct upload_files *files, const struct send_options *o);

#endif
