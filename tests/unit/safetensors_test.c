/*
 * safetensors_test - round trips, conversions, and headers that must be refused
 */
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include "formats/safetensors.h"
#include "tests/check.h"

static char err[512];

static void write_bytes(const char *path, const void *p, size_t n)
{
    FILE *f = fopen(path, "w");
    CHECK(f && fwrite(p, 1, n, f) == n && fclose(f) == 0);
}

/* header length as given, then header, then n_data zero bytes */
static void write_case(const char *path, uint64_t len, const char *header, size_t n_header, size_t n_data)
{
    char *buf = calloc(1, 8 + n_header + n_data);
    for (int i = 0; i < 8; i++)
        buf[i] = (char)(len >> 8 * i);
    memcpy(buf + 8, header, n_header);
    write_bytes(path, buf, 8 + n_header + n_data);
    free(buf);
}

static void round_trip(void)
{
    struct st_tensor v[3] = {
        {.name = "a.weight", .dtype = ST_F32, .rank = 2, .shape = {2, 3}},
        {.name = "\"quoted\"\n\xc3\xa9", .dtype = ST_F32, .rank = 1, .shape = {1}},
        {.name = "empty", .dtype = ST_F32, .rank = 2, .shape = {0, 7}},
    };
    float data[7] = {1, -2, 3.5f, 0, 1e-30f, -INFINITY, 42}, back[6];
    size_t len;
    char *header = safetensors_header(v, 3, &len);
    CHECK(header && len % 8 == 0);
    CHECK(header[8] == '{' && memmem(header, len, "{\"format\":\"pt\"}", 15));
    FILE *f = fopen("round.safetensors", "w");
    CHECK(f && fwrite(header, 1, len, f) == len && fwrite(data, 4, 7, f) == 7 && fclose(f) == 0);
    free(header);
    struct safetensors *s = safetensors_open("round.safetensors", err, sizeof err);
    CHECK(s, "%s", err);
    CHECK(safetensors_count(s) == 3);
    const struct st_tensor *t = safetensors_find(s, "a.weight");
    CHECK(t && t->rank == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->n == 6 && t->begin == len);
    CHECK(t->begin == v[0].begin && t->end == v[0].end);
    CHECK(safetensors_read_f32(s, t, 0, 6, back, err, sizeof err) == 0, "%s", err);
    CHECK(memcmp(back, data, 24) == 0);
    CHECK(safetensors_read_f32(s, t, 4, 2, back, err, sizeof err) == 0 && memcmp(back, data + 4, 8) == 0);
    CHECK(safetensors_read_f32(s, t, 4, 3, back, err, sizeof err) == -1);
    CHECK(safetensors_read_f32(s, t, 7, 0, back, err, sizeof err) == -1);
    t = safetensors_find(s, "\"quoted\"\n\xc3\xa9");
    CHECK(t && safetensors_read_f32(s, t, 0, 1, back, err, sizeof err) == 0 && back[0] == 42);
    CHECK(safetensors_find(s, "empty") && !safetensors_find(s, "b"));
    safetensors_close(s);
}

static void halves(void)
{
    const char *h = "{\"b\":{\"dtype\":\"BF16\",\"shape\":[5],\"data_offsets\":[0,10]},"
                    "\"h\":{\"dtype\":\"F16\",\"shape\":[6],\"data_offsets\":[10,22]}}";
    static const uint16_t bf[5] = {0x3f80, 0xc000, 0x7f80, 0x0001, 0x4049};
    static const uint16_t f16[6] = {0x3c00, 0xc000, 0xfc00, 0x0001, 0x7bff, 0x8400};
    static const float want_bf[5] = {1, -2, INFINITY, 0x1p-133f, 3.140625f};
    static const float want_16[6] = {1, -2, -INFINITY, 0x1p-24f, 65504, -0x1p-14f};
    char buf[256] = "";
    float got[6];
    size_t n = strlen(h);
    buf[0] = (char)n;
    memcpy(buf + 8, h, n);
    memcpy(buf + 8 + n, bf, 10);
    memcpy(buf + 18 + n, f16, 12);
    write_bytes("half.safetensors", buf, 30 + n);
    struct safetensors *s = safetensors_open("half.safetensors", err, sizeof err);
    CHECK(s, "%s", err);
    CHECK(safetensors_read_f32(s, safetensors_find(s, "b"), 0, 5, got, err, sizeof err) == 0, "%s", err);
    CHECK(memcmp(got, want_bf, 20) == 0);
    CHECK(safetensors_read_f32(s, safetensors_find(s, "h"), 0, 6, got, err, sizeof err) == 0, "%s", err);
    CHECK(memcmp(got, want_16, 24) == 0);
    safetensors_close(s);
    CHECK(bf16_from_f32(1.0f) == 0x3f80 && bf16_from_f32(3.14159f) == 0x4049);
    CHECK(bf16_from_f32(1.00390625f) == 0x3f80 && bf16_from_f32(1.01171875f) == 0x3f82); /* ties to even */
    CHECK((bf16_from_f32(NAN) & 0x7fff) > 0x7f80 && bf16_from_f32(-INFINITY) == 0xff80);
}

#define T(dtype, shape, offsets) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const struct {
    const char *header;
    size_t data;
    const char *want; /* in the message; NULL: accepted */
} cases[] = {
    {"{}", 0, NULL},
    {"{\"a\":" T("F32", "[2]", "[0,8]") "}   ", 8, NULL},
    {"{\"b\":" T("F32", "[1]", "[8,12]") ",\"a\":" T("F32", "[2]", "[0,8]") "}", 12, NULL},
    {"{\"a\":" T("F32", "[]", "[0,4]") "}", 4, NULL},
    {"[]", 0, "begin with '{'"},
    {" {}", 0, "begin with '{'"},
    {"{\"a\":", 0, "header:"},
    {"{} x", 0, "header:"},
    {"{\"a\":" T("F32", "[2]", "[0,8]") ",\"a\":" T("F32", "[2]", "[0,8]") "}", 8, "duplicate"},
    {"{\"a\":" T("F32", "[2]", "[0,8]") "}", 7, "file ends before"},
    {"{\"a\":" T("F32", "[2]", "[0,8]") "}", 9, "after the last tensor"},
    {"{\"a\":" T("F32", "[2]", "[4,12]") "}", 12, "hole"},
    {"{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[4,12]") "}", 12, "overlaps"},
    {"{\"a\":" T("F32", "[2]", "[0,8]") ",\"b\":" T("F32", "[2]", "[12,20]") "}", 20, "hole"},
    {"{\"a\":" T("F32", "[2]", "[8,0]") "}", 8, "do not span"},
    {"{\"a\":" T("F32", "[2]", "[0,4]") "}", 4, "do not span"},
    {"{\"a\":" T("F32", "[-1]", "[0,8]") "}", 8, "not a size"},
    {"{\"a\":" T("F32", "[2.0]", "[0,8]") "}", 8, "not a size"},
    {"{\"a\":" T("F32", "[2]", "[-8,0]") "}", 8, "not positions"},
    {"{\"a\":" T("F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "overflows"},
    {"{\"a\":" T("F32", "[4611686018427387904]", "[0,0]") "}", 0, "do not span"},
    {"{\"a\":" T("F32", "[2]", "[0,99999999999999999999]") "}", 8, "header:"},
    {"{\"a\":" T("F33", "[2]", "[0,8]") "}", 8, "unknown dtype"},
    {"{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "dimensions"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "needs dtype"},
    {"{\"a\":{\"dtype\":1,\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "needs dtype"},
    {"{\"a\":" T("F32", "[1]", "[0,4,8]") "}", 4, "needs dtype"},
    {"{\"a\":3}", 0, "not an object"},
    {"{\"a\" :\t" T("F32", "[2]", "[0,8]") " ,\n\"b\\\"}\":" T("F32", "[1]", "[8,12]") "}\n", 12, NULL},
    {"{\"a\":" T("F32", "[2]", "[0,8]") ",\"\\u0061\":" T("F32", "[2]", "[8,16]") "}", 16, "duplicate"},
    {"{\"a\":" T("F32", "[2]", "[0,8]") ",}", 8, "header:"},
    {"{\"a\":" T("F32", "[2]", "[0,8]") "]", 8, "header:"},
    {"{\"a\":}", 0, "header:"},
    {"{\"a\" 3}", 0, "header:"},
    {"{\"a\":{\"dtype\":\"F32\"]}", 0, "header:"},
    {"{a:3}", 0, "header:"},
    {"{\"a", 0, "header:"},
    {"{\"a\\", 0, "header:"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "duplicate"},
    {"{\"__metadata__\":3}", 0, "not an object"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "not a string"},
};

static void bad_headers(void)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n = strlen(cases[i].header);
        write_case("case.safetensors", n, cases[i].header, n, cases[i].data);
        struct safetensors *s = safetensors_open("case.safetensors", err, sizeof err);
        if (!cases[i].want) {
            CHECK(s, "case %zu: %s", i, err);
            safetensors_close(s);
            continue;
        }
        CHECK(!s, "case %zu was accepted: %s", i, cases[i].header);
        CHECK(strstr(err, cases[i].want), "case %zu: message '%s' lacks '%s'", i, err, cases[i].want);
        CHECK(strstr(err, "case.safetensors: offset "), "case %zu: '%s'", i, err);
    }
}

static void bad_lengths(void)
{
    static const uint64_t lengths[] = {0, 1, 3, 100000001, UINT32_MAX, UINT64_MAX, (uint64_t)1 << 63};
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        write_case("case.safetensors", lengths[i], "{}", 2, 0);
        CHECK(!safetensors_open("case.safetensors", err, sizeof err), "length %llu",
              (unsigned long long)lengths[i]);
    }
    char deep[70000];
    memset(deep, '[', sizeof deep);
    memcpy(deep, "{\"a\":", 5);
    write_case("case.safetensors", sizeof deep, deep, sizeof deep, 0);
    CHECK(!safetensors_open("case.safetensors", err, sizeof err));
    for (size_t n = 0; n < 10; n++) {
        write_bytes("case.safetensors", "\2\0\0\0\0\0\0\0{}", n);
        CHECK(!safetensors_open("case.safetensors", err, sizeof err), "%zu bytes", n);
    }
    CHECK(!safetensors_open("absent", err, sizeof err) && !safetensors_open(".", err, sizeof err));
}

/* No truncation of a good file and no flipped bit of its header may crash; a truncation is always refused. */
static void mutations(void)
{
    char good[4096], bad[4096];
    FILE *f = fopen("round.safetensors", "r");
    size_t n = fread(good, 1, sizeof good, f);
    fclose(f);
    for (size_t i = 0; i < n; i++) {
        write_bytes("cut.safetensors", good, i);
        CHECK(!safetensors_open("cut.safetensors", err, sizeof err), "cut to %zu bytes", i);
    }
    for (size_t i = 0; i < n * 8; i++) {
        memcpy(bad, good, n);
        bad[i / 8] ^= (char)(1 << i % 8);
        write_bytes("flip.safetensors", bad, n);
        struct safetensors *s = safetensors_open("flip.safetensors", err, sizeof err);
        float x[6];
        const struct st_tensor *t = s ? safetensors_find(s, "a.weight") : NULL;
        if (t && t->n <= 6)
            safetensors_read_f32(s, t, 0, t->n, x, err, sizeof err);
        safetensors_close(s);
    }
}

/* Headers of the largest kind, made to need far more memory than they are long. */
static void large_headers(void)
{
    static const struct {
        const char *begin, *again, *end, *want;
    } kinds[] = {
        {"{\"a\":[", "[],", "[]]}", "too long"},
        {"{\"a\":", "{\"a\":", "", "header:"},
        {"{\"__metadata__\":{", "\"\":\"\",", "\"\":\"\"}}", "too long"},
        {"{\"", "\\\\", "", "header:"},
        {"{", "\"a\":{},", "\"a\":{}}", "needs dtype"},
    };
    size_t n = 40000000;
    char *text = malloc(n);
    struct rusage before, after;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        size_t at = strlen(kinds[i].begin), k = strlen(kinds[i].again);
        memset(text, ' ', n);
        memcpy(text, kinds[i].begin, at);
        for (; at + k + 16 <= n; at += k)
            memcpy(text + at, kinds[i].again, k);
        memcpy(text + n - strlen(kinds[i].end), kinds[i].end, strlen(kinds[i].end));
        write_case("large.safetensors", n, text, n, 0);
        getrusage(RUSAGE_SELF, &before);
        CHECK(!safetensors_open("large.safetensors", err, sizeof err), "%s...", kinds[i].again);
        CHECK(strstr(err, kinds[i].want), "'%s' lacks '%s'", err, kinds[i].want);
        getrusage(RUSAGE_SELF, &after);
        CHECK(after.ru_maxrss - before.ru_maxrss < 200 << 10, "%s...: %ld MB", kinds[i].again,
              (after.ru_maxrss - before.ru_maxrss) >> 10);
    }
    unlink("large.safetensors");
    free(text);
}

int main(void)
{
    test_begin(60);
    large_headers();
    round_trip();
    halves();
    bad_headers();
    bad_lengths();
    mutations();
    return 0;
}
