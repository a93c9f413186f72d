/*
 * heritage.h - texts of Software Heritage's archive, many at a time and in the order of their ids
 *
 * An object is BASE/content/ID, gzip, where ID is the SHA-1 of its bytes, in hexadecimal digits. BASE is the
 * archive's public bucket, or TRITTER_SWH_URL.
 *
 *   h = heritage_open(&settings, jobs)
 *   while (heritage_wants(h) && ...) heritage_add(h, "ID ENCODING", domain)
 *   while (heritage_next(h, &d)) ...
 */
#ifndef FETCH_HERITAGE_H
#define FETCH_HERITAGE_H

#include "formats/docs.h"
#include "pipeline/fetch/settings.h"

struct heritage;

struct heritage_counts {
    uint64_t texts, missing, damaged,
        odd; /* odd: bytes that are not of the encoding they are said to be of */
};

struct heritage *heritage_open(const struct hub_settings *settings, unsigned jobs);
bool heritage_wants(const struct heritage *h); /* there is room for another id */
/* object: an id, a space, and the name of an encoding. What is no id counts as missing. */
void heritage_add(struct heritage *h, const char *object, size_t len, int domain);
/* The next text, in the order of heritage_add, valid until the next call. False: none is left, or
 * stop_signal. */
bool heritage_next(struct heritage *h, struct doc *d);
void heritage_counts(const struct heritage *h, struct heritage_counts *c);
void heritage_close(struct heritage *h);

#endif
