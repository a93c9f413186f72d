#include "pipeline/stream/members.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/lib/signals.h"
#include "pipeline/stream/walk.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 256 << 10, TAR_BLOCK = 512 };

struct members {
    struct archive *archive;
    const struct str_list *globs;
    int fd;
    char *name;  /* the archive's */
    char *path;  /* the current member's, after the archive's */
    int64_t end; /* offset in the unpacked archive at which the newest member ends */
};

bool members_is_archive(const char *name)
{
    static const char *const endings[] = {".tar",    ".tar.gz",  ".tgz",     ".tar.zst",
                                          ".tar.xz", ".tar.bz2", ".tar.lz4", ".zip"};
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (name_ends(name, strlen(name), endings[i]))
            return true;
    return false;
}

_Noreturn static void damaged(const struct members *m)
{
    const char *why = archive_error_string(m->archive);
    die("%s: offset %llu: %s", m->name, (unsigned long long)members_offset(m), why ? why : "damaged archive");
}

/* Only the compressions that the names of archives promise: libarchive knows others, for which it starts a
 * program of the machine. */
static void support(struct archive *a, bool zip)
{
    if (zip) {
        archive_read_support_format_zip_seekable(a);
        return;
    }
    archive_read_support_format_tar(a);
    archive_read_support_filter_gzip(a);
    archive_read_support_filter_zstd(a);
    archive_read_support_filter_xz(a);
    archive_read_support_filter_bzip2(a);
    archive_read_support_filter_lz4(a);
}

struct members *members_open(int fd, const char *name, const struct str_list *globs)
{
    struct members *m = xcalloc(1, sizeof *m);
    *m = (struct members){.archive = archive_read_new(), .globs = globs, .fd = fd, .name = xstrdup(name)};
    if (!m->archive)
        die("out of memory");
    support(m->archive, name_ends(name, strlen(name), ".zip"));
    if (archive_read_open_fd(m->archive, fd, BLOCK) != ARCHIVE_OK)
        damaged(m);
    return m;
}

/* Dies when a tar file lacks the zeros at its end: cut between two members, it looks complete to libarchive.
 */
static void check_end(const struct members *m)
{
    if ((archive_format(m->archive) & ARCHIVE_FORMAT_BASE_MASK) != ARCHIVE_FORMAT_TAR)
        return;
    if (archive_filter_bytes(m->archive, 0) < m->end + TAR_BLOCK)
        die("%s: offset %llu: truncated: the archive has no end mark", m->name,
            (unsigned long long)members_offset(m));
}

/* Passes over the rest of the current member and notes where its bytes end. Where they must be decompressed
 * for that, it may take long, and a signal ends it. */
static void finish_member(struct members *m)
{
    const void *block;
    size_t n;
    la_int64_t at;
    int r = ARCHIVE_OK;
    while (r >= ARCHIVE_WARN && r != ARCHIVE_EOF && archive_filter_count(m->archive) > 1 && !stop_signal)
        r = archive_read_data_block(m->archive, &block, &n, &at);
    if (r < ARCHIVE_WARN || (!stop_signal && archive_read_data_skip(m->archive) < ARCHIVE_WARN))
        damaged(m);
    m->end = archive_filter_bytes(m->archive, 0);
}

static bool is_hidden(const char *path)
{
    for (const char *s = path; s; s = strchr(s, '/')) {
        s += *s == '/';
        if (*s == '.' && s[1] != '/' && strncmp(s, "../", 3) != 0)
            return true;
    }
    return false;
}

const char *members_next(struct members *m)
{
    struct archive_entry *e;
    for (;;) {
        if (m->path)
            finish_member(m);
        if (stop_signal)
            return NULL;
        int r = archive_read_next_header(m->archive, &e);
        if (r == ARCHIVE_EOF) {
            check_end(m);
            return NULL;
        }
        const char *path = r < ARCHIVE_WARN ? NULL : archive_entry_pathname(e);
        if (r < ARCHIVE_WARN)
            damaged(m);
        free(m->path);
        m->path = xasprintf("%s/%s", m->name, path ? path : "?");
        if (!path || archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) || is_hidden(path) ||
            !walk_matches(m->globs, path))
            continue;
        return m->path;
    }
}

ssize_t members_read(void *members, void *buf, size_t n)
{
    struct members *m = members;
    ssize_t got = archive_read_data(m->archive, buf, n);
    if (got < 0)
        damaged(m);
    return got;
}

uint64_t members_offset(const struct members *m)
{
    return (uint64_t)archive_filter_bytes(m->archive, -1);
}

void members_close(struct members *m)
{
    if (!m)
        return;
    archive_read_free(m->archive);
    close(m->fd);
    free(m->name);
    free(m->path);
    free(m);
}
