/*
 * files of documents: whatever the bytes of a .jsonl, .json or .txt file, documents come out, or are left out
 * as bad ones
 */
#include "pipeline/stream/input.h"

#include "formats/tokens.h"
#include <fcntl.h>
#include "tests/fuzz/fuzz.h"

static char link_path[64];

static const char good[] = "{\"text\":\"x\"}\n";

static const char *good_path(void)
{
    static char path[64];
    if (!path[0]) {
        snprintf(path, sizeof path, "/dev/shm/fuzz-good-%d.jsonl", (int)getpid());
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        MUST(fd >= 0 && write(fd, good, sizeof good - 1) == (ssize_t)sizeof good - 1 && close(fd) == 0);
    }
    return path;
}

static void remove_link(void)
{
    unlink(link_path);
}

static void remove_files(void)
{
    remove_link();
    unlink(good_path());
}

/* The file in memory under a name of this ending. */
static const char *named(const char *ending, const void *bytes, size_t len)
{
    const char *target = fuzz_file(bytes, len);
    remove_link();
    snprintf(link_path, sizeof link_path, "/dev/shm/fuzz-input-%d%s", (int)getpid(), ending);
    MUST(symlink(target, link_path) == 0);
    return link_path;
}

/* Compressed files have a fuzzer of their own; here a damaged one would end the program. */
static bool compressed(const uint8_t *bytes, size_t len)
{
    static const char *const magic[] = {
        "\x50\x2a\x4d\x18", "\x1f\x8b", "\x28\xb5\x2f\xfd", "\x04\x22\x4d\x18", "BZh", "\xfd\x37zXZ", "PAR1"};
    for (size_t i = 0; i < sizeof magic / sizeof *magic; i++) {
        size_t from = i == 0 ? 1 : 0, n = strlen(magic[i]) - from; /* skippable frames: 50 to 5f */
        if (len >= from + n && memcmp(bytes + from, magic[i] + from, n) == 0)
            return true;
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
    static const char *const endings[] = {".jsonl", ".json", ".txt", ".md"};
    static bool started;
    uint8_t choice = fuzz_choice(&bytes, &len);
    struct input_opts opts = {
        .domain = choice & 8 ? DOMAIN_MATH : -1, .skip_bad = true, .raw_json = choice & 4};
    struct doc d;
    struct input_stats stats;
    uint64_t docs = 0, text = 0;
    if (!started)
        atexit(remove_files);
    started = true;
    if (compressed(bytes, len))
        return 0;
    if (choice % 4 >= 2 && len > 0 && memchr(bytes, 0, len)) /* a text that is binary ends the program, too */
        return 0;
    const char *paths[] = {named(endings[choice % 4], bytes, len),
                           good_path()}; /* so that something is read */
    struct input *in = input_open(&opts, paths, 2);
    while (input_next(in, &d)) {
        MUST(d.id && d.domain >= 0 && d.domain < N_DOMAINS && (d.len <= len * 3 || d.len < sizeof good));
        docs++;
        text += d.len;
    }
    input_stats(in, &stats);
    MUST(stats.docs == docs && stats.text_bytes == text);
    input_close(in);
    return 0;
}
