/*
 * mix_test - shares, permutations, and bin/mix end to end over file, pipe and ring
 */
#include "formats/manifest.h"
#include "formats/shard_write.h"
#include "formats/tokens.h"
#include "pipeline/stream/batchstream.h"
#include "pipeline/mix/order.h"
#include "pipeline/mix/shares.h"
#include "tests/program.h"
#include <xxhash.h>

enum { VOCAB = 60000 };
static char err[4096];

static uint64_t rng = 12345;
static uint64_t random_below(uint64_t n)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (rng >> 8) % n;
}

static void weights_are_exact(void)
{
    static const struct {
        const char *s;
        uint64_t want;
    } good[] = {{"40", 40000000000},
                {"0.5", 500000000},
                {"0.000000001", 1},
                {"999999.999999999", 999999999999999},
                {"007", 7000000000}};
    static const char *const bad[] = {"",   "0",  "0.0",   "-1", "1e3", "1.", ".5", "1000000", "0.0000000001",
                                      "1 ", "+1", "1.2.3", "nan"};
    uint64_t w;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        CHECK(weight_parse(good[i].s, strlen(good[i].s), &w) == 0 && w == good[i].want, "%s", good[i].s);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(weight_parse(bad[i], strlen(bad[i]), &w) == -1, "'%s' taken for a weight", bad[i]);
}

/* After every row: |drawn * S - rows * w| < S, exactly, for every source. */
static void check_share(const struct shares *s)
{
    for (size_t i = 0; i < s->n; i++) {
        __int128 off = (__int128)s->s[i].drawn * s->total - (__int128)s->row * s->s[i].weight;
        CHECK(off < (__int128)s->total && -off < (__int128)s->total,
              "row %llu: source %zu of %zu is a row or more off", (unsigned long long)s->row, i, s->n);
    }
}

static void shares_hold(void)
{
    for (int trial = 0; trial < 400; trial++) {
        uint64_t w[SHARES_MAX], scale = 1 + random_below(trial % 3 == 0   ? 8
                                                         : trial % 3 == 1 ? 1000
                                                                          : 1ull << 50);
        size_t n = trial == 0 ? 1 : trial < 10 ? SHARES_MAX : 1 + random_below(9);
        struct shares s, t;
        for (size_t i = 0; i < n; i++)
            w[i] = 1 + random_below(scale) * (trial % 7 == 0 && i == 0 ? 50 : 1);
        shares_init(&s, w, n);
        uint64_t stop = 1 + random_below(4000);
        for (uint64_t r = 0; r < 4000; r++) {
            if (r == stop) { /* seeking lands in the very same state */
                shares_init(&t, w, n);
                shares_seek(&t, r);
                CHECK(memcmp(&s, &t, sizeof s) == 0, "seek to row %llu", (unsigned long long)r);
            }
            shares_next(&s);
            check_share(&s);
        }
    }
}

/* Far out, without walking there: two landings on one walk meet in the same state, no deadline missed
 * between. */
static void seeks_far(void)
{
    static const uint64_t weights[][5] = {
        {40, 25, 15, 10, 10},
        {17833411, 5168316, 1234172, 1699776, 126276},      /* tokens of each: a round of 26 million rows */
        {401000000003, 250000000007, 150000000001, 999, 3}, /* the rarest comes every 3e11 rows */
    };
    for (size_t k = 0; k < 3; k++) {
        struct shares s, t;
        for (int bits = 20; bits < 60; bits++) {
            uint64_t row = (1ull << bits) + random_below(1ull << bits);
            if (k == 2 && bits >= 22)
                break; /* walks from the start, as it must */
            shares_init(&s, weights[k], 5);
            shares_seek(&s, row);
            shares_init(&t, weights[k], 5);
            shares_seek(&t, row + 900);
            for (int r = 0; r < 900; r++) {
                shares_next(&s);
                check_share(&s);
            }
            CHECK(memcmp(&s, &t, sizeof s) == 0, "weights %zu: seek to row %llu", k, (unsigned long long)row);
        }
    }
}

static void permutations_permute(void)
{
    for (uint64_t n = 1; n < 700; n += n < 70 ? 1 : 37) {
        struct permutation p, q;
        char *seen = calloc(n, 1);
        uint64_t same = 0, fixed = 0;
        permutation_init(&p, n, 7, 99, n % 5);
        permutation_init(&q, n, 7, 99, n % 5 + 1);
        for (uint64_t i = 0; i < n; i++) {
            uint64_t x = permutation_at(&p, i);
            CHECK(x < n && !seen[x], "n %llu, i %llu: %llu", (unsigned long long)n, (unsigned long long)i,
                  (unsigned long long)x);
            seen[x] = 1;
            same += x == permutation_at(&q, i);
            fixed += x == i;
        }
        CHECK(n < 70 || (same < 15 && fixed < 15), "n %llu: %llu as in the next epoch, %llu where they were",
              (unsigned long long)n, (unsigned long long)same, (unsigned long long)fixed);
        free(seen);
    }
    /* first places are spread: the mean of 1000 draws of 10^6 is within 5 deviations of the middle */
    struct permutation p;
    double sum = 0;
    permutation_init(&p, 1000000, 1, 2, 3);
    for (uint64_t i = 0; i < 1000; i++)
        sum += (double)permutation_at(&p, i) / 1e6;
    CHECK(sum > 500 - 46 && sum < 500 + 46, "mean %g", sum / 1000);
}

/* Every window once an epoch, in chapters of bounded size when the source is large, and the same from
 * anywhere. */
static void orders_cover(void)
{
    static const uint64_t cases[][2] = {{1, 512},       {5000, 512},   {131072, 512},
                                        {131073, 512},  {140000, 512}, {300001, 512},
                                        {1000003, 130}, {70, 4 << 20}, {97, 3 << 20}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        uint64_t n = cases[c][0], bytes = cases[c][1], changes = 0, lowest = 0, spread = 0;
        struct order o, again;
        char *seen = calloc(n, 1);
        order_init(&o, n, bytes, 7, 99);
        CHECK((o.n_chapters == 1) == (n / o.stretch <= ORDER_WHOLE_STRETCHES), "%llu windows: %llu chapters",
              (unsigned long long)n, (unsigned long long)o.n_chapters);
        for (uint64_t k = 0, chapter = 0; k < 2 * n; k++) {
            uint64_t x = order_at(&o, k);
            CHECK(x < n && seen[x]++ == (char)(k / n), "%llu windows, draw %llu: %llu", (unsigned long long)n,
                  (unsigned long long)k, (unsigned long long)x);
            changes += k > 0 && o.chapter != chapter;
            chapter = o.chapter;
            spread += k > 0 && (x > lowest ? x - lowest : lowest - x) > n / 10;
            lowest = x;
            if (k % 977 == 0) {
                order_init(&again, n, bytes, 7, 99);
                CHECK(order_at(&again, k) == x, "draw %llu differs when it is the first",
                      (unsigned long long)k);
            }
        }
        CHECK(changes == (o.n_chapters == 1 ? 0 : 2 * o.n_chapters - 1), "%llu changes of chapter",
              (unsigned long long)changes);
        CHECK(n < 5000 || spread > n, "neighbours stay neighbours: %llu of %llu jump",
              (unsigned long long)spread, (unsigned long long)(2 * n));
        free(seen);
    }
}

/* Source k of n tokens: token at position p is (p * 7 + k * 1000) % 59999, documents of 97 tokens. */
static uint32_t token_at(int k, uint64_t p)
{
    return p % 97 == 96 ? VOCAB - 1 : (uint32_t)((p * 7 + (uint64_t)k * 1000) % (VOCAB - 1));
}

static void make_source(const char *dir, int k, uint32_t documents, uint32_t vocab, uint64_t tokenizer)
{
    struct shard_header like = {.vocab_size = vocab,
                                .eos_id = VOCAB - 1,
                                .bos_id = UINT32_MAX,
                                .tokenizer_hash = tokenizer},
                        h;
    struct manifest m = {.vocab_size = vocab,
                         .eos_id = VOCAB - 1,
                         .bos_id = UINT32_MAX,
                         .token_width = vocab > 65536 ? 4 : 2,
                         .tokenizer_hash = tokenizer,
                         .split = "train"};
    char path[256], name[32];
    CHECK(mkdir(dir, 0755) == 0, "%s", dir);
    for (uint32_t d = 0, shard = 0; d < documents;
         shard++) { /* 50 documents a shard, so that windows cross shards */
        struct shard_writer *w;
        manifest_shard_name(name, sizeof name, shard, ARCHIVE_NONE);
        snprintf(path, sizeof path, "%s/%s", dir, name);
        CHECK(shard_writer_open(&w, path, &like, err, sizeof err) == 0, "%s", err);
        for (uint32_t end = d + 50; d < end && d < documents; d++) {
            uint16_t t16[96];
            uint32_t t32[96];
            for (uint32_t i = 0; i < 96; i++)
                t16[i] = (uint16_t)(t32[i] = token_at(k, (uint64_t)d * 97 + i));
            CHECK(shard_writer_put(w, vocab > 65536 ? (void *)t32 : t16, 96, err, sizeof err) == 0, "%s",
                  err);
            CHECK(shard_writer_end(w, DOMAIN_MATH, 0, err, sizeof err) == 0, "%s", err);
        }
        CHECK(shard_writer_finish(w, &h, err, sizeof err) == 0, "%s", err);
        struct manifest_shard s = {h.file_bytes, h.header_hash, h.n_tokens, h.n_documents, h.text_bytes};
        manifest_add(&m, &s);
    }
    manifest_seal(&m);
    char *json = manifest_to_json(&m);
    snprintf(path, sizeof path, "%s/manifest.json", dir);
    spill(path, json, strlen(json));
    free(json);
    manifest_free(&m);
}

static const uint32_t DOCUMENTS[] = {400, 130, 20};
static const uint64_t WEIGHTS[] = {5, 3, 2};
#define SOURCES "a=5:a", "b=3:b", "c=2:c", "-T", "64", "-B", "7", "--seed", "9"

/* Every row is the window it says, every epoch of every source visits each window once, shares hold at each
 * row. */
static void stream_is_right(const char *endpoint, uint64_t first, uint64_t n_steps)
{
    struct batch_reader *r = batch_reader_open(endpoint);
    const struct batch_header *h = batch_reader_header(r);
    const struct batch_record *record;
    uint64_t drawn[3] = {0}, rows = 0, steps = 0;
    char *seen[3];
    for (int k = 0; k < 3; k++)
        seen[k] = calloc(DOCUMENTS[k] * 97, 1);
    CHECK(h->B == 7 && h->T == 64 && h->seed == 9 && h->first_step == first && h->n_sources == 3, "header");
    while (batch_reader_next(r, &record)) {
        CHECK(record->step == first + steps, "step %llu", (unsigned long long)record->step);
        steps++;
        for (uint32_t i = 0; i < h->B; i++, rows++) {
            const struct batch_row *row = batch_rows(record) + i;
            const uint16_t *t = (const uint16_t *)batch_tokens(h, record) + (size_t)i * 65;
            uint64_t windows = (DOCUMENTS[row->source] * 97 - 1) / 64;
            for (int j = 0; j <= 64; j++)
                CHECK(t[j] == token_at(row->source, row->offset + (uint64_t)j), "row %llu, token %d",
                      (unsigned long long)rows, j);
            if (first > 0)
                continue;
            CHECK(row->offset % 64 == 0 && row->offset / 64 < windows, "offset %llu",
                  (unsigned long long)row->offset);
            CHECK(row->epoch == drawn[row->source] / windows, "epoch %u", row->epoch);
            CHECK(seen[row->source][row->offset / 64]++ == (char)row->epoch,
                  "a window came twice in an epoch");
            drawn[row->source]++;
            for (int k = 0; k < 3; k++) {
                int64_t off = (int64_t)(drawn[k] * 10) - (int64_t)((rows + 1) * WEIGHTS[k]);
                CHECK(off > -10 && off < 10, "source %d is a row off after row %llu", k,
                      (unsigned long long)rows);
            }
        }
    }
    CHECK(steps == n_steps, "%llu steps", (unsigned long long)steps);
    batch_reader_close(r);
    for (int k = 0; k < 3; k++)
        free(seen[k]);
}

static void mixing(void)
{
    for (int k = 0; k < 3; k++)
        make_source((const char *[]){"a", "b", "c"}[k], k, DOCUMENTS[k], VOCAB, 77);
    CHECK(MIX(SOURCES, "--steps", "80", "-o", "full.batches") == 0, "%s", stderr_text());
    CHECK(strstr(stderr_text(), "warning: c: c will be read 3") == NULL, "%s", stderr_text());
    stream_is_right("full.batches", 0, 80);
    CHECK(MIX(SOURCES, "--steps", "80") == 0 && same_file("stdout", "full.batches"), "pipe and file differ");

    size_t n, m;
    char *full = slurp("full.batches", &n), name[32];
    size_t record = (n - 128) / 81;
    for (int start = 1; start <= 80;
         start += 13) { /* the tail, byte for byte, but for first_step in the header */
        snprintf(name, sizeof name, "%d", start);
        CHECK(MIX(SOURCES, "--steps", "80", "--start-step", name) == 0, "%s", stderr_text());
        char *tail = slurp("stdout", &m);
        CHECK(m == 128 + record * (size_t)(81 - start), "%zu bytes", m);
        CHECK(memcmp(tail + 128, full + 128 + record * (size_t)start, m - 128) == 0, "--start-step %d",
              start);
        CHECK(memcmp(tail, full, 56) == 0, "header differs in more than first_step");
        spill("tail.batches", tail, m);
        stream_is_right("tail.batches", (uint64_t)start, (uint64_t)(80 - start));
        free(tail);
    }
    CHECK(MIX("a=5:a", "b=3:b", "c=2:c", "-T", "64", "-B", "7", "--seed", "10", "--steps", "80") == 0, "%s",
          stderr_text());
    CHECK(!same_file("stdout", "full.batches"), "the seed does not matter");
    CHECK(MIX("a=50:a", "b=30.0:b", "c=20:c", "-T", "64", "-B", "7", "--seed", "9", "--steps", "80") == 0,
          "%s", stderr_text());
    CHECK(same_file("stdout", "full.batches"), "weights are not relative");
    CHECK(MIX(SOURCES, "--steps", "0") == 0, "%s", stderr_text());
    free(slurp("stdout", &m));
    CHECK(m == 128 + record, "--steps 0: %zu bytes", m);
    free(full);
}

/* The first 64 rows of a stream, one a line: which source, which epoch, at which token. */
static void list_rows(FILE *f, const char *name, const char *endpoint)
{
    struct batch_reader *r = batch_reader_open(endpoint);
    const struct batch_header *h = batch_reader_header(r);
    const struct batch_record *record;
    for (int n = 0; n < 64 && batch_reader_next(r, &record);)
        for (uint32_t i = 0; i < h->B && n < 64; i++, n++) {
            const struct batch_row *row = &batch_rows(record)[i];
            fprintf(f, "%s %d: %u %u %llu\n", name, n, row->source, row->epoch,
                    (unsigned long long)row->offset);
        }
    batch_reader_close(r);
}

/* Which row comes when is a promise: a run that goes on with another version sees the same data. So the first
 * rows of three mixes, of one that begins in the middle, and of the order within a source of several chapters
 * are pinned. */
static void rows_are_pinned(void)
{
    char path[4096];
    FILE *f = fopen("mix-rows.txt", "w");
    CHECK(f != NULL, "mix-rows.txt");
    EXPECT(0, MIX(SOURCES, "--steps", "16", "-o", "thirds.batches"), "");
    list_rows(f, "5:3:2", "thirds.batches");
    EXPECT(0,
           MIX("a=1:a", "b=2:b", "c=5:c", "-T", "32", "-B", "4", "--seed", "1", "--steps", "16", "-o",
               "early.batches"),
           "");
    list_rows(f, "1:2:5", "early.batches");
    EXPECT(0,
           MIX("c=0.125:c", "a=17.5:a", "b=1.3:b", "-T", "96", "-B", "8", "--seed", "12345678901", "--steps",
               "8", "-o", "odd.batches"),
           "");
    list_rows(f, "0.125:17.5:1.3", "odd.batches");
    EXPECT(0, MIX(SOURCES, "--steps", "60", "--start-step", "37", "-o", "middle.batches"), "");
    list_rows(f, "5:3:2 from step 37", "middle.batches");
    struct order o;
    order_init(&o, 1000003, 130, 7, 99);
    for (uint64_t k = 0; k < 64; k++)
        fprintf(f, "1000003 windows, draw %llu: %llu\n", (unsigned long long)(k * 40009),
                (unsigned long long)order_at(&o, k * 40009));
    order_init(&o, 97, 3 << 20, 7, 99);
    for (uint64_t k = 0; k < 32; k++)
        fprintf(f, "97 large windows, draw %llu: %llu\n", (unsigned long long)k,
                (unsigned long long)order_at(&o, k));
    CHECK(fclose(f) == 0, "mix-rows.txt");
    snprintf(path, sizeof path, "%s/tests/golden/mix-rows.txt", getenv("ROOT") ? getenv("ROOT") : ".");
    size_t n, m;
    char *got = slurp("mix-rows.txt", &n), *want = slurp(path, &m);
    for (char *g = got, *w = want; *g || *w;) {
        int a = (int)strcspn(g, "\n"), b = (int)strcspn(w, "\n");
        CHECK(a == b && memcmp(g, w, (size_t)a) == 0, "'%.*s' was '%.*s' when %s was written", a, g, b, w,
              path);
        g += a + (g[a] != 0);
        w += b + (w[b] != 0);
    }
    free(got);
    free(want);
}

static void wide_tokens(void)
{
    make_source("wide", 0, 60, 100000, 78);
    CHECK(MIX("w=1:wide", "-T", "50", "-B", "3", "--steps", "9", "-o", "wide.batches") == 0, "%s",
          stderr_text());
    struct batch_reader *r = batch_reader_open("wide.batches");
    const struct batch_record *record;
    int steps = 0;
    for (; batch_reader_next(r, &record); steps++)
        for (int i = 0; i < 3; i++)
            for (int j = 0; j <= 50; j++)
                CHECK(((uint32_t *)batch_tokens(batch_reader_header(r), record))[i * 51 + j] ==
                          token_at(0, batch_rows(record)[i].offset + (uint64_t)j),
                      "step %d row %d token %d", steps, i, j);
    CHECK(steps == 9, "%d steps", steps);
    batch_reader_close(r);
}

static void repeats(void)
{
    EXPECT(1, MIX(SOURCES, "--steps", "80", "--max-epochs", "2", "-o", "never"), "more than --max-epochs 2");
    CHECK(!exists("never"), "something was written");
    for (int json = 0; json < 2; json++) {
        EXPECT(1,
               MIX(SOURCES, "--steps", "80", "--max-epochs", "2", "--dry-run", json ? "--json" : "--quiet"),
               "more than --max-epochs 2");
        size_t shown;
        free(slurp("stdout", &shown));
        CHECK(shown > 100, "the dry run shows why");
        EXPECT(0,
               MIX(SOURCES, "--steps", "40", "--max-epochs", "2", "--dry-run", json ? "--json" : "--quiet"),
               "");
    }
    EXPECT(0, MIX(SOURCES, "--steps", "200", "-o", "many.batches"), "warning: c: c will be read 9.3 times");
    CHECK(!strstr(stderr_text(), "is being read"), "said twice: %s", stderr_text());
    EXPECT(0, MIX(SOURCES, "--max-epochs", "7", "-o", "many.batches"),
           "warning: c: c is being read for the 5th time");
    CHECK(!strstr(stderr_text(), "6th"), "said twice: %s", stderr_text());
    EXPECT(0, MIX(SOURCES, "--max-epochs", "2", "-o", "capped.batches"), "the stream ends here");
    stream_is_right("capped.batches", 0, 43); /* c: 2 * 30 windows are 300 rows, and 301 are drawn */
    CHECK(MIX(SOURCES, "--steps", "80", "--dry-run") == 0, "%s", stderr_text());
    size_t n;
    char *table = slurp("stdout", &n);
    CHECK(strstr(table, "3.73") && strstr(table, "20.000%") && strstr(table, "35840 tokens"), "%s", table);
    free(table);
    CHECK(MIX(SOURCES, "--dry-run", "--json") == 0, "%s", stderr_text());
    table = slurp("stdout", &n);
    CHECK(strstr(table, "\"drawn_tokens\": 224000"), "%s", table);
    CHECK(strstr(table, "\"documents\": 400") && strstr(table, "\"domain\": \"other\"") &&
              strstr(table, "\"text_bytes\": "),
          "%s", table);
    free(table);
}

static void refusals(void)
{
    make_source("other", 0, 40, VOCAB, 79);
    make_source("tiny", 0, 1, VOCAB, 77);
    EXPECT(1, MIX("a=1:a", "o=1:other", "--steps", "1", "-o", "x"),
           "a and other were made with different tokenizers");
    EXPECT(1, MIX("a=1:a", "o=1:wide", "--steps", "1", "-o", "x"), "vocabulary");
    EXPECT(1, MIX("a=1:a", "t=1:tiny", "-T", "97", "--steps", "1", "-o", "x"), "tiny: 97 tokens are too few");
    CHECK(MIX("t=1:tiny", "-T", "96", "--steps", "3", "-o", "one.batches") == 0, "%s", stderr_text());
    EXPECT(1, MIX("a=1:nowhere", "--steps", "1", "-o", "x"), "nowhere");
    EXPECT(2, MIX("--steps", "1", "-o", "x"), "source");
    EXPECT(2, MIX("a=1:a", "a=2:b", "--steps", "1", "-o", "x"), "two sources");
    EXPECT(2, MIX("a=zero:a", "--steps", "1", "-o", "x"), "weight");
    EXPECT(2, MIX("a:1=a", "--steps", "1", "-o", "x"), "NAME=WEIGHT:DIR");
    EXPECT(2, MIX("a=1:a", "--steps", "1", "--json", "-o", "x"), "--dry-run");
    EXPECT(2, MIX("a=1:a", "-B", "0", "--steps", "1", "-o", "x"), "-B 1 to");
    EXPECT(0, MIX("abcdefghijklmnopqrstuvwxyz012345=1:a", "-B", "1", "--steps", "1"), "");
    EXPECT(2, MIX("abcdefghijklmnopqrstuvwxyz0123456=1:a", "-B", "1", "--steps", "1"), "a name is 1 to 32");
    EXPECT(1, MIX("a=1:a", "--steps", "1", "-o", "b"), "b: is a directory");
    EXPECT(2, MIX("a=1:a", "-T", "30000", "-B", "2000", "--steps", "1", "-o", "x"), "MiB");
    CHECK(!exists("x"), "a refused mix left a file");
    int terminal = posix_openpt(O_RDWR | O_NOCTTY);
    if (terminal >= 0 && grantpt(terminal) == 0 && unlockpt(terminal) == 0)
        EXPECT(
            2,
            program_run(program_path("BIN", "mix"), ptsname(terminal), SOURCES, "--steps", "1", (char *)NULL),
            "binary");
    int fd = open("c/000000.tok", O_RDWR);
    char byte;
    CHECK(fd >= 0 && pread(fd, &byte, 1, 4100) == 1, "c");
    byte ^= 1;
    CHECK(pwrite(fd, &byte, 1, 4100) == 1, "c");
    EXPECT(1, MIX(SOURCES, "--steps", "80", "-o", "x"), "c/000000.tok: offset 4096: block is damaged");
    byte ^= 1;
    CHECK(pwrite(fd, &byte, 1, 4100) == 1 && close(fd) == 0, "c");
    CHECK(!exists("x"), "a file was committed though its source is damaged");
    if (access("/dev/full", W_OK) == 0)
        EXPECT(1, MIX(SOURCES, "--steps", "80", "-o", "/dev/full"), "/dev/full: cannot write: No space");
}

/* Reads a stream in a process of its own: returns its exit code, and leaves its message in "stderr". */
static int read_stream(const char *endpoint)
{
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        const struct batch_record *record;
        if (!freopen("stderr", "w", stderr))
            _exit(126);
        struct batch_reader *r = batch_reader_open(endpoint);
        while (batch_reader_next(r, &record))
            ;
        exit(0);
    }
    return program_wait(pid);
}

static void damage(void)
{
    size_t n;
    char *was = slurp("one.batches", &n);
    CHECK(read_stream("one.batches") == 0, "%s", stderr_text());
    for (size_t len = 0; len < n; len += 501) {
        spill("bad.batches", was, len);
        EXPECT(1, read_stream("bad.batches"), "bad.batches");
    }
    for (size_t bit = 3; bit < 8 * n; bit += bit < 8 * 160 ? 5 : 1009) {
        was[bit / 8] ^= (char)(1 << bit % 8);
        spill("bad.batches", was, n);
        was[bit / 8] ^= (char)(1 << bit % 8);
        CHECK(read_stream("bad.batches") == 1, "bit %zu flipped, and not seen", bit);
        CHECK(strstr(stderr_text(), "offset"), "%s", stderr_text());
    }
    struct batch_header h; /* sound but for the width of its tokens */
    memcpy(&h, was, sizeof h);
    h.token_width = 4;
    h.header_hash = XXH3_64bits(&h, offsetof(struct batch_header, header_hash));
    memcpy(was, &h, sizeof h);
    spill("bad.batches", was, n);
    EXPECT(1, read_stream("bad.batches"), "bad.batches: offset 0: token width does not fit the vocabulary");
    free(was);

    was = slurp("c/000000.tok", &n);
    struct shard_header s, good;
    memcpy(&good, was, sizeof good);
    s = good;
    s.token_width = 4;
    s.header_hash = XXH3_64bits(&s, offsetof(struct shard_header, header_hash));
    memcpy(was, &s, sizeof s);
    spill("c/000000.tok", was, n);
    EXPECT(1, MIX(SOURCES, "--steps", "1", "-o", "x"), "c/000000.tok: offset 12: token width does not fit");
    memcpy(was, &good, sizeof good);
    spill("c/000000.tok", was, n);
    free(was);
}

static pid_t start_mix(char *const *more)
{
    char *argv[PROGRAM_ARGS] = {"mix", SOURCES, NULL};
    int n = 0;
    while (argv[n])
        n++;
    for (; *more; more++)
        argv[n++] = *more;
    return program_start(program_path("BIN", "mix"), "stdout", argv);
}

static void rings(void)
{
    char name[64], *more[] = {"--steps", "80", "-o", name, NULL}, *forever[] = {"-o", name, NULL};
    snprintf(name, sizeof name, "ring:mix-test-%d", (int)getpid());
    pid_t mix = start_mix(more);
    stream_is_right(name, 0, 80);
    CHECK(program_wait(mix) == 0, "%s", stderr_text());

    mix = start_mix(forever); /* the reader has enough */
    struct batch_reader *r = batch_reader_open(name);
    const struct batch_record *record;
    for (int i = 0; i < 20; i++)
        CHECK(batch_reader_next(r, &record) == 1 && record->step == (uint64_t)i, "step %d", i);
    usleep(300000); /* mix fills the ring and waits */
    batch_reader_close(r);
    CHECK(program_wait(mix) == 0, "%s", stderr_text());

    mix = start_mix(forever); /* the reader dies */
    pid_t reader = fork();
    CHECK(reader >= 0, "fork");
    if (reader == 0) {
        r = batch_reader_open(name);
        batch_reader_next(r, &record);
        kill(getpid(), SIGKILL);
    }
    program_wait(reader);
    EXPECT(1, program_wait(mix), "the reader died");

    mix = start_mix(forever); /* the writer dies */
    r = batch_reader_open(name);
    CHECK(batch_reader_next(r, &record) == 1, "first step");
    kill(mix, SIGKILL);
    program_wait(mix);
    reader = fork();
    if (reader == 0) {
        if (!freopen("stderr", "w", stderr))
            _exit(126);
        while (batch_reader_next(r, &record))
            ;
        exit(0);
    }
    EXPECT(1, program_wait(reader), "the writer died");
    batch_reader_close(r);
}

/* Stopped while writing to a pipe: whole records, no end record, exit 128 + 15. */
static void stopped(void)
{
    int fds[2], status;
    CHECK(pipe2(fds, O_CLOEXEC) == 0, "pipe");
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        dup2(fds[1], 1);
        execl(program_path("BIN", "mix"), "mix", "-q", SOURCES, (char *)NULL);
        _exit(127);
    }
    close(fds[1]);
    static char buffer[1 << 16];
    size_t total = 0;
    for (int i = 0; i < 10; i++)
        total += (size_t)read(fds[0], buffer, sizeof buffer);
    kill(pid, SIGTERM);
    for (ssize_t k; (k = read(fds[0], buffer, sizeof buffer)) > 0;)
        total += (size_t)k;
    CHECK(waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGTERM,
          "status %x", status);
    size_t record = (16 + 7 * (16 + 65 * 2) + 7) / 8 * 8;
    CHECK((total - 128) % record == 0, "%zu bytes are not whole records of %zu", total, record);
    close(fds[0]);
}

int main(void)
{
    test_begin(240);
    weights_are_exact();
    shares_hold();
    seeks_far();
    permutations_permute();
    orders_cover();
    mixing();
    rows_are_pinned();
    wide_tokens();
    repeats();
    refusals();
    damage();
    rings();
    stopped();
    return 0;
}
