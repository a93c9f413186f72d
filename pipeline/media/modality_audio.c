#include "pipeline/media/modality.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "pipeline/lib/fs.h"
#include "pipeline/lib/log.h"
#include "pipeline/media/audio_codec.h"
#include "pipeline/media/codebook.h"
#include "pipeline/media/picture.h"

enum {
    MIN_RATE = 4000,
    MAX_RATE = 30000
}; /* rates of a codec; parameters of a codebook must be below 32,768 */

static struct codebook describe_book(struct audio_codec *c)
{
    return (struct codebook){.kind = "audio",
                             .parameters = {(float)c->rate, (float)c->hop},
                             .n_parameters = 2,
                             .parts = {{"envelope", &c->envelope}, {"shape", &c->shape}},
                             .n_parts = 2};
}

static void release(void *codec)
{
    if (codec)
        audio_free(codec);
    free(codec);
}

static bool is_codec(double rate, double hop)
{
    return rate >= MIN_RATE && rate <= MAX_RATE && hop >= AUDIO_MIN_HOP && hop <= AUDIO_MAX_HOP &&
           fmod(hop, 2) == 0;
}

static void *load(const char *path, char *err, size_t cap)
{
    struct audio_codec *c = xcalloc(1, sizeof *c);
    struct codebook b = describe_book(c);
    if (codebook_read(&b, path, err, cap) != 0) {
        free(c);
        return NULL;
    }
    struct rvq envelope = c->envelope, shape = c->shape;
    bool fits = is_codec(b.parameters[0], b.parameters[1]) && envelope.dim == AUDIO_BANDS &&
                envelope.levels == AUDIO_ENVELOPE_LEVELS && envelope.size == AUDIO_LEVEL_CODES &&
                shape.dim == (size_t)b.parameters[1] &&
                shape.levels == AUDIO_LEVELS - AUDIO_ENVELOPE_LEVELS && shape.size == AUDIO_LEVEL_CODES;
    if (fits) {
        audio_init(c, (uint32_t)b.parameters[0], (size_t)b.parameters[1]);
        c->envelope = envelope;
        c->shape = shape;
        return c;
    }
    media_fail(err, cap,
               "%s: %g samples a second, %g a frame, and the sizes of its codes are not what audio.md allows",
               path, b.parameters[0], b.parameters[1]);
    release(c);
    return NULL;
}

static int encode_sound(const void *codec, const struct media_opts *o, const void *bytes, size_t len,
                        struct code_list *out, struct quality *quality, char *err, size_t cap)
{
    const struct audio_codec *c = codec;
    struct sound s, back;
    (void)o;
    if (sound_parse(&s, bytes, len, c->rate, err, cap) != 0)
        return -1;
    out->n = audio_n_codes(c, s.n);
    out->v = xmalloc(out->n * sizeof *out->v);
    audio_encode(c, &s, out->v);
    int r = quality ? audio_decode(c, out->v, out->n, &back, err, cap) : 0;
    if (quality && r == 0) {
        size_t frames;
        for (size_t i = 0; i < s.n; i++) {
            quality->error += ((double)s.x[i] - back.x[i]) * ((double)s.x[i] - back.x[i]);
            quality->signal += (double)s.x[i] * s.x[i];
        }
        quality->distance += sound_distance(&s, &back, &frames);
        quality->frames += (double)frames;
        quality->n += (double)s.n;
        sound_free(&back);
    }
    sound_free(&s);
    return r;
}

static int decode_sound(const void *codec, const uint16_t *codes, size_t n, FILE *f, const char *path,
                        char *err, size_t cap)
{
    struct sound s;
    (void)path;
    if (audio_decode(codec, codes, n, &s, err, cap) != 0)
        return -1;
    int r = sound_write(&s, f);
    sound_free(&s);
    return r == 0 ? 0 : media_fail(err, cap, "cannot write");
}

static void describe(const struct quality *q, char *out, size_t cap)
{
    snprintf(out, cap, "spectral distance %.2f dB, signal to noise %.2f dB",
             q->frames > 0 ? q->distance / q->frames : 0,
             q->error > 0 && q->signal > 0 ? 10 * log10(q->signal / q->error) : 99);
}

static int check(struct media_opts *o, char *err, size_t cap)
{
    o->rate = o->rate ? o->rate : 16000;
    o->hop = o->hop ? o->hop : 320;
    if (!is_codec((double)o->rate, (double)o->hop))
        return media_fail(
            err, cap, "--rate %llu --hop %llu: %d to %d samples a second, an even number of %d to %d a frame",
            (unsigned long long)o->rate, (unsigned long long)o->hop, MIN_RATE, MAX_RATE, AUDIO_MIN_HOP,
            AUDIO_MAX_HOP);
    return 0;
}

static size_t record_bytes(const struct media_opts *o)
{
    return o->hop * sizeof(float);
}

static int sample(const struct media_opts *o, const void *bytes, size_t len, void **records, size_t *n,
                  char *err, size_t cap)
{
    struct sound s;
    if (sound_parse(&s, bytes, len, (uint32_t)o->rate, err, cap) != 0)
        return -1;
    struct mdct *m = mdct_new(o->hop);
    *n = mdct_frames(o->hop, s.n);
    *records = xmalloc(*n * record_bytes(o));
    mdct_forward(m, s.x, s.n, *records);
    mdct_free(m);
    sound_free(&s);
    return 0;
}

static void show(size_t level, int iteration)
{
    char text[64];
    snprintf(text, sizeof text, "level %zu", level + 1);
    progress("learn", (uint64_t)iteration, 0, "iterations", text);
}

static void learn(const char *what, struct rvq *q, size_t dim, size_t levels, int16_t *points, size_t n,
                  const struct media_opts *o, uint64_t more)
{
    struct rvq_report report;
    rvq_init(q, dim, levels, AUDIO_LEVEL_CODES);
    rvq_train(q, points, n, o->seed + more, o->threads, &report, show);
    progress_end();
    for (size_t l = 0; l < levels && !stop_signal; l++)
        say("%s, level %zu: %zu of %zu codes used, %d iterations, error %.3g of the whole", what, l + 1,
            report.used[l], q->size, report.iterations[l],
            report.error[0] > 0 ? report.error[l + 1] / report.error[0] : 0);
}

/* Learns the codes of the envelopes first, then those of the shapes, relative to the envelopes as they are
 * decoded. */
static void *train(const struct media_opts *o, void *records, size_t n)
{
    struct audio_codec *c = xcalloc(1, sizeof *c);
    const float *frames = records;
    audio_init(c, (uint32_t)o->rate, o->hop);
    int16_t *envelopes = xmalloc(n * AUDIO_BANDS * sizeof *envelopes),
            *shapes = xmalloc(n * o->hop * sizeof *shapes);
    for (size_t i = 0; i < n; i++)
        audio_envelope(c, frames + i * o->hop, envelopes + i * AUDIO_BANDS);
    learn("loudness", &c->envelope, AUDIO_BANDS, AUDIO_ENVELOPE_LEVELS, envelopes, n, o, 0);
    for (size_t i = 0; i < n; i++) {
        uint16_t codes[AUDIO_ENVELOPE_LEVELS];
        int32_t decoded[AUDIO_BANDS];
        audio_envelope(c, frames + i * o->hop, envelopes);
        rvq_encode(&c->envelope, envelopes, 1, codes);
        rvq_decode(&c->envelope, codes, 1, decoded);
        audio_shape(c, frames + i * o->hop, decoded, shapes + i * o->hop);
    }
    learn("shape", &c->shape, o->hop, AUDIO_LEVELS - AUDIO_ENVELOPE_LEVELS, shapes, n, o, 1);
    free(envelopes);
    free(shapes);
    return c;
}

static int save(const void *codec, FILE *f)
{
    struct audio_codec c = *(const struct audio_codec *)codec;
    struct codebook b = describe_book(&c);
    return codebook_write(&b, f);
}

const struct modality modality_audio = {
    .name = "audio",
    .codes_field = "audio_codes",
    .n_codes = AUDIO_N_CODES,
    .n_levels = AUDIO_LEVELS,
    .extension = ".wav",
    .named = sound_named,
    .load = load,
    .free = release,
    .encode = encode_sound,
    .decode = decode_sound,
    .describe = describe,
    .check = check,
    .record_bytes = record_bytes,
    .sample = sample,
    .train = train,
    .save = save,
};
