#include "pipeline/monitor/gpus.h"

#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>

/* NVML's header is not part of every toolkit, so what is used is declared here. Source: NVML API reference.
 */
struct nvml_utilization {
    unsigned gpu, memory; /* percent */
};
struct nvml_memory {
    unsigned long long total, free, used;
};

static struct {
    int (*init)(void);
    int (*count)(unsigned *n);
    int (*by_index)(unsigned i, void **device);
    int (*name)(void *device, char *name, unsigned cap);
    int (*utilization)(void *device, struct nvml_utilization *u);
    int (*memory)(void *device, struct nvml_memory *m);
    int (*temperature)(void *device, int sensor, unsigned *celsius);
    int (*power)(void *device, unsigned *milliwatts);
} nvml;

static const char *open_nvml(void)
{
    static const struct {
        void **function;
        const char *symbol;
    } needs[] = {
        {(void **)&nvml.init, "nvmlInit_v2"},
        {(void **)&nvml.count, "nvmlDeviceGetCount_v2"},
        {(void **)&nvml.by_index, "nvmlDeviceGetHandleByIndex_v2"},
        {(void **)&nvml.name, "nvmlDeviceGetName"},
        {(void **)&nvml.utilization, "nvmlDeviceGetUtilizationRates"},
        {(void **)&nvml.memory, "nvmlDeviceGetMemoryInfo"},
        {(void **)&nvml.temperature, "nvmlDeviceGetTemperature"},
        {(void **)&nvml.power, "nvmlDeviceGetPowerUsage"},
    };
    void *lib = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!lib)
        return "no NVML here (libnvidia-ml.so.1)";
    for (size_t i = 0; i < sizeof needs / sizeof *needs; i++)
        if (!(*needs[i].function = dlsym(lib, needs[i].symbol)))
            return "NVML is too old";
    return nvml.init() == 0 ? NULL : "NVML finds no driver";
}

static void look_at(void *device, struct hardware_gpu *g)
{
    struct nvml_utilization u;
    struct nvml_memory m;
    unsigned celsius, milliwatts;
    *g = (struct hardware_gpu){{0}, NAN, NAN, NAN, NAN, NAN};
    nvml.name(device, g->name, sizeof g->name);
    g->name[sizeof g->name - 1] = 0;
    if (nvml.utilization(device, &u) == 0)
        g->use = u.gpu / 100.0;
    if (nvml.memory(device, &m) == 0) {
        g->memory = (double)m.used;
        g->memory_total = (double)m.total;
    }
    if (nvml.temperature(device, 0, &celsius) == 0)
        g->celsius = celsius;
    if (nvml.power(device, &milliwatts) == 0)
        g->watts = milliwatts / 1000.0;
}

int gpus_look(struct hardware_gpu *gpus, int cap, const char **why)
{
    static bool tried;
    static const char *absent;
    unsigned n = 0;
    int found = 0;
    if (!tried)
        absent = open_nvml();
    tried = true;
    if (!absent && nvml.count(&n) == 0)
        for (unsigned i = 0; i < n && found < cap; i++) {
            void *device;
            if (nvml.by_index(i, &device) == 0)
                look_at(device, &gpus[found++]);
        }
    *why = absent ? absent : found == 0 ? "NVML finds none" : NULL;
    return found;
}
