#include "pipeline/lib/sandbox.h"

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* These constants are missing in the kernel headers of Debian 12. */
enum { FS_TRUNCATE = 1 << 14, SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0, SCOPE_SIGNAL = 1 << 1 };

/* struct landlock_ruleset_attr as of version 6; older kernels take a prefix of it. */
struct ruleset {
    uint64_t fs, net, scoped;
};

enum { NEEDED_VERSION = 3 }; /* the first that guards truncation, Linux 6.2 */

static const uint64_t changes = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                                LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                                LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REFER | FS_TRUNCATE;
static const uint64_t never = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_MAKE_CHAR |
                              LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                              LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM;

static int new_ruleset(void)
{
    int version = (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < NEEDED_VERSION)
        die("--sandbox needs Landlock %d (Linux 6.2); this kernel has %s", NEEDED_VERSION,
            version < 0 ? "none, or it is switched off" : "an older one");
    struct ruleset r = {.fs = changes | never, .scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL};
    size_t size = version >= 6 ? sizeof r : sizeof r.fs;
    int fd = (int)syscall(SYS_landlock_create_ruleset, &r, size, 0);
    if (fd < 0)
        die_errno("--sandbox: cannot make a Landlock ruleset");
    return fd;
}

static void allow(int ruleset, const char *path)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) != 0)
        die_errno("--sandbox: %s", path);
    uint64_t file = LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE;
    struct landlock_path_beneath_attr rule = {S_ISDIR(st.st_mode) ? changes : file, fd};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
        die_errno("--sandbox: %s: cannot allow writing", path);
    close(fd);
}

/* An output appears under its name by a rename within its directory, so it is the directory that must be
 * writable: the nearest that exists, since programs make those that do not. */
static void allow_output(int ruleset, const char *path)
{
    if (!path || strcmp(path, "-") == 0 || strncmp(path, "ring:", 5) == 0)
        return;
    if (is_device(path)) {
        allow(ruleset, path);
        return;
    }
    char *dir = xstrdup(path);
    do {
        char *end = dir + strlen(dir);
        while (end > dir + 1 && end[-1] == '/')
            *--end = 0;
        char *slash = strrchr(dir, '/');
        if (!slash)
            strcpy(dir, ".");
        else
            slash[slash == dir] = 0;
    } while (!path_exists(dir));
    allow(ruleset, dir);
    free(dir);
}

#define REFUSE(name)                                                                                         \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##name, 0, 1),                                                   \
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES)

/* Numbers of system calls mean what they say on one architecture alone: elsewhere the program is killed. */
static void refuse_calls(void)
{
#if defined(__x86_64__)
    enum { ARCHITECTURE = AUDIT_ARCH_X86_64, LAST = 0x3fffffff }; /* above it begins the x32 table */
#elif defined(__aarch64__)
    enum { ARCHITECTURE = AUDIT_ARCH_AARCH64, LAST = 0x7fffffff };
#else
#error "sandbox.c lacks this architecture's name"
#endif
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)ARCHITECTURE, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, LAST, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES),
        REFUSE(socket),
        REFUSE(connect),
        REFUSE(bind),
        REFUSE(io_uring_setup),
        REFUSE(ptrace),
        REFUSE(process_vm_writev),
        REFUSE(pidfd_getfd),
        REFUSE(mount),
        REFUSE(umount2),
        REFUSE(unshare),
        REFUSE(setns),
        REFUSE(bpf),
        REFUSE(perf_event_open),
        REFUSE(userfaultfd),
        REFUSE(keyctl),
        REFUSE(add_key),
        REFUSE(execve),
        REFUSE(execveat),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
        die_errno("--sandbox: cannot refuse system calls");
}

void sandbox_enter(const char *const *outputs, size_t n)
{
    int ruleset = new_ruleset();
    allow(ruleset, "/dev/shm");
    for (size_t i = 0; i < n; i++)
        allow_output(ruleset, outputs[i]);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        die_errno("--sandbox: cannot give up new privileges");
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        die_errno("--sandbox: cannot enter Landlock");
    close(ruleset);
    refuse_calls();
}
