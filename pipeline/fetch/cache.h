/*
 * cache.h - the hub's files on this machine, in the layout of huggingface_hub, which shares them
 *
 *   CACHE/datasets--ORG--NAME/refs/REVISION           the commit that a branch or tag meant when it was last
 * asked blobs/ETAG              a file's content: ETAG is its SHA-256, or git's SHA-1 of a small one
 *                             blobs/ETAG.incomplete   as far as it has come
 *                             snapshots/COMMIT/PATH   a relative symbolic link to the blob
 *                             trees/COMMIT.json       which files a commit has
 *   CACHE/.locks/datasets--ORG--NAME/ETAG.lock        held (flock) by whoever downloads that blob
 *
 * A blob is renamed into place when it is whole and its hash is right; links and refs follow it.
 */
#ifndef FETCH_CACHE_H
#define FETCH_CACHE_H

#include "pipeline/fetch/files.h"
#include "pipeline/fetch/uri.h"

/* All strings that are returned are the caller's to free. */

/* CACHE/datasets--ORG--NAME */
char *cache_folder(const char *cache, const struct hub_uri *u);
/* The commit that the revision means, if it is one itself or the cache knows it; else NULL. */
char *cache_commit(const char *folder, const char *revision);
/* Notes what a revision means. Quiet when the cache cannot be written to. */
void cache_set_ref(const char *folder, const char *revision, const char *commit);
/* The file of a snapshot, or NULL when it is not here. */
char *cache_find(const char *folder, const char *commit, const char *path);

/* The files of a commit, if trees/ has them (etags and sizes too). False: it does not. */
bool cache_read_tree(const char *folder, const char *commit, struct file_list *files);
void cache_write_tree(const char *folder, const char *commit, const struct file_list *files);
/* The files of a commit that are in its snapshot. */
void cache_list_snapshot(const char *folder, const char *commit, struct file_list *files);

/* Fills in where the file belongs in the cache: blob, lock, link and link_target. */
void cache_place(const char *cache, const struct hub_uri *u, const char *commit, struct remote_file *f);

bool is_commit(const char *s);   /* 40 hexadecimal digits */
bool is_hub_etag(const char *s); /* 40 or 64 */

#endif
