/*
 * secrets.h - what must not leave this machine with a model: a token, an absolute path, the user's name
 */
#ifndef UPLOADER_SECRETS_H
#define UPLOADER_SECRETS_H

#include "tools/uploader/files.h"

struct secrets {
    const char *token;  /* NULL: none */
    const char *home;   /* of the user; NULL: unknown */
    const char *user;   /* NULL: unknown, or it is public: the repository's owner has it, or many have it */
    char *here, *model; /* absolute paths: the current directory, the model's */
};

/* owner: ORG of the repository. dir: the model directory. */
void secrets_know(struct secrets *s, const char *token, const char *owner, const char *dir);
void secrets_forget(struct secrets *s);
/* NULL: nothing was found; else what, and at which byte, for the caller to free. In a vocabulary, a path of
 * other machines or a name is no finding: any word may be one of its tokens. */
char *secrets_in(const struct secrets *s, const char *text, size_t n, enum file_kind kind);
/* Dies with the file's name and place where one of its texts has something in it. */
void secrets_check_file(const struct secrets *s, const struct upload_file *f);

#endif
