/* gguf: reads the model files of llama.cpp (GGUF versions 2 and 3, docs of ggml). In: a file, or its bytes. Out: its
 * key-value pairs and named tensors as checked views into the mapped file. Knows nothing of what keys mean, nor of blocks
 * of quantised numbers (gguf_block.h). */
#ifndef GAD_IO_GGUF_H
#define GAD_IO_GGUF_H
#include "base/file.h"
#include "gad.h"

#include <stdbool.h>

/* Types of values, numbered as the format has them. */
typedef enum gad_gguf_type {
    GAD_GGUF_U8,
    GAD_GGUF_I8,
    GAD_GGUF_U16,
    GAD_GGUF_I16,
    GAD_GGUF_U32,
    GAD_GGUF_I32,
    GAD_GGUF_F32,
    GAD_GGUF_BOOL,
    GAD_GGUF_STRING,
    GAD_GGUF_ARRAY,
    GAD_GGUF_U64,
    GAD_GGUF_I64,
    GAD_GGUF_F64,
    GAD_GGUF_TYPES
} gad_gguf_type;

/* Bytes in the file, not zero-terminated. */
typedef struct gad_gguf_string {
    const char *bytes;
    size_t length;
} gad_gguf_string;

/* One pair. `data` holds `count` values of `type` as the file has them, little-endian and unaligned; count is 1 unless it
 * is an array. Arrays of arrays are refused. */
typedef struct gad_gguf_value {
    gad_gguf_string key;
    gad_gguf_type type;
    bool is_array;
    uint64_t count;
    const uint8_t *data;
    size_t size_bytes;
} gad_gguf_value;

enum { GAD_GGUF_MAX_RANK = 4 };

typedef struct gad_gguf_tensor {
    gad_gguf_string name;
    uint32_t type; /* ggml's number: gguf_block.h */
    int rank;
    int64_t shape[GAD_GGUF_MAX_RANK]; /* outermost first, as everywhere in gad (the file has them the other way) */
    const uint8_t *data;
    size_t size_bytes;
} gad_gguf_tensor;

typedef struct gad_gguf {
    char *path;       /* for errors */
    gad_file_map map; /* empty when read from memory */
    gad_gguf_value *value;
    size_t value_count;
    gad_gguf_tensor *tensor;
    size_t tensor_count;
} gad_gguf;

/* Everything is checked before this returns. */
gad_status gad_gguf_open(const char *path, gad_gguf *file, gad_error *err);
/* The same of bytes that outlive `file`; `name` says in errors where they came from. */
gad_status gad_gguf_parse(const void *bytes, size_t size_bytes, const char *name, gad_gguf *file, gad_error *err);
void gad_gguf_free(gad_gguf *file);

/* NULL when there is none. */
const gad_gguf_value *gad_gguf_find(const gad_gguf *file, const char *key);
const gad_gguf_tensor *gad_gguf_find_tensor(const gad_gguf *file, const char *name);
bool gad_gguf_string_is(gad_gguf_string string, const char *text);

/* Element i of a value of numbers: integers and booleans as they are, floats by value; an error with the key for another
 * type, i out of range, or an integer that int64_t cannot hold. */
gad_status gad_gguf_integer(const gad_gguf *file, const gad_gguf_value *value, uint64_t i, int64_t *number, gad_error *err);
gad_status gad_gguf_number(const gad_gguf *file, const gad_gguf_value *value, uint64_t i, double *number, gad_error *err);
/* Walks the strings of a value: begin with *offset 0; each call gives the next and moves *offset on. False at the end, or
 * when the value holds no strings. */
bool gad_gguf_next_string(const gad_gguf_value *value, size_t *offset, gad_gguf_string *string);
#endif
