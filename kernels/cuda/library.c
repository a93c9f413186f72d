#include "kernels/cuda/library.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

/* The loader's message begins with the name of the missing file: that of this library, or of one that it
 * needs. */
static bool is_missing(const char *error, const char *path)
{
    return strncmp(error, path, strlen(path)) == 0 && strstr(error, "No such file");
}

void *library_open(const char *name, char *why, size_t cap)
{
    static const char *const places[] = {"", "/usr/local/cuda/lib64/", "/usr/local/cuda/lib/",
                                         "/usr/local/cuda-13/lib64/", "/usr/local/cuda-12/lib64/"};
    char path[256];
    snprintf(why, cap, "%s is missing", name);
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        snprintf(path, sizeof path, "%s%s", places[i], name);
        void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
        const char *error = lib ? NULL : dlerror();
        if (lib)
            return lib;
        if (error && !is_missing(error, path))
            snprintf(why, cap, "%s cannot be loaded (%s)", name, error);
    }
    return NULL;
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
