#include "pipeline/lib/signals.h"
#include "pipeline/lib/log.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

volatile sig_atomic_t stop_signal, save_signal;

/* Signals that stop a program. One that the parent ignores (nohup) stays ignored, unless `always` is set for
 * it. Batch systems and limits repeat their signals by themselves, so only a person's second signal means "at
 * once". */
static const struct {
    int number;
    bool always, twice_is_at_once;
} stops[] = {
    {SIGINT, true, true},    {SIGTERM, true, true},   {SIGHUP, false, true},   {SIGQUIT, true, true},
    {SIGUSR1, false, false}, {SIGUSR2, false, false}, {SIGALRM, false, false}, {SIGXCPU, false, false},
};
enum { STOPS = sizeof stops / sizeof *stops };

static void on_stop(int sig)
{
    for (int i = 0; i < STOPS; i++)
        if (stop_signal && stops[i].number == sig && stops[i].twice_is_at_once)
            _exit(128 + sig);
    if (!stop_signal)
        stop_signal = sig;
}

static void on_save(int sig)
{
    save_signal = sig;
}

/* Gives handlers a stack of their own, if there is none yet (a sanitizer's): oneDNN's products move the stack
 * pointer into the heap, and a signal frame pushed there would overwrite the heap. The stack belongs to the
 * calling thread alone, which is enough: the kernel delivers a process's signal to the main thread first, and
 * a second one ends us at once. */
static void handlers_on_own_stack(void)
{
    static char stack[65536];
    stack_t now, own = {.ss_sp = stack, .ss_size = sizeof stack};
    if (sigaltstack(NULL, &now) == 0 && (now.ss_flags & SS_DISABLE))
        sigaltstack(&own, NULL);
}

void signals_install(void)
{
    struct sigaction sa = {.sa_handler = on_stop,
                           .sa_flags = SA_ONSTACK}; /* SA_RESTART is not set, so that blocked reads wake up */
    sigemptyset(&sa.sa_mask);
    handlers_on_own_stack();
    for (int i = 0; i < STOPS; i++) {
        struct sigaction was;
        if (stops[i].always || (sigaction(stops[i].number, NULL, &was) == 0 && was.sa_handler != SIG_IGN))
            sigaction(stops[i].number, &sa, NULL);
    }
}

void signals_save_on(int sig)
{
    struct sigaction sa = {.sa_handler = on_save, .sa_flags = SA_ONSTACK | SA_RESTART};
    sigemptyset(&sa.sa_mask);
    sigaction(sig, &sa, NULL);
}

int signal_exit_code(void)
{
    return stop_signal ? 128 + stop_signal : 0;
}

/* --- SIGBUS ---------------------------------------------------------------- */

/* Reads a line of /proc/self/maps, byte by byte from a buffer, using only system calls. Returns false at the
 * end. */
static bool next_line(int fd, char *line, size_t cap)
{
    static char buffer[4096];
    static ssize_t fill, at;
    size_t n = 0;
    for (;;) {
        if (at == fill) {
            fill = read(fd, buffer, sizeof buffer);
            at = 0;
            if (fill <= 0)
                return false;
        }
        char c = buffer[at++];
        if (c == '\n')
            break;
        if (n + 1 < cap)
            line[n++] = c;
    }
    line[n] = 0;
    return true;
}

static uint64_t hex_number(const char **s)
{
    uint64_t n = 0;
    for (;; (*s)++) {
        if (**s >= '0' && **s <= '9')
            n = 16 * n + (uint64_t)(**s - '0');
        else if (**s >= 'a' && **s <= 'f')
            n = 16 * n + (uint64_t)(**s - 'a' + 10);
        else
            return n;
    }
}

/* Writes into line the path of the file that is mapped at an address and returns it; NULL: no file is. */
static const char *mapped_file(uintptr_t address, char *line, size_t cap)
{
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    while (fd >= 0 && next_line(fd, line, cap)) {
        const char *s = line;
        uint64_t begin = hex_number(&s), end = (s++, hex_number(&s));
        if (address >= begin && address < end)
            return strchr(line, '/');
    }
    return NULL;
}

static void put(const char *s)
{
    ssize_t n = write(STDERR_FILENO, s, strlen(s));
    (void)n; /* a failed write cannot be reported to anybody */
}

/* Handles access to a page of a mapped file that no longer exists, or that the disk cannot read. */
static void on_bus_error(int sig, siginfo_t *info, void *context)
{
    static char line[4096 + 128];
    const char *path = mapped_file((uintptr_t)info->si_addr, line, sizeof line);
    (void)context;
    if (!path) {
        signal(sig, SIG_DFL); /* our own bug: the fault happens again, and now ends us */
        return;
    }
    put(program_name);
    put(": ");
    put(path);
    put(": was cut short, or cannot be read, while it was in use (bus error)\n");
    _exit(1);
}

void signals_begin(void)
{
    struct sigaction sa = {.sa_sigaction = on_bus_error, .sa_flags = SA_ONSTACK | SA_SIGINFO};
    sigemptyset(&sa.sa_mask);
    signal(SIGXFSZ, SIG_IGN);
    sigaction(SIGBUS, &sa, NULL);
}
