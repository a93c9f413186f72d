#include "tools/uploader/send.h"

#include "pipeline/lib/log.h"
#include "tools/uploader/lfs.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { MAX_WAIT_S = 900 };

/* Says it, and asks whether to go on. */
static void ask(const struct repo *r, const struct send_options *o, const char *what)
{
    char answer[16] = "";
    warn("%s %s: everybody will be able to read what is sent", r->page, what);
    if (o->yes)
        return;
    if (!isatty(STDIN_FILENO))
        die("%s: --yes says that this is meant; nothing was sent", r->word);
    fprintf(stderr, "Go on? [y/N] ");
    if (!fgets(answer, sizeof answer, stdin) || (answer[0] != 'y' && answer[0] != 'Y'))
        die("%s: nothing was sent", r->word);
}

/* Makes the repository if there is none. What is public is public because the user said so. */
static void settle(struct repo *r, const struct send_options *o)
{
    if (r->exists && !r->closed)
        ask(r, o, "is public");
    else if (r->exists && o->public)
        warn("%s is private and stays so: %s/settings changes it", r->page, r->page);
    else if (!r->exists) {
        if (o->public)
            ask(r, o, "will be public");
        repo_create(r, !o->public);
        say("%s: made, %s", r->page, o->public ? "public" : "private");
        repo_look(r);
        if (!r->exists)
            die("%s: the hub says that it made the repository, and that there is none", r->word);
        if (!o->public && !r->closed)
            die("%s: the hub made it public, though it was asked for a private one: nothing was sent; "
                "%s/settings changes or removes it",
                r->word, r->page);
    }
}

/* Like http.c between two tries: twice as long each time, or as long as the server asks. */
static void pause_before(const struct repo *r, int attempt, double asked)
{
    double s = fmax(ldexp(r->settings->retry_wait_s, attempt), asked), whole = floor(s);
    nanosleep(&(struct timespec){(time_t)whole, (long)((s - whole) * 1e9)}, NULL);
}

static void tell_done(const struct repo *r, const struct upload_files *files)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < files->n; i++)
        bytes += files->file[i].size;
    say("%s: %zu files, %.1f MB", r->page, files->n, (double)bytes / 1e6);
}

/* A commit whose answer is lost may have been made, now or a little later. So each try looks first whether
 * all is there, and names the parent that it saw: a commit can be made once only. */
void send_files(struct repo *r, struct upload_files *files, const struct send_options *o)
{
    char parent[sizeof r->head], why[400] = "";
    double wait_s = 0;
    const struct upload_file *readme = files_find(files, "README.md");
    if (readme)
        repo_check_card(r, readme);
    repo_look(r);
    settle(r, o);
    for (int attempt = 0;; attempt++) {
        if (repo_compare(r, files)) {
            say("%s: all %zu files are there", r->page, files->n);
            return;
        }
        if (attempt > 0 && strcmp(parent, r->head) != 0)
            die("%s: somebody else has changed it meanwhile, from commit %.12s to %.12s: look at "
                "%s/commits/main, "
                "then run this again; nothing was committed",
                r->word, parent, r->head, r->page);
        if (attempt > HTTP_RETRIES || wait_s > MAX_WAIT_S)
            die("%s: the commit: %s; run it again", r->word, why);
        if (attempt > 0)
            pause_before(r, attempt - 1, wait_s);
        memcpy(parent, r->head, sizeof parent);
        repo_preupload(r, files);
        lfs_upload(r, files);
        if (repo_commit(r, files, o->message, &wait_s, why)) {
            tell_done(r, files);
            return;
        }
        detail("%s: %s", r->word, why);
        repo_look(r);
    }
}
