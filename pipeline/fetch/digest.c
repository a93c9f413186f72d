#include "pipeline/fetch/digest.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK = 256 << 10 };

struct digest {
    EVP_MD_CTX *context;
    const EVP_MD *algorithm;
};

struct digest *digest_new(enum digest_kind kind)
{
    struct digest *d = xcalloc(1, sizeof *d);
    d->algorithm = kind == DIGEST_SHA256 ? EVP_sha256() : EVP_sha1();
    d->context = EVP_MD_CTX_new();
    if (!d->context)
        die("out of memory");
    digest_reset(d);
    return d;
}

void digest_reset(struct digest *d)
{
    if (EVP_DigestInit_ex(d->context, d->algorithm, NULL) != 1)
        die("OpenSSL has no %s here", EVP_MD_get0_name(d->algorithm));
}

void digest_add(struct digest *d, const void *bytes, size_t n)
{
    EVP_DigestUpdate(d->context, bytes, n);
}

void digest_end(struct digest *d, char hex[DIGEST_HEX])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    unsigned n;
    EVP_DigestFinal_ex(d->context, raw, &n);
    for (unsigned i = 0; i < n; i++)
        sprintf(hex + 2 * i, "%02x", raw[i]);
    digest_reset(d);
}

void digest_free(struct digest *d)
{
    if (!d)
        return;
    EVP_MD_CTX_free(d->context);
    free(d);
}

bool digest_add_file(struct digest *d, int fd, uint64_t n)
{
    char *block = xmalloc(BLOCK);
    uint64_t at = 0;
    while (at < n) {
        ssize_t k = pread(fd, block, n - at < BLOCK ? (size_t)(n - at) : BLOCK, (off_t)at);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            break;
        digest_add(d, block, (size_t)k);
        at += (uint64_t)k;
    }
    free(block);
    return at == n;
}

bool digest_git_blob(int fd, uint64_t size, char hex[DIGEST_HEX])
{
    struct digest *d = digest_new(DIGEST_SHA1);
    char header[40];
    int n = snprintf(header, sizeof header, "blob %llu", (unsigned long long)size);
    digest_add(d, header, (size_t)n + 1);
    bool ok = digest_add_file(d, fd, size);
    digest_end(d, hex);
    digest_free(d);
    return ok;
}
