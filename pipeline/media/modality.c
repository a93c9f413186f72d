#include "pipeline/media/modality.h"

#include <string.h>

const struct modality *modality_find(const char *name)
{
    static const struct modality *const all[] = {&modality_image, &modality_audio};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(name, all[i]->name) == 0)
            return all[i];
    return NULL;
}
