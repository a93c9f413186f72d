#include "pipeline/media/sound.h"

#include <math.h>
#include <sndfile.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "formats/little.h"
#include "pipeline/lib/fs.h"
#include "pipeline/media/picture.h"

enum { BLOCK = 4096 }; /* frames that are read at a time */

/* ---- a file in memory, for libsndfile ---- */

struct memory {
    const uint8_t *bytes;
    sf_count_t len, at;
};

static sf_count_t memory_len(void *arg)
{
    return ((struct memory *)arg)->len;
}

static sf_count_t memory_seek(sf_count_t offset, int whence, void *arg)
{
    struct memory *m = arg;
    sf_count_t from = whence == SEEK_SET ? 0 : whence == SEEK_CUR ? m->at : m->len, to;
    if (!__builtin_add_overflow(from, offset, &to) && to >= 0 && to <= m->len)
        m->at = to;
    return m->at;
}

static sf_count_t memory_read(void *out, sf_count_t n, void *arg)
{
    struct memory *m = arg;
    sf_count_t there = m->len - m->at;
    n = n < 0 ? 0 : n < there ? n : there;
    memcpy(out, m->bytes + m->at, (size_t)n);
    m->at += n;
    return n;
}

static sf_count_t memory_write(const void *p, sf_count_t n, void *arg)
{
    (void)p, (void)n, (void)arg;
    return 0;
}

static sf_count_t memory_tell(void *arg)
{
    return ((struct memory *)arg)->at;
}

/* ---- WAV: libsndfile ignores chunk sizes beyond the file's end, and reads truncated files without an error
 * ---- */

static uint32_t u32(const uint8_t *b)
{
    return b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* Returns 0 when the data chunk is complete; the size 0xffffffff, which programs write to pipes, means up to
 * the end of the file. */
static int check_wav(const uint8_t *b, size_t len, char *err, size_t cap)
{
    if (len < 12 || memcmp(b + 8, "WAVE", 4) != 0)
        return media_fail(err, cap, "WAV: truncated, or RIFF of another kind");
    for (size_t at = 12; len - at >= 8;) {
        uint32_t size = u32(b + at + 4);
        size_t there = len - at - 8;
        if (size > there && !(memcmp(b + at, "data", 4) == 0 && size == UINT32_MAX))
            return media_fail(err, cap, "WAV: truncated: the chunk at offset %zu has %u bytes, the file %zu",
                              at, size, there);
        if (memcmp(b + at, "data", 4) == 0)
            return 0;
        at += 8 + (size_t)size;
        at += at % 2 && at < len;
    }
    return media_fail(err, cap, "WAV: truncated: there is no data chunk");
}

/* ---- reading ---- */

static int check_info(const SF_INFO *info, char *err, size_t cap)
{
    if (info->samplerate < SOUND_MIN_RATE || info->samplerate > SOUND_MAX_RATE)
        return media_fail(err, cap, "%d samples a second: not within %d and %d", info->samplerate,
                          SOUND_MIN_RATE, SOUND_MAX_RATE);
    if (info->channels < 1 || info->channels > SOUND_MAX_CHANNELS)
        return media_fail(err, cap, "%d channels: not within 1 and %d", info->channels, SOUND_MAX_CHANNELS);
    if (info->frames <= 0)
        return media_fail(err, cap, "no samples");
    if (info->frames / info->samplerate >= SOUND_MAX_SECONDS)
        return media_fail(err, cap, "%lld seconds: more than %d; cut it",
                          (long long)(info->frames / info->samplerate), SOUND_MAX_SECONDS);
    return 0;
}

/* Memory grows as samples arrive, so a header that claims many samples costs nothing. */
static int read_samples(struct sound *s, SNDFILE *f, const SF_INFO *info, char *err, size_t cap)
{
    size_t channels = (size_t)info->channels, room = 0, promised = (size_t)info->frames;
    float *block = xmalloc(BLOCK * channels * sizeof *block);
    sf_count_t got;
    while (s->n < promised && (got = sf_readf_float(f, block, BLOCK)) > 0) {
        if (s->n + (size_t)got > room) {
            room = (s->n + (size_t)got) * 3 / 2;
            s->x = xrealloc(s->x, room * sizeof *s->x);
        }
        for (size_t i = 0; i < (size_t)got; i++) {
            float sum = 0;
            for (size_t c = 0; c < channels; c++)
                sum += block[i * channels + c];
            s->x[s->n++] = sum / (float)channels;
        }
    }
    free(block);
    if (sf_error(f) != SF_ERR_NO_ERROR)
        return media_fail(err, cap, "after %zu samples: %s", s->n, sf_strerror(f));
    if (s->n < promised)
        return media_fail(err, cap, "truncated: %zu samples of %zu", s->n, promised);
    for (size_t i = 0; i < s->n; i++)
        if (!(fabsf(s->x[i]) <= 64)) /* float WAV files may hold any values */
            return media_fail(err, cap, "sample %zu is not a number, or far beyond full scale", i);
    return 0;
}

int sound_parse(struct sound *s, const void *bytes, size_t len, uint32_t rate, char *err, size_t cap)
{
    struct memory m = {.bytes = bytes, .len = (sf_count_t)len};
    SF_VIRTUAL_IO io = {memory_len, memory_seek, memory_read, memory_write, memory_tell};
    SF_INFO info = {0};
    *s = (struct sound){0};
    bool wav = len >= 4 && memcmp(bytes, "RIFF", 4) == 0;
    if (!wav && !(len >= 4 && memcmp(bytes, "fLaC", 4) == 0))
        return media_fail(err, cap, len == 0 ? "empty file" : "neither WAV nor FLAC");
    if (wav && check_wav(bytes, len, err, cap) != 0)
        return -1;
    SNDFILE *f = sf_open_virtual(&io, SFM_READ, &info, &m);
    if (!f)
        return media_fail(err, cap, "%s: %s", wav ? "WAV" : "FLAC", sf_strerror(NULL));
    int r = check_info(&info, err, cap);
    s->rate = (uint32_t)info.samplerate;
    if (r == 0)
        r = read_samples(s, f, &info, err, cap);
    sf_close(f);
    if (r == 0)
        sound_resample(s, rate);
    else
        sound_free(s);
    return r;
}

void sound_free(struct sound *s)
{
    free(s->x);
    *s = (struct sound){0};
}

bool sound_named(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && (strcasecmp(dot, ".wav") == 0 || strcasecmp(dot, ".flac") == 0);
}

/* ---- writing ---- */

int sound_write(const struct sound *s, FILE *f)
{
    uint8_t h[44] = "RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0"; /* PCM, one channel */
    little_put(h + 4, (uint32_t)(36 + s->n * 2), 4);
    little_put(h + 24, s->rate, 4);
    little_put(h + 28, s->rate * 2, 4);
    little_put(h + 32, 2 | 16 << 16, 4); /* bytes a frame, bits a sample */
    memcpy(h + 36, "data", 4);
    little_put(h + 40, (uint32_t)(s->n * 2), 4);
    fwrite(h, 1, sizeof h, f);
    for (size_t i = 0; i < s->n; i++) {
        float v = s->x[i] < -1 ? -1 : s->x[i] > 1 ? 1 : s->x[i];
        int sample = (int)lrintf(v * 32767);
        uint8_t b[2] = {(uint8_t)sample, (uint8_t)(sample >> 8)};
        fwrite(b, 1, 2, f);
    }
    return ferror(f) ? -1 : 0;
}
