#include "pipeline/shard/merge.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "formats/manifest.h"
#include "formats/shard.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/shard/sharddir.h"

static char *shard_of(const char *dir, size_t i)
{
    char name[32];
    manifest_shard_name(name, sizeof name, i, ARCHIVE_NONE);
    return path_join(dir, name);
}

static void copy_file(const char *from, const char *to)
{
    static char buffer[1 << 20];
    struct commit c;
    int fd = open(from, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe of that name must not hold us */
    if (fd < 0)
        die_errno("%s", from);
    FILE *f = commit_open(&c, to);
    for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) != 0 && !stop_signal;) {
        if (n < 0 && errno != EINTR)
            die_errno("%s", from);
        if (n > 0 && fwrite(buffer, 1, (size_t)n, f) != (size_t)n)
            die_errno("%s", to);
    }
    close(fd);
    if (stop_signal)
        commit_abort(&c);
    else
        commit_finish(&c);
}

static void take_shard(const char *from, size_t i, const char *to, size_t k)
{
    char *a = shard_of(from, i), *b = shard_of(to, k);
    if (link(a, b) != 0)
        copy_file(a, b); /* another file system, or one without links */
    free(a);
    free(b);
}

/* The shards of one directory behind those that m has. */
static void take_dir(struct manifest *m, const char *from, const char *to, bool first)
{
    char err[4096];
    struct manifest one;
    if (manifest_read(&one, from, err, sizeof err) != 0)
        die("%s", err);
    if (one.archive != ARCHIVE_NONE)
        die("%s: its shards are archived: shard --unpack %s", from, from);
    if (first) {
        *m = one;
        m->shards = NULL;
        m->n_shards = 0;
        m->tokens = m->documents = m->text_bytes = 0;
    }
    if (one.tokenizer_hash != m->tokenizer_hash || one.vocab_size != m->vocab_size ||
        one.eos_id != m->eos_id || one.bos_id != m->bos_id)
        die("%s: made with another tokenizer (hash %016llx, vocabulary %u) than those before (%016llx, %u)",
            from, (unsigned long long)one.tokenizer_hash, one.vocab_size,
            (unsigned long long)m->tokenizer_hash, m->vocab_size);
    if (one.n_shards > MANIFEST_MAX_SHARDS - m->n_shards)
        die("%s: more than %d shards in all", from, MANIFEST_MAX_SHARDS);
    for (size_t i = 0; i < one.n_shards && !stop_signal; i++) {
        take_shard(from, i, to, m->n_shards);
        if (manifest_add(m, &one.shards[i]) != 0)
            die("out of memory");
    }
    manifest_free(&one);
}

/* Opens the shards that were linked, which checks their headers, sizes and tables once more. */
static void check(const char *dir)
{
    char err[4096];
    struct shard_set *s = shard_set_open(dir, false, err, sizeof err);
    if (!s)
        die("%s", err);
    shard_set_close(s);
}

static size_t merge(char *const *from, int n, const char *to, const char *below)
{
    struct manifest m = {0};
    for (int i = 0; i < n && !stop_signal; i++) {
        char *dir = below ? path_join(from[i], below) : xstrdup(from[i]);
        take_dir(&m, dir, to, i == 0);
        free(dir);
    }
    size_t shards = m.n_shards;
    if (!stop_signal) {
        manifest_seal(&m);
        sharddir_manifest(to, &m);
        check(to);
    }
    manifest_free(&m);
    return shards;
}

size_t merge_dirs(char *const *from, int n, const char *to, size_t *val)
{
    int held_out = 0;
    for (int i = 0; i < n; i++) {
        char *dir = path_join(from[i], "val");
        held_out += is_dir(dir);
        free(dir);
    }
    if (held_out > 0 && held_out < n)
        die("%d of the %d directories have a val: make all of them with the same --val", held_out, n);
    *val = 0;
    if (held_out > 0) {
        char *dir = path_join(to, "val");
        if (mkdir(dir, 0755) != 0)
            die_errno("%s: cannot make directory", dir);
        *val = merge(from, n, dir, "val");
        free(dir);
    }
    return merge(from, n, to, NULL);
}
