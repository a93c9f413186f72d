#include "pipeline/fetch/remote.h"

#include "pipeline/fetch/download.h"
#include "pipeline/fetch/hub.h"
#include "pipeline/fetch/place.h"
#include "pipeline/fetch/ranges.h"
#include "pipeline/fetch/uri.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { WAIT_MS = 100 };

struct remote {
    struct source *source;
    const char *word;
    struct hub_listing listing;
    bool on_hub;
    struct downloads *downloads; /* NULL until the first byte is wanted */
    struct input *input;         /* one for all files, so that what is left out is told once */
    size_t file;                 /* the one being read */
    bool open;
    uint64_t offset;       /* in it */
    struct ranges *ranges; /* of it, where it is read in parts */
    uint64_t moved;        /* by the parts of files before it */
    double began;
};

/* --- which files ----------------------------------------------------------- */

/* Whether a file of a repository is one of documents, by its name: cards, licences and weights are none. */
static bool holds_documents(const char *path)
{
    static const char *const ends[] = {".jsonl", ".ndjson", ".json", ".txt", ".parquet"};
    static const char *const others[] = {"dataset_infos.json", "dataset_dict.json", "state.json",
                                         "config.json"};
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t stem;
    decompress_kind_of_name(path, &stem);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (strcmp(base, others[i]) == 0)
            return false;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (name_ends(path, stem, ends[i]))
            return true;
    return false;
}

static bool is_hidden(const char *path)
{
    return path[0] == '.' || strstr(path, "/.");
}

static bool is_read(const struct remote_file *f, const void *arg)
{
    const struct str_list *globs = arg;
    const char *base = strrchr(f->path, '/') ? strrchr(f->path, '/') + 1 : f->path;
    if (is_hidden(f->path))
        return false;
    for (size_t i = 0; i < globs->n; i++)
        if (fnmatch(globs->v[i], strchr(globs->v[i], '/') ? f->path : base, 0) == 0)
            return true;
    return globs->n == 0 && holds_documents(f->path);
}

/* Whether the word names files itself; a folder's are chosen. */
static bool names_files(const struct remote *r, const char *word)
{
    struct hub_uri u;
    if (!r->on_hub || hub_uri_parse(&u, word))
        return true;
    bool one = r->listing.files.n == 1 && strcmp(r->listing.files.v[0].path, u.path) == 0;
    bool named = one || hub_is_glob(u.path);
    hub_uri_free(&u);
    return named;
}

struct remote *remote_open(struct source *s, const char *word)
{
    struct remote *r = xcalloc(1, sizeof *r);
    const struct hub_settings *settings = source_settings(s->options);
    r->source = s;
    r->word = word;
    r->on_hub = strncmp(word, "hf://", 5) == 0;
    if (r->on_hub)
        hub_list(settings, word, &r->listing);
    else
        web_list(settings, word, &r->listing.files);
    if (s->options->download || names_files(r, word))
        return r;
    file_list_keep(&r->listing.files, is_read, &s->input.globs);
    if (r->listing.files.n == 0)
        die("%s: no file in it holds documents, by its name; --glob chooses others", word);
    return r;
}

/* Parquet files that are not here are read in parts, so that only the wanted columns move, unless the whole
 * of them is wanted: for the cache, or by -o without a limit, where their hash can be judged. */
static void choose_ranges(struct remote *r)
{
    const struct fetch_options *o = r->source->options;
    bool limited = o->max_docs != UINT64_MAX || o->max_bytes != UINT64_MAX;
    if (o->download || (o->out_dir && !limited))
        return;
    for (size_t i = 0; i < r->listing.files.n; i++) {
        struct remote_file *f = &r->listing.files.v[i];
        f->by_range = input_is_parquet(f->path) && !path_exists(f->blob);
    }
}

/* --- their documents ------------------------------------------------------- */

/* The threads end before the program does, should it fail: what they use goes then. */
static void give_up(void *arg)
{
    struct remote *r = arg;
    ranges_close(r->ranges);
    downloads_stop(r->downloads);
    r->ranges = NULL;
    r->downloads = NULL;
}

static void start(struct remote *r)
{
    choose_ranges(r);
    at_failure(give_up, r);
    r->downloads = downloads_start(source_settings(r->source->options), &r->listing.files,
                                   (unsigned)r->source->options->jobs);
    r->began = now_seconds();
}

static ssize_t read_file_bytes(void *arg, void *buf, size_t n)
{
    struct remote *r = arg;
    ssize_t got = downloads_read(r->downloads, r->file, r->offset, buf, n);
    if (got > 0)
        r->offset += (uint64_t)got;
    return got;
}

static int64_t read_file_at(void *arg, uint64_t offset, void *buf, size_t n)
{
    struct remote *r = arg;
    size_t done = 0;
    ssize_t got = 1;
    while (done < n &&
           (got = downloads_read(r->downloads, r->file, offset + done, (char *)buf + done, n - done)) > 0)
        done += (size_t)got;
    return (int64_t)done;
}

static void show_progress(struct remote *r)
{
    struct source_progress p = {0};
    remote_progress(r, &p);
    progress(r->word, p.done, p.total, "bytes", p.extra);
}

/* False: stop_signal. */
static bool wait_until_whole(struct remote *r)
{
    while (!downloads_wait(r->downloads, r->file, WAIT_MS)) {
        if (stop_signal)
            return false;
        show_progress(r);
    }
    progress_end();
    return true;
}

/* Waits until the present file is whole, which its documents are not proof of. False: stop_signal. */
static bool finish_file(struct remote *r)
{
    if (r->ranges) {
        r->moved += ranges_moved(r->ranges);
        ranges_close(r->ranges);
        r->ranges = NULL;
    }
    if (!wait_until_whole(r))
        return false;
    r->open = false;
    r->file++;
    return true;
}

static void open_file(struct remote *r)
{
    const struct remote_file *f = &r->listing.files.v[r->file];
    struct input_source source = {.name = f->name, .read = read_file_bytes, .arg = r};
    if (f->by_range) {
        r->ranges = ranges_open(source_settings(r->source->options), f);
        source.read_at = ranges_read_at;
        source.will_need = ranges_will_need;
        source.arg = r->ranges;
        source.size = (uint64_t)f->size;
    } else if (input_is_parquet(f->path)) {
        if (!wait_until_whole(r))
            return;
        source.read_at = read_file_at;
        source.size = downloads_size(r->downloads, r->file);
    }
    r->offset = 0;
    r->open = true;
    input_add(r->input, &source);
}

/* All files have come: their names go to the disk, and then the cache may say what the revision means. */
static void end_files(struct remote *r)
{
    bool here = true;
    struct downloads_state state;
    char *why = NULL;
    downloads_state(r->downloads, &state);
    for (size_t i = 0; i < r->listing.files.n; i++)
        here &= !r->listing.files.v[i].by_range;
    if (!here)
        return;
    if (state.moved > 0)
        why = place_sync(&r->listing.files);
    if (why)
        die("%s", why);
    if (r->on_hub)
        hub_note_revision(&r->listing);
}

bool remote_next(struct remote *r, struct doc *d)
{
    if (!r->downloads)
        start(r);
    if (!r->input)
        r->input = input_open_sources(&r->source->input);
    while (!stop_signal) {
        if (r->open && input_next(r->input, d))
            return true;
        if (stop_signal || (r->open && !finish_file(r)))
            return false;
        if (r->file == r->listing.files.n) {
            end_files(r);
            return false;
        }
        open_file(r);
    }
    return false;
}

void remote_close(struct remote *r)
{
    at_failure_cancel(r);
    if (r->input)
        input_close(r->input);
    if (r->ranges)
        r->moved += ranges_moved(r->ranges);
    if (r->moved > 0)
        detail("%s: %.2f MB came", r->word, (double)r->moved / 1e6);
    ranges_close(r->ranges);
    downloads_stop(r->downloads);
    hub_listing_free(&r->listing);
    free(r);
}

void remote_recipe(const struct remote *r, struct strbuf *b)
{
    XXH3_state_t *state = XXH3_createState();
    if (!state)
        die("out of memory");
    XXH3_64bits_reset(state);
    for (size_t i = 0; i < r->listing.files.n; i++) {
        const struct remote_file *f = &r->listing.files.v[i];
        XXH3_64bits_update(state, f->path, strlen(f->path) + 1);
        if (f->etag)
            XXH3_64bits_update(state, f->etag, strlen(f->etag) + 1);
    }
    strbuf_addf(b, "commit %s\nfiles %016llx\n", r->listing.commit ? r->listing.commit : "",
                (unsigned long long)XXH3_64bits_digest(state));
    XXH3_freeState(state);
}

/* --- progress, and whole files --------------------------------------------- */

void remote_progress(struct remote *r, struct source_progress *p)
{
    struct downloads_state state;
    if (!r->downloads)
        return;
    downloads_state(r->downloads, &state);
    double seconds = now_seconds() - r->began;
    state.moved += r->moved + (r->ranges ? ranges_moved(r->ranges) : 0);
    p->done = state.moved;
    p->total = state.total > state.bytes ? state.moved + state.total - state.bytes : state.moved;
    snprintf(p->extra, sizeof p->extra, "%.1f MB/s, %zu of %zu files",
             (double)state.moved / 1e6 / (seconds > 0 ? seconds : 1), state.whole, state.files);
}

static void wait_for_all(struct remote *r)
{
    const struct file_list *files = &r->listing.files;
    for (size_t i = 0; i < files->n && !stop_signal; i++) {
        while (!downloads_wait(r->downloads, i, WAIT_MS) && !stop_signal)
            show_progress(r);
        progress_end();
        if (!stop_signal)
            printf("%s\n", files->v[i].link ? files->v[i].link : files->v[i].blob);
        fflush(stdout);
    }
}

void remote_download(struct remote *r)
{
    struct downloads_state state;
    start(r);
    wait_for_all(r);
    if (stop_signal)
        return;
    end_files(r);
    downloads_state(r->downloads, &state);
    say("%s: %zu files, %.1f MB, of which %.1f MB came now in %.1f s", r->word, state.files,
        (double)state.bytes / 1e6, (double)state.moved / 1e6, now_seconds() - r->began);
}

/* NAME-PATH of the hub, without globs; the last part of another address. */
char *remote_name(const char *word)
{
    struct hub_uri u;
    if (strncmp(word, "hf://", 5) != 0)
        return xasprintf("%.*s", (int)strcspn(word, "?#"), word);
    const char *why = hub_uri_parse(&u, word);
    if (why)
        die("%s: %s", word, why);
    struct strbuf name = {0};
    strbuf_addf(&name, "%s", strchr(u.repo, '/') + 1);
    for (const char *s = u.path; *s; s += strspn(s, "/")) {
        size_t n = strcspn(s, "/");
        if (!memchr(s, '*', n) && !memchr(s, '?', n) && !memchr(s, '[', n))
            strbuf_addf(&name, "-%.*s", (int)n, s);
        s += n;
    }
    hub_uri_free(&u);
    return name.s;
}

/* --- the schemes ----------------------------------------------------------- */

static void open_remote(struct source *s)
{
    s->own = remote_open(s, s->word);
}

static bool next_remote(struct source *s, struct doc *d)
{
    return remote_next(s->own, d);
}

static void close_remote(struct source *s)
{
    remote_close(s->own);
}

static void recipe_remote(struct source *s, struct strbuf *b)
{
    remote_recipe(s->own, b);
}

static void progress_remote(struct source *s, struct source_progress *p)
{
    remote_progress(s->own, p);
}

static void download_remote(struct source *s)
{
    remote_download(s->own);
}

#define REMOTE_SCHEME(word)                                                                                  \
    {                                                                                                        \
        .prefix = word, .open = open_remote, .next = next_remote, .close = close_remote,                     \
        .recipe = recipe_remote, .name = remote_name, .progress = progress_remote,                           \
        .download = download_remote,                                                                         \
    }

const struct scheme hub_scheme = REMOTE_SCHEME("hf://");
const struct scheme web_scheme = REMOTE_SCHEME("https://");
const struct scheme http_scheme = REMOTE_SCHEME("http://");
