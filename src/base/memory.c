/* memory: see memory.h */
#include "base/memory.h"

#include "gad.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *system_allocate(void *user, size_t size_bytes)
{
    (void)user;
    return malloc(size_bytes);
}

static void *system_resize(void *user, void *old, size_t size_bytes)
{
    (void)user;
    return realloc(old, size_bytes);
}

static void system_release(void *user, void *old)
{
    (void)user;
    free(old);
}

static const gad_allocator system_allocator = {
    .allocate = system_allocate, .resize = system_resize, .release = system_release};
static gad_allocator current = {.allocate = system_allocate, .resize = system_resize, .release = system_release};

void gad_use_allocator(const gad_allocator *allocator)
{
    current = allocator ? *allocator : system_allocator;
}

bool gad_memory_product(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

void *gad_memory_alloc(size_t count, size_t size_bytes)
{
    size_t total;
    if (!gad_memory_product(count, size_bytes, &total))
        return NULL;
    return current.allocate(current.user, total ? total : 1);
}

void *gad_memory_zero(size_t count, size_t size_bytes)
{
    void *memory = gad_memory_alloc(count, size_bytes);
    if (memory)
        memset(memory, 0, count * size_bytes);
    return memory;
}

void *gad_memory_resize(void *old, size_t count, size_t size_bytes)
{
    size_t total;
    if (!gad_memory_product(count, size_bytes, &total))
        return NULL;
    return current.resize(current.user, old, total ? total : 1);
}

void gad_memory_free(void *memory)
{
    if (memory)
        current.release(current.user, memory);
}

/* The pointer that the allocator gave lies in the word before the aligned one. */
void *gad_memory_alloc_aligned(size_t count, size_t size_bytes)
{
    size_t total;
    if (!gad_memory_product(count, size_bytes, &total) || total > SIZE_MAX - 128)
        return NULL;
    char *raw = current.allocate(current.user, total + 64 + sizeof(void *));
    if (!raw)
        return NULL;
    char *aligned = (char *)(((uintptr_t)raw + sizeof(void *) + 63) & ~(uintptr_t)63);
    memcpy(aligned - sizeof(void *), &raw, sizeof raw);
    return aligned;
}

void gad_memory_free_aligned(void *memory)
{
    if (!memory)
        return;
    char *raw;
    memcpy(&raw, (char *)memory - sizeof(void *), sizeof raw);
    current.release(current.user, raw);
}

char *gad_memory_copy_string(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = gad_memory_alloc(size, 1);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

bool gad_memory_grow(void **array, size_t *capacity, size_t used, size_t size_bytes)
{
    if (used < *capacity)
        return true;
    size_t wanted = *capacity < 8 ? 8 : *capacity * 2;
    void *grown = gad_memory_resize(*array, wanted, size_bytes);
    if (!grown)
        return false;
    *array = grown;
    *capacity = wanted;
    return true;
}

size_t gad_memory_available(void)
{
    FILE *file = fopen("/proc/meminfo", "r");
    if (!file)
        return 0;
    char line[128];
    unsigned long long kib = 0;
    while (fgets(line, sizeof line, file))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    fclose(file);
    return (size_t)kib * 1024;
}
