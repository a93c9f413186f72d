#include "formats/shard_write.h"
#include "formats/tokens.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

struct shard_writer {
    char *path, *tmp;
    int fd;
    struct shard_header h;
    uint64_t *index; /* where each document ends; index[0] = 0 */
    size_t index_cap;
    uint64_t *blocks;
    size_t n_blocks, blocks_cap;
    uint64_t offset; /* where in the file the buffer's block begins */
    size_t fill;
    unsigned char block[SHARD_BLOCK_BYTES];
};

static int fail(const struct shard_writer *w, const char *reason, char *err, size_t cap)
{
    snprintf(err, cap, "%s: cannot write: %s", w->tmp ? w->tmp : w->path, reason);
    return -1;
}

static int pwrite_all(struct shard_writer *w, const void *p, size_t n, uint64_t offset, char *err, size_t cap)
{
    const char *s = p;
    while (n > 0) {
        ssize_t k = pwrite(w->fd, s, n, (off_t)offset);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return fail(w, k < 0 ? strerror(errno) : "nothing was written", err, cap);
        s += k;
        n -= (size_t)k;
        offset += (uint64_t)k;
    }
    return 0;
}

/* Doubles an array of u64 when it is full. */
static int reserve(uint64_t **v, size_t *cap_items, size_t n)
{
    if (n < *cap_items)
        return 0;
    size_t more = *cap_items ? 2 * *cap_items : 1024;
    uint64_t *p = realloc(*v, more * sizeof *p);
    if (!p)
        return -1;
    *v = p;
    *cap_items = more;
    return 0;
}

static int flush_block(struct shard_writer *w, char *err, size_t cap)
{
    if (w->fill == 0)
        return 0;
    if (reserve(&w->blocks, &w->blocks_cap, w->n_blocks) != 0)
        return fail(w, "out of memory", err, cap);
    w->blocks[w->n_blocks++] = XXH3_64bits(w->block, w->fill);
    if (pwrite_all(w, w->block, w->fill, w->offset, err, cap) != 0)
        return -1;
    w->offset += w->fill;
    w->fill = 0;
    return 0;
}

static int put_bytes(struct shard_writer *w, const void *p, size_t n, char *err, size_t cap)
{
    const char *s = p;
    while (n > 0) {
        size_t k = SHARD_BLOCK_BYTES - w->fill < n ? SHARD_BLOCK_BYTES - w->fill : n;
        memcpy(w->block + w->fill, s, k);
        w->fill += k;
        s += k;
        n -= k;
        if (w->fill == SHARD_BLOCK_BYTES && flush_block(w, err, cap) != 0)
            return -1;
    }
    return 0;
}

int shard_writer_open(struct shard_writer **out, const char *path, const struct shard_header *like, char *err,
                      size_t cap)
{
    struct shard_writer *w = calloc(1, sizeof *w);
    *out = NULL;
    if (!w || !(w->path = strdup(path)) || asprintf(&w->tmp, "%s.tmp", path) < 0 ||
        reserve(&w->index, &w->index_cap, 0) != 0) {
        snprintf(err, cap, "%s: out of memory", path);
        if (w) {
            free(w->path);
            free(w->index);
        }
        free(w);
        return -1;
    }
    w->h.vocab_size = like->vocab_size;
    w->h.eos_id = like->eos_id;
    w->h.bos_id = like->bos_id;
    w->h.tokenizer_hash = like->tokenizer_hash;
    w->h.token_width = like->vocab_size <= 65536 ? 2 : 4;
    w->index[0] = 0;
    w->offset = SHARD_DATA_ALIGN;
    unlink(w->tmp); /* a killed run may have left it */
    w->fd = open(w->tmp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (w->fd < 0) {
        fail(w, strerror(errno), err, cap);
        shard_writer_abort(w);
        return -1;
    }
    *out = w;
    return 0;
}

static bool tokens_below(const void *p, size_t n, uint32_t width, uint32_t vocab)
{
    uint32_t max = 0;
    if (width == 2)
        for (size_t i = 0; i < n; i++)
            max = ((const uint16_t *)p)[i] > max ? ((const uint16_t *)p)[i] : max;
    else
        for (size_t i = 0; i < n; i++)
            max = ((const uint32_t *)p)[i] > max ? ((const uint32_t *)p)[i] : max;
    return n == 0 || max < vocab;
}

int shard_writer_put(struct shard_writer *w, const void *tokens, size_t n, char *err, size_t cap)
{
    if (!tokens_below(tokens, n, w->h.token_width, w->h.vocab_size))
        return fail(w, "a token is outside the vocabulary", err, cap);
    w->h.n_tokens += n;
    return put_bytes(w, tokens, n * w->h.token_width, err, cap);
}

int shard_writer_end(struct shard_writer *w, int domain, uint64_t text_bytes, char *err, size_t cap)
{
    uint16_t eos16 = (uint16_t)w->h.eos_id;
    if (put_bytes(w, w->h.token_width == 2 ? (void *)&eos16 : (void *)&w->h.eos_id, w->h.token_width, err,
                  cap) != 0)
        return -1;
    w->h.n_tokens++;
    w->h.text_bytes += text_bytes;
    if (w->h.n_documents == 0)
        w->h.domain = (uint32_t)domain;
    else if (w->h.domain != (uint32_t)domain)
        w->h.domain = DOMAIN_OTHER;
    w->h.n_documents++;
    if (reserve(&w->index, &w->index_cap, w->h.n_documents) != 0)
        return fail(w, "out of memory", err, cap);
    w->index[w->h.n_documents] = w->h.n_tokens;
    return 0;
}

uint64_t shard_writer_tokens(const struct shard_writer *w)
{
    return w->h.n_tokens;
}

uint64_t shard_writer_documents(const struct shard_writer *w)
{
    return w->h.n_documents;
}

/* Writes padding, index, block table and, last, the header. */
static int write_rest(struct shard_writer *w, char *err, size_t cap)
{
    static const char zeros[8];
    size_t tail = (size_t)(w->h.n_tokens * w->h.token_width % 8);
    if ((tail && put_bytes(w, zeros, 8 - tail, err, cap) != 0) ||
        put_bytes(w, w->index, 8 * (w->h.n_documents + 1), err, cap) != 0 || flush_block(w, err, cap) != 0)
        return -1;
    w->h.blocks_hash = XXH3_64bits(w->blocks, 8 * w->n_blocks);
    if (!shard_header_seal(&w->h))
        return fail(w, "too many tokens", err, cap);
    assert(w->offset == w->h.blocks_offset);
    if (pwrite_all(w, w->blocks, 8 * w->n_blocks, w->offset, err, cap) != 0 ||
        pwrite_all(w, &w->h, sizeof w->h, 0, err, cap) != 0)
        return -1;
    return fsync(w->fd) == 0 ? 0 : fail(w, strerror(errno), err, cap);
}

static int sync_parent(struct shard_writer *w, char *err, size_t cap)
{
    char *slash = strrchr(w->path, '/');
    size_t n = slash ? (size_t)(slash - w->path) : 0;
    char *dir = slash ? strndup(w->path, n ? n : 1) : strdup(".");
    int fd = dir ? open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    int bad = fd < 0 || fsync(fd) != 0 ? errno : 0;
    if (fd >= 0)
        close(fd);
    free(dir);
    return bad ? fail(w, strerror(bad), err, cap) : 0;
}

static void free_writer(struct shard_writer *w)
{
    free(w->index);
    free(w->blocks);
    free(w->path);
    free(w->tmp);
    free(w);
}

int shard_writer_finish(struct shard_writer *w, struct shard_header *header, char *err, size_t cap)
{
    assert(w->h.n_documents > 0 && w->index[w->h.n_documents] == w->h.n_tokens);
    if (write_rest(w, err, cap) != 0)
        return -1;
    int fd = w->fd;
    w->fd = -1;
    if (close(fd) != 0 || rename(w->tmp, w->path) != 0)
        return fail(w, strerror(errno), err, cap);
    if (sync_parent(w, err, cap) != 0)
        return -1;
    *header = w->h;
    free_writer(w);
    return 0;
}

void shard_writer_abort(struct shard_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    unlink(w->tmp);
    free_writer(w);
}
