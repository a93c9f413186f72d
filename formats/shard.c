#include "formats/shard.h"
#include "formats/manifest.h"
#include "formats/shard_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

struct shard { /* one file, mapped */
    char *path;
    int fd; /* kept for pread; -1: too many files are open */
    const unsigned char *base;
    const struct shard_header *h; /* same address as base; checked */
    const uint64_t *index, *blocks;
    unsigned char *seen;          /* one byte per block: it was verified */
    const unsigned char **cached; /* the block's bytes in the source's cache, or NULL */
    uint64_t first_token;         /* its position in the set's sequence of tokens */
};

struct shard_set {
    struct manifest m;
    struct shard *shards;
    size_t n; /* how many shards are open */
    struct block_cache cache;
};

/* Mapped pages count as this process's memory, though the system can take them back at any time. Therefore
 * tokens are copied from the mapping only as long as all sources together are small. Beyond that, blocks are
 * read into a cache of bounded size, and reads that do not justify a place there are done singly. Time for
 * 512 bytes in microseconds (one busy core, all in the page cache): 0.6 from 512 MB mapped or cached, 0.36
 * when prefetched four reads ahead, 1.2 to 2.2 with pread, 5 with a page fault. */
enum {
    MAPPED_LIMIT = 640 << 20,
    KEPT_FD_LIMIT = 768,
    TRIM_DOCUMENTS = 1 << 12, /* each document may have made 16 pages present */
    PREFETCH_BYTES = 1024,    /* the processor prefetches the bytes after these by itself */
    CACHE_LINE = 64,
};
static uint64_t mapped_bytes; /* over all sources of the process; atomic */

static bool is_small(void)
{
    return __atomic_load_n(&mapped_bytes, __ATOMIC_RELAXED) <= MAPPED_LIMIT;
}

static uint64_t header_hash(const struct shard_header *h)
{
    return XXH3_64bits(h, offsetof(struct shard_header, header_hash));
}

/* Computes offsets and size from the counts. False: overflow. */
static bool layout(const struct shard_header *h, uint64_t *index, uint64_t *blocks, uint64_t *file)
{
    uint64_t data, n;
    if (__builtin_mul_overflow(h->n_tokens, (uint64_t)h->token_width, &data) || data > (1ull << 60) ||
        h->n_documents >= (1ull << 57))
        return false;
    *index = SHARD_DATA_ALIGN + ((data + 7) & ~7ull);
    *blocks = *index + 8 * (h->n_documents + 1);
    n = (*blocks - SHARD_DATA_ALIGN + SHARD_BLOCK_BYTES - 1) / SHARD_BLOCK_BYTES;
    *file = *blocks + 8 * n;
    return true;
}

uint64_t shard_n_blocks(const struct shard_header *h)
{
    return (h->file_bytes - h->blocks_offset) / 8;
}

bool shard_header_seal(struct shard_header *h)
{
    memcpy(h->magic, SHARD_MAGIC, 8);
    h->version = SHARD_VERSION;
    h->token_width = h->vocab_size <= 65536 ? 2 : 4;
    h->block_bytes = SHARD_BLOCK_BYTES;
    h->zero = 0;
    memset(h->reserved, 0, sizeof h->reserved);
    if (!layout(h, &h->index_offset, &h->blocks_offset, &h->file_bytes))
        return false;
    h->header_hash = header_hash(h);
    return true;
}

#define AT(field) (*offset = offsetof(struct shard_header, field))

const char *shard_header_problem(const struct shard_header *h, uint64_t file_bytes, uint64_t *offset)
{
    uint64_t index, blocks, file;
    if (memcmp(h->magic, SHARD_MAGIC, 8) != 0)
        return AT(magic), "not a token shard (wrong magic)";
    if (h->version != SHARD_VERSION)
        return AT(version), "token shard of another version";
    if (h->header_hash != header_hash(h))
        return AT(header_hash), "header is damaged (checksum)";
    if (h->vocab_size == 0 || h->token_width != (h->vocab_size <= 65536 ? 2u : 4u))
        return AT(token_width), "token width does not fit the vocabulary";
    if (h->eos_id >= h->vocab_size)
        return AT(eos_id), "end-of-text id is outside the vocabulary";
    if (h->block_bytes != SHARD_BLOCK_BYTES)
        return AT(block_bytes), "unknown block size";
    if (h->n_documents == 0 || h->n_tokens < h->n_documents)
        return AT(n_tokens), "impossible number of tokens or documents";
    if (!layout(h, &index, &blocks, &file))
        return AT(n_tokens), "number of tokens or documents is too large";
    if (h->index_offset != index || h->blocks_offset != blocks || h->file_bytes != file)
        return AT(index_offset), "offsets do not follow from the numbers of tokens and documents";
    if (file_bytes != file)
        return AT(file_bytes), file_bytes < file ? "file is shorter than its header says"
                                                 : "file is longer than its header says";
    return NULL;
}

/* Writes a message into err; returns -1 for the caller to return. */
static int fail(char *err, size_t cap, const struct shard *s, uint64_t offset, const char *reason)
{
    snprintf(err, cap, "%s: offset %llu: %s", s->path, (unsigned long long)offset, reason);
    return -1;
}

/* Finds the largest of n tokens, in stretches of a fixed length so that -O2 vectorises the loop. */
#define MAX_OF(type, name)                                                                                   \
    static uint32_t name(const type *p, size_t n)                                                            \
    {                                                                                                        \
        type max = 0;                                                                                        \
        for (; n >= MAX_STRETCH; p += MAX_STRETCH, n -= MAX_STRETCH)                                         \
            for (int i = 0; i < MAX_STRETCH; i++)                                                            \
                max = p[i] > max ? p[i] : max;                                                               \
        for (size_t i = 0; i < n; i++)                                                                       \
            max = p[i] > max ? p[i] : max;                                                                   \
        return max;                                                                                          \
    }
enum { MAX_STRETCH = 1024 };
MAX_OF(uint16_t, max_of_16)
MAX_OF(uint32_t, max_of_32)

static bool tokens_below(const void *p, size_t n, uint32_t width, uint32_t vocab)
{
    if (width == 2 && vocab > UINT16_MAX)
        return true;
    return n == 0 || (width == 2 ? max_of_16(p, n) : max_of_32(p, n)) < vocab;
}

static int read_bytes(const struct shard *s, uint64_t offset, uint64_t n, void *out, char *err, size_t cap)
{
    int fd = s->fd >= 0 ? s->fd : open(s->path, O_RDONLY | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    for (uint64_t got = 0; got < n && !error;) {
        ssize_t k = pread(fd, (char *)out + got, n - got, (off_t)(offset + got));
        if (k > 0)
            got += (uint64_t)k;
        else if (k == 0)
            error = EIO; /* the file is shorter than it was */
        else if (errno != EINTR)
            error = errno;
    }
    if (s->fd < 0 && fd >= 0)
        close(fd);
    return error ? fail(err, cap, s, offset, strerror(error)) : 0;
}

/* Verifies the checksum, and the range of the tokens in the block, since a hostile file may have a valid
 * checksum. */
static int check_block(const struct shard *s, uint64_t b, uint64_t begin, uint64_t end, const void *p,
                       char *err, size_t cap)
{
    const struct shard_header *h = s->h;
    uint64_t tokens_end = SHARD_DATA_ALIGN + h->n_tokens * h->token_width;
    if (XXH3_64bits(p, end - begin) != s->blocks[b])
        return fail(err, cap, s, begin, "block is damaged (checksum)");
    tokens_end = tokens_end < end ? tokens_end : end;
    if (tokens_end > begin &&
        !tokens_below(p, (tokens_end - begin) / h->token_width, h->token_width, h->vocab_size))
        return fail(err, cap, s, begin, "block holds a token outside the vocabulary");
    s->seen[b] = 1;
    return 0;
}

static uint64_t block_begin(uint64_t b)
{
    return SHARD_DATA_ALIGN + b * SHARD_BLOCK_BYTES;
}

static uint64_t block_end(const struct shard *s, uint64_t b)
{
    return block_begin(b + 1) < s->h->blocks_offset ? block_begin(b + 1) : s->h->blocks_offset;
}

static uint64_t block_of(uint64_t offset)
{
    return (offset - SHARD_DATA_ALIGN) / SHARD_BLOCK_BYTES;
}

/* Verifies a block of a small source, which is mapped. */
static int verify_mapped(const struct shard *s, uint64_t b, char *err, size_t cap)
{
    uint64_t begin = block_begin(b), end = block_end(s, b);
    /* WILLNEED starts large reads, since MADV_RANDOM has turned read-ahead off (480 MB, cold, from disk took
     * 137 s without it). POPULATE waits for them, and reports a bad disk where a plain access would raise
     * SIGBUS. */
    madvise((void *)(s->base + begin), end - begin, MADV_WILLNEED);
    if (madvise((void *)(s->base + begin), end - begin, MADV_POPULATE_READ) != 0 && errno == EFAULT)
        return fail(err, cap, s, begin, "cannot read");
    return check_block(s, b, begin, end, s->base + begin, err, cap);
}

/* Reads block b into the cache, unless it is there already, or was verified before and is not worth a place.
 */
static int load_block(struct shard_set *source, struct shard *s, uint64_t b, char *err, size_t cap)
{
    uint64_t begin = block_begin(b), end = block_end(s, b);
    if (s->cached[b] || !block_cache_worth(&source->cache, s->seen[b]))
        return 0;
    unsigned char *p = block_cache_place(&source->cache, &s->cached[b]);
    if (!p)
        return fail(err, cap, s, begin, "out of memory");
    if (read_bytes(s, begin, end - begin, p, err, cap) == 0 &&
        (s->seen[b] || check_block(s, b, begin, end, p, err, cap) == 0))
        return 0;
    block_cache_forget(&source->cache, &s->cached[b]);
    return -1;
}

static int verify_range(struct shard_set *source, struct shard *s, uint64_t begin, uint64_t end, char *err,
                        size_t cap)
{
    for (uint64_t b = block_of(begin), last = block_of(end - 1); b <= last; b++)
        if (!s->seen[b] &&
            (is_small() ? verify_mapped(s, b, err, cap) : load_block(source, s, b, err, cap)) != 0)
            return -1;
    return 0;
}

/* Reads n verified bytes from offset. */
static int read_range(struct shard_set *source, struct shard *s, uint64_t offset, uint64_t n, void *out,
                      char *err, size_t cap)
{
    if (is_small()) {
        if (verify_range(source, s, offset, offset + n, err, cap) != 0)
            return -1;
        memcpy(out, s->base + offset, n);
        return 0;
    }
    block_cache_count(&source->cache, n);
    for (uint64_t k; n > 0; offset += k, n -= k, out = (char *)out + k) {
        uint64_t b = block_of(offset), left = block_end(s, b) - offset;
        k = n < left ? n : left;
        if (load_block(source, s, b, err, cap) != 0)
            return -1;
        if (s->cached[b])
            memcpy(out, s->cached[b] + (offset - block_begin(b)), k);
        else if (read_bytes(s, offset, k, out, err, cap) != 0)
            return -1;
    }
    return 0;
}

/* Checks that every document begins where the one before ended, has at least its EOS, and ends with it. */
static int verify_index(const struct shard *s, char *err, size_t cap)
{
    const struct shard_header *h = s->h;
    const unsigned char *tokens = s->base + SHARD_DATA_ALIGN;
    if (s->index[0] != 0)
        return fail(err, cap, s, h->index_offset, "the first document does not begin at token 0");
    for (uint64_t i = 1; i <= h->n_documents; i++) {
        uint64_t at = h->index_offset + 8 * i;
        if (s->index[i] <= s->index[i - 1] || s->index[i] > h->n_tokens)
            return fail(err, cap, s, at, "document index does not grow, or points outside the tokens");
        uint32_t last = h->token_width == 2 ? ((const uint16_t *)tokens)[s->index[i] - 1]
                                            : ((const uint32_t *)tokens)[s->index[i] - 1];
        if (last != h->eos_id)
            return fail(err, cap, s, at, "document does not end with end-of-text");
        if (i % TRIM_DOCUMENTS == 0 && !is_small())
            madvise((void *)s->base, h->file_bytes, MADV_DONTNEED);
    }
    if (s->index[h->n_documents] != h->n_tokens)
        return fail(err, cap, s, h->blocks_offset - 8, "the last document does not end at the last token");
    return 0;
}

static int map_file(struct shard *s, uint64_t *bytes, char *err, size_t cap)
{
    struct stat st;
    int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not hold us */
    if (fd < 0 || fstat(fd, &st) != 0) {
        int error = errno;
        if (fd >= 0)
            close(fd);
        snprintf(err, cap, "%s: %s", s->path, strerror(error));
        return -1;
    }
    if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(struct shard_header)) {
        close(fd);
        return fail(err, cap, s, (uint64_t)st.st_size, "file is shorter than a shard's header");
    }
    void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    int error = errno;
    if (fd < KEPT_FD_LIMIT && p != MAP_FAILED)
        s->fd = fd;
    else
        close(fd);
    if (p == MAP_FAILED) {
        snprintf(err, cap, "%s: cannot map: %s", s->path, strerror(error));
        return -1;
    }
    s->base = p;
    *bytes = (uint64_t)st.st_size;
    return 0;
}

static const char *manifest_mismatch(const struct shard_header *h, const struct manifest *m,
                                     const struct manifest_shard *want)
{
    if (h->header_hash != want->hash || h->file_bytes != want->bytes || h->n_tokens != want->tokens ||
        h->n_documents != want->documents || h->text_bytes != want->text_bytes)
        return "is not the shard that manifest.json names (hash, size or counts differ)";
    if (h->vocab_size != m->vocab_size || h->token_width != m->token_width || h->eos_id != m->eos_id ||
        h->tokenizer_hash != m->tokenizer_hash)
        return "was made with another tokenizer than manifest.json says";
    return NULL;
}

static int shard_open(struct shard *s, const struct manifest *m, size_t i, char *err, size_t cap)
{
    uint64_t bytes, offset;
    s->fd = -1;
    if (map_file(s, &bytes, err, cap) != 0)
        return -1;
    s->h = (const struct shard_header *)s->base;
    const char *problem = shard_header_problem(s->h, bytes, &offset);
    if (problem) {
        munmap((void *)s->base, bytes);
        s->base = NULL;
        return fail(err, cap, s, offset, problem);
    }
    __atomic_add_fetch(&mapped_bytes, bytes, __ATOMIC_RELAXED);
    s->index = (const uint64_t *)(s->base + s->h->index_offset);
    s->blocks = (const uint64_t *)(s->base + s->h->blocks_offset);
    problem = manifest_mismatch(s->h, m, &m->shards[i]);
    if (problem)
        return fail(err, cap, s, 0, problem);
    if (XXH3_64bits(s->blocks, 8 * shard_n_blocks(s->h)) != s->h->blocks_hash)
        return fail(err, cap, s, s->h->blocks_offset, "block table is damaged (checksum)");
    madvise((void *)s->base, bytes, MADV_RANDOM); /* windows are drawn from random places */
    s->seen = calloc(shard_n_blocks(s->h), 1);
    s->cached = calloc(shard_n_blocks(s->h), sizeof *s->cached);
    if (!s->seen || !s->cached)
        return fail(err, cap, s, 0, "out of memory");
    return 0;
}

static void shard_close(struct shard *s)
{
    if (s->base) {
        __atomic_sub_fetch(&mapped_bytes, s->h->file_bytes, __ATOMIC_RELAXED);
        munmap((void *)s->base, s->h->file_bytes);
    }
    if (s->fd >= 0)
        close(s->fd);
    free(s->seen);
    free(s->cached);
    free(s->path);
}

void shard_set_close(struct shard_set *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        shard_close(&s->shards[i]);
    free(s->shards);
    block_cache_close(&s->cache);
    manifest_free(&s->m);
    free(s);
}

static int verify_all(struct shard_set *s, char *err, size_t cap)
{
    for (size_t i = 0; i < s->n; i++)
        if (verify_range(s, &s->shards[i], SHARD_DATA_ALIGN, s->shards[i].h->blocks_offset, err, cap) != 0 ||
            verify_index(&s->shards[i], err, cap) != 0)
            return -1;
    return 0;
}

static int open_shards(struct shard_set *s, const char *dir, char *err, size_t cap)
{
    uint64_t tokens = 0;
    if (s->m.archive != ARCHIVE_NONE) {
        snprintf(err, cap, "%s: its shards are archived (%s); unpack them first: shard --unpack %s", dir,
                 archive_names[s->m.archive], dir);
        return -1;
    }
    s->shards = calloc(s->m.n_shards + 1, sizeof *s->shards);
    if (!s->shards) {
        snprintf(err, cap, "%s: out of memory", dir);
        return -1;
    }
    for (size_t i = 0; i < s->m.n_shards; i++) {
        struct shard *sh = &s->shards[i];
        char name[32];
        manifest_shard_name(name, sizeof name, i, ARCHIVE_NONE);
        s->n = i + 1;
        sh->fd = -1;
        sh->first_token = tokens;
        if (asprintf(&sh->path, "%s/%s", dir, name) < 0) {
            sh->path = NULL;
            snprintf(err, cap, "%s: out of memory", dir);
            return -1;
        }
        if (shard_open(sh, &s->m, i, err, cap) != 0)
            return -1;
        tokens += sh->h->n_tokens;
    }
    return 0;
}

struct shard_set *shard_set_open(const char *dir, bool verify, char *err, size_t cap)
{
    struct shard_set *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(err, cap, "%s: out of memory", dir);
        return NULL;
    }
    block_cache_open(&s->cache);
    if (manifest_read(&s->m, dir, err, cap) == 0 && open_shards(s, dir, err, cap) == 0 &&
        (!verify || verify_all(s, err, cap) == 0))
        return s;
    shard_set_close(s);
    return NULL;
}

uint64_t shard_set_tokens(const struct shard_set *s)
{
    return s->m.tokens;
}
uint64_t shard_set_documents(const struct shard_set *s)
{
    return s->m.documents;
}
uint64_t shard_set_text_bytes(const struct shard_set *s)
{
    return s->m.text_bytes;
}
uint32_t shard_set_vocab_size(const struct shard_set *s)
{
    return s->m.vocab_size;
}
uint32_t shard_set_token_width(const struct shard_set *s)
{
    return s->m.token_width;
}
uint32_t shard_set_eos(const struct shard_set *s)
{
    return s->m.eos_id;
}
uint64_t shard_set_tokenizer_hash(const struct shard_set *s)
{
    return s->m.tokenizer_hash;
}
uint64_t shard_set_hash(const struct shard_set *s)
{
    return s->m.source_hash;
}
int shard_set_domain(const struct shard_set *s)
{
    return s->m.domain;
}

/* Returns the shard that holds token pos; pos < shard_set_tokens. */
static struct shard *find_token(const struct shard_set *s, uint64_t pos)
{
    size_t lo = 0, hi = s->n;
    while (hi - lo > 1) {
        size_t mid = lo + (hi - lo) / 2;
        if (s->shards[mid].first_token <= pos)
            lo = mid;
        else
            hi = mid;
    }
    return &s->shards[lo];
}

int shard_set_read(struct shard_set *s, uint64_t pos, size_t n, void *out, char *err, size_t cap)
{
    uint64_t end;
    if (__builtin_add_overflow(pos, (uint64_t)n, &end) || end > s->m.tokens) {
        snprintf(err, cap, "token %llu is beyond the source's end", (unsigned long long)pos);
        return -1;
    }
    if (n == 0)
        return 0;
    for (struct shard *sh = find_token(s, pos); n > 0; sh++) {
        uint64_t at = pos - sh->first_token, here = sh->h->n_tokens - at, w = sh->h->token_width;
        here = here < n ? here : n;
        uint64_t begin = SHARD_DATA_ALIGN + at * w, bytes = here * w;
        if ((out ? read_range(s, sh, begin, bytes, out, err, cap)
                 : verify_range(s, sh, begin, begin + bytes, err, cap)) != 0)
            return -1;
        out = out ? (char *)out + bytes : NULL;
        pos += here;
        n -= here;
    }
    return 0;
}

void shard_set_prefetch(const struct shard_set *s, uint64_t pos, size_t n)
{
    if (pos >= s->m.tokens)
        return;
    const struct shard *sh = find_token(s, pos);
    uint64_t w = sh->h->token_width, at = SHARD_DATA_ALIGN + (pos - sh->first_token) * w, b = block_of(at);
    uint64_t left = block_end(sh, b) - at, bytes = n < left / w ? n * w : left;
    const unsigned char *p = is_small()      ? sh->base + at
                             : sh->cached[b] ? sh->cached[b] + (at - block_begin(b))
                                             : NULL;
    if (!p || !sh->seen[b])
        return;
    for (uint64_t i = 0; i < bytes && i < PREFETCH_BYTES; i += CACHE_LINE)
        __builtin_prefetch(p + i);
}
