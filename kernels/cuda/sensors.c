/*
 * sensors.c - readings of the GPU's sensors through NVML, which is opened at the first call
 *
 * Only five functions are used, so they are declared here: NVML's header is not part of every toolkit.
 * Source: NVML API reference; these have been stable since its version 2.
 */
#include "kernels/cuda/device.h"

#include <dlfcn.h>

struct nvml_utilization {
    unsigned gpu, memory; /* percent of the last sample period */
};
struct nvml_memory {
    unsigned long long total, free, used;
};

static struct {
    int (*init)(void);
    int (*by_bus)(const char *bus, void **device);
    int (*utilization)(void *device, struct nvml_utilization *u);
    int (*memory)(void *device, struct nvml_memory *m);
    int (*temperature)(void *device, int sensor, unsigned *celsius);
    int (*power)(void *device, unsigned *milliwatts);
    void *device;
    bool tried;
} nvml;

static void open_nvml(const char *bus)
{
    void *lib = dlopen("libnvidia-ml.so.1", RTLD_NOW | RTLD_LOCAL);
    nvml.tried = true;
    if (!lib)
        return;
    *(void **)&nvml.init = dlsym(lib, "nvmlInit_v2");
    *(void **)&nvml.by_bus = dlsym(lib, "nvmlDeviceGetHandleByPciBusId_v2");
    *(void **)&nvml.utilization = dlsym(lib, "nvmlDeviceGetUtilizationRates");
    *(void **)&nvml.memory = dlsym(lib, "nvmlDeviceGetMemoryInfo");
    *(void **)&nvml.temperature = dlsym(lib, "nvmlDeviceGetTemperature");
    *(void **)&nvml.power = dlsym(lib, "nvmlDeviceGetPowerUsage");
    if (!nvml.init || !nvml.by_bus || !nvml.utilization || !nvml.memory || !nvml.temperature || !nvml.power ||
        nvml.init() != 0 || nvml.by_bus(bus, &nvml.device) != 0)
        nvml.device = NULL;
}

bool cuda_sensors(struct device *dev, struct sensors *out)
{
    struct nvml_utilization u = {0};
    struct nvml_memory m = {0};
    unsigned celsius = 0, milliwatts = 0;
    if (!nvml.tried)
        open_nvml(dev->gpu.bus);
    if (!nvml.device || nvml.memory(nvml.device, &m) != 0)
        return false;
    *out = (struct sensors){.memory_used = m.used, .memory_total = m.total};
    out->utilization = nvml.utilization(nvml.device, &u) == 0 ? (float)u.gpu : -1;
    out->celsius = nvml.temperature(nvml.device, 0, &celsius) == 0 ? (float)celsius : -1;
    out->watts = nvml.power(nvml.device, &milliwatts) == 0 ? (float)milliwatts / 1000 : -1;
    return true;
}
