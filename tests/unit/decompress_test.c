/*
 * decompress_test - every kind of stream gives back what went in, whatever the sizes of reads and writes; a
 * damaged or cut one gives an error or the same bytes, never others
 */
#include "formats/compress.h"
#include "formats/decompress.h"
#include "tests/check.h"

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <zlib.h>
#include <zstd.h>

struct bytes {
    unsigned char *p;
    size_t n;
};

static struct bytes text_of(size_t n) /* compresses somewhat, as text does */
{
    struct bytes b = {malloc(n + 1), n};
    uint64_t x = 42;
    for (size_t i = 0; i < n; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        b.p[i] = "etaoin shrdlu\n{}\xc3\xa9"[(x >> 59) % 18];
    }
    return b;
}

static struct bytes pack_gzip(struct bytes in)
{
    struct bytes out = {malloc(in.n + 1000), in.n + 1000};
    z_stream z = {.next_in = in.p, .avail_in = (uInt)in.n, .next_out = out.p, .avail_out = (uInt)out.n};
    CHECK(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    CHECK(deflate(&z, Z_FINISH) == Z_STREAM_END);
    out.n = z.total_out;
    deflateEnd(&z);
    return out;
}

static struct bytes pack_zstd(struct bytes in) /* with our own writer; fetch_output.sh has the tool read it */
{
    char *p = NULL;
    size_t n = 0;
    FILE *f = open_memstream(&p, &n), *z = compress_open(f, 3);
    CHECK(f && z && fwrite(in.p, 1, in.n, z) == in.n);
    CHECK(fclose(z) == 0 && fclose(f) == 0);
    return (struct bytes){(unsigned char *)p, n};
}

static struct bytes pack_lz4(struct bytes in)
{
    LZ4F_preferences_t prefs = {
        .frameInfo = {.contentChecksumFlag = LZ4F_contentChecksumEnabled, .blockMode = LZ4F_blockLinked}};
    size_t cap = LZ4F_compressFrameBound(in.n, &prefs);
    struct bytes out = {malloc(cap), 0};
    out.n = LZ4F_compressFrame(out.p, cap, in.p, in.n, &prefs);
    CHECK(!LZ4F_isError(out.n));
    return out;
}

static struct bytes pack_bzip2(struct bytes in)
{
    unsigned n = (unsigned)in.n + (unsigned)in.n / 50 + 1000;
    struct bytes out = {malloc(n), 0};
    CHECK(BZ2_bzBuffToBuffCompress((char *)out.p, &n, (char *)in.p, (unsigned)in.n, 1, 0, 0) == BZ_OK);
    out.n = n;
    return out;
}

static struct bytes pack_xz(struct bytes in)
{
    size_t cap = lzma_stream_buffer_bound(in.n);
    struct bytes out = {malloc(cap), 0};
    CHECK(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, NULL, in.p, in.n, out.p, &out.n, cap) == LZMA_OK);
    return out;
}

static struct bytes pack_plain(struct bytes in)
{
    struct bytes out = {malloc(in.n + 1), in.n};
    memcpy(out.p, in.p, in.n);
    return out;
}

static const struct {
    const char *name;
    enum decompress_kind kind;
    struct bytes (*pack)(struct bytes);
} kinds[] = {
    {"plain", DECOMPRESS_PLAIN, pack_plain}, {"gzip", DECOMPRESS_GZIP, pack_gzip},
    {"zstd", DECOMPRESS_ZSTD, pack_zstd},    {"lz4", DECOMPRESS_LZ4, pack_lz4},
    {"bzip2", DECOMPRESS_BZIP2, pack_bzip2}, {"xz", DECOMPRESS_XZ, pack_xz},
};
enum { N_KINDS = sizeof kinds / sizeof *kinds };

static int file_with(struct bytes b)
{
    FILE *f = tmpfile();
    CHECK(f && fwrite(b.p, 1, b.n, f) == b.n && fflush(f) == 0);
    int fd = dup(fileno(f));
    fclose(f);
    CHECK(fd >= 0 && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* Reads all in pieces of `piece`. 0: all is as expected; -1: an error was reported, if only at the checksum;
 * 1: other bytes came out, and a clean end. */
static int unpack(int fd, enum decompress_kind kind, size_t piece, struct bytes expected, char err[200])
{
    struct decompress *d = decompress_open(fd, kind, err, 200);
    if (!d)
        return -1;
    unsigned char *buf = malloc(piece);
    size_t at = 0;
    ssize_t n;
    bool same = true;
    while ((n = decompress_read(d, buf, piece)) > 0) {
        CHECK((size_t)n <= piece);
        same = same && (size_t)n <= expected.n - at && memcmp(buf, expected.p + at, (size_t)n) == 0;
        at += (size_t)n;
    }
    int result = n < 0 ? -1 : same && at == expected.n ? 0 : 1;
    if (n < 0) {
        snprintf(err, 200, "%s", decompress_error(d));
        CHECK(decompress_read(d, buf, piece) == -1, "an error must stay");
    }
    free(buf);
    decompress_close(d);
    return result;
}

static void every_kind_comes_back(void)
{
    static const size_t sizes[] = {0, 1, 3, 5, 1000, 131072, 3000001}, pieces[] = {1, 7, 65536, 1 << 22};
    char err[200];
    for (size_t k = 0; k < N_KINDS; k++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            struct bytes in = text_of(sizes[s]), packed = kinds[k].pack(in);
            for (size_t p = sizes[s] > 200000 ? 1 : 0; p < 4; p++) {
                int r = unpack(file_with(packed), kinds[k].kind, pieces[p], in, err);
                CHECK(r == 0, "%s, %zu bytes, read by %zu: %d %s", kinds[k].name, sizes[s], pieces[p], r,
                      err);
            }
            CHECK(unpack(file_with(packed), DECOMPRESS_AUTO, 4096, in, err) == 0, "%s not recognised",
                  kinds[k].name);
            free(in.p);
            free(packed.p);
        }
}

static void frames_follow_each_other(void)
{
    char err[200];
    for (size_t k = 0; k < N_KINDS; k++) {
        struct bytes a = text_of(70000), none = {a.p, 0};
        struct bytes pa = kinds[k].pack(a), pn = kinds[k].pack(none);
        struct bytes all = {malloc(2 * pa.n + 2 * pn.n), 0}, expected = {malloc(2 * a.n), 2 * a.n};
        const struct bytes parts[] = {pn, pa, pn, pa};
        for (size_t i = 0; i < 4; i++) {
            memcpy(all.p + all.n, parts[i].p, parts[i].n);
            all.n += parts[i].n;
        }
        memcpy(expected.p, a.p, a.n);
        memcpy(expected.p + a.n, a.p, a.n);
        int r = unpack(file_with(all), kinds[k].kind, 1000, expected, err);
        CHECK(r == 0, "%s: %d %s", kinds[k].name, r, err);
        if (kinds[k].kind != DECOMPRESS_PLAIN) { /* bytes that follow and are no frame are an error */
            memcpy(all.p + pn.n + pa.n, "no frame", 8);
            CHECK(unpack(file_with(all), kinds[k].kind, 1000, expected, err) == -1, "%s", kinds[k].name);
        }
        free(a.p), free(pa.p), free(pn.p), free(all.p), free(expected.p);
    }
}

static void a_pipe_of_single_bytes_is_enough(void)
{
    char err[200];
    for (size_t k = 0; k < N_KINDS; k++) {
        struct bytes in = text_of(3000), packed = kinds[k].pack(in);
        int ends[2];
        CHECK(pipe(ends) == 0);
        pid_t child = fork();
        if (child == 0) {
            for (size_t i = 0; i < packed.n; i++)
                if (write(ends[1], packed.p + i, 1) != 1)
                    _exit(1);
            _exit(0);
        }
        close(ends[1]);
        CHECK(unpack(ends[0], DECOMPRESS_AUTO, 512, in, err) == 0, "%s: %s", kinds[k].name, err);
        int status;
        CHECK(waitpid(child, &status, 0) == child && status == 0);
        free(in.p), free(packed.p);
    }
}

static void every_truncation_is_found(void)
{
    char err[200];
    struct bytes in = text_of(400);
    for (size_t k = 1; k < N_KINDS; k++) {
        struct bytes packed = kinds[k].pack(in);
        for (size_t n = 0; n < packed.n; n++) {
            int r = unpack(file_with((struct bytes){packed.p, n}), kinds[k].kind, 64, in, err);
            CHECK(r == -1, "%s cut to %zu of %zu bytes: %d", kinds[k].name, n, packed.n, r);
            if (n > 10)
                CHECK(strstr(err, "truncated"), "%s cut to %zu: %s", kinds[k].name, n, err);
        }
        free(packed.p);
    }
    free(in.p);
}

static void no_bit_flip_gives_other_bytes(void)
{
    char err[200];
    struct bytes in = text_of(400);
    for (size_t k = 1; k < N_KINDS; k++) {
        struct bytes packed = kinds[k].pack(in);
        size_t errors = 0;
        for (size_t bit = 0; bit < 8 * packed.n; bit++) {
            packed.p[bit / 8] ^= (unsigned char)(1u << bit % 8);
            int r = unpack(file_with(packed), kinds[k].kind, 64, in, err);
            CHECK(r != 1, "%s: bit %zu flipped and unseen", kinds[k].name, bit);
            errors += r == -1;
            packed.p[bit / 8] ^= (unsigned char)(1u << bit % 8);
        }
        /* Some header bits mean nothing for the content (gzip's time stamp). */
        CHECK(errors > 7 * packed.n, "%s: %zu of %zu", kinds[k].name, errors, 8 * packed.n);
        free(packed.p);
    }
    free(in.p);
}

static void large_windows_are_refused(void)
{
    char err[200];
    /* magic; descriptor: nothing but a window; window 2^(10 + byte/8); last block, raw, empty */
    unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 17 << 3, 0x01, 0x00, 0x00};
    struct bytes b = {frame, sizeof frame}, none = {frame, 0};
    CHECK(unpack(file_with(b), DECOMPRESS_ZSTD, 64, none, err) == 0, "128 MiB: %s", err);
    frame[5] = 18 << 3;
    CHECK(unpack(file_with(b), DECOMPRESS_ZSTD, 64, none, err) == -1 && strstr(err, "window"), "256 MiB: %s",
          err);
}

/* The limit can be raised, and holds for the dictionaries of xz as for the windows of zstd. */
static void larger_windows_are_an_option(void)
{
    char err[200];
    unsigned char frame[] = {0x28, 0xb5, 0x2f, 0xfd, 0x00, 20 << 3, 0x01, 0x00, 0x00}; /* 1 GiB */
    struct bytes b = {frame, sizeof frame}, none = {frame, 0}, in = text_of(1000), packed = {malloc(4000), 0};
    lzma_options_lzma options;
    lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    CHECK(!lzma_lzma_preset(&options, 0));
    options.dict_size = 256 << 20;
    CHECK(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL, in.p, in.n, packed.p, &packed.n, 4000) ==
          LZMA_OK);
    CHECK(unpack(file_with(packed), DECOMPRESS_XZ, 64, in, err) == -1 && strstr(err, "dictionary"), "%s",
          err);
    CHECK(unpack(file_with(b), DECOMPRESS_ZSTD, 64, none, err) == -1 && strstr(err, "above 128 MiB"), "%s",
          err);
    CHECK(decompress_set_window((uint64_t)3 << 30) == -1 && decompress_set_window((uint64_t)2 << 30) == 0);
    CHECK(unpack(file_with(packed), DECOMPRESS_XZ, 64, in, err) == 0, "%s", err);
    CHECK(unpack(file_with(b), DECOMPRESS_ZSTD, 64, none, err) == 0, "%s", err);
    free(in.p), free(packed.p);
}

/* The frame after skippable frames, even if these are longer than the reader's buffer, decides the format of
 * the stream. */
static void skippable_frames_come_first(void)
{
    static const size_t sizes[] = {0, 5, 300000};
    char err[200];
    struct bytes in = text_of(2000), none = {in.p, 0};
    for (size_t k = 0; k < N_KINDS; k++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            bool frames = kinds[k].kind == DECOMPRESS_ZSTD || kinds[k].kind == DECOMPRESS_LZ4;
            struct bytes packed = kinds[k].pack(in), all = {calloc(1, packed.n + 2 * (8 + sizes[s])), 0};
            for (int twice = 0; twice < 2; twice++) {
                memcpy(all.p + all.n, "\x5a\x2a\x4d\x18", 4);
                for (int i = 0; i < 4; i++)
                    all.p[all.n + 4 + (size_t)i] = (unsigned char)(sizes[s] >> 8 * i);
                all.n += 8 + sizes[s];
            }
            CHECK(unpack(file_with(all), DECOMPRESS_AUTO, 64, none, err) == 0, "alone: %s", err);
            CHECK(unpack(file_with((struct bytes){all.p, all.n - 1}), DECOMPRESS_AUTO, 64, none, err) == -1);
            memcpy(all.p + all.n, packed.p, packed.n);
            all.n += packed.n;
            int r = unpack(file_with(all), DECOMPRESS_AUTO, 64, in, err);
            CHECK(r == (frames ? 0 : -1), "%s behind frames of %zu bytes: %d %s", kinds[k].name, sizes[s], r,
                  err);
            if (frames)
                CHECK(unpack(file_with(all), kinds[k].kind, 64, in, err) == 0, "%s: %s", kinds[k].name, err);
            free(packed.p), free(all.p);
        }
    free(in.p);
}

/* Tapes and block devices fill up what follows the last member with zeros. */
static void zeros_may_follow_gzip(void)
{
    static const size_t zeros[] = {1, 2, 512, 300000};
    char err[200];
    struct bytes in = text_of(2000), packed = pack_gzip(in);
    for (size_t i = 0; i < 4; i++) {
        struct bytes all = {calloc(1, packed.n + zeros[i] + 18), packed.n + zeros[i]};
        memcpy(all.p, packed.p, packed.n);
        CHECK(unpack(file_with(all), DECOMPRESS_GZIP, 700, in, err) == 0, "%zu zeros: %s", zeros[i], err);
        memcpy(all.p + all.n, packed.p, 18);
        all.n += 18;
        CHECK(unpack(file_with(all), DECOMPRESS_GZIP, 700, in, err) == -1 && strstr(err, "no padding"), "%s",
              err);
        free(all.p);
    }
    free(in.p), free(packed.p);
}

static void names_and_magic_are_held_against_each_other(void)
{
    size_t stem;
    char err[200];
    struct bytes in = text_of(100), packed = pack_gzip(in);
    CHECK(decompress_kind_of_name("a/b.jsonl.gz", &stem) == DECOMPRESS_GZIP && stem == 9);
    CHECK(decompress_kind_of_name("b.zst", &stem) == DECOMPRESS_ZSTD && stem == 1);
    CHECK(decompress_kind_of_name("b.lz4", &stem) == DECOMPRESS_LZ4 && stem == 1);
    CHECK(decompress_kind_of_name("b.bz2", &stem) == DECOMPRESS_BZIP2 && stem == 1);
    CHECK(decompress_kind_of_name("b.xz", &stem) == DECOMPRESS_XZ && stem == 1);
    CHECK(decompress_kind_of_name("gz", &stem) == DECOMPRESS_AUTO && stem == 2);
    CHECK(unpack(file_with(packed), DECOMPRESS_ZSTD, 64, in, err) == -1 && strstr(err, "not a zstd"), "%s",
          err);
    CHECK(unpack(file_with(in), DECOMPRESS_LZ4, 64, in, err) == -1 && strstr(err, "not an lz4"), "%s", err);
    CHECK(unpack(file_with(in), DECOMPRESS_GZIP, 64, in, err) == -1 && strstr(err, "not a gzip"), "%s", err);
    free(in.p), free(packed.p);
}

int main(void)
{
    test_begin(100);
    every_kind_comes_back();
    frames_follow_each_other();
    a_pipe_of_single_bytes_is_enough();
    every_truncation_is_found();
    no_bit_flip_gives_other_bytes();
    large_windows_are_refused();
    skippable_frames_come_first();
    zeros_may_follow_gzip();
    larger_windows_are_an_option();
    names_and_magic_are_held_against_each_other();
    return 0;
}
