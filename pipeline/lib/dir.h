/*
 * dir.h - the names in a directory, all of them or none
 *
 *   struct dir d = dir_read(path);
 *   for (size_t i = 0; i < d.n; i++)
 *       use(d.names[i]);
 *   dir_free(&d);
 *
 * The whole directory is read at once, so no error can be taken for its end, and files may be made and
 * removed while the list is in use. Names come sorted bytewise, without "." and "..". When the directory
 * cannot be read to its end the program dies, naming it. (fts and nftw of the C library treat a failed
 * readdir as the end, so they cannot be used here.)
 */
#ifndef LIB_DIR_H
#define LIB_DIR_H

#include <stddef.h>

struct dir {
    char **names;
    size_t n;
};

struct dir dir_read(const char *path);
struct dir dir_read_if_there(const char *path); /* a missing directory gives no names */
void dir_free(struct dir *d);

#endif
