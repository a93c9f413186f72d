/*
 * shard_program_test - bin/shard end to end: nothing lost, split and order, kill -9, full disk, archives
 */
#include <sched.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <time.h>

#include "formats/manifest.h"
#include "formats/shard.h"
#include "formats/tokens.h"
#include "pipeline/shard/shuffle.h"
#include "pipeline/stream/tokstream.h"
#include "tests/program.h"
#include <xxhash.h>

enum { VOCAB = 5000, EOS = 4999 };
static char err[4096];

/* Document i is a function of i: its length and tokens; 0 tokens long for every 100th. */
static size_t document(uint32_t i, uint32_t max, uint32_t *out)
{
    uint64_t x = (i + 1) * 0x9e3779b97f4a7c15;
    size_t n = i % 100 == 99 ? 0 : 1 + (x >> 33) % max;
    for (size_t k = 0; k < n; k++) {
        x = x * 6364136223846793005 + 1442695040888963407;
        out[k] = (uint32_t)(x >> 40) % (VOCAB - 1);
    }
    return n;
}

static void put(struct tok_writer *w, int domain, const uint32_t *t, size_t n)
{
    uint64_t hash = XXH3_64bits(t, n * sizeof *t); /* in place of its text, which there is none of */
    size_t k = 0;
    do { /* long ones in records of odd sizes, as another writer may cut them */
        size_t piece = n - k > 1000003 ? 1000003 : n - k;
        tok_writer_put(w, domain, hash, t + k, piece, 4 * piece, k + piece < n);
        k += piece;
    } while (k < n);
}

/* Documents [0, n) to a token stream file, backwards if so asked; `huge` more tokens in one document in the
 * middle. */
static void write_stream(const char *path, uint32_t n, uint32_t max, bool backwards, size_t huge, int domains)
{
    struct tokens_header h;
    tokens_header_init(&h, VOCAB, 0xabcdef, UINT32_MAX, EOS);
    struct tok_writer *w = tok_writer_open(path, &h);
    uint32_t *t = calloc((huge > max ? huge : max) + 1, sizeof *t);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = backwards ? n - 1 - k : k;
        put(w, DOMAIN_CODE + (int)i % domains, t, document(i, max, t));
        if (huge && k == n / 2) {
            for (size_t j = 0; j < huge; j++)
                t[j] = (uint32_t)(j * j % 4001);
            put(w, DOMAIN_CODE, t, huge);
        }
    }
    free(t);
    tok_writer_close(w, true);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

struct set { /* hashes of documents, EOS included */
    uint64_t *v;
    size_t n;
    uint64_t tokens;
};

static struct set set_of_dir(const char *dir)
{
    struct shard_set *s = shard_set_open(dir, true, err, sizeof err);
    CHECK(s != NULL, "%s", err);
    struct set set = {.n = shard_set_documents(s), .tokens = shard_set_tokens(s)};
    set.v = calloc(set.n + 1, 8);
    uint16_t *t = malloc(2 * (set.tokens + 1));
    CHECK(shard_set_read(s, 0, set.tokens, t, err, sizeof err) == 0, "%s", err);
    size_t documents = 0;
    for (uint64_t b = 0, e = 0; e < set.tokens; e++) { /* a document ends with its EOS */
        if (t[e] != EOS)
            continue;
        CHECK(documents < set.n, "more documents than are counted");
        set.v[documents++] = XXH3_64bits(t + b, 2 * (e + 1 - b));
        b = e + 1;
    }
    CHECK(documents == set.n, "%zu of %zu documents", documents, set.n);
    free(t);
    shard_set_close(s);
    return set;
}

static uint64_t hash_document(const uint32_t *t, size_t n)
{
    uint16_t *narrow = malloc(2 * (n + 1));
    for (size_t i = 0; i < n; i++)
        narrow[i] = (uint16_t)t[i];
    narrow[n] = EOS;
    uint64_t h = XXH3_64bits(narrow, 2 * (n + 1));
    free(narrow);
    return h;
}

/* Every document of the stream is in DIR or DIR/val, once; none else is; returns how many are in val. */
static size_t check_complete(const char *dir, uint32_t n, uint32_t max, size_t huge)
{
    char val[256];
    snprintf(val, sizeof val, "%s/val", dir);
    struct set train = set_of_dir(dir), held = set_of_dir(val);
    size_t total = train.n + held.n, want = 0;
    uint64_t *have = malloc(8 * (total + 1)), *wanted = malloc(8 * (n + 2));
    uint32_t *t = malloc(4 * ((huge > max ? huge : max) + 1));
    memcpy(have, train.v, 8 * train.n);
    memcpy(have + train.n, held.v, 8 * held.n);
    for (uint32_t i = 0; i < n; i++) {
        size_t len = document(i, max, t);
        if (len > 0)
            wanted[want++] = hash_document(t, len);
    }
    for (size_t j = 0; j < huge; j++)
        t[j] = (uint32_t)(j * j % 4001);
    if (huge)
        wanted[want++] = hash_document(t, huge);
    CHECK(want == total, "%zu documents in, %zu out", want, total);
    qsort(have, total, 8, by_value);
    qsort(wanted, want, 8, by_value);
    CHECK(memcmp(have, wanted, 8 * want) == 0, "documents differ");
    size_t n_held = held.n;
    free(have);
    free(wanted);
    free(t);
    free(train.v);
    free(held.v);
    return n_held;
}

static bool same_dir(const char *a, const char *b)
{
    struct manifest m;
    char x[256], y[256], name[32];
    CHECK(manifest_read(&m, a, err, sizeof err) == 0, "%s", err);
    size_t n = m.n_shards;
    int archive = m.archive;
    manifest_free(&m);
    for (size_t i = 0; i <= n; i++) {
        manifest_shard_name(name, sizeof name, i, archive);
        snprintf(x, sizeof x, "%s/%s", a, i < n ? name : "manifest.json");
        snprintf(y, sizeof y, "%s/%s", b, i < n ? name : "manifest.json");
        if (!same_file(x, y))
            return false;
    }
    return true;
}

/* Nothing lost or doubled; deterministic by seed; split by the documents alone. */
static void whole(void)
{
    write_stream("forward.tokens", 4000, 60, false, 0, 1);
    write_stream("backward.tokens", 4000, 60, true, 0, 1);
    CHECK(SHARD("-i", "forward.tokens", "-o", "a", "--val", "10%", "-n", "20000", "--seed", "5") == 0, "%s",
          stderr_text());
    size_t listed;
    char *list = slurp("stdout", &listed);
    CHECK(strstr(list, "a/000000.tok\n") == list && strstr(list, "a/val/000000.tok\n"), "%s", list);
    for (char *p = strtok(list, "\n"); p; p = strtok(NULL, "\n"))
        CHECK(exists(p), "%s", p);
    free(list);
    size_t n_held = check_complete("a", 4000, 60, 0);
    CHECK(n_held > 320 && n_held < 480, "%zu of 3960 held out", n_held); /* 396 +- 4 deviations */
    CHECK(DUMP("--verify", "a") == 0, "%s", stderr_text());

    CHECK(SHARD("-i", "forward.tokens", "-o", "b", "--val", "0.1", "-n", "20000", "--seed", "5") == 0, "%s",
          stderr_text());
    CHECK(same_dir("a", "b") && same_dir("a/val", "b/val"), "two runs differ");
    CHECK(SHARD("-i", "backward.tokens", "-o", "c/", "--val", "10%", "--seed", "6", "--shuffle-buffer",
                "2MB") == 0,
          "%s", stderr_text());
    CHECK(check_complete("c", 4000, 60, 0) == n_held, "other documents held out");
    struct set x = set_of_dir("a/val"), y = set_of_dir("c/val");
    CHECK(memcmp(x.v, y.v, 8 * x.n) != 0, "not shuffled");
    qsort(x.v, x.n, 8, by_value);
    qsort(y.v, y.n, 8, by_value);
    CHECK(x.n == y.n && memcmp(x.v, y.v, 8 * x.n) == 0, "other documents held out");
    free(x.v);
    free(y.v);

    struct shard_set *s = shard_set_open("a", false, err, sizeof err);
    CHECK(s && shard_set_domain(s) == DOMAIN_CODE &&
              shard_set_text_bytes(s) == 4 * (shard_set_tokens(s) - shard_set_documents(s)),
          "domain or text bytes");
    CHECK(shard_set_tokenizer_hash(s) == 0xabcdef && shard_set_vocab_size(s) == VOCAB &&
              shard_set_eos(s) == EOS,
          "tokenizer");
    shard_set_close(s);
    write_stream("two.tokens", 50, 20, false, 0, 2);
    CHECK(SHARD("-i", "two.tokens", "-o", "two") == 0 && !exists("two/val"), "%s", stderr_text());
    s = shard_set_open("two", false, err, sizeof err);
    CHECK(s && shard_set_domain(s) == DOMAIN_OTHER, "two domains make other");
    shard_set_close(s);
}

static int given[8], n_given;

static void note_begin(void *arg, uint64_t hash)
{
    (void)arg;
    (void)hash;
}

static void note_tokens(void *arg, const void *tokens, size_t n)
{
    (void)arg;
    CHECK(n == 1, "%zu tokens", n);
    given[n_given++] = *(const uint16_t *)tokens;
}

static void note_end(void *arg, int domain, uint64_t text_bytes)
{
    (void)arg;
    CHECK(domain == DOMAIN_CODE && text_bytes == 3, "domain %d, %d bytes", domain, (int)text_bytes);
}

/* Over many seeds each of 8 documents must come at each place about equally often. */
static void uniform(void)
{
    enum { N = 8, RUNS = 4000 };
    int seen[N][N] = {{0}};
    struct shuffle_sink sink = {NULL, note_begin, note_tokens, note_end};
    for (uint64_t seed = 0; seed < RUNS; seed++) {
        struct shuffle *s = shuffle_new(SHUFFLE_MIN_BYTES, 2, seed, &sink);
        n_given = 0;
        for (uint16_t i = 0; i < N; i++)
            shuffle_put(s, &(struct tok_record_view){
                               .n_tokens = 1, .domain = DOMAIN_CODE, .text_bytes = 3, .tokens = &i});
        shuffle_flush(s);
        shuffle_free(s);
        for (int place = 0; place < N; place++)
            seen[given[place]][place]++;
    }
    for (int i = 0; i < N; i++)
        for (int place = 0; place < N; place++) /* 500 +- 21 */
            CHECK(seen[i][place] > 395 && seen[i][place] < 605, "document %d at place %d: %d of %d", i, place,
                  seen[i][place], RUNS);
}

/* A buffer far smaller than the input, and a document far larger than the buffer. */
static void bounded(void)
{
    write_stream("big.tokens", 3000, 4000, false, 3500000, 1);
    CHECK(SHARD("-i", "big.tokens", "-o", "big", "--val", "5%", "-n", "1000000", "--shuffle-buffer", "2MB") ==
              0,
          "%s", stderr_text());
    check_complete("big", 3000, 4000, 3500000);
    CHECK(DUMP("--verify", "big") == 0, "%s", stderr_text());
}

static pid_t start_shard(const char *in, const char *out)
{
    char *argv[] = {"shard", "-q", "-i", (char *)in, "-o", (char *)out, "--val", "5%", "-n", "300000", NULL};
    return program_start(program_path("BIN", "shard"), NULL, argv);
}

/* kill -9 at any moment: DIR is absent, or the old one, or the new one; the next run makes the same shards.
 */
static void killed(void)
{
    CHECK(SHARD("-i", "big.tokens", "-o", "want", "--val", "5%", "-n", "300000") == 0, "%s", stderr_text());
    double before = 0;
    struct timespec a, b;
    clock_gettime(CLOCK_MONOTONIC, &a);
    CHECK(program_wait(start_shard("big.tokens", "got")) == 0, "%s", stderr_text());
    clock_gettime(CLOCK_MONOTONIC, &b);
    double seconds = (double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec);
    CHECK(same_dir("want", "got"), "two runs differ");
    int kills = 0;
    for (int i = 0; i < 30; i++) {
        bool old = i % 2; /* something is there to be replaced: shards of other documents */
        CHECK(program_run("/bin/rm", NULL, "-rf", "got", (char *)NULL) == 0, "rm");
        if (old)
            CHECK(SHARD("-i", "two.tokens", "-o", "got") == 0, "%s", stderr_text());
        pid_t pid = start_shard("big.tokens", "got");
        before = seconds * 1.1 * (i + 0.5) / 30;
        usleep((useconds_t)(1e6 * before));
        kill(pid, SIGKILL);
        kills += program_wait(pid) == 128 + SIGKILL;
        if (exists("got"))
            CHECK(same_dir(exists("got/val") ? "want" : "two", "got"),
                  "a part was published (kill after %.3f s)", before);
        else
            CHECK(!old, "the old shards are gone (kill after %.3f s)", before);
        if (i % 5 == 0) {
            CHECK(program_wait(start_shard("big.tokens", "got")) == 0, "%s", stderr_text());
            CHECK(same_dir("want", "got") && same_dir("want/val", "got/val"), "shards differ after a kill");
            CHECK(!exists(".got.tritter-partial") && !exists(".got.tritter-old"), "leftovers");
        }
    }
    CHECK(kills >= 5, "only %d of 30 kills hit", kills);
}

static void stopped(void)
{
    int fds[2];
    CHECK(pipe2(fds, O_CLOEXEC) == 0, "pipe");
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        dup2(fds[0], 0);
        if (!freopen("stderr", "w", stderr))
            _exit(126);
        execl(program_path("BIN", "shard"), "shard", "-o", "stopped", (char *)NULL);
        _exit(127);
    }
    size_t n;
    char *stream = slurp("forward.tokens", &n);
    CHECK(write(fds[1], stream, 60000) == 60000, "write");
    free(stream);
    for (int i = 0; i < 500 && !exists(".stopped.tritter-partial"); i++)
        usleep(10000);
    usleep(50000);
    kill(pid, SIGTERM);
    CHECK(program_wait(pid) == 128 + SIGTERM, "%s", stderr_text());
    CHECK(!exists("stopped") && !exists(".stopped.tritter-partial"), "something was left");
    close(fds[0]);
    close(fds[1]);
}

static void archives(void)
{
    static const char *const forms[] = {"zstd", "lz4"};
    static const char *const first[] = {"arc/000000.tok.zst", "arc/000000.tok.lz4"};
    for (int i = 0; i < 2; i++) {
        CHECK(program_run("/bin/rm", NULL, "-rf", "arc", "there", (char *)NULL) == 0, "rm");
        CHECK(SHARD("-i", "big.tokens", "-o", "arc", "--val", "5%", "-n", "300000") == 0, "%s",
              stderr_text());
        CHECK(SHARD("--archive", forms[i], "arc") == 0, "%s", stderr_text());
        CHECK(exists(first[i]) && !exists("arc/000000.tok") && exists("arc/val/manifest.json"),
              "form of archive");
        CHECK(!shard_set_open("arc", false, err, sizeof err) && strstr(err, "shard --unpack arc"), "%s", err);
        EXPECT(1, SHARD("--archive", "zstd", "arc"), "archived already");
        CHECK(DUMP("arc") == 0, "%s", stderr_text());
        EXPECT(1, DUMP("--verify", "arc"), "unpack");
        CHECK(SHARD("--unpack", "arc", "-o", "there") == 0 && exists(first[i]), "%s", stderr_text());
        CHECK(same_dir("want", "there") && same_dir("want/val", "there/val"), "%s is not reversible",
              forms[i]);

        size_t n;
        char *packed = slurp(first[i], &n);
        for (int k = 0; k < 8; k++) {
            size_t at =
                n * (size_t)k / 8 + 40; /* beyond the frame header, whose window size may vary freely */
            packed[at] ^= 4;
            spill(first[i], packed, n);
            packed[at] ^= 4;
            EXPECT(1, SHARD("--unpack", "arc"), first[i]);
            CHECK(exists(first[i]) && !exists("arc/000000.tok") && !exists(".arc.tritter-partial"),
                  "arc was touched");
        }
        spill(first[i], packed, n - 1);
        EXPECT(1, SHARD("--unpack", "arc"), first[i]);
        spill(first[i], packed, n);
        free(packed);
        CHECK(SHARD("--unpack", "arc") == 0 && same_dir("want", "arc"), "%s", stderr_text());

        CHECK(SHARD("-i", "big.tokens", "-o", "direct", "--val", "5%", "-n", "300000", "--archive",
                    forms[i]) == 0,
              "%s", stderr_text());
        CHECK(SHARD("--unpack", "direct") == 0 && same_dir("want", "direct") &&
                  same_dir("want/val", "direct/val"),
              "%s", stderr_text());
    }
    EXPECT(1, SHARD("--unpack", "want"), "not archived");
}

/* Two records of one document whose hashes differ. */
static void two_hashes(void)
{
    struct tokens_header h;
    tokens_header_init(&h, VOCAB, 0xabcdef, UINT32_MAX, EOS);
    struct tok_writer *w = tok_writer_open("hashes.tokens", &h);
    tok_writer_put(w, DOMAIN_CODE, 1, (uint32_t[]){5, 6}, 2, 8, true);
    tok_writer_put(w, DOMAIN_CODE, 2, (uint32_t[]){7}, 1, 4, false);
    tok_writer_close(w, true);
    EXPECT(1, SHARD("-i", "hashes.tokens", "-o", "hashes"),
           "hashes.tokens: offset 156: a document that goes on is followed by something else");
}

static void refusals(void)
{
    size_t n;
    char *stream = slurp("forward.tokens", &n);
    for (int i = 0; i < 12; i++) {
        spill("cut.tokens", stream, n * (size_t)i / 12);
        EXPECT(1, SHARD("-i", "cut.tokens", "-o", "cut"), "cut.tokens");
        CHECK(!exists("cut") && !exists(".cut.tritter-partial"), "a cut stream left something");
    }
    EXPECT(1, SHARD("-i", "cut.tokens", "-o", "two"), "cut.tokens");
    struct tokens_header h; /* sound but for the width of its tokens */
    memcpy(&h, stream, sizeof h);
    h.token_width = 4;
    h.header_hash = XXH3_64bits(&h, offsetof(struct tokens_header, header_hash));
    memcpy(stream, &h, sizeof h);
    spill("wide.tokens", stream, n);
    EXPECT(1, SHARD("-i", "wide.tokens", "-o", "two"),
           "wide.tokens: offset 0: token width does not fit the vocabulary");
    CHECK(DUMP("--verify", "two") == 0, "old shards were touched: %s", stderr_text());
    free(stream);
    CHECK(mkdir("mine", 0755) == 0, "mkdir");
    spill("mine/notes.txt", "x", 1);
    EXPECT(1, SHARD("-i", "forward.tokens", "-o", "mine"), "mine/notes.txt");
    CHECK(exists("mine/notes.txt") && !exists(".mine.tritter-partial"),
          "a stranger's file was removed, or a directory left");
    CHECK(mkdir("empty", 0755) == 0 && SHARD("-i", "two.tokens", "-o", "empty") == 0, "%s", stderr_text());
    EXPECT(2, SHARD("-i", "two.tokens"), "-o");
    EXPECT(2, SHARD("--archive", "rar", "-o", "x"), "rar");
    EXPECT(2, SHARD("--shuffle-buffer", "1GB", "-o", "x"), "640MB");
    EXPECT(1, SHARD("-i", "no.tokens", "-o", "x"), "no.tokens");
    two_hashes();
    CHECK(!exists("x"), "misuse made a directory");
}

/* A limit on the size of files stands for a disk that is full in the middle of a shard. */
static void no_room(void)
{
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        struct rlimit limit = {1 << 20, 1 << 20};
        setrlimit(RLIMIT_FSIZE, &limit);
        if (!freopen("stderr", "w", stderr))
            _exit(126);
        execl(program_path("BIN", "shard"), "shard", "-i", "big.tokens", "-o", "two", (char *)NULL);
        _exit(127);
    }
    EXPECT(1, program_wait(pid), "000000.tok");
    CHECK(DUMP("--verify", "two") == 0, "old shards were touched: %s", stderr_text());
    CHECK(!exists(".two.tritter-partial"), "leftovers");
}

/* A file system of 2 MB: child in a mount namespace of its own, where that is allowed. */
static void full_disk(void)
{
    CHECK(mkdir("small", 0755) == 0, "mkdir");
    pid_t pid = fork();
    CHECK(pid >= 0, "fork");
    if (pid == 0) {
        if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
            mount("tmpfs", "small", "tmpfs", 0, "size=2m") != 0)
            _exit(77);
        CHECK(SHARD("-i", "two.tokens", "-o", "small/two") == 0, "%s", stderr_text());
        EXPECT(1, SHARD("-i", "big.tokens", "-o", "small/two"), "No space left");
        CHECK(strstr(stderr_text(), "000000.tok"), "%s", stderr_text());
        CHECK(same_dir("small/two", "two") && DUMP("--verify", "small/two") == 0, "old shards were touched");
        CHECK(!exists("small/.two.tritter-partial"), "leftovers");
        _exit(0);
    }
    int code = program_wait(pid);
    if (code == 77)
        printf("a full file system was not tried: mount is not allowed here\n");
    else
        CHECK(code == 0, "full disk");
}

int main(void)
{
    test_begin(280);
    whole();
    uniform();
    bounded();
    killed();
    stopped();
    archives();
    refusals();
    no_room();
    full_disk();
    return 0;
}
