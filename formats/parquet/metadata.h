/*
 * metadata.h - reads the footer of a Parquet file: the schema at once, each row group when it is asked for
 *
 * The footer's bytes stay in memory; for each row group only the place of its description is kept, so memory
 * does not grow with columns times row groups.
 */
#ifndef PARQUET_METADATA_H
#define PARQUET_METADATA_H

#include "formats/parquet/fault.h"
#include "formats/parquet/parquet.h"

struct metadata {
    const uint8_t *footer; /* borrowed */
    size_t footer_len;
    uint64_t footer_offset; /* in the file; the pages end before it */
    int version;
    uint64_t rows;
    const char *created_by;
    size_t created_by_len;
    struct parquet_element *elements; /* these three are owned, in buffers charged to `memory` */
    uint32_t *leaves;                 /* element numbers */
    uint32_t *groups;                 /* where each row group's description begins in the footer */
    uint32_t n_elements, n_leaves, n_groups;
    struct buffer element_room, leaf_room, group_room;
};

/* Reads the footer and checks all of its structure; the row groups' rows must add up to the file's number of
 * rows. */
int metadata_read(struct metadata *m, const uint8_t *footer, size_t n, uint64_t offset, struct memory *memory,
                  struct fault *fault);
void metadata_free(struct metadata *m, struct memory *memory);

int metadata_group(const struct metadata *m, uint32_t group, struct parquet_group_info *info,
                   struct parquet_chunk *chunks, struct fault *fault);

#endif
