/*
 * repo.h - a model repository of the hub, as an upload sees it (formats/hub.md, "Uploads")
 *
 *   repo_open(&r, &settings, "hf://ORG/NAME")
 *   repo_look(&r)                   r.exists, r.closed, r.head
 *   repo_create(&r, private)
 *   repo_compare(&r, files)         which files are there
 *   repo_preupload(&r, files)       which are to go through LFS
 *   lfs_upload(&r, files)           their content (lfs.h)
 *   repo_commit(&r, files, text)    names for all of them
 *
 * Each dies, where it fails, with one line that names the repository and says what to do.
 */
#ifndef UPLOADER_REPO_H
#define UPLOADER_REPO_H

#include "pipeline/fetch/http.h"
#include "pipeline/fetch/uri.h"
#include "tools/uploader/files.h"

#include <jansson.h>

struct repo {
    const struct hub_settings *settings;
    const char *word; /* as the user wrote it */
    struct hub_uri uri;
    char *page; /* for people: ENDPOINT/ORG/NAME */
    struct http *http;
    bool exists, closed; /* closed: private, as the hub says */
    char head[41];       /* the commit of main; "" where there is none */
};

void repo_open(struct repo *r, const struct hub_settings *settings, const char *word);
void repo_close(struct repo *r);
void repo_look(struct repo *r);
void repo_create(struct repo *r, bool closed);
/* Asks the hub whether it takes the metadata of a README.md, before anything is sent. */
void repo_check_card(struct repo *r, const struct upload_file *f);
/* Sets `there` of each file, as of r->head. True: all are. */
bool repo_compare(struct repo *r, struct upload_files *files);
void repo_preupload(struct repo *r, struct upload_files *files);
/* Gives the files that are not there their names, in one commit on top of r->head. One try: true, it is made.
 * False: another commit came first, or no answer came, so that nobody knows but a look; *wait_s: how long the
 * server asks to wait. */
bool repo_commit(struct repo *r, const struct upload_files *files, const char *message, double *wait_s,
                 char why[400]);

/* One request of JSON. text: what is posted, of this type; NULL: a GET. The outcome is in *q, whose reply is
 * to be given back with http_done. Returns the answer of a 2xx; NULL: there was none, or it is no JSON. */
struct repo_text {
    const char *type, *bytes;
    size_t n;
    const char *const *headers; /* more of them; NULL: none */
};
json_t *repo_ask(struct repo *r, const char *url, const struct repo_text *text, bool once,
                 struct http_request *q);
_Noreturn void repo_refused(const struct repo *r, const struct http_request *q, const char *what);

#endif
