/*
 * plan_found.c - the inventory of a plan: the files in folders, and the named corpora in the hub's cache
 */
#include "pipeline/fetch/cache.h"
#include "pipeline/fetch/plan.h"
#include "pipeline/fetch/source.h"

#include "pipeline/lib/dir.h"
#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/stream/walk.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

/* The first MANY files of a group are looked into, and after them one of EVERY. */
enum { MANY = 256, EVERY = 16, MAX_RECIPE = 1 << 20 };

/* --- groups --------------------------------------------------------------- */

static struct plan_group *group_of(struct plan *p, const char *where, const char *format,
                                   const struct corpus *c, bool cached)
{
    for (size_t i = 0; i < p->n_groups; i++) {
        struct plan_group *g = &p->groups[i];
        if (g->corpus == c && g->cached == cached && strcmp(g->format, format) == 0 &&
            strcmp(g->where, where) == 0)
            return g;
    }
    p->groups = xrealloc(p->groups, (p->n_groups + 1) * sizeof *p->groups);
    struct plan_group *g = &p->groups[p->n_groups++];
    *g = (struct plan_group){
        .where = xstrdup(where), .format = xstrdup(format), .corpus = c, .cached = cached};
    return g;
}

/* why: begins with the file's name, as messages do, or not. */
static void add_unusable(struct plan *p, const char *file, const char *why)
{
    size_t n = strlen(file);
    if (strncmp(why, file, n) == 0 && strncmp(why + n, ": ", 2) == 0)
        why += n + 2;
    p->unusable = xrealloc(p->unusable, (p->n_unusable + 1) * sizeof *p->unusable);
    p->unusable[p->n_unusable++] = (struct plan_unusable){xstrdup(file), xstrdup(why)};
}

static void add_sample(struct plan_group *g, const struct plan_sample *s, uint64_t size)
{
    g->sampled++;
    g->sampled_bytes += size;
    g->sample.documents += s->documents;
    g->sample.text_bytes += s->text_bytes;
    g->sample.tokens += s->tokens;
    for (int d = 0; d < N_DOMAINS; d++) {
        g->sample.said[d] += s->said[d];
        g->sample.guessed[d] += s->guessed[d];
    }
}

/* Adds a file to a group; size: as stored. What is damaged or holds no text is not added. */
static void add_file(struct plan *p, struct plan_group *g, const char *path, uint64_t size,
                     const struct input_opts *opts)
{
    struct plan_sample s;
    char why[400];
    bool look = g->files < MANY || g->files % EVERY == 0;
    if (look && !plan_sample_file(path, size, opts, &s, why)) {
        add_unusable(p, path, why);
        return;
    }
    if (look && s.binary)
        return;
    if (look)
        add_sample(g, &s, size);
    if (g->files == 0)
        g->first = xstrdup(path);
    g->files++;
    g->bytes += size;
}

/* --- what a file is, by its name -------------------------------------------- */

/* ".jsonl.zst" of "a/b.train.jsonl.zst"; "" where the name has no ending. */
static const char *format_of(const char *path)
{
    const char *base = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t stem;
    decompress_kind_of_name(base, &stem);
    for (size_t i = stem; i > 1; i--)
        if (base[i - 1] == '.')
            return base + i - 1;
    return base + stem;
}

static bool is_code(const char *format)
{
    static const char *const ends[] = {".py",    ".c",  ".h",  ".cc",   ".cpp", ".hpp", ".js",
                                       ".ts",    ".rs", ".go", ".java", ".sh",  ".rb",  ".php",
                                       ".swift", ".cs", ".cu", ".sql",  ".hs"};
    size_t n = strcspn(format + (*format == '.'), ".") + 1;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strlen(ends[i]) == n && strncmp(format, ends[i], n) == 0)
            return true;
    return false;
}

/* Whether the file holds many documents, so that its name tells more than its folder's does. */
static bool is_collection(const char *format)
{
    return strncmp(format, ".jsonl", 6) == 0 || strncmp(format, ".json", 5) == 0 ||
           strncmp(format, ".ndjson", 7) == 0 || strcmp(format, ".parquet") == 0;
}

/* The corpus that `fetch -o` made a file of, by the note beside it. */
static const struct corpus *corpus_of_note(const struct plan *p, const char *path)
{
    const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
    char *note = xasprintf("%.*s.%s.made", (int)(base - path), path, base);
    const struct corpus *c = NULL;
    if (path_exists(note)) {
        char *text = read_file(note, NULL, MAX_RECIPE), *line = strstr(text, "\nsource corpus:");
        if (line) {
            line += strlen("\nsource corpus:");
            line[strcspn(line, "\n")] = '\0';
            c = corpora_find(&p->own, line);
        }
        free(text);
    }
    free(note);
    return c;
}

/* The end of a path, with as many folders as the glob has. */
static const char *tail_like(const char *path, const char *glob)
{
    size_t slashes = 1;
    const char *s = path + strlen(path);
    for (const char *g = glob; *g; g++)
        slashes += *g == '/';
    while (s > path && (s[-1] != '/' || --slashes > 0))
        s--;
    return s;
}

/* A download of the whole repository: its name is a folder above the file, whose path in it is a corpus's. */
static bool is_corpus_file(const struct corpus *c, const char *path)
{
    const char *name = strrchr(c->place, '/') + 1, *tail = tail_like(path, c->files);
    size_t len = strlen(name);
    if (!hub_glob_matches(c->files, tail))
        return false;
    for (const char *s = path; s < tail; s += strcspn(s, "/") + 1)
        if (strcspn(s, "/") == len && strncasecmp(s, name, len) == 0)
            return true;
    return false;
}

static const struct corpus *corpus_of_path(const struct plan *p, const char *path)
{
    const struct corpus *c = corpus_of_note(p, path);
    for (size_t i = 0; !c && i < p->own.n_own; i++)
        c = is_corpus_file(&p->own.own[i], path) ? &p->own.own[i] : NULL;
    for (size_t i = 0; !c && i < n_corpora_table; i++)
        c = is_corpus_file(&corpora_table[i], path) ? &corpora_table[i] : NULL;
    return c;
}

/* --- folders -------------------------------------------------------------- */

/* Files of a folder are one group by kind, those of collections directly in it by the letters their names
 * begin with; folders below it are a group each. */
static char *place_of(const char *dir, const char *path, const char *format)
{
    size_t n = strlen(dir);
    const char *below = path + n + (path[n] == '/' && dir[n - 1] != '/');
    if (strchr(below, '/'))
        return xasprintf("%.*s", (int)(below - path + (ptrdiff_t)strcspn(below, "/")), path);
    size_t stem = 0;
    while (is_collection(format) && below[stem] && !isdigit((unsigned char)below[stem]) &&
           below + stem < format)
        stem++;
    return xasprintf("%.*s", (int)(below - path + (ptrdiff_t)stem), path);
}

static void find_file(struct plan *p, const struct input_opts *plain, const char *dir, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        die_errno("%s", path);
    const struct corpus *c = corpus_of_path(p, path);
    const char *format = format_of(path);
    struct input_opts opts = *plain;
    /* what fetch -o wrote has the text where every document has it */
    if (c && !corpus_of_note(p, path))
        corpus_set_input(c, &opts);
    char *where = c ? xstrdup(dir) : strcmp(dir, path) == 0 ? xstrdup(path) : place_of(dir, path, format);
    struct plan_group *g = group_of(p, where, format, c, false);
    add_file(p, g, path, (uint64_t)st.st_size, &opts);
    free(where);
}

static void find_in(struct plan *p, const struct input_opts *opts, const char *dir)
{
    struct str_list all = {0};
    if (!is_dir(dir)) {
        find_file(p, opts, dir, dir);
        return;
    }
    struct walk *w = walk_open(dir, opts->globs.n > 0 ? &opts->globs : &all);
    for (const char *path; (path = walk_next(w)) != NULL;)
        find_file(p, opts, dir, path);
    walk_close(w);
}

/* --- the hub's cache ------------------------------------------------------ */

static void find_corpus(struct plan *p, const char *folder, const struct corpus *c,
                        const struct file_list *files, const char *commit)
{
    struct input_opts opts = {.domain = -1};
    struct plan_group *g = NULL;
    corpus_set_input(c, &opts);
    for (size_t i = 0; i < files->n; i++) {
        const struct remote_file *f = &files->v[i];
        if (!hub_glob_matches(c->files, f->path))
            continue;
        char *path = xasprintf("%s/snapshots/%s/%s", folder, commit, f->path);
        g = group_of(p, folder, format_of(f->path), c, true);
        add_file(p, g, path, (uint64_t)f->size, &opts);
        free(path);
    }
    if (g && c->heritage)
        g->left_out = "ids only, the texts are elsewhere";
}

static bool is_named(const struct plan *p, const char *place, const char *path)
{
    for (size_t i = 0; i < p->own.n_own + n_corpora_table; i++) {
        const struct corpus *c = i < p->own.n_own ? &p->own.own[i] : &corpora_table[i - p->own.n_own];
        if (strcmp(c->place, place) == 0 && hub_glob_matches(c->files, path))
            return true;
    }
    return false;
}

/* Files of repositories that no corpus names are reported and not used. */
static void find_others(struct plan *p, const char *folder, const char *place, const struct file_list *files)
{
    for (size_t i = 0; i < files->n; i++) {
        const struct remote_file *f = &files->v[i];
        if (is_named(p, place, f->path) || !is_collection(format_of(f->path)))
            continue;
        struct plan_group *g = group_of(p, folder, format_of(f->path), NULL, true);
        g->left_out = "no named corpus";
        g->files++;
        g->bytes += (uint64_t)f->size;
    }
}

static void find_repository(struct plan *p, const char *folder, const char *place)
{
    for (size_t i = 0; i < p->own.n_own + n_corpora_table; i++) {
        const struct corpus *c = i < p->own.n_own ? &p->own.own[i] : &corpora_table[i - p->own.n_own];
        char *commit = strcmp(c->place, place) == 0 && corpora_find(&p->own, c->name) == c
                           ? cache_commit(folder, c->revision ? c->revision : "main")
                           : NULL;
        struct file_list files = {0};
        if (commit) {
            cache_list_snapshot(folder, commit, &files);
            find_corpus(p, folder, c, &files, commit);
        }
        file_list_free(&files);
        free(commit);
    }
    char *commit = cache_commit(folder, "main");
    struct file_list files = {0};
    if (commit) {
        cache_list_snapshot(folder, commit, &files);
        find_others(p, folder, place, &files);
    }
    file_list_free(&files);
    free(commit);
}

static void find_in_cache(struct plan *p, const char *cache)
{
    static const char kind[] = "datasets--";
    struct dir d = dir_read_if_there(cache);
    for (size_t i = 0; i < d.n; i++) {
        const char *org = d.names[i] + sizeof kind - 1;
        char *name = strncmp(d.names[i], kind, sizeof kind - 1) == 0 ? strstr(org, "--") : NULL;
        if (!name)
            continue;
        char *place = xasprintf("datasets/%.*s/%s", (int)(name - org), org, name + 2);
        char *folder = path_join(cache, d.names[i]);
        find_repository(p, folder, place);
        free(place);
        free(folder);
    }
    dir_free(&d);
}

/* --- what a group comes to ------------------------------------------------- */

static int largest(const uint64_t votes[N_DOMAINS])
{
    int best = 0;
    for (int d = 1; d < N_DOMAINS; d++)
        if (votes[d] > votes[best])
            best = d;
    return best;
}

static void judge_domain(struct plan_group *g, int given)
{
    int said = largest(g->sample.said);
    if (given >= 0)
        g->domain = given;
    else if (g->corpus)
        g->domain = domain_from_name(g->corpus->domain);
    else if (g->sample.said[said] > 0)
        g->domain = said;
    else {
        g->guessed = true;
        g->domain = is_code(g->format) ? DOMAIN_CODE : largest(g->sample.guessed);
    }
}

static void sum_up(struct plan_group *g)
{
    double all = g->sampled_bytes > 0 ? (double)g->bytes / (double)g->sampled_bytes : 0;
    g->documents = (uint64_t)((double)g->sample.documents * all);
    g->tokens = (uint64_t)((double)g->sample.tokens * all);
}

/* A corpus whose text is in a folder counts once. */
static void leave_out_twins(struct plan *p)
{
    for (size_t i = 0; i < p->n_groups; i++)
        for (size_t j = 0; j < p->n_groups; j++)
            if (p->groups[i].cached && !p->groups[j].cached && p->groups[i].corpus &&
                p->groups[j].files > 0 && p->groups[i].corpus == p->groups[j].corpus)
                p->groups[i].left_out = "its text is in a folder";
}

/* A file alone is named whole, files that a folder holds among others by the letters they begin with. */
static void name_place(struct plan_group *g)
{
    char *where = g->files == 1 && !g->cached ? xstrdup(g->first)
                  : path_exists(g->where)     ? NULL
                                              : xasprintf("%s*", g->where);
    if (!where)
        return;
    free(g->where);
    g->where = where;
}

void plan_inventory(struct plan *p, struct fetch_options *o, char **dirs, int n)
{
    size_t kept = 0;
    for (int i = 0; i < n; i++)
        find_in(p, &o->input, dirs[i]);
    find_in_cache(p, source_settings(o)->cache);
    leave_out_twins(p);
    for (size_t i = 0; i < p->n_groups; i++) {
        struct plan_group *g = &p->groups[i];
        judge_domain(g, g->cached ? -1 : o->input.domain);
        sum_up(g);
        if (g->files == 0) {
            plan_group_free(g);
        } else {
            name_place(g);
            p->groups[kept++] = *g;
        }
    }
    p->n_groups = kept;
}
