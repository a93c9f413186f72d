/*
 * normal_form.h - the four normal forms of Unicode, as the `tokenizers` library computes them
 */
#ifndef PRETOKENIZE_NORMAL_FORM_H
#define PRETOKENIZE_NORMAL_FORM_H

#include "pipeline/lib/fs.h"

enum normal_form { FORM_NFC, FORM_NFD, FORM_NFKC, FORM_NFKD, N_FORMS };

/* Returns the text in that form, *n bytes: text itself when nothing changes, otherwise in buf, which is
 * overwritten. Bytes that are not UTF-8 stay unchanged. */
const char *normal_form(enum normal_form form, struct strbuf *buf, const char *text, size_t len, size_t *n);

#endif
