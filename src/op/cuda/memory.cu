/* memory: the device's stack, the ring that carries numbers to and from it, and memory that outlives the stack. */
#include "op/cuda/each.cuh"
#include "op/quant.h"

#include <stdio.h>
#include <string.h>

enum { MIN_CHUNK_BYTES = 64 << 20, RING_BYTES = 8 << 20 };

bool gad_cuda_keep(gad_device *device, int error, const char *what, size_t size_bytes)
{
    if (!error)
        return true;
    const char *text = gad_runtime_text(error);
    gad_error *kept = &device->error;
    if (kept->code != GAD_OK)
        return false;
    const bool memory = gad_runtime_lacks_memory(error);
    kept->code = memory ? GAD_E_MEMORY : GAD_E_DEVICE;
    snprintf(kept->operation, sizeof kept->operation, "%s", what);
    if (memory)
        snprintf(kept->cause, sizeof kept->cause, "CUDA: %s (%zu bytes were asked for)", text, size_bytes);
    else
        snprintf(kept->cause, sizeof kept->cause, "CUDA: %s", text);
    snprintf(kept->hint, sizeof kept->hint, "%s",
             memory ? "use a smaller batch, context or model, or a quantised one"
                    : "start the program again; if it happens again, use --device cpu and report it");
    return false;
}

/* ---- stack memory: as op/cpu/cpu.c ---- */

/* Make chunk `index`, which holds nothing that is in use, at least `size_bytes` large. Giving memory back waits for what
 * may still use it. */
static int fit_chunk(gad_cuda *cuda, int index, size_t size_bytes)
{
    gad_cuda_chunk *chunk = &cuda->chunk[index];
    if (index < cuda->chunks && chunk->size_bytes >= size_bytes)
        return 0;
    const size_t base = index ? chunk[-1].base + chunk[-1].size_bytes : 0;
    size_t wanted = MIN_CHUNK_BYTES;
    wanted = max(max(wanted, base / 4), size_bytes);
    if (index < cuda->chunks && cuda->graph.recording && cuda->graph.lates < GAD_CUDA_CHUNKS)
        cuda->graph.late[cuda->graph.lates++] = chunk->data;
    else if (index < cuda->chunks)
        gad_runtime_give(chunk->data);
    else
        cuda->chunks = index + 1;
    void *memory = NULL;
    int error = gad_runtime_take(&memory, wanted);
    if (error && wanted > size_bytes) {
        gad_runtime_text(error);
        wanted = size_bytes;
        error = gad_runtime_take(&memory, wanted);
    }
    chunk->data = error ? NULL : (char *)memory;
    chunk->size_bytes = error ? 0 : wanted;
    chunk->base = base;
    for (int i = index + 1; i < cuda->chunks; i++)
        cuda->chunk[i].base = cuda->chunk[i - 1].base + cuda->chunk[i - 1].size_bytes;
    return error;
}

static void *take_bytes(gad_device *device, size_t size_bytes)
{
    gad_cuda *cuda = gad_cuda_of(device);
    if (cuda->chunks) {
        const gad_cuda_chunk *now = &cuda->chunk[cuda->current];
        const size_t used = cuda->position - now->base;
        if (now->data && now->size_bytes - used >= size_bytes) {
            cuda->position += size_bytes;
            return now->data + used;
        }
    }
    const int next = cuda->chunks && cuda->position > cuda->chunk[cuda->current].base ? cuda->current + 1 : cuda->current;
    const int last = GAD_CUDA_CHUNKS - 1;
    if (!gad_cuda_keep(device, fit_chunk(cuda, next < last ? next : last, size_bytes), "take working memory", size_bytes))
        return NULL;
    cuda->current = next;
    cuda->position = cuda->chunk[next].base + size_bytes;
    return cuda->chunk[next].data;
}

void *gad_cuda_scratch(gad_device *device, int64_t count, size_t size_bytes)
{
    if (!gad_cuda_well(device))
        return NULL;
    const size_t most = SIZE_MAX / 4 / size_bytes;
    if (count < 0 || (size_t)count > most) {
        gad_cuda_keep(device, 2, "take working memory", SIZE_MAX); /* out of memory */
        return NULL;
    }
    const size_t total = (size_t)count * size_bytes + (count ? 0 : 1), unit = GAD_CUDA_ALIGNMENT;
    return take_bytes(device, (total + unit - 1) / unit * unit);
}

size_t gad_cuda_mark(gad_device *device)
{
    return gad_cuda_of(device)->position;
}

void gad_cuda_rewind(gad_device *device, size_t mark)
{
    gad_cuda *cuda = gad_cuda_of(device);
    cuda->position = mark;
    while (cuda->current && cuda->chunk[cuda->current].base >= mark)
        cuda->current--;
}

static size_t bytes_of(gad_dtype dtype)
{
    return dtype == GAD_F64 ? 8 : dtype == GAD_F32 ? 4 : 2;
}

static gad_tensor tensor_of(void *data, gad_dtype dtype, int64_t rows, int64_t cols)
{
    return gad_tensor{data, dtype, rows, cols, cols};
}

gad_tensor gad_cuda_take(gad_device *device, int64_t rows, int64_t cols)
{
    return tensor_of(gad_cuda_scratch(device, rows * cols, bytes_of(device->dtype)), device->dtype, rows, cols);
}

gad_tensor gad_cuda_take_exact(gad_device *device, int64_t rows, int64_t cols)
{
    return tensor_of(gad_cuda_scratch(device, rows * cols, sizeof(float)), GAD_F32, rows, cols);
}

/* ---- the ring ---- */

static void turn_ring(gad_device *device)
{
    gad_cuda *cuda = gad_cuda_of(device);
    gad_cuda_ring *ring = &cuda->ring;
    gad_cuda_keep(device, gad_runtime_event_put(ring->sent[ring->now], cuda->stream), "copy to the device", 0);
    ring->now = !ring->now;
    gad_cuda_keep(device, gad_runtime_event_wait(ring->sent[ring->now]), "copy to the device", 0);
    ring->used = 0;
}

void gad_cuda_make_room(gad_device *device)
{
    if (gad_cuda_of(device)->ring.used > RING_BYTES / 2)
        turn_ring(device);
}

/* Room for up to `wanted` bytes in the ring; how many. */
static size_t ring_room(gad_device *device, size_t wanted, char **room)
{
    gad_cuda_ring *ring = &gad_cuda_of(device)->ring;
    if (ring->used == RING_BYTES)
        turn_ring(device);
    const size_t left = RING_BYTES - ring->used, size = wanted < left ? wanted : left;
    *room = ring->half[ring->now] + ring->used;
    ring->used += (size + 15) / 16 * 16;
    return size;
}

void gad_cuda_send(gad_device *device, void *to, const void *host, size_t size_bytes)
{
    for (size_t done = 0; gad_cuda_well(device) && done < size_bytes;) {
        char *room;
        const size_t size = ring_room(device, size_bytes - done, &room);
        memcpy(room, (const char *)host + done, size);
        gad_cuda_keep(device, gad_runtime_copy((char *)to + done, room, size, gad_cuda_of(device)->stream),
                      "copy to the device", 0);
        done += size;
    }
}

void gad_cuda_receive(gad_device *device, void *host, const void *from, size_t size_bytes)
{
    for (size_t done = 0; gad_cuda_well(device) && done < size_bytes;) {
        char *room;
        const size_t size = ring_room(device, size_bytes - done, &room);
        gad_cuda_keep(device, gad_runtime_copy(room, (const char *)from + done, size, gad_cuda_of(device)->stream),
                      "copy from the device", 0);
        gad_cuda_finish(device);
        if (gad_cuda_well(device))
            memcpy((char *)host + done, room, size);
        done += size;
    }
}

const void *gad_cuda_upload(gad_device *device, const void *host, size_t size_bytes)
{
    void *to = gad_cuda_scratch(device, (int64_t)size_bytes, 1);
    if (to)
        gad_cuda_send(device, to, host, size_bytes);
    return to;
}

void gad_cuda_download(gad_device *device, float *host, gad_tensor x)
{
    const size_t mark = gad_cuda_mark(device), count = (size_t)(x.rows * x.cols);
    gad_tensor flat = x;
    if (x.dtype != GAD_F32 || x.stride != x.cols) {
        flat = gad_cuda_take_exact(device, x.rows, x.cols);
        GAD_CUDA_BY_FLOAT(x.dtype, T, {
            const gad_cuda_convert_of<float, T> op = {gad_cuda_view_of<float>(flat), gad_cuda_view_of<T>(x)};
            gad_cuda_each<T>(device, op, x.rows, x.cols, false);
        });
    }
    gad_cuda_receive(device, host, flat.data, count * sizeof(float));
    gad_cuda_rewind(device, mark);
}

void gad_cuda_fill(gad_device *device, gad_tensor y, const float *host)
{
    const size_t mark = gad_cuda_mark(device);
    if (y.dtype == GAD_F32 && y.stride == y.cols) {
        gad_cuda_send(device, y.data, host, (size_t)(y.rows * y.cols) * sizeof(float));
        return;
    }
    gad_tensor flat = gad_cuda_take_exact(device, y.rows, y.cols);
    gad_cuda_send(device, flat.data, host, (size_t)(y.rows * y.cols) * sizeof(float));
    GAD_CUDA_BY_FLOAT(y.dtype, T, {
        const gad_cuda_convert_of<T, float> op = {gad_cuda_view_of<T>(y), gad_cuda_view_of<float>(flat)};
        gad_cuda_each<T>(device, op, y.rows, y.cols, false);
    });
    gad_cuda_rewind(device, mark);
}

/* ---- lasting memory ---- */

static void *take_lasting(gad_device *device, size_t size_bytes, const char *what)
{
    void *memory = NULL;
    if (!gad_cuda_well(device))
        return NULL;
    return gad_cuda_keep(device, gad_runtime_take(&memory, size_bytes + !size_bytes), what, size_bytes) ? memory : NULL;
}

gad_tensor gad_cuda_allocate(gad_device *device, int64_t rows, int64_t cols)
{
    void *memory = take_lasting(device, (size_t)(rows * cols) * bytes_of(device->kept), "take lasting memory");
    return tensor_of(memory, device->kept, rows, cols);
}

gad_tensor gad_cuda_allocate_exact(gad_device *device, int64_t rows, int64_t cols)
{
    const size_t size_bytes = (size_t)(rows * cols) * sizeof(float);
    void *memory = take_lasting(device, size_bytes, "take lasting memory");
    if (memory)
        gad_cuda_keep(device, gad_runtime_set(memory, 0, size_bytes, gad_cuda_of(device)->stream), "clear memory", 0);
    return tensor_of(memory, GAD_F32, rows, cols);
}

void gad_cuda_release(gad_device *device, gad_tensor x)
{
    (void)device;
    gad_runtime_give(x.data);
}

/* Bytes of the numbers of a matrix, and of the scales behind them when it is quantised. */
static size_t number_bytes(gad_weight w)
{
    if (gad_quant_is(w.dtype))
        return (size_t)(gad_quant_blocks(w.rows) * gad_quant_block_bytes(w.dtype, w.cols));
    return (size_t)(w.rows * w.cols) * bytes_of(w.dtype);
}

static size_t scale_bytes(gad_weight w)
{
    return gad_quant_is(w.dtype) ? (size_t)(gad_quant_blocks(w.rows) * gad_quant_block_scale_bytes(w.dtype, w.cols)) : 0;
}

/* Scales stand behind the numbers, in one piece of memory. */
gad_weight gad_cuda_place(gad_device *device, gad_weight host)
{
    const size_t unit = GAD_CUDA_ALIGNMENT, numbers = number_bytes(host), scales = scale_bytes(host);
    const size_t behind = (numbers + unit - 1) / unit * unit;
    char *memory = host.data ? (char *)take_lasting(device, behind + scales, "take memory for weights") : NULL;
    gad_weight placed = host;
    placed.data = memory;
    placed.scale = memory && scales ? memory + behind : NULL;
    if (memory) {
        gad_cuda_send(device, memory, host.data, numbers);
        gad_cuda_send(device, memory + behind, host.scale, scales);
    }
    return placed;
}

void gad_cuda_unplace(gad_device *device, gad_weight placed)
{
    (void)device;
    gad_runtime_give(const_cast<void *>(placed.data));
}

void gad_cuda_fetch(gad_device *device, gad_weight host, gad_weight placed)
{
    gad_cuda_receive(device, const_cast<void *>(host.data), placed.data, number_bytes(placed));
}

/* ---- from opening to the end ---- */

void gad_cuda_finish(gad_device *device)
{
    gad_cuda_keep(device, gad_runtime_wait(gad_cuda_of(device)->stream), "compute on the device", 0);
}

int gad_cuda_memory_open(gad_cuda *cuda)
{
    const size_t bytes = GAD_CUDA_TICKETS * sizeof *cuda->tickets;
    int error = gad_runtime_stream(&cuda->stream);
    error = error ? error : gad_runtime_take((void **)&cuda->tickets, bytes);
    error = error ? error : gad_runtime_set(cuda->tickets, 0, bytes, cuda->stream);
    for (int i = 0; i < 2 && !error; i++) {
        error = gad_runtime_take_pinned((void **)&cuda->ring.half[i], RING_BYTES);
        error = error ? error : gad_runtime_event(&cuda->ring.sent[i]);
    }
    return error;
}

void gad_cuda_memory_free(gad_cuda *cuda)
{
    for (int i = 0; i < cuda->chunks; i++)
        gad_runtime_give(cuda->chunk[i].data);
    for (int i = 0; i < 2; i++) {
        if (cuda->ring.half[i])
            gad_runtime_give_pinned(cuda->ring.half[i]);
        if (cuda->ring.sent[i])
            gad_runtime_event_free(cuda->ring.sent[i]);
    }
    gad_runtime_give(cuda->tickets);
    if (cuda->stream)
        gad_runtime_stream_free(cuda->stream);
}
