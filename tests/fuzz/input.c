/*
 * files of documents: whatever the bytes of a .jsonl, .json or .txt file, documents come out, or are left out
 * as bad ones
 */
#include "pipeline/stream/input.h"

#include "formats/tokens.h"
#include "tests/fuzz/fuzz.h"

static char folder[] = "/tmp/fuzz-input-XXXXXX", link_path[64], good_path[64];

static void remove_files(void)
{
    unlink(link_path);
    unlink(good_path);
    rmdir(folder);
}

/* A document that is read first: a program that gets none at all, and has left something out, ends. */
static void make_good_document(void)
{
    MUST(mkdtemp(folder));
    atexit(remove_files);
    snprintf(good_path, sizeof good_path, "%s/good.jsonl", folder);
    FILE *f = fopen(good_path, "w");
    MUST(f && fputs("{\"text\":\"a\"}\n", f) > 0 && fclose(f) == 0);
}

/* The file in memory under a name of this ending; not below /dev, where files are taken for pipes. */
static const char *named(const char *ending, const void *bytes, size_t len)
{
    const char *target = fuzz_file(bytes, len);
    unlink(link_path);
    snprintf(link_path, sizeof link_path, "%s/file%s", folder, ending);
    MUST(symlink(target, link_path) == 0);
    return link_path;
}

/* Compressed and Parquet files have fuzzers of their own; here a damaged one would end the program. */
static bool compressed(const uint8_t *bytes, size_t len)
{
    static const char *const magic[] = {
        "\x50\x2a\x4d\x18", "\x1f\x8b", "\x28\xb5\x2f\xfd", "\x04\x22\x4d\x18", "BZh", "\xfd\x37zXZ", "PAR1",
    };
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
        make_good_document();
    started = true;
    bool binary = choice % 4 >= 2 && memchr(bytes, '\0', len); /* a text that is none ends the program, too */
    if (compressed(bytes, len) || binary)
        return 0;
    const char *paths[] = {good_path, named(endings[choice % 4], bytes, len)};
    struct input *in = input_open(&opts, paths, 2);
    while (input_next(in, &d)) {
        MUST(d.id && d.domain >= 0 && d.domain < N_DOMAINS && (docs == 0 || d.len <= len * 3));
        docs++;
        text += d.len;
    }
    input_stats(in, &stats);
    MUST(stats.docs == docs && stats.text_bytes == text);
    input_close(in);
    return 0;
}
