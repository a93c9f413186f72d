/*
 * page.h - the header before each page of a column chunk
 */
#ifndef PARQUET_PAGE_H
#define PARQUET_PAGE_H

#include "formats/parquet/thrift.h"

enum page_type { PAGE_DATA, PAGE_INDEX, PAGE_DICTIONARY, PAGE_DATA_V2 };

enum parquet_encoding { /* numbers as in the format */
                        ENCODING_PLAIN = 0,
                        ENCODING_PLAIN_DICTIONARY = 2,
                        ENCODING_RLE = 3,
                        ENCODING_BIT_PACKED = 4,
                        ENCODING_DELTA_BINARY_PACKED = 5,
                        ENCODING_DELTA_LENGTH_BYTE_ARRAY = 6,
                        ENCODING_DELTA_BYTE_ARRAY = 7,
                        ENCODING_RLE_DICTIONARY = 8,
                        ENCODING_BYTE_STREAM_SPLIT = 9,
};

struct page_header {
    int type;
    uint32_t bytes, stored; /* after and before decompression, without the header */
    bool has_crc;
    uint32_t crc;      /* checksum of the stored bytes */
    uint32_t n_values; /* nulls included */
    int encoding, def_encoding, rep_encoding;
    uint32_t rep_bytes,
        def_bytes;   /* PAGE_DATA_V2: the sizes of its levels, which come first and are never compressed */
    bool compressed; /* PAGE_DATA_V2: the bytes after the levels are compressed */
};

/* Reads a page header; t holds the error, if any. */
void page_header_read(struct thrift *t, struct page_header *h);

#endif
