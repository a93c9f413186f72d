#include "tools/uploader/base64.h"

#include "pipeline/lib/fs.h"

#include <openssl/evp.h>

enum { BLOCK = 3 << 20 }; /* a multiple of three, so that blocks join without padding; EVP takes an int */

char *base64(const void *bytes, size_t n)
{
    const unsigned char *from = bytes;
    char *text = xmalloc((n + 2) / 3 * 4 + 1), *to = text;
    text[0] = '\0';
    for (size_t at = 0; at < n; at += BLOCK)
        to += EVP_EncodeBlock((unsigned char *)to, from + at, (int)(n - at < BLOCK ? n - at : BLOCK));
    return text;
}
