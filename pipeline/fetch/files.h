/*
 * files.h - a file on a server, and where it belongs on this machine
 */
#ifndef FETCH_FILES_H
#define FETCH_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct remote_file {
    char *name; /* for people and as the documents' id: hf://datasets/ORG/NAME/PATH, or the address */
    char *path; /* within its repository */
    char *url;
    char *page; /* where a person finds its repository; NULL: it has none */
    char *etag; /* the content's hash (SHA-256, or git's SHA-1); for plain https what the server calls it */
    char *git_oid;            /* git's SHA-1 of the pointer of a large file; NULL for others */
    bool hashed;              /* the ETag is a hash */
    int64_t size;             /* -1: unknown */
    bool by_range;            /* read in parts from the server, and not downloaded */
    char *blob, *lock;        /* its content here, and the lock of who downloads it */
    char *link, *link_target; /* symbolic link to make, or NULL */
};

struct file_list {
    struct remote_file *v; /* owned, with what is in it */
    size_t n, room;
};

/* A new entry at the end, all zero but for the size, -1. Valid until the next one. */
struct remote_file *file_list_add(struct file_list *l);
void file_list_sort(struct file_list *l); /* by path, bytewise */
/* Keeps the files that the function says true of. */
void file_list_keep(struct file_list *l, bool (*keep)(const struct remote_file *, const void *),
                    const void *arg);
void file_list_free(struct file_list *l);

#endif
