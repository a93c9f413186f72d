#include "pipeline/train/ledger.h"

#include <xxhash.h>

void ledger_line(struct logfile *l, uint64_t step, const struct batch_header *h,
                 const struct batch_record *record, uint64_t tokens, enum verdict verdict, bool learnt)
{
    uint64_t rows = XXH3_64bits(batch_rows(record), (size_t)h->B * sizeof(struct batch_row));
    fprintf(l->f,
            "{\"step\":%llu,\"record\":%llu,\"mix\":\"%016llx\",\"rows\":\"%016llx\",\"payload\":\"%016llx\","
            "\"tokens\":%llu",
            (unsigned long long)step, (unsigned long long)record->step, (unsigned long long)h->mix_hash,
            (unsigned long long)rows, (unsigned long long)record->payload_hash, (unsigned long long)tokens);
    if (verdict != STEP_OK)
        fprintf(l->f, ",\"verdict\":\"%s\"", verdict_name(verdict));
    fprintf(l->f, ",\"learnt\":%s}", learnt ? "true" : "false");
    logfile_end_line(l);
}
