/*
 * picture_png.c - PNG through libpng's simplified interface, which tells the size before it wants memory
 */
#include <png.h>
#include <string.h>

#include "pipeline/media/picture.h"

int picture_png(struct picture *p, const void *bytes, size_t len, char *err, size_t cap)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    static const png_color white = {255, 255, 255};
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
