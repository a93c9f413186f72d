/*
 * lfs.h - the content of large files, to the storage behind the hub (Git LFS, "basic" and "multipart")
 */
#ifndef UPLOADER_LFS_H
#define UPLOADER_LFS_H

#include "tools/uploader/repo.h"

/* Sends what the server lacks of the large files that are not in the repository. Dies where it fails. */
void lfs_upload(struct repo *r, const struct upload_files *files);

#endif
