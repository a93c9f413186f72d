/*
 * the monitor: whatever a run's files and a page of counters hold, each pane is drawn, and what it prints is
 * text: no control character, nothing that is not whole UTF-8, and ASCII alone when that is asked for
 *
 * The input: a byte for pane and size, then metrics.jsonl, config.json, alerts.jsonl and the page, with 0x1e
 * between them.
 */
#include "pipeline/monitor/view.h"

#include <fcntl.h>
#include <locale.h>
#include <sched.h>
#include <sys/mount.h>
#include <wchar.h>

#include "shm/process.h"
#include "tests/fuzz/fuzz.h"

enum { PAGE = 8192, FILES = 3 };
static const char *const names[FILES] = {"metrics.jsonl", "config.json", "alerts.jsonl"};
static char folder[] = "/dev/shm/fuzz-monitor-XXXXXX", paths[FILES + 1][128]; /* the page comes last */
static int fds[FILES + 1];                                                    /* of the paths */
static struct stages stages;
static struct hardware hardware;

static void remove_files(void)
{
    for (int i = 0; i <= FILES; i++)
        unlink(paths[i]);
    rmdir(folder);
}

/* A /dev/shm of our own, where that is allowed: all pages there are looked at for each input. */
static void leave_others_pages(void)
{
    if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
        mount("fuzz", "/dev/shm", "tmpfs", 0, NULL);
}

static void prepare(void)
{
    leave_others_pages();
    MUST(mkdtemp(folder));
    atexit(remove_files);
    for (int i = 0; i < FILES; i++)
        snprintf(paths[i], sizeof paths[i], "%s/%s", folder, names[i]);
    snprintf(paths[FILES], sizeof paths[FILES], "/dev/shm/tritter-stats-%lu-%ld", (unsigned long)geteuid(),
             (long)getpid());
    for (int i = 0; i <= FILES; i++) {
        fds[i] = open(paths[i], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        MUST(fds[i] >= 0);
    }
    hardware_poll(&hardware);
}

static void spill(int i, const void *bytes, size_t len)
{
    MUST(ftruncate(fds[i], (off_t)len) == 0 && pwrite(fds[i], bytes, len, 0) == (ssize_t)len);
}

/* Bytes up to the next 0x1e, which are taken off the input. */
static size_t part(const uint8_t **bytes, size_t *len)
{
    const uint8_t *end = memchr(*bytes, 0x1e, *len);
    size_t n = end ? (size_t)(end - *bytes) : *len;
    *bytes += end ? n + 1 : n;
    *len -= end ? n + 1 : n;
    return n;
}

/* A page of this process whose content is the input. */
static void write_page(const uint8_t *bytes, size_t len)
{
    unsigned char page[PAGE] = {0};
    static uint64_t process;
    uint32_t version = 1;
    if (!process)
        process = process_identity(getpid());
    memcpy(page + 12, bytes, len < PAGE - 12 ? len : PAGE - 12);
    memcpy(page, "TRTSTAT\n", 8);
    memcpy(page + 8, &version, 4);
    memcpy(page + 16, &process, 8);
    spill(FILES, page, PAGE);
}

static void check_text(const char *s, size_t len, bool ascii)
{
    mbstate_t state = {0};
    for (size_t i = 0; i < len;) {
        unsigned char c = (unsigned char)s[i];
        wchar_t w;
        size_t n = c == '\n' ? 1 : mbrtowc(&w, s + i, len - i, &state);
        MUST(c == '\n' || c >= ' ');
        MUST(c != 0x7f && (!ascii || c < 0x80));
        MUST(n >= 1 && n <= 4);
        MUST(n == 1 || (w >= 0xa0 && w != 0x2028 && w != 0x2029 && !(w >= 0x202a && w <= 0x202e)));
        i += n;
    }
}

static void draw(struct view *v, int width, int height, bool ascii)
{
    struct grid g = {.ascii = ascii};
    char *text = NULL;
    size_t len;
    FILE *f = open_memstream(&text, &len);
    MUST(f);
    grid_resize(&g, width, height);
    view_draw(v, &g);
    grid_print(&g, f);
    MUST(fclose(f) == 0);
    check_text(text, len, ascii);
    free(text);
    grid_free(&g);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    char err[256];
    if (!paths[0][0]) {
        MUST(setlocale(LC_CTYPE, "C.UTF-8"));
        prepare();
    }
    uint8_t choice = fuzz_choice(&bytes, &len);
    for (int i = 0; i < FILES; i++) {
        const uint8_t *begin = bytes;
        size_t n = part(&bytes, &len);
        spill(i, begin, n);
    }
    write_page(bytes, len);
    struct run *r = run_open(folder, err, sizeof err);
    MUST(r);
    struct view v = {.runs = {r}, .n_runs = 1, .stages = &stages, .hardware = &hardware, .to = 1};
    stages_poll(&stages);
    v.pane = choice % N_PANES;
    v.log = choice & 0x80;
    draw(&v, choice & 0x40 ? 200 : 60, choice & 0x40 ? 60 : 20, choice & 0x20);
    json_t *state = json_pack("{s:o, s:o}", "run", run_to_json(r), "stages", stages_to_json(&stages));
    MUST(state);
    json_decref(state);
    run_close(r);
    return 0;
}
