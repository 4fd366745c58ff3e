/* gguf_block: the blocks in which ggml stores numbers (ggml-common.h, ggml-quants.c of ggml). In: a type's number and
 * blocks, or fp32. Out: sizes, fp32, or blocks. */
#ifndef GAD_IO_GGUF_BLOCK_H
#define GAD_IO_GGUF_BLOCK_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gad_gguf_block {
    const char *name; /* "Q4_K" */
    uint32_t type;
    size_t count, size_bytes; /* numbers of a block, and its bytes */
    void (*read)(const uint8_t *block, float *out);
    void (*write)(const float *in, uint8_t *block); /* NULL: gad does not write this type */
} gad_gguf_block;

/* NULL for a type that gad does not read. */
const gad_gguf_block *gad_gguf_block_of(uint32_t type);
/* By name ("Q8_0"); NULL: none. */
const gad_gguf_block *gad_gguf_block_find(const char *name);
/* What ggml calls a type, for errors: also types that gad does not read. */
const char *gad_gguf_block_name(uint32_t type);
/* `count` numbers, a multiple of the block's, from blocks that lie one after the other. */
void gad_gguf_block_write(const gad_gguf_block *block, const float *in, size_t count, uint8_t *data);
void gad_gguf_block_read(const gad_gguf_block *block, const uint8_t *data, size_t count, float *out);
#endif
