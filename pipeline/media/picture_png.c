/*
 * picture_png.c - reads PNG with libpng's simplified interface, which reports the size before it needs memory
 */
#include <png.h>
#include <string.h>

#include "pipeline/media/picture.h"

/* Checks that all chunks are there, up to the last, IEND: libpng accepts a file that ends right after its
 * pixels. */
static int check_chunks(const uint8_t *b, size_t len, char *err, size_t cap)
{
    enum { SIGNATURE = 8, AROUND = 12 }; /* AROUND: length, name and checksum of a chunk */
    for (size_t at = SIGNATURE; at < len && len - at >= AROUND;) {
        uint32_t size =
            (uint32_t)b[at] << 24 | (uint32_t)b[at + 1] << 16 | (uint32_t)b[at + 2] << 8 | b[at + 3];
        if (size > len - at - AROUND)
            return media_fail(err, cap, "PNG: offset %zu: truncated: a chunk of %u bytes, there are %zu", at,
                              size, len - at - AROUND);
        if (memcmp(b + at + 4, "IEND", 4) == 0)
            return 0;
        at += AROUND + (size_t)size;
    }
    return media_fail(err, cap, "PNG: truncated: it does not end with IEND");
}

int picture_png(struct picture *p, const void *bytes, size_t len, char *err, size_t cap)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    static const png_color white = {255, 255, 255};
    if (check_chunks(bytes, len, err, cap) != 0)
        return -1;
    if (!png_image_begin_read_from_memory(&image, bytes, len))
        return media_fail(err, cap, "PNG: %s", image.message);
    if (picture_alloc(p, image.width, image.height, err, cap) != 0) {
        png_image_free(&image);
        return -1;
    }
    image.format = PNG_FORMAT_RGB;
    int ok = png_image_finish_read(&image, &white, p->rgb, 0, NULL);
    if (!ok)
        media_fail(err, cap, "PNG: %s", image.message);
    png_image_free(&image);
    return ok ? 0 : -1;
}
