/* gguf_write: writes model files of llama.cpp (GGUF version 3). In: key-value pairs, tensors whose rows are made when they
 * are needed. Out: a file, complete or absent. Knows nothing of what keys mean. */
#ifndef GAD_IO_GGUF_WRITE_H
#define GAD_IO_GGUF_WRITE_H
#include "base/string.h"
#include "io/gguf.h"
#include "io/gguf_block.h"

/* The pairs of a file; zero to begin with. A lack of memory shows when the file is written. */
typedef struct gad_gguf_pairs {
    gad_string bytes;
    uint64_t count;
} gad_gguf_pairs;
void gad_gguf_write_string(gad_gguf_pairs *pairs, const char *key, const char *text, size_t length);
void gad_gguf_write_u32(gad_gguf_pairs *pairs, const char *key, int64_t value);
void gad_gguf_write_f32(gad_gguf_pairs *pairs, const char *key, double value);
void gad_gguf_write_bool(gad_gguf_pairs *pairs, const char *key, bool value);
/* An array: its head, then as many elements, one after the other. */
void gad_gguf_write_array(gad_gguf_pairs *pairs, const char *key, gad_gguf_type type, uint64_t count);
void gad_gguf_write_text_element(gad_gguf_pairs *pairs, const char *text, size_t length);
void gad_gguf_write_i32_element(gad_gguf_pairs *pairs, int64_t value);
void gad_gguf_write_f32_element(gad_gguf_pairs *pairs, double value);
void gad_gguf_write_bool_element(gad_gguf_pairs *pairs, bool value);

/* A tensor to be written. Row i, of `count of all numbers / shape[0]` numbers, comes from row(user, i, out). */
typedef struct gad_gguf_item {
    const char *name;
    const gad_gguf_block *block; /* one that can be written */
    int rank;
    int64_t shape[GAD_GGUF_MAX_RANK]; /* outermost first */
    void (*row)(const void *user, int64_t row, float *out);
    const void *user;
} gad_gguf_item;
gad_status gad_gguf_write(const char *path, const gad_gguf_pairs *pairs, const gad_gguf_item *items, size_t count,
                          gad_error *err);
#endif
