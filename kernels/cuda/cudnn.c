#include "kernels/cuda/cudnn.h"

#include <stdio.h>
#include "kernels/cuda/library.h"

#define LIBRARY "libcudnn.so.9"

int cudnn_find(struct cudnn *lib, char *why, size_t cap)
{
    const struct library_function all[] = {
        {"cudnnGetVersion", (void **)&lib->version},
        {"cudnnCreate", (void **)&lib->create},
        {"cudnnDestroy", (void **)&lib->destroy},
        {"cudnnSetStream", (void **)&lib->set_stream},
        {"cudnnGetErrorString", (void **)&lib->error_string},
        {"cudnnGetLastErrorString", (void **)&lib->last_error},
        {"cudnnBackendCreateDescriptor", (void **)&lib->descriptor_create},
        {"cudnnBackendDestroyDescriptor", (void **)&lib->descriptor_destroy},
        {"cudnnBackendSetAttribute", (void **)&lib->set},
        {"cudnnBackendGetAttribute", (void **)&lib->get},
        {"cudnnBackendFinalize", (void **)&lib->finalize},
        {"cudnnBackendExecute", (void **)&lib->execute},
    };
    const char *lacks;
    char reason[256];
    void *library = library_open(LIBRARY, reason, sizeof reason);
    if (!library)
        snprintf(why, cap, "%s (wanted: cuDNN 9, or its directory in LD_LIBRARY_PATH)", reason);
    else if (!library_functions(library, all, sizeof all / sizeof *all, &lacks))
        snprintf(why, cap, "%s lacks %s", LIBRARY, lacks);
    else
        return 0;
    return -1;
}
