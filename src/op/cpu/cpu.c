/* cpu: see cpu.h. Here: stack memory, and rows of weights of any type as fp32. */
#include "op/cpu/cpu.h"

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "op/quant.h"

#include <stdio.h>
#include <string.h>

enum { MIN_CHUNK_BYTES = 4 << 20 };

/* ---- stack memory ---- */

/* Make chunk `index`, which holds nothing that is in use, at least `size_bytes` large. */
static bool fit_chunk(gad_cpu *cpu, int index, size_t size_bytes)
{
    gad_cpu_chunk *chunk = &cpu->chunk[index];
    if (index < cpu->chunks && chunk->size_bytes >= size_bytes)
        return true;
    size_t base = index ? chunk[-1].base + chunk[-1].size_bytes : 0;
    /* growing by at least a quarter of what there is keeps the number of chunks small */
    size_t wanted = base / 4 > MIN_CHUNK_BYTES ? base / 4 : MIN_CHUNK_BYTES;
    if (wanted < size_bytes)
        wanted = size_bytes;
    if (index < cpu->chunks)
        gad_memory_free_aligned(chunk->data);
    else
        cpu->chunks = index + 1;
    chunk->data = gad_memory_alloc_aligned(wanted, 1);
    if (!chunk->data && wanted > size_bytes) {
        wanted = size_bytes;
        chunk->data = gad_memory_alloc_aligned(wanted, 1);
    }
    chunk->size_bytes = chunk->data ? wanted : 0;
    chunk->base = base;
    for (int i = index + 1; i < cpu->chunks; i++)
        cpu->chunk[i].base = cpu->chunk[i - 1].base + cpu->chunk[i - 1].size_bytes;
    return chunk->data != NULL;
}

static void *take_bytes(gad_cpu *cpu, size_t size_bytes)
{
    if (cpu->chunks) {
        gad_cpu_chunk *now = &cpu->chunk[cpu->current];
        size_t used = cpu->position - now->base;
        if (now->data && now->size_bytes - used >= size_bytes) {
            cpu->position += size_bytes;
            return now->data + used;
        }
    }
    int next = cpu->chunks && cpu->position > cpu->chunk[cpu->current].base ? cpu->current + 1 : cpu->current;
    if (next == GAD_CPU_CHUNKS || !fit_chunk(cpu, next, size_bytes))
        return NULL;
    cpu->current = next;
    cpu->position = cpu->chunk[next].base + size_bytes;
    return cpu->chunk[next].data;
}

void *gad_cpu_scratch(gad_device *device, size_t count, size_t size_bytes)
{
    if (!gad_cpu_well(device))
        return NULL;
    size_t total = 0;
    void *taken = NULL;
    if (gad_memory_product(count, size_bytes, &total) && total < SIZE_MAX / 4) {
        total = total ? (total + 63) & ~(size_t)63 : 64;
        taken = take_bytes(device->state, total);
    }
    if (!taken)
        gad_error_fill_memory(&device->error, "take working memory", total);
    return taken;
}

size_t gad_cpu_mark(gad_device *device)
{
    return ((gad_cpu *)device->state)->position;
}

void gad_cpu_rewind(gad_device *device, size_t mark)
{
    gad_cpu *cpu = device->state;
    cpu->position = mark;
    while (cpu->current && cpu->chunk[cpu->current].base >= mark)
        cpu->current--;
}

/* ---- reading weights of any dtype ---- */

void gad_cpu_weight_row(float *dst, const gad_weight *w, int64_t row, int64_t from, int64_t n)
{
    const char *src = (const char *)w->data + (row * w->cols + from) * (int64_t)gad_dtype_bytes(w->dtype);
    switch (w->dtype) {
    case GAD_F32: memcpy(dst, src, (size_t)n * sizeof(float)); break;
    case GAD_BF16: gad_half_array_from_bf16(dst, src, (size_t)n); break;
    case GAD_F16: gad_half_array_from_f16(dst, src, (size_t)n); break;
    case GAD_F64:
        for (int64_t i = 0; i < n; i++) {
            double number;
            memcpy(&number, src + 8 * i, 8);
            dst[i] = (float)number;
        }
        break;
    case GAD_Q8:
    case GAD_Q4: gad_quant_row(dst, w, row, from, n); break;
    case GAD_S8: break; /* no weight is kept so */
    }
}

const float *gad_cpu_vector(gad_device *device, gad_tensor t)
{
    if (!t.data)
        return NULL;
    if (t.dtype == GAD_F32 && ((uintptr_t)t.data & 3) == 0)
        return t.data;
    float *copy = gad_cpu_scratch(device, (size_t)t.cols, sizeof(float));
    if (copy)
        gad_cpu_weight_row(copy, &(gad_weight){.data = t.data, .dtype = t.dtype, .rows = 1, .cols = t.cols}, 0, 0, t.cols);
    return copy;
}
