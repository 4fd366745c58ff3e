/* device: what holds for every filling of the op table: how it is opened by name, its health and its end. */
#include <ctype.h>
#include <limits.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/installed.h"
#include "base/library.h"
#include "op/op.h"

static const char operation[] = "open the device";

/* ---- by name ------------------------------------------------------------------------------------------------------- */

static gad_status open_cuda(gad_device *device, int index, int threads, gad_error *err)
{
    /* in a build folder; beside the library; from the program, which stands in another folder than libraries */
    static const char *const places[] = {"gad_cuda.so", "gad/gad_cuda.so", "../" GAD_LIBRARY_FOLDER "/gad/gad_cuda.so",
                                         NULL};
    char path[PATH_MAX];
    void *library = NULL;
    gad_cuda_opener *opener = NULL;
    if (!gad_installed_find(places, path, sizeof path))
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation,
                             "install the package gad-cuda, build with GAD_CUDA=ON, or use --device cpu",
                             "the plugin gad_cuda.so is not installed");
    gad_status status = gad_library_open(path, "install NVIDIA's driver, or use --device cpu", &library, err);
    if (!status)
        status = gad_library_find(library, GAD_CUDA_SYMBOL, &opener, err);
    if (!status)
        status = opener(device, index, err);
    if (!status)
        device->threads = threads > 0 ? threads : omp_get_max_threads(); /* of the host's share */
    return status;
}

/* Which of the processes of this machine that a launcher started this is: each takes a device of its own. */
static int local_rank(void)
{
    const char *text = getenv("OMPI_COMM_WORLD_LOCAL_RANK");
    return text ? atoi(text) : 0;
}

/* The number of "cuda" or "cuda:N"; -1 for another name. */
static int cuda_index(const char *name)
{
    if (!strcmp(name, "cuda"))
        return 0;
    if (strncmp(name, "cuda:", 5) != 0 || !isdigit((unsigned char)name[5]))
        return -1;
    char *end = NULL;
    const long index = strtol(name + 5, &end, 10);
    return !*end && index < INT_MAX ? (int)index : -1;
}

gad_status gad_device_open(gad_device *device, const char *name, int threads, gad_error *err)
{
    if (!strcmp(name, "cpu") || (!strcmp(name, "auto") && open_cuda(device, 0, threads, NULL)))
        return gad_device_open_cpu(device, threads, err);
    if (!strcmp(name, "auto"))
        return GAD_OK;
    if (cuda_index(name) < 0)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "use cpu, cuda, cuda:N or auto", "there is no device \"%s\"",
                             name);
    if (!strcmp(name, "cuda") && local_rank() > 0 && !open_cuda(device, local_rank(), threads, NULL))
        return GAD_OK;
    return open_cuda(device, cuda_index(name), threads, err);
}

/* ---- health -------------------------------------------------------------------------------------------------------- */

gad_status gad_device_check(gad_device *device, gad_error *err)
{
    if (device->ops && device->ops->finish)
        device->ops->finish(device);
    if (device->error.code != GAD_OK && err)
        *err = device->error;
    return device->error.code;
}

void gad_device_recover(gad_device *device)
{
    if (device->error.code == GAD_E_MEMORY)
        device->error = (gad_error){0};
}

void gad_device_close(gad_device *device)
{
    if (device->ops)
        device->ops->free(device);
    *device = (gad_device){0};
}

void gad_device_use_cache(gad_device *device, gad_cache cache)
{
    static const gad_dtype kept[] = {[GAD_CACHE_FP16] = GAD_F16, [GAD_CACHE_Q8] = GAD_S8};
    if (cache != GAD_CACHE_FP32 && !device->memory_bytes)
        device->kept = kept[cache];
}
