/*
 * picture_png.c - PNG through libpng's simplified interface, which tells the size before it wants memory
 */
#include <png.h>
#include <string.h>

#include "pipeline/media/picture.h"

/* libpng takes a file that ends after its pixels for whole: here all chunks must be there, to the last, IEND.
 */
static int check_chunks(const uint8_t *b, size_t len, char *err, size_t cap)
{
    enum { SIGNATURE = 8, AROUND = 12 }; /* length, name and checksum */
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
