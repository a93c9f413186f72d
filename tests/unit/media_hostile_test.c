/*
 * Pictures and sounds that are cut off anywhere, or say that they are larger than they are: refused with a
 * reason, at once and in little memory. The files are those that the fuzzers start from, in tests/fuzz/seeds.
 */
#include <dirent.h>
#include <stdint.h>
#include <sys/resource.h>
#include <time.h>
#include <zlib.h>

#include "pipeline/media/picture.h"
#include "pipeline/media/sound.h"
#include "tests/program.h"

enum { MEMORY = 1 << 30 };

static const char *seeds(const char *kind)
{
    static char path[4096];
    const char *root = getenv("ROOT");
    snprintf(path, sizeof path, "%s/tests/fuzz/seeds/%s", root ? root : ".", kind);
    return path;
}

/* 0: read. Any answer within a second of processor time. */
static int parse(bool sound, const void *bytes, size_t len, char *err)
{
    struct picture p;
    struct sound s;
    clock_t start = clock();
    *err = 0;
    void *exact = malloc(len ? len : 1); /* so that a sanitizer sees reads beyond it */
    memcpy(exact, bytes, len);
    int r = sound ? sound_parse(&s, exact, len, 16000, err, 300) : picture_parse(&p, exact, len, err, 300);
    CHECK(clock() - start < CLOCKS_PER_SEC, "%.1f s", (double)(clock() - start) / CLOCKS_PER_SEC);
    if (r == 0 && sound)
        sound_free(&s);
    else if (r == 0)
        picture_free(&p);
    CHECK(r == 0 || *err, "no reason");
    free(exact);
    return r;
}

/* Some end in bytes that say nothing more: the last chunk of a PNG, what a JPEG's end marker is. */
static void cut_anywhere(const char *name, bool sound, const char *bytes, size_t len)
{
    char err[300];
    CHECK(parse(sound, bytes, len, err) == 0, "%s: %s", name, err);
    for (size_t cut = 0; cut < len; cut++)
        CHECK(parse(sound, bytes, cut, err) != 0, "%s: cut at %zu of %zu: accepted", name, cut, len);
}

/* The bytes of `to`, len of them, in place of those at `at`. */
static void lie(const char *name, bool sound, const char *bytes, size_t len, size_t at, const char *to,
                size_t n, const char *reason)
{
    char err[300], *copy = malloc(len);
    memcpy(copy, bytes, len);
    memcpy(copy + at, to, n);
    if (memcmp(bytes, "\x89PNG", 4) == 0) {
        uint32_t crc = (uint32_t)crc32(0, (const Bytef *)copy + 12, 17);
        for (int i = 0; i < 4; i++)
            copy[29 + i] = (char)(crc >> (24 - 8 * i));
    }
    CHECK(parse(sound, copy, len, err) != 0, "%s: %zu: accepted", name, at);
    CHECK(strstr(err, reason), "%s: %zu: %s", name, at, err);
    free(copy);
}

static void lies(const char *name, const char *b, size_t n)
{
    const char *sof = memmem(b, n, "\xff\xc0\x00\x11", 4), *data = memmem(b, n, "data", 4),
               *fmt = memmem(b, n, "fmt ", 4);
    if (strcmp(name, "a.png") == 0) {
        lie(name, false, b, n, 16, "\x7f\xff\xff\xff", 4, "PNG");
        lie(name, false, b, n, 16, "\x00\x00\x00\x00", 4, "PNG");
        lie(name, false, b, n, 16, "\x00\x00\xff\xff", 4, "more than");
        lie(name, false, b, n, 18, "\x7f\xff\x00\x00\x7f\xff", 6, "more than");
        lie(name, false, b, n, 18, "\x20\x00\x00\x00\x10\x00", 6, "PNG");
        lie(name, false, b, n, 24, "\x10", 1, "PNG");
    } else if (strcmp(name, "rgb.jpg") == 0) {
        lie(name, false, b, n, (size_t)(sof - b) + 5, "\xff\xff\xff\xff", 4, "JPEG: Maximum");
        lie(name, false, b, n, (size_t)(sof - b) + 5, "\xf0\x00\xf0\x00", 4, "more than");
        lie(name, false, b, n, (size_t)(sof - b) + 5, "\x20\x00\x20\x00", 4, "JPEG");
        lie(name, false, b, n, (size_t)(sof - b) + 5, "\x00\x00\x00\x10", 4, "JPEG");
        lie(name, false, b, n, (size_t)(sof - b) + 2, "\xff\xff", 2, "JPEG");
    } else if (strcmp(name, "a.wav") == 0) {
        lie(name, true, b, n, (size_t)(data - b) + 4, "\xf0\xff\xff\xff", 4, "truncated");
        lie(name, true, b, n, (size_t)(fmt - b) + 4, "\xff\xff\xff\x7f", 4, "truncated");
        lie(name, true, b, n, (size_t)(fmt - b) + 10, "\xff\xff", 2, "");
        lie(name, true, b, n, (size_t)(fmt - b) + 10, "\x00\x00", 2, "");
        lie(name, true, b, n, (size_t)(fmt - b) + 12, "\x00\x00\x00\x00", 4, "");
        lie(name, true, b, n, (size_t)(fmt - b) + 12, "\xff\xff\xff\x7f", 4, "");
    } else if (strcmp(name, "a.flac") == 0) {
        /* STREAMINFO, from byte 18 on: 20 bits of rate, 3 of channels, 5 of depth, 36 of samples */
        lie(name, true, b, n, 21, "\xff\xff\xff\xff\xff", 5, "");
        lie(name, true, b, n, 22, "\x7f\xff\xff\xff", 4, "");
        lie(name, true, b, n, 18, "\x00\x00\x00", 3, "");
        lie(name, true, b, n, 5, "\xff\xff\xff", 3, "");
    }
}

static void each_seed(const char *kind)
{
    DIR *dir = opendir(seeds(kind));
    CHECK(dir, "%s", seeds(kind));
    unsigned n = 0;
    for (struct dirent *e; (e = readdir(dir));) {
        char path[8192];
        size_t len;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", seeds(kind), e->d_name);
        char *bytes = slurp(path, &len);
        cut_anywhere(e->d_name, strcmp(kind, "sound") == 0, bytes, len);
        lies(e->d_name, bytes, len);
        free(bytes);
        n++;
    }
    closedir(dir);
    CHECK(n >= 5, "%u files in %s", n, seeds(kind));
}

static void headers_alone(void)
{
    static const char *const cases[] = {"P6 32768 2048 255\n",
                                        "P5 32768 32768 65535\n",
                                        "P6 99999999999 1 255\n",
                                        "P6 -1 5 255\n",
                                        "P6 0 0 255\n",
                                        "P6 1 1 0\n",
                                        "P6 1 1 65536\n",
                                        "P6 #",
                                        "P6",
                                        "P",
                                        "P4 8 1\nx",
                                        "P3 1 1 255 1 2 3"};
    char err[300];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        CHECK(parse(false, cases[i], strlen(cases[i]), err) != 0, "%s: accepted", cases[i]);
}

int main(void)
{
    test_begin(100);
#ifndef __SANITIZE_ADDRESS__
    struct rlimit memory = {MEMORY, MEMORY};
    CHECK(setrlimit(RLIMIT_AS, &memory) == 0);
#endif
    each_seed("picture");
    each_seed("sound");
    headers_alone();
    return 0;
}
