/* runtime: see runtime.cuh */
#include "op/cuda/runtime.cuh"

#ifndef GAD_CUDA_HOST
#include <cuda_runtime.h>
#include <stdio.h>

int gad_runtime_count(int *count)
{
    return (int)cudaGetDeviceCount(count);
}

int gad_runtime_open(int index, gad_runtime_card *card)
{
    cudaDeviceProp properties;
    size_t all_bytes = 0;
    int error = (int)cudaSetDevice(index);
    if (!error)
        error = (int)cudaGetDeviceProperties(&properties, index);
    if (!error)
        error = (int)cudaMemGetInfo(&card->free_bytes, &all_bytes);
    if (error)
        return error;
    snprintf(card->name, sizeof card->name, "%.63s", properties.name);
    card->multiprocessors = properties.multiProcessorCount;
    card->generation = 10 * properties.major + properties.minor;
    return 0;
}

const char *gad_runtime_text(int error)
{
    cudaGetLastError();
    return cudaGetErrorString((cudaError_t)error);
}

bool gad_runtime_lacks_memory(int error)
{
    return error == (int)cudaErrorMemoryAllocation;
}

int gad_runtime_launched(void)
{
    return (int)cudaPeekAtLastError();
}

int gad_runtime_take(void **memory, size_t size_bytes)
{
    return (int)cudaMalloc(memory, size_bytes);
}

void gad_runtime_give(void *memory)
{
    cudaFree(memory);
}

int gad_runtime_take_pinned(void **memory, size_t size_bytes)
{
    return (int)cudaMallocHost(memory, size_bytes);
}

void gad_runtime_give_pinned(void *memory)
{
    cudaFreeHost(memory);
}

int gad_runtime_stream(void **stream)
{
    return (int)cudaStreamCreateWithFlags((cudaStream_t *)stream, cudaStreamNonBlocking);
}

void gad_runtime_stream_free(void *stream)
{
    cudaStreamDestroy((cudaStream_t)stream);
}

int gad_runtime_wait(void *stream)
{
    return (int)cudaStreamSynchronize((cudaStream_t)stream);
}

int gad_runtime_copy(void *to, const void *from, size_t size_bytes, void *stream)
{
    return (int)cudaMemcpyAsync(to, from, size_bytes, cudaMemcpyDefault, (cudaStream_t)stream);
}

int gad_runtime_set(void *to, int byte, size_t size_bytes, void *stream)
{
    return (int)cudaMemsetAsync(to, byte, size_bytes, (cudaStream_t)stream);
}

int gad_runtime_set_rows(void *to, size_t stride, int byte, size_t bytes, size_t rows, void *stream)
{
    return (int)cudaMemset2DAsync(to, stride, byte, bytes, rows, (cudaStream_t)stream);
}

int gad_runtime_event(void **event)
{
    return (int)cudaEventCreateWithFlags((cudaEvent_t *)event, cudaEventDisableTiming);
}

void gad_runtime_event_free(void *event)
{
    cudaEventDestroy((cudaEvent_t)event);
}

int gad_runtime_event_put(void *event, void *stream)
{
    return (int)cudaEventRecord((cudaEvent_t)event, (cudaStream_t)stream);
}

int gad_runtime_event_wait(void *event)
{
    return (int)cudaEventSynchronize((cudaEvent_t)event);
}

int gad_runtime_record(void *stream)
{
    return (int)cudaStreamBeginCapture((cudaStream_t)stream, cudaStreamCaptureModeRelaxed);
}

int gad_runtime_play(void *stream, void **kept)
{
    cudaGraph_t graph = NULL;
    cudaGraphExec_t ready = (cudaGraphExec_t)*kept;
    cudaGraphExecUpdateResultInfo ignored;
    int error = (int)cudaStreamEndCapture((cudaStream_t)stream, &graph);
    if (!error && ready && cudaGraphExecUpdate(ready, graph, &ignored)) {
        cudaGetLastError();
        cudaGraphExecDestroy(ready);
        ready = NULL;
    }
    if (!error && !ready)
        error = (int)cudaGraphInstantiate(&ready, graph, 0);
    if (!error)
        error = (int)cudaGraphLaunch(ready, (cudaStream_t)stream);
    if (graph)
        cudaGraphDestroy(graph);
    *kept = ready;
    return error;
}

void gad_runtime_kept_free(void *kept)
{
    if (kept)
        cudaGraphExecDestroy((cudaGraphExec_t)kept);
}

#else
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NO_MEMORY = 2, HEAD_BYTES = 256 }; /* the runtime's number; a block's size stands before it */

enum { WAITED = 900 }; /* the runtime's number for waiting while work is gathered */

static size_t in_use_bytes, limit_bytes = SIZE_MAX;
static bool recording;
static int played;

void gad_runtime_limit(size_t size_bytes)
{
    limit_bytes = size_bytes;
}

int gad_runtime_count(int *count)
{
    *count = 1;
    return 0;
}

int gad_runtime_open(int index, gad_runtime_card *card)
{
    snprintf(card->name, sizeof card->name, "kernels on the processor");
    card->multiprocessors = 4;
    card->generation = 80;
    card->free_bytes = limit_bytes;
    return index ? 101 : 0; /* invalid device ordinal */
}

const char *gad_runtime_text(int error)
{
    return error == NO_MEMORY ? "out of memory" : "unknown error";
}

bool gad_runtime_lacks_memory(int error)
{
    return error == NO_MEMORY;
}

int gad_runtime_launched(void)
{
    return 0;
}

int gad_runtime_take(void **memory, size_t size_bytes)
{
    char *block = NULL;
    if (size_bytes <= limit_bytes && in_use_bytes <= limit_bytes - size_bytes)
        block = (char *)aligned_alloc(HEAD_BYTES, (size_bytes / HEAD_BYTES + 2) * HEAD_BYTES);
    if (!block)
        return NO_MEMORY;
    memcpy(block, &size_bytes, sizeof size_bytes);
    memset(block + HEAD_BYTES, 0xFF, (size_bytes / HEAD_BYTES + 1) * HEAD_BYTES); /* NaN of every type */
    in_use_bytes += size_bytes;
    *memory = block + HEAD_BYTES;
    return 0;
}

void gad_runtime_give(void *memory)
{
    size_t size_bytes;
    if (!memory)
        return;
    memcpy(&size_bytes, (char *)memory - HEAD_BYTES, sizeof size_bytes);
    in_use_bytes -= size_bytes;
    free((char *)memory - HEAD_BYTES);
}

int gad_runtime_take_pinned(void **memory, size_t size_bytes)
{
    *memory = malloc(size_bytes);
    return *memory ? 0 : NO_MEMORY;
}

void gad_runtime_give_pinned(void *memory)
{
    free(memory);
}

int gad_runtime_stream(void **stream)
{
    *stream = NULL;
    return 0;
}

void gad_runtime_stream_free(void *)
{
}

int gad_runtime_wait(void *)
{
    return recording ? WAITED : 0;
}

int gad_runtime_record(void *)
{
    recording = true;
    return 0;
}

int gad_runtime_play(void *, void **)
{
    recording = false;
    played++;
    return 0;
}

void gad_runtime_kept_free(void *)
{
}

int gad_runtime_played(void)
{
    return played;
}

int gad_runtime_copy(void *to, const void *from, size_t size_bytes, void *)
{
    memcpy(to, from, size_bytes);
    return 0;
}

int gad_runtime_set(void *to, int byte, size_t size_bytes, void *)
{
    memset(to, byte, size_bytes);
    return 0;
}

int gad_runtime_set_rows(void *to, size_t stride, int byte, size_t bytes, size_t rows, void *)
{
    for (size_t i = 0; i < rows; i++)
        memset((char *)to + i * stride, byte, bytes);
    return 0;
}

int gad_runtime_event(void **event)
{
    *event = NULL;
    return 0;
}

void gad_runtime_event_free(void *)
{
}

int gad_runtime_event_put(void *, void *)
{
    return 0;
}

int gad_runtime_event_wait(void *)
{
    return recording ? WAITED : 0;
}
#endif
