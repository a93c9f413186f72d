#include "pipeline/shard/archive.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "formats/manifest.h"
#include "formats/shard.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/shard/sharddir.h"

static void verify(const char *dir)
{
    char err[4096];
    struct shard_set *s = shard_set_open(dir, true, err, sizeof err);
    if (!s)
        die("%s", err);
    shard_set_close(s);
}

static void convert_shard(const char *from, const char *to, const struct manifest *m, size_t i, int kind)
{
    char was[32], is[32];
    manifest_shard_name(was, sizeof was, i, m->archive);
    manifest_shard_name(is, sizeof is, i, kind);
    char *a = path_join(from, was), *b = path_join(to, is);
    if (kind == ARCHIVE_NONE)
        archive_unpack(a, b, m->archive, m->shards[i].bytes);
    else
        archive_pack(a, b, kind);
    free(a);
    free(b);
}

static void convert(const char *from, const char *to, int kind)
{
    char err[4096];
    struct manifest m;
    if (manifest_read(&m, from, err, sizeof err) != 0)
        die("%s", err);
    if (kind == ARCHIVE_NONE && m.archive == ARCHIVE_NONE)
        die("%s: its shards are not archived", from);
    if (kind != ARCHIVE_NONE && m.archive != ARCHIVE_NONE)
        die("%s: its shards are archived already (%s)", from, archive_names[m.archive]);
    if (kind != ARCHIVE_NONE)
        verify(from);
    for (size_t i = 0; i < m.n_shards && !stop_signal; i++) {
        convert_shard(from, to, &m, i, kind);
        progress(kind == ARCHIVE_NONE ? "unpacking" : "archiving", i + 1, m.n_shards, "shards", from);
    }
    progress_end();
    if (!stop_signal) {
        m.archive = kind;
        sharddir_manifest(to, &m);
        if (kind == ARCHIVE_NONE)
            verify(to);
    }
    manifest_free(&m);
}

void archive_dir(const char *from, const char *to, int kind)
{
    char *a = path_join(from, "val"), *b = path_join(to, "val");
    if (path_exists(a)) {
        if (mkdir(b, 0755) != 0)
            die_errno("%s: cannot make directory", b);
        convert(a, b, kind);
    }
    convert(from, to, kind);
    free(a);
    free(b);
}
