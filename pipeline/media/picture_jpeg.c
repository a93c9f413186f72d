/*
 * picture_jpeg.c - reads JPEG with libjpeg, which only warns of missing data and fills it with grey: here
 * that is an error
 */
#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <jerror.h>

#include "pipeline/media/picture.h"

enum { MAX_SCANS = 64 }; /* scans in a progressive file; each takes time for all pixels */

struct failure {
    struct jpeg_error_mgr mgr;
    jmp_buf back;
    char *err;
    size_t cap;
};

static _Noreturn void on_error(j_common_ptr c)
{
    struct failure *f = (struct failure *)c->err;
    char text[JMSG_LENGTH_MAX];
    c->err->format_message(c, text);
    media_fail(f->err, f->cap, "JPEG: %s", text);
    longjmp(f->back, 1);
}

/* Warnings about data that does not affect the pixels are ignored. */
static void on_message(j_common_ptr c, int level)
{
    int code = c->err->msg_code;
    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_JFIF_MAJOR && code != JWRN_ADOBE_XFORM)
        on_error(c);
}

static void on_progress(j_common_ptr c)
{
    struct failure *f = (struct failure *)c->err;
    if (((j_decompress_ptr)c)->input_scan_number > MAX_SCANS) {
        media_fail(f->err, f->cap, "JPEG: more than %d scans", MAX_SCANS);
        longjmp(f->back, 1);
    }
}

/* Decodes all rows, or leaves by a jump on an error. */
static int decode(j_decompress_ptr d, struct picture *p, char *err, size_t cap)
{
    jpeg_read_header(d, TRUE);
    if (d->jpeg_color_space == JCS_CMYK || d->jpeg_color_space == JCS_YCCK)
        return media_fail(err, cap, "JPEG: CMYK colours: convert it to RGB");
    d->out_color_space = JCS_RGB;
    if (picture_alloc(p, d->image_width, d->image_height, err, cap) != 0)
        return -1;
    jpeg_start_decompress(d);
    while (d->output_scanline < d->output_height) {
        JSAMPROW row = p->rgb + (size_t)d->output_scanline * p->width * 3;
        jpeg_read_scanlines(d, &row, 1);
    }
    jpeg_finish_decompress(d);
    return 0;
}

int picture_jpeg(struct picture *p, const void *bytes, size_t len, char *err, size_t cap)
{
    struct jpeg_decompress_struct d;
    struct failure f = {.err = err, .cap = cap};
    struct jpeg_progress_mgr progress = {.progress_monitor = on_progress};
    volatile int r = -1;
    d.err = jpeg_std_error(&f.mgr);
    f.mgr.error_exit = on_error;
    f.mgr.emit_message = on_message;
    if (setjmp(f.back) == 0) {
        jpeg_create_decompress(&d);
        d.progress = &progress;
        jpeg_mem_src(&d, bytes, len);
        r = decode(&d, p, err, cap);
    }
    jpeg_destroy_decompress(&d);
    return r;
}
