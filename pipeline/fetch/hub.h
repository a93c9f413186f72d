/*
 * hub.h - which files a word of the hub (hf://...) means
 *
 * Protocol: formats/hub.md. Where the hub is not to be asked (HF_HUB_OFFLINE), or cannot be reached, the
 * cache answers.
 */
#ifndef FETCH_HUB_H
#define FETCH_HUB_H

#include "pipeline/fetch/files.h"
#include "pipeline/fetch/settings.h"

enum {
    HUB_MAX_PAGE_BYTES = 64 << 20, /* of one page of a listing */
    HUB_MAX_FILES = 200000,        /* of one listing */
};

struct hub_listing {
    char *folder;            /* of the repository, in the cache */
    char *revision, *commit; /* the revision as it was given, and what it means now */
    struct file_list files;  /* sorted by path */
};

/* Dies with one line that names the word and says what to do. */
void hub_list(const struct hub_settings *s, const char *word, struct hub_listing *l);
/* All files have come: notes in the cache what the revision means. */
void hub_note_revision(const struct hub_listing *l);
void hub_listing_free(struct hub_listing *l);

/* The one file of an address (https://...), with its place in the cache of such files. */
void web_list(const struct hub_settings *s, const char *url, struct file_list *files);

#endif
