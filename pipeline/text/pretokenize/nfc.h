/*
 * nfc.h - Unicode normalisation form C
 */
#ifndef PRETOKENIZE_NFC_H
#define PRETOKENIZE_NFC_H

#include "pipeline/lib/fs.h"

/* The normalised text: text itself when it is so already, else in *buf, valid as long as that is. Bytes that
 * are not UTF-8 stay as they are, and nothing is composed across them. */
const char *nfc(struct strbuf *buf, const char *text, size_t len, size_t *n);

#endif
