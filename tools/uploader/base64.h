/*
 * base64.h - bytes as letters, as the hub's JSON takes them
 */
#ifndef UPLOADER_BASE64_H
#define UPLOADER_BASE64_H

#include <stddef.h>

/* The caller frees it. */
char *base64(const void *bytes, size_t n);

#endif
