/*
 * fault.c - makes one system call of a program fail, from within (LD_PRELOAD)
 *
 *   FAULT=fsync:3:EIO     the third fsync fails with EIO; also ENOSPC EINTR EMFILE ENOMEM EACCES
 *   FAULT=write:2:short   the second write takes half of its bytes
 *   FAULT=rename:1:KILL   the program is killed before its first rename; also TERM USR1 XCPU STOP
 *   FAULT_COUNTS=FILE     an array of 512 u64 in FILE counts the calls by their number; no call fails
 *
 * A seccomp filter turns each call of that kind into SIGSYS, wherever in the program or its libraries it is
 * made, so that calls within stdio and malloc fail as well. The handler makes the call itself, from an
 * address that the filter lets pass, or writes the error where the result would be. Calls are counted from
 * the time when all libraries are loaded. A program that executes another one takes the filter along and ends
 * there.
 *
 * The C library blocks all signals while it makes a thread, and a blocked SIGSYS would end the program. So
 * rt_sigprocmask is trapped as well, and done without that signal.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/fault/calls.h"

enum { SHORT = -1, NO_FAULT = 0, COUNTS = 512 };

/* fault_call(number, six arguments): the one place whose system calls the filter lets pass. */
long fault_call(long nr, long a, long b, long c, long d, long e, long f);
extern char fault_return[];
__asm__(".text\n"
        ".globl fault_call\n"
        "fault_call:\n"
        "  mov %rdi, %rax\n  mov %rsi, %rdi\n  mov %rdx, %rsi\n  mov %rcx, %rdx\n"
        "  mov %r8, %r10\n  mov %r9, %r8\n  mov 8(%rsp), %r9\n"
        "  syscall\n"
        ".globl fault_return\n"
        "fault_return:\n"
        "  ret\n");

static int target = -1; /* the number of the call that fails; -1: none */
static uint64_t at;     /* which one of them, from 1 */
static int error;       /* errno, SHORT, or a signal's number below zero, as -1000 - signal */
static uint64_t seen;
static uint64_t *counts;

/* A brk that fails returns the break as it was. */
static long refused(long nr, int why)
{
    return nr == SYS_brk ? fault_call(SYS_brk, 0, 0, 0, 0, 0, 0) : -why;
}

static long half(long nr, const long *arg)
{
    long n = nr == SYS_read || nr == SYS_write || nr == SYS_pread64 || nr == SYS_pwrite64 ? arg[2] : 0;
    return n > 1 ? fault_call(nr, arg[0], arg[1], n / 2, arg[3], arg[4], arg[5]) : refused(nr, EIO);
}

/* rt_sigprocmask on the mask that the program returns to, where SIGSYS is never blocked. */
static long change_mask(ucontext_t *u, const long *arg)
{
    uint64_t now, set;
    memcpy(&now, &u->uc_sigmask, sizeof now);
    if (arg[2])
        memcpy((void *)arg[2], &now, sizeof now);
    if (!arg[1])
        return 0;
    memcpy(&set, (const void *)arg[1], sizeof set);
    now = arg[0] == SIG_BLOCK ? now | set : arg[0] == SIG_UNBLOCK ? now & ~set : set;
    now &= ~(1ull << (SIGSYS - 1));
    memcpy(&u->uc_sigmask, &now, sizeof now);
    return 0;
}

static void on_call(int sig, siginfo_t *info, void *context)
{
    (void)sig;
    greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;
    const long nr = info->si_syscall;
    const long arg[6] = {reg[REG_RDI], reg[REG_RSI], reg[REG_RDX], reg[REG_R10], reg[REG_R8], reg[REG_R9]};
    long result = 0;
    if (nr == SYS_rt_sigprocmask) {
        reg[REG_RAX] = change_mask(context, arg);
        return;
    }
    bool strikes = nr == target && __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED) == at;
    if (counts && nr >= 0 && nr < COUNTS)
        __atomic_add_fetch(&counts[nr], 1, __ATOMIC_RELAXED);
    if (strikes && error == SHORT)
        result = half(nr, arg);
    else if (strikes && error > 0)
        result = refused(nr, error);
    if (strikes && error <= -1000)
        fault_call(SYS_kill, fault_call(SYS_getpid, 0, 0, 0, 0, 0, 0), -1000 - error, 0, 0, 0, 0);
    if (!strikes || error <= -1000)
        result = fault_call(nr, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
    reg[REG_RAX] = result;
}

static int value_of(const char *word)
{
    static const struct {
        const char *name;
        int value;
    } words[] = {{"EIO", EIO},
                 {"ENOSPC", ENOSPC},
                 {"EINTR", EINTR},
                 {"EMFILE", EMFILE},
                 {"ENOMEM", ENOMEM},
                 {"EACCES", EACCES},
                 {"short", SHORT},
                 {"KILL", -1000 - SIGKILL},
                 {"TERM", -1000 - SIGTERM},
                 {"USR1", -1000 - SIGUSR1},
                 {"XCPU", -1000 - SIGXCPU},
                 {"STOP", -1000 - SIGSTOP}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i].name) == 0)
            return words[i].value;
    return NO_FAULT;
}

static _Noreturn void misuse(const char *why)
{
    fprintf(stderr, "fault.so: %s\n", why);
    _exit(99);
}

static void parse(const char *fault)
{
    char name[32], what[16];
    unsigned long long n;
    if (sscanf(fault, "%31[a-z0-9_]:%llu:%15[A-Za-z]", name, &n, what) != 3)
        misuse("FAULT=CALL:N:WHAT");
    target = call_number(name);
    at = n;
    error = value_of(what);
    if (target < 0 || error == NO_FAULT)
        misuse("unknown call or fault in FAULT");
}

static void open_counts(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, COUNTS * sizeof *counts) != 0)
        misuse("FAULT_COUNTS cannot be written");
    counts = mmap(NULL, COUNTS * sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counts == MAP_FAILED)
        misuse("FAULT_COUNTS cannot be mapped");
    close(fd);
}

/* The filter: calls of fault_call pass, those of interest trap, all others pass. */
static void install_filter(void)
{
    struct sock_filter f[16 + 2 * CALLS] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(uintptr_t)fault_return, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)((uintptr_t)fault_return >> 32), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigprocmask, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
    };
    unsigned short n = 8;
    for (size_t i = 0; i < CALLS; i++) {
        if (target >= 0 && calls[i].number != target)
            continue;
        f[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i].number, 0, 1);
        f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    }
    f[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {n, f};
    const struct sigaction on = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO | SA_NODEFER};
    if (sigaction(SIGSYS, &on, NULL) != 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
        misuse("no seccomp filter here");
}

__attribute__((constructor)) static void begin(void)
{
    const char *fault = getenv("FAULT"), *path = getenv("FAULT_COUNTS");
    if (fault)
        parse(fault);
    else if (path)
        open_counts(path);
    if (fault || path)
        install_filter();
}
