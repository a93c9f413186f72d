#include "kernels/cuda/library.h"

#include <dlfcn.h>
#include <stdio.h>

void *library_open(const char *name)
{
    static const char *const places[] = {"", "/usr/local/cuda/lib64/", "/usr/local/cuda/lib/", "/usr/local/cuda-13/lib64/",
                                         "/usr/local/cuda-12/lib64/"};
    char path[256];
    void *lib = NULL;
    for (size_t i = 0; !lib && i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s%s", places[i], name);
        lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    }
    return lib;
}

bool library_functions(void *library, const struct library_function *f, size_t n, const char **lacks)
{
    for (size_t i = 0; i < n; i++) {
        *f[i].at = dlsym(library, f[i].name);
        if (!*f[i].at) {
            *lacks = f[i].name;
            return false;
        }
    }
    return true;
}
