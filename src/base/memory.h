/* memory: checked allocation through one replaceable allocator. In: element counts and sizes. Out: memory or NULL (the
 * caller reports with gad_error_memory). */
#ifndef GAD_BASE_MEMORY_H
#define GAD_BASE_MEMORY_H
#include <stdbool.h>
#include <stddef.h>

/* Memory for count * size_bytes, uninitialised / zeroed. NULL when the product overflows or there is none. A zero size
 * gives a pointer that may be freed. */
void *gad_memory_alloc(size_t count, size_t size_bytes);
void *gad_memory_zero(size_t count, size_t size_bytes);
void *gad_memory_resize(void *old, size_t count, size_t size_bytes);
void gad_memory_free(void *memory);

/* As gad_memory_alloc, at a multiple of 64 bytes (a cache line, an AVX-512 register); free with gad_memory_free_aligned. */
void *gad_memory_alloc_aligned(size_t count, size_t size_bytes);
void gad_memory_free_aligned(void *memory);

char *gad_memory_copy_string(const char *text);

/* Make room for one more element in a growing array: *array has *capacity elements of size_bytes, `used` are in use.
 * False when there is no memory; the array is then unchanged. */
bool gad_memory_grow(void **array, size_t *capacity, size_t used, size_t size_bytes);

/* a * b without wrapping; false on overflow. */
bool gad_memory_product(size_t a, size_t b, size_t *product);

/* Physical memory of the machine that is free for use now, in bytes; 0 when unknown. */
size_t gad_memory_available(void);
#endif
