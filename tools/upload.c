/*
 * upload - a model to the hub: its files, a card made from what was measured, one commit
 *
 * Protocol: formats/hub.md. Everything that could be refused here is looked at before the first byte is sent.
 */
#include "pipeline/fetch/corpora.h"
#include "pipeline/lib/cli.h"
#include "pipeline/lib/log.h"
#include "pipeline/model/checkpoint.h"
#include "tools/uploader/card.h"
#include "tools/uploader/send.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_EVAL = 16 << 20, MAX_CORPORA = 64 };

static bool public, yes, dry_run, with_trainer, card = true;
static const char *message, *eval_file, *license, *corpora_file;
static struct str_list data;
static struct hub_settings hub = {.retry_wait_s = 1};

static const struct opt opts[] = {
    {0, "public", OPT_FLAG, &public, NULL,
     "make the repository public; asks first (default: private; one that is there stays as it is)"},
    {'y', "yes", OPT_FLAG, &yes, NULL, "ask nothing"},
    {0, "dry-run", OPT_FLAG, &dry_run, NULL,
     "ask no server: print what would be sent, with hashes, and the card"},
    {'m', "message", OPT_STR, &message, "TEXT", "of the commit (default: which step it is)"},
    {0, "with-trainer", OPT_FLAG, &with_trainer, NULL, "send trainer/ too, from which others can --resume"},
    {0, "card", OPT_FLAG, &card, NULL,
     "send README.md, made here where the directory has none; --no-card leaves it out"},
    {0, "eval", OPT_STR, &eval_file, "FILE", "what `eval --json` printed, for the card"},
    {0, "data", OPT_LIST, &data, "corpus:NAME",
     "for the card: trained on this one (fetch --list), with its licence; repeatable"},
    {0, "corpora", OPT_STR, &corpora_file, "FILE", "a table of corpora of your own, as fetch takes it"},
    {0, "license", OPT_STR, &license, "NAME",
     "of the model, for the card, as the hub names it: apache-2.0, mit, ..."},
    {0, "retry-wait", OPT_NUM, &hub.retry_wait_s, "SECONDS",
     "before the first repetition; each next one waits twice as long (default: 1)"},
    {0},
};

static const struct cli cli = {
    "upload",
    "send a model to the Hugging Face Hub, with a card made from what was measured",
    "tools/upload RUN|DIR hf://ORG/NAME [--dry-run] [--public] [--with-trainer]",
    opts,
    "Sent are the model's configuration, weights and tokenizer, and README.md: never another file. Texts "
    "that hold "
    "a token,\n"
    "an absolute path or your user name are refused before anything is sent. The repository is made private. "
    "What "
    "the hub\n"
    "has is not sent again, so after a failure or a kill the same command goes on; there is one commit, on "
    "top "
    "of the one\n"
    "that was there at the start.\n"
    "\n"
    "The token needs the right to write: HF_TOKEN, or what `hf auth login` left. HF_ENDPOINT names another "
    "hub.\n"
    "\n"
    "Examples:\n"
    "  tools/upload runs/a hf://me/a --dry-run\n"
    "  bin/eval runs/a --data language=tokens/language/val --json >a.json\n"
    "  tools/upload runs/a hf://me/a --eval a.json --data corpus:tinystories --license mit\n"
    "\n"
    "Exit: 0 all is there; 1 failed; 2 misuse.",
};

static json_t *read_json(const char *path)
{
    json_error_t e;
    size_t n;
    char *text = read_file(path, &n, MAX_EVAL);
    json_t *o = json_loadb(text, n, JSON_REJECT_DUPLICATES, &e);
    free(text);
    if (!o)
        die("%s:%d: byte %d: %s", path, e.line, e.position, e.text);
    if (!json_is_object(o))
        die("%s: byte 0: is no JSON object", path);
    return o;
}

/* The corpora that --data names. */
static size_t find_corpora(const struct corpus *found[MAX_CORPORA])
{
    struct corpora table = corpora_read(corpora_file);
    if (data.n > MAX_CORPORA)
        usage_error("--data: more than %d", MAX_CORPORA);
    for (size_t i = 0; i < data.n; i++) {
        const char *word = data.v[i];
        found[i] = corpora_find(&table, strncmp(word, "corpus:", 7) == 0 ? word + 7 : word);
        if (!found[i])
            usage_error("--data: there is no corpus called '%s'; fetch --list shows all", word);
    }
    return data.n;
}

/* The run that the directory belongs to, read to its end; NULL: it belongs to none. */
static struct run *find_run(const char *dir)
{
    char err[1024];
    struct run *r = run_open(dir, err, sizeof err);
    if (!r && errno != ENOENT)
        die("%s", err);
    if (r && run_error(r))
        die("%s: cannot read all of it: %s", r->path, strerror(run_error(r)));
    return r;
}

static struct strbuf make_card(const char *dir, const char *repo, const struct secrets *secrets)
{
    char err[1024], *config = path_join(dir, "config.json");
    const struct corpus *corpora[MAX_CORPORA];
    struct strbuf text = {0};
    struct run *run = find_run(dir);
    struct card c = {.repo = repo, .license = license, .run = run, .corpora = corpora, .secrets = secrets};
    c.n_corpora = find_corpora(corpora);
    c.config = read_json(config);
    c.eval = eval_file ? read_json(eval_file) : NULL;
    if (eval_file && !json_is_object(json_object_get(c.eval, "data")) &&
        !json_is_object(json_object_get(c.eval, "tasks")))
        die("%s: has no 'data' and no 'tasks': it is not what eval --json prints", eval_file);
    if (checkpoint_state(dir, &c.state, err, sizeof err) < 0)
        die("%s", err);
    card_write(&text, &c);
    json_decref(c.config);
    json_decref(c.eval);
    json_decref(c.state);
    if (run)
        run_close(run);
    free(config);
    return text;
}

/* Collects what is to be sent, looks through it for secrets, and hashes it. */
static void prepare(struct upload_files *files, const char *dir, const struct repo *repo)
{
    struct secrets s;
    char *owner = xasprintf("%.*s", (int)strcspn(repo->uri.repo, "/"), repo->uri.repo);
    secrets_know(&s, hub.token, owner, dir);
    files_collect(files, dir, with_trainer);
    if (card && !files_find(files, "README.md")) {
        struct strbuf text = make_card(dir, repo->uri.repo, &s);
        files_put(files, "README.md", text.s, text.len);
        strbuf_free(&text);
    } else if (!card) {
        files_remove(files, "README.md");
    }
    char *what = secrets_in(&s, message, strlen(message), FILE_TEXT);
    if (what)
        die("--message: %s; nothing was sent", what);
    for (size_t i = 0; i < files->n; i++)
        secrets_check_file(&s, &files->file[i]);
    files_hash(files);
    secrets_forget(&s);
    free(owner);
}

static void show(struct upload_files *files)
{
    const struct upload_file *readme = files_find(files, "README.md");
    for (size_t i = 0; i < files->n; i++)
        printf("%s %12llu %s\n", files->file[i].sha256, (unsigned long long)files->file[i].size,
               files->file[i].path);
    if (readme) {
        char *text = file_content(readme, MAX_EVAL);
        printf("\n%s", text);
        free(text);
    }
}

/* Resolves links, since `latest` may point elsewhere before the upload is done. */
static char *model_directory(const char *word)
{
    char err[1024], *dir = checkpoint_resolve(word, err, sizeof err);
    char *real = dir ? realpath(dir, NULL) : NULL;
    if (!dir)
        die("%s", err);
    if (!real)
        die_errno("%s", dir);
    if (checkpoint_verify_model(real, err, sizeof err) != 0)
        die("%s", err);
    free(dir);
    return real;
}

int main(int argc, char **argv)
{
    struct repo repo;
    static struct upload_files files;
    if (cli_parse(&cli, argc, argv) != 2)
        usage_error("say what goes where: RUN or DIR, then hf://ORG/NAME");
    if (!(hub.retry_wait_s >= 0 && hub.retry_wait_s <= 60))
        usage_error("--retry-wait: 0 to 60 seconds");
    hub_settings_read(&hub);
    repo_open(&repo, &hub, argv[1]);
    char *dir = model_directory(argv[0]), *step = strrchr(dir, '/') + 1;
    char *told = message ? xstrdup(message) : xasprintf("Upload of %s", step);
    message = told;
    prepare(&files, dir, &repo);
    if (dry_run)
        show(&files);
    else if (hub.offline)
        die("%s: HF_HUB_OFFLINE is set", repo.word);
    else if (!hub.token)
        die("%s: there is no token: log in (hf auth login) or set HF_TOKEN; it needs the right to write",
            repo.word);
    else
        send_files(&repo, &files, &(struct send_options){public, yes, message});
    files_close(&files);
    repo_close(&repo);
    free(told);
    free(dir);
    close_stdout();
    return 0;
}
