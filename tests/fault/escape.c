/*
 * escape.c - what a program that was taken over could do (LD_PRELOAD)
 *
 * When the program exits, this library tries what --sandbox must prevent, and writes a line for each to the
 * file descriptor 2: the attempt, and "done" or the error. ESCAPE names a directory outside the outputs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void said(const char *attempt, int result)
{
    dprintf(2, "escape: %s: %s\n", attempt, result >= 0 ? "done" : strerrorname_np(errno));
}

static int run_true(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(errno == EACCES ? 13 : 1);
    }
    if (child < 0 || waitpid(child, &status, 0) < 0)
        return -1;
    errno = WEXITSTATUS(status);
    return status == 0 ? 0 : -1;
}

__attribute__((destructor)) static void escape(void)
{
    const char *dir = getenv("ESCAPE");
    if (!dir || chdir(dir) != 0)
        return;
    unsetenv("ESCAPE"); /* or /bin/true would try the same */
    said("create", open("new", O_WRONLY | O_CREAT, 0644));
    said("overwrite", open("old", O_WRONLY));
    said("truncate", truncate("old", 0));
    said("rename", rename("old", "older"));
    said("remove", unlink("victim"));
    said("directory", mkdir("made", 0755));
    said("link", symlink("/etc/passwd", "link"));
    said("program", run_true());
    said("inet", socket(AF_INET, SOCK_STREAM, 0));
    said("inet6", socket(AF_INET6, SOCK_DGRAM, 0));
    said("unix", socket(AF_UNIX, SOCK_STREAM, 0));
}
