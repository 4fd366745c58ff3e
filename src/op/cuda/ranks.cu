/* ranks: sums over the devices of several processes by NCCL, which is loaded when they meet. NCCL's functions are declared
 * here as its version 2 has them, so that its header is not needed. */
#include "op/cuda/cuda.cuh"

#ifndef GAD_CUDA_HOST
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* nccl.h: ncclUniqueId, ncclFloat32 and ncclSum */
typedef struct meeting {
    char bytes[GAD_MEETING_BYTES];
} meeting;
enum { FLOAT32 = 7, SUM = 0 };

struct gad_cuda_ranks {
    void *opened, *members;
    int (*meet)(meeting *id);
    int (*join)(void **members, int size, meeting id, int rank);
    int (*sum)(const void *from, void *to, size_t count, int type, int operation, void *members, cudaStream_t stream);
    int (*leave)(void *members);
};

static bool find(struct gad_cuda_ranks *r, const char *name, void *to)
{
    void *found = dlsym(r->opened, name);
    memcpy(to, &found, sizeof found);
    return found != NULL;
}

static struct gad_cuda_ranks *ranks_of(gad_device *device)
{
    gad_cuda *cuda = gad_cuda_of(device);
    if (cuda->ranks || !gad_cuda_well(device))
        return cuda->ranks;
    struct gad_cuda_ranks *r = (struct gad_cuda_ranks *)calloc(1, sizeof *r);
    void *opened = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
    if (r)
        r->opened = opened;
    if (r && opened && find(r, "ncclGetUniqueId", &r->meet) && find(r, "ncclCommInitRank", &r->join) &&
        find(r, "ncclAllReduce", &r->sum) && find(r, "ncclCommDestroy", &r->leave))
        cuda->ranks = r;
    else
        free(r);
    return cuda->ranks;
}

bool gad_cuda_meet(gad_device *device, char id[GAD_MEETING_BYTES])
{
    struct gad_cuda_ranks *r = ranks_of(device);
    meeting place;
    if (!r || r->meet(&place))
        return false;
    memcpy(id, place.bytes, sizeof place.bytes);
    return true;
}

bool gad_cuda_join(gad_device *device, const char id[GAD_MEETING_BYTES], int rank, int size)
{
    struct gad_cuda_ranks *r = ranks_of(device);
    meeting place;
    memcpy(place.bytes, id, sizeof place.bytes);
    return r && !r->join(&r->members, size, place, rank);
}

void gad_cuda_sum_ranks(gad_device *device, gad_tensor x)
{
    const struct gad_cuda_ranks *r = gad_cuda_of(device)->ranks;
    if (gad_cuda_well(device) && r->sum(x.data, x.data, (size_t)(x.rows * x.cols), FLOAT32, SUM, r->members,
                                        (cudaStream_t)gad_cuda_of(device)->stream))
        gad_cuda_keep(device, (int)cudaErrorUnknown, "add gradients of all ranks with NCCL", 0);
}

void gad_cuda_ranks_free(gad_cuda *cuda)
{
    if (cuda->ranks && cuda->ranks->members)
        cuda->ranks->leave(cuda->ranks->members);
    free(cuda->ranks);
}

#else
/* On the processor there is nobody to meet. */
bool gad_cuda_meet(gad_device *, char[GAD_MEETING_BYTES])
{
    return false;
}

bool gad_cuda_join(gad_device *, const char[GAD_MEETING_BYTES], int, int)
{
    return false;
}

void gad_cuda_sum_ranks(gad_device *, gad_tensor)
{
}

void gad_cuda_ranks_free(gad_cuda *)
{
}
#endif
