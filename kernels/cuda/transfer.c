/*
 * transfer.c - copies between host and device, through pinned buffers
 *
 * upload copies into one of a few pinned pieces and returns; a piece is used again when the stream has read
 * it. download_later collects in one pinned buffer; sync hands the bytes over.
 */
#include "kernels/cuda/device.h"

#include <string.h>

int cuda_transfer_open(struct device *dev)
{
    for (int i = 0; i < STAGES; i++) {
        dev->stage[i].p = gpu_pinned(STAGE_BYTES);
        dev->stage[i].event = gpu_event();
        if (!dev->stage[i].p || !dev->stage[i].event)
            return -1;
    }
    return 0;
}

void cuda_transfer_close(struct device *dev)
{
    for (int i = 0; i < STAGES; i++) {
        gpu_pinned_free(dev->stage[i].p);
        gpu_event_free(dev->stage[i].event);
    }
    gpu_pinned_free(dev->later);
}

static size_t piece(size_t left)
{
    return left < STAGE_BYTES ? left : STAGE_BYTES;
}

void cuda_upload(struct device *dev, void *dst, const void *src, size_t bytes)
{
    for (size_t at = 0, n; at < bytes; at += n) {
        unsigned i = dev->next_stage++ % STAGES;
        n = piece(bytes - at);
        gpu_event_wait(dev->stage[i].event);
        memcpy(dev->stage[i].p, (const char *)src + at, n);
        gpu_copy(dev->stream, (char *)dst + at, dev->stage[i].p, n);
        gpu_event_record(dev->stage[i].event, dev->stream);
    }
}

void cuda_download(struct device *dev, void *dst, const void *src, size_t bytes)
{
    for (size_t at = 0, n; at < bytes; at += n) {
        unsigned i = dev->next_stage++ % STAGES;
        n = piece(bytes - at);
        gpu_event_wait(dev->stage[i].event);
        gpu_copy(dev->stream, dev->stage[i].p, (const char *)src + at, n);
        gpu_sync(dev->stream);
        memcpy((char *)dst + at, dev->stage[i].p, n);
    }
}

/* Makes room in the pinned buffer. When it is full, this waits for the stream and doubles the buffer: after
 * the first steps it holds all bytes of a step, and only sync waits. */
static bool reserve(struct device *dev, size_t bytes)
{
    if (dev->n_pending < MAX_PENDING && dev->later_used + bytes <= dev->later_bytes)
        return true;
    bool full = dev->later_used + bytes > dev->later_bytes;
    cuda_sync(dev);
    if (!full || (dev->later_bytes >= LATER_MOST && bytes <= dev->later_bytes))
        return true;
    size_t size = 2 * (bytes > dev->later_bytes ? bytes : dev->later_bytes);
    gpu_pinned_free(dev->later);
    dev->later = gpu_pinned(size);
    dev->later_bytes = dev->later ? size : 0;
    return dev->later != NULL;
}

void cuda_download_later(struct device *dev, void *dst, const void *src, size_t bytes)
{
    if (!reserve(dev, bytes)) {
        cuda_download(dev, dst, src, bytes);
        return;
    }
    gpu_copy(dev->stream, dev->later + dev->later_used, src, bytes);
    dev->pending[dev->n_pending].dst = dst;
    dev->pending[dev->n_pending].from = dev->later_used;
    dev->pending[dev->n_pending++].bytes = bytes;
    dev->later_used += bytes;
}

void cuda_copy(struct device *dev, void *dst, const void *src, size_t bytes)
{
    if (dst != src)
        gpu_copy(dev->stream, dst, src, bytes);
}

void cuda_zero(struct device *dev, void *p, size_t bytes)
{
    gpu_zero(dev->stream, p, bytes);
}

void cuda_sync(struct device *dev)
{
    gpu_sync(dev->stream);
    for (unsigned i = 0; i < dev->n_pending; i++)
        memcpy(dev->pending[i].dst, dev->later + dev->pending[i].from, dev->pending[i].bytes);
    dev->n_pending = 0;
    dev->later_used = 0;
}
