/*
 * The parts of pictures and sounds: the search against its plain loop, the
 * quantiser, the transform, file formats good and bad, codecs there and back.
 * All pictures and sounds are made here.
 */
#include <math.h>
#include <string.h>
#include <time.h>

#include "pipeline/lib/fs.h"
#include "pipeline/media/audio_codec.h"
#include "pipeline/media/codes.h"
#include "pipeline/media/image_codec.h"
#include "pipeline/lib/random.h"
#include "tests/check.h"

static uint64_t state = 7;
static uint32_t rnd(uint32_t below)
{
    return (uint32_t)(random_next(&state) % below);
}

static void random_vectors(int16_t *v, size_t n, int limit)
{
    for (size_t i = 0; i < n; i++)
        v[i] = (int16_t)((int)rnd(2 * (uint32_t)limit + 1) - limit);
}

/* The nearest from the definition, in 64 bits. */
static void search_finds_the_nearest(void)
{
    static const struct {
        size_t K, D, n, m;
    } cases[] = {{1, 1, 1, 1}, {5, 3, 9, 2}, {16, 8, 8, 8}, {33, 96, 17, 1}, {70, 321, 10, 4}, {3, 2, 5, 8}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t K = cases[c].K, D = cases[c].D, n = cases[c].n, m = cases[c].m;
        int16_t *codes = xmalloc(K * D * 2), *x = xmalloc(n * D * 2);
        uint32_t *got = xmalloc(n * m * 4), *plain = xmalloc(n * m * 4);
        int32_t *score = xmalloc(n * m * 4), *plain_score = xmalloc(n * m * 4);
        random_vectors(codes, K * D, c % 2 ? 3 : nearest_limit(D)); /* small ones: many ties */
        random_vectors(x, n * D, c % 2 ? 3 : 2 * nearest_limit(D));
        memcpy(codes + (K - 1) * D, codes, D * 2);
        struct nearest *ix = nearest_new(codes, K, D);
        nearest_find(ix, x, n, m, got, score);
        nearest_plain(1);
        nearest_find(ix, x, n, m, plain, plain_score);
        nearest_plain(0);
        CHECK(memcmp(got, plain, n * m * 4) == 0 && memcmp(score, plain_score, n * m * 4) == 0, "case %zu",
              c);
        for (size_t i = 0; i < n; i++) {
            int64_t best = INT64_MAX, norm = 0;
            size_t at = 0;
            for (size_t d = 0; d < D; d++)
                norm += x[i * D + d] * x[i * D + d];
            for (size_t k = 0; k < K; k++) {
                int64_t d2 = 0;
                for (size_t d = 0; d < D; d++) {
                    int64_t e = x[i * D + d] - codes[k * D + d];
                    d2 += e * e;
                }
                if (d2 < best)
                    best = d2, at = k;
            }
            CHECK(got[i * m] == at && score[i * m] + norm == best, "case %zu point %zu: %u, not %zu", c, i,
                  got[i * m], at);
            for (size_t j = 1; j < m; j++)
                CHECK(score[i * m + j] >= score[i * m + j - 1] && (got[i * m + j] == UINT32_MAX) == (j >= K),
                      "order");
        }
        nearest_free(ix);
        free(codes), free(x), free(got), free(plain), free(score), free(plain_score);
    }
}

static void no_show(size_t level, int iteration)
{
    (void)level, (void)iteration;
}

/* Points around few centres are represented nearly exactly; more levels are never worse; threads change
 * nothing. */
static void quantiser_learns(void)
{
    enum { N = 3000, D = 12, CENTRES = 20, L = 3 };
    static int16_t centres[CENTRES * D], points[N * D], work[N * D];
    static uint16_t codes[N * L];
    static int32_t back[N * D];
    struct rvq q;
    struct rvq_report report;
    random_vectors(centres, CENTRES * D, 1000);
    for (size_t i = 0; i < N; i++)
        for (size_t d = 0; d < D; d++)
            points[i * D + d] = (int16_t)(centres[i % CENTRES * D + d] + (int)rnd(21) - 10);
    memcpy(work, points, sizeof work);
    rvq_init(&q, D, L, 32);
    rvq_train(&q, work, N, 1, 2, &report, no_show);
    CHECK(report.error[1] < 0.001 * report.error[0], "%g of %g", report.error[1], report.error[0]);
    CHECK(report.error[2] < report.error[1] && report.error[3] < report.error[2], "levels");
    CHECK(report.used[0] >= CENTRES, "%zu codes", report.used[0]);
    rvq_encode(&q, points, N, codes);
    rvq_decode(&q, codes, N, back);
    double error = 0;
    for (size_t i = 0; i < N * D; i++)
        error += (points[i] - back[i]) * (points[i] - back[i]);
    CHECK(error / N <= report.error[L],
          "the search among several beginnings is worse than the greedy one: %g, %g", error / N,
          report.error[L]);
    rvq_free(&q);
}

/* A picture with edges, a gradient and some noise. */
static struct picture drawing(uint32_t w, uint32_t h)
{
    struct picture p = {w, h, xmalloc((size_t)w * h * 3)};
    for (uint32_t y = 0; y < h; y++)
        for (uint32_t x = 0; x < w; x++) {
            uint8_t *s = p.rgb + ((size_t)y * w + x) * 3;
            int r2 = ((int)x - 40) * ((int)x - 40) + ((int)y - 30) * ((int)y - 30);
            s[0] = (uint8_t)(r2 < 500 ? 220 : x * 255 / w);
            s[1] = (uint8_t)(r2 < 500 ? 60 : y * 255 / h);
            s[2] = (uint8_t)((x / 16 + y / 16) % 2 ? 180 : 40 + rnd(9));
        }
    return p;
}

static struct image_codec image_learned(size_t patch, size_t levels)
{
    struct picture p = drawing(160, 120);
    struct image_codec c = {.patch = patch};
    struct rvq_report report;
    size_t n = image_patches(patch, p.width, p.height);
    int16_t *v = image_vectors(&p, patch);
    rvq_init(&c.q, image_dim(patch), levels, IMAGE_N_CODES / levels);
    rvq_train(&c.q, v, n, 0, 2, &report, no_show);
    free(v);
    picture_free(&p);
    return c;
}

static void image_codec_there_and_back(void)
{
    struct image_codec c = image_learned(8, 8);
    char err[200];
    static const uint32_t sizes[][2] = {{160, 120}, {1, 1}, {9, 17}, {8192, 1}};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct picture p = drawing(sizes[i][0], sizes[i][1]), back;
        size_t n = image_n_codes(&c, p.width, p.height);
        uint16_t *codes = xmalloc(n * 2);
        image_encode(&c, &p, codes);
        CHECK(image_decode(&c, codes, n, &back, err, sizeof err) == 0, "%s", err);
        CHECK(back.width == p.width && back.height == p.height, "size");
        double psnr = image_psnr(picture_difference(&p, &back), (double)p.width * p.height * 3);
        /* the pictures it learned from are restored except for noise and half the resolution of colour: 36.7
         * dB are measured */
        CHECK(i > 0 || psnr > 33, "%.2f dB", psnr);
        picture_free(&back);
        CHECK(image_decode(&c, codes, n - 1, &back, err, sizeof err) != 0 && strstr(err, "codes"),
              "a code too few");
        codes[IMAGE_HEADER + 1] = 0;
        CHECK(image_decode(&c, codes, n, &back, err, sizeof err) != 0 && strstr(err, "level"), "%s", err);
        free(codes);
        picture_free(&p);
    }
    rvq_free(&c.q);
}

/* ---- files ---- */

static void refused(const void *bytes, size_t n, const char *word)
{
    struct picture p;
    char err[300] = "";
    CHECK(picture_parse(&p, bytes, n, err, sizeof err) != 0, "accepted: %s", word);
    CHECK(strstr(err, word) && p.rgb == NULL, "'%s' lacks '%s'", err, word);
}

static void picture_files(void)
{
    struct picture p = drawing(37, 21), q;
    char err[300], *bytes;
    size_t n;
    for (int png = 0; png < 2; png++) {
        FILE *f = open_memstream(&bytes, &n);
        CHECK(picture_write(&p, f, png) == 0 && fclose(f) == 0, "write");
        CHECK(picture_parse(&q, bytes, n, err, sizeof err) == 0, "%s", err);
        CHECK(q.width == 37 && q.height == 21 && picture_difference(&p, &q) == 0, "not the same");
        picture_free(&q);
        for (size_t cut = 0; cut < n - 12;
             cut += 1 + n / 300) /* cut anywhere; the last chunk of a PNG has 12 bytes */
            CHECK(picture_parse(&q, bytes, cut, err, sizeof err) != 0, "cut at %zu of %zu", cut, n);
        if (png) {
            refused(bytes, n / 2, "PNG");
            bytes[19] = (char)(bytes[19] + 100); /* width: the checksum does not fit */
            refused(bytes, n, "PNG");
        }
        free(bytes);
    }
    picture_free(&p);
    refused("", 0, "empty");
    refused("GIF89a", 6, "neither");
    refused("P6\n0 5\n255\n", 11, "0 x 5");
    refused("P6\n5 5\n255\nxxx", 14, "truncated");
    refused("P6\n99999 99999\n255\nx", 20, "truncated");
    refused("P6\n5 5\n0\n", 9, "maximum");
    refused("P6\n5", 4, "expected");
    refused("P5\n1 1\n7\n\xff", 10, "above the maximum");
    refused("P3\n1 1\n7\n1 1 1", 14, "P5 and P6");
    refused("\xff\xd8\xff\xe0", 4, "JPEG");
}

static void sizes(void)
{
    struct picture p = drawing(200, 100);
    for (size_t i = 0; i < 200 * 100 * 3; i++)
        p.rgb[i] = (uint8_t)(i % 3 * 100);
    picture_crop(&p);
    CHECK(p.width == 100 && p.height == 100, "crop");
    picture_shrink(&p, 33);
    CHECK(p.width == 33 && p.height == 33, "shrink");
    for (size_t i = 0; i < 33 * 33 * 3; i++)
        CHECK(p.rgb[i] == i % 3 * 100, "a plain colour stays: %u", p.rgb[i]);
    picture_shrink(&p, 64);
    CHECK(p.width == 33, "never enlarged");
    picture_free(&p);
    p = drawing(3000, 1);
    picture_shrink(&p, 10);
    CHECK(p.width == 10 && p.height == 1, "thin");
    picture_free(&p);
}

/* ---- sounds ---- */

/* Gliding tones with harmonics, and a hiss that comes and goes. */
static struct sound humming(uint32_t rate, size_t n)
{
    struct sound s = {rate, n, xmalloc(n * sizeof(float))};
    double phase = 0;
    for (size_t i = 0; i < n; i++) {
        double t = (double)i / rate;
        phase += 2 * M_PI * (200 + 80 * sin(5 * t)) / rate;
        double hiss = ((double)rnd(2001) / 1000 - 1) * 0.05 * (sin(7 * t) > 0.5);
        s.x[i] = (float)(0.3 * sin(phase) + 0.15 * sin(2 * phase) + 0.08 * sin(3 * phase) + hiss);
    }
    return s;
}

static void transform_inverts(void)
{
    static const size_t lengths[] = {1, 63, 64, 65, 1000};
    struct mdct *m = mdct_new(64);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t n = lengths[i], frames = mdct_frames(64, n);
        struct sound s = humming(8000, n);
        float *X = xmalloc(frames * 64 * sizeof *X), *y = xmalloc(n * sizeof *y);
        double energy = 0, spectrum = 0;
        mdct_forward(m, s.x, n, X);
        mdct_inverse(m, X, frames, y, n);
        for (size_t k = 0; k < n; k++) {
            energy += (double)s.x[k] * s.x[k];
            CHECK(fabsf(s.x[k] - y[k]) < 1e-5f, "sample %zu of %zu: %g, not %g", k, n, y[k], s.x[k]);
        }
        for (size_t k = 0; k < frames * 64; k++)
            spectrum += (double)X[k] * X[k];
        CHECK(fabs(energy - spectrum) <= 1e-4 * energy, "energy %g, %g", energy, spectrum);
        free(X), free(y);
        sound_free(&s);
    }
    mdct_free(m);
}

static void rates(void)
{
    struct sound s = {44100, 44100, xmalloc(44100 * sizeof(float))};
    for (size_t i = 0; i < s.n; i++)
        s.x[i] = (float)sin(2 * M_PI * 1000 * (double)i / 44100);
    sound_resample(&s, 16000);
    CHECK(s.rate == 16000 && s.n == 16000, "%zu samples", s.n);
    for (size_t i = 100; i < s.n - 100; i++)
        CHECK(fabs(s.x[i] - sin(2 * M_PI * 1000 * (double)i / 16000)) < 2e-3, "sample %zu", i);
    sound_free(&s);
}

/* Rates without a common divisor have thousands of filters, of which a short sound needs few. */
static void short_sounds_of_odd_rates_take_no_time(void)
{
    clock_t start = clock();
    for (int i = 0; i < 100; i++) {
        struct sound s = {15999, 20, xcalloc(20, sizeof(float))};
        sound_resample(&s, 16000);
        CHECK(s.rate == 16000 && s.n == 20, "%zu samples", s.n);
        sound_free(&s);
    }
    double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
    CHECK(seconds < 0.5, "100 sounds of 20 samples took %.2f s", seconds);
}

static void audio_codec_there_and_back(void)
{
    enum { RATE = 8000, HOP = 128, N = 40001 };
    struct audio_codec c;
    struct rvq_report report;
    struct sound s = humming(RATE, N), back;
    size_t frames = mdct_frames(HOP, N), measured;
    char err[200];
    audio_init(&c, RATE, HOP);
    float *X = xmalloc(frames * HOP * sizeof *X);
    int16_t *envelopes = xmalloc(frames * AUDIO_BANDS * 2), *shapes = xmalloc(frames * HOP * 2);
    mdct_forward(c.mdct, s.x, N, X);
    for (size_t f = 0; f < frames; f++) {
        int32_t exact[AUDIO_BANDS];
        audio_envelope(&c, X + f * HOP, envelopes + f * AUDIO_BANDS);
        for (size_t b = 0; b < AUDIO_BANDS; b++)
            exact[b] = envelopes[f * AUDIO_BANDS + b];
        audio_shape(&c, X + f * HOP, exact, shapes + f * HOP);
    }
    rvq_init(&c.envelope, AUDIO_BANDS, AUDIO_ENVELOPE_LEVELS, AUDIO_LEVEL_CODES);
    rvq_init(&c.shape, HOP, AUDIO_LEVELS - AUDIO_ENVELOPE_LEVELS, AUDIO_LEVEL_CODES);
    rvq_train(&c.envelope, envelopes, frames, 0, 2, &report, no_show);
    rvq_train(&c.shape, shapes, frames, 0, 2, &report, no_show);
    size_t n = audio_n_codes(&c, N);
    uint16_t *codes = xmalloc(n * 2);
    audio_encode(&c, &s, codes);
    CHECK(audio_decode(&c, codes, n, &back, err, sizeof err) == 0, "%s", err);
    CHECK(back.n == N && back.rate == RATE, "%zu samples", back.n);
    double error = 0, signal = 0, distance = sound_distance(&s, &back, &measured) / (double)measured;
    for (size_t i = 0; i < N; i++) {
        error += (double)(s.x[i] - back.x[i]) * (s.x[i] - back.x[i]);
        signal += (double)s.x[i] * s.x[i];
    }
    /* it has seen these frames: measured 27.9 dB and 2.1 dB */
    CHECK(10 * log10(signal / error) > 24 && distance < 3, "%.2f dB, distance %.2f dB",
          10 * log10(signal / error), distance);
    CHECK(sound_distance(&s, &s, &measured) == 0, "distance to itself");
    sound_free(&back);
    CHECK(audio_decode(&c, codes, n - 1, &back, err, sizeof err) != 0, "a code too few");
    codes[AUDIO_HEADER + 1] = 5;
    CHECK(audio_decode(&c, codes, n, &back, err, sizeof err) != 0 && strstr(err, "level"), "%s", err);
    free(codes), free(X), free(envelopes), free(shapes);
    sound_free(&s);
    audio_free(&c);
}

static void refused_sound(const void *bytes, size_t n, const char *word)
{
    struct sound s;
    char err[300] = "";
    CHECK(sound_parse(&s, bytes, n, 16000, err, sizeof err) != 0, "accepted: %s", word);
    CHECK(strstr(err, word) && s.x == NULL, "'%s' lacks '%s'", err, word);
}

static void sound_files(void)
{
    struct sound s = humming(16000, 2000), q;
    char err[300], *bytes;
    size_t n;
    FILE *f = open_memstream(&bytes, &n);
    CHECK(sound_write(&s, f) == 0 && fclose(f) == 0, "write");
    CHECK(n == 44 + 4000 && sound_parse(&q, bytes, n, 16000, err, sizeof err) == 0, "%s", err);
    CHECK(q.n == 2000, "%zu samples", q.n);
    for (size_t i = 0; i < q.n; i++)
        CHECK(fabsf(q.x[i] - s.x[i]) < 1e-4f, "sample %zu", i);
    sound_free(&q);
    refused_sound("", 0, "empty");
    refused_sound("OggS....", 8, "neither");
    for (size_t cut = 4; cut < n; cut += 37)
        refused_sound(bytes, cut, "");
    refused_sound(bytes, n - 1, "truncated");
    bytes[42] = 1; /* data: 65,536 bytes more than there are */
    refused_sound(bytes, n, "truncated");
    bytes[42] = 0, bytes[24] = 1, bytes[25] = 0; /* one sample a second */
    refused_sound(bytes, n, "samples a second");
    refused_sound("fLaC\0\0\0\x22xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", 42, "");
    free(bytes);
    sound_free(&s);
}

/* ---- codes from elsewhere ---- */

static void parsed(const struct modality *m, const char *json, const uint16_t *want, size_t n,
                   const char *text)
{
    struct code_list codes;
    char err[300], *t;
    size_t len = 0;
    CHECK(codes_parse(m, json, strlen(json), &codes, &t, &len, err, sizeof err) == 0, "%s: %s", json, err);
    CHECK(codes.n == n && memcmp(codes.v, want, n * 2) == 0, "%s", json);
    CHECK(text ? t && len == strlen(text) && memcmp(t, text, len) == 0 : !t, "%s: text", json);
    free(codes.v), free(t);
}

static void not_parsed(const struct modality *m, const char *json, const char *word)
{
    struct code_list codes;
    char err[300] = "", *t;
    size_t len;
    CHECK(codes_parse(m, json, strlen(json), &codes, &t, &len, err, sizeof err) != 0, "accepted: %s", json);
    CHECK(strstr(err, word), "%s: '%s' lacks '%s'", json, err, word);
}

static void codes_from_json(void)
{
    const struct modality *i = &modality_image, *a = &modality_audio;
    parsed(i, "{\"image_codes\":[0,8191,5]}", (uint16_t[]){0, 8191, 5}, 3, NULL);
    parsed(i, "{\"image_codes\":[[1,2],[3,4]],\"text\":\"a cat\"}", (uint16_t[]){1, 2, 3, 4}, 4, "a cat");
    parsed(a, "{\"audio_codes\":[[1,2,3],[4,5,1023]]}", (uint16_t[]){1, 1028, 2, 1029, 3, 2047}, 6, NULL);
    parsed(a, "{\"audio_codes\":[7,8191]}", (uint16_t[]){7, 8191}, 2, NULL);
    not_parsed(i, "{\"image_codes\":[8192]}", "from 0 to 8191");
    not_parsed(i, "{\"image_codes\":[-1]}", "from 0 to 8191");
    not_parsed(i, "{\"image_codes\":[1.5]}", "whole number");
    not_parsed(i, "{\"image_codes\":[[[1]]]}", "whole number");
    not_parsed(i, "{\"image_codes\":[]}", "empty");
    not_parsed(i, "{\"audio_codes\":[1]}", "no array");
    not_parsed(i, "[1]", "object");
    not_parsed(i, "{\"image_codes\":[1", "JSON");
    not_parsed(a, "{\"audio_codes\":[[1,2],[3]]}", "same length");
    not_parsed(a, "{\"audio_codes\":[[1024]]}", "from 0 to 1023");
    not_parsed(a, "{\"audio_codes\":[[1],[1],[1],[1],[1],[1],[1],[1],[1]]}", "9 levels");
}

int main(void)
{
    test_begin(120);
    search_finds_the_nearest();
    quantiser_learns();
    image_codec_there_and_back();
    picture_files();
    sizes();
    transform_inverts();
    rates();
    short_sounds_of_odd_rates_take_no_time();
    audio_codec_there_and_back();
    sound_files();
    codes_from_json();
    printf("ok\n");
    return 0;
}
