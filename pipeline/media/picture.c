#include "pipeline/media/picture.h"

#include <png.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "pipeline/lib/fs.h"

int media_fail(char *err, size_t cap, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(err, cap, fmt, ap);
    va_end(ap);
    return -1;
}

int picture_alloc(struct picture *p, uint64_t width, uint64_t height, char *err, size_t cap)
{
    unsigned long long w = width, h = height;
    if (width == 0 || height == 0)
        return media_fail(err, cap, "a picture of %llu x %llu pixels", w, h);
    if (width > PICTURE_MAX_SIDE || height > PICTURE_MAX_SIDE || width * height > PICTURE_MAX_PIXELS)
        return media_fail(err, cap, "%llu x %llu pixels: more than %d a side or %d million in all", w, h,
                          PICTURE_MAX_SIDE, PICTURE_MAX_PIXELS >> 20);
    p->rgb = malloc(width * height * 3);
    if (!p->rgb)
        return media_fail(err, cap, "out of memory for %llu x %llu pixels", w, h);
    p->width = (uint32_t)width;
    p->height = (uint32_t)height;
    return 0;
}

void picture_free(struct picture *p)
{
    free(p->rgb);
    *p = (struct picture){0};
}

bool picture_named(const char *path)
{
    static const char *const endings[] = {".png", ".jpg", ".jpeg", ".ppm", ".pgm"};
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof endings / sizeof *endings; i++)
        if (strcasecmp(dot, endings[i]) == 0)
            return true;
    return false;
}

int picture_parse(struct picture *p, const void *bytes, size_t len, char *err, size_t cap)
{
    const uint8_t *b = bytes;
    *p = (struct picture){0};
    int r;
    if (len >= 8 && memcmp(b, "\x89PNG\r\n\x1a\n", 8) == 0)
        r = picture_png(p, bytes, len, err, cap);
    else if (len >= 3 && memcmp(b, "\xff\xd8\xff", 3) == 0)
        r = picture_jpeg(p, bytes, len, err, cap);
    else if (len >= 2 && b[0] == 'P' && b[1] >= '1' && b[1] <= '7')
        r = picture_ppm(p, bytes, len, err, cap);
    else
        return media_fail(err, cap, len == 0 ? "empty file" : "neither PNG, JPEG nor PPM");
    if (r != 0)
        picture_free(p);
    return r;
}

static int write_png(const struct picture *p, FILE *f)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = p->width, .height = p->height, .format = PNG_FORMAT_RGB};
    bool ok = png_image_write_to_stdio(&image, f, 0, p->rgb, 0, NULL);
    png_image_free(&image);
    return ok && !ferror(f) ? 0 : -1;
}

int picture_write(const struct picture *p, FILE *f, bool png)
{
    size_t bytes = (size_t)p->width * p->height * 3;
    if (png)
        return write_png(p, f);
    fprintf(f, "P6\n%u %u\n255\n", p->width, p->height);
    return fwrite(p->rgb, 1, bytes, f) == bytes ? 0 : -1;
}
