/*
 * files.h - which files of a model directory are sent, and what names their content
 *
 * A file is sent when its name is on the list in files.c: nothing else of the directory leaves this machine.
 * All of them are open from the start, so `train` may remove the checkpoint meanwhile.
 */
#ifndef UPLOADER_FILES_H
#define UPLOADER_FILES_H

#include "pipeline/fetch/digest.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { UPLOAD_MAX_FILES = 100, UPLOAD_SAMPLE = 512 };

enum file_kind {
    FILE_TEXT,       /* settings, templates, the card */
    FILE_VOCABULARY, /* text that is made of tokens: any word may be one */
    FILE_TENSORS,    /* safetensors */
};

struct upload_file {
    char *path; /* in the repository */
    enum file_kind kind;
    int fd;
    uint64_t size;
    char sha256[DIGEST_HEX], git[DIGEST_HEX];
    bool large; /* goes through LFS, as the server wishes */
    bool there; /* the repository has this content under this name */
};

struct upload_files {
    struct upload_file file[UPLOAD_MAX_FILES];
    size_t n;
};

/* The files of dir that are on the list, sorted by name; with those of dir/trainer if trainer is true. Dies
 * where one cannot be read, or is no plain file. */
void files_collect(struct upload_files *files, const char *dir, bool trainer);
/* A file of this content, in place of one that has its name. */
void files_put(struct upload_files *files, const char *path, const char *text, size_t n);
/* Leaves one out, if it is there. */
void files_remove(struct upload_files *files, const char *path);
void files_close(struct upload_files *files);
/* NULL: there is none of this name. */
struct upload_file *files_find(struct upload_files *files, const char *path);
/* Computes the hashes; shows progress. */
void files_hash(struct upload_files *files);
/* Reads up to n bytes from `at` on. 0: the file has become shorter, or cannot be read. */
size_t file_read(const struct upload_file *f, uint64_t at, char *bytes, size_t n);
/* The whole content, NUL-terminated; dies when it is longer than most. The caller frees it. */
char *file_content(const struct upload_file *f, uint64_t most);

#endif
