/*
 * uri.h - the words of the hub: hf://datasets/ORG/NAME[@REVISION]/PATH,
 * hf://[models/]ORG/NAME[@REVISION]/PATH
 *
 * They are those of huggingface_hub's own file system. PATH is a file, a folder, a glob ("*" within a folder,
 * "**" across folders), or empty for the whole repository. A revision is a branch, a tag or a commit;
 * refs/pr/N and refs/convert/NAME may be written as they are, other slashes in it as %2F.
 */
#ifndef FETCH_URI_H
#define FETCH_URI_H

#include <stdbool.h>

struct hub_uri {
    const char *kind; /* "models" or "datasets" */
    char *repo;       /* ORG/NAME */
    char *revision;   /* "main" when none was given */
    bool revision_given;
    char *path;  /* no slash at either end; may be "" */
    bool folder; /* a slash stood at the end: the path is no file */
};

/* NULL, or why the word is none (nothing is left to free then). */
const char *hub_uri_parse(struct hub_uri *u, const char *word);
void hub_uri_free(struct hub_uri *u);
/* "hf://datasets/ORG/NAME@REVISION", the revision only where it was given. The caller frees it. */
char *hub_uri_repo(const struct hub_uri *u);

/* Whether a path from outside can be a file's name here: relative, no "..", no control characters, no
 * backslash. */
bool hub_path_is_safe(const char *path);
bool hub_is_glob(const char *path);
/* Like fnmatch by folders, where "**" stands for any number of them. */
bool hub_glob_matches(const char *glob, const char *path);

#endif
