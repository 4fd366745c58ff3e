/* safetensors: the only reader and writer of tensor files. In: a file, or a folder with one file or with shards and an
 * index. Out: named, checked views into the mapped files; new files, complete or absent. Knows nothing of models. */
#ifndef GAD_IO_SAFETENSORS_H
#define GAD_IO_SAFETENSORS_H
#include "gad.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order of the reference implementation, which is also the order (descending) of data in a file it writes. */
typedef enum gad_safetensors_dtype {
    GAD_SAFETENSORS_BOOL,
    GAD_SAFETENSORS_F4,
    GAD_SAFETENSORS_F6_E2M3,
    GAD_SAFETENSORS_F6_E3M2,
    GAD_SAFETENSORS_U8,
    GAD_SAFETENSORS_I8,
    GAD_SAFETENSORS_F8_E5M2,
    GAD_SAFETENSORS_F8_E4M3,
    GAD_SAFETENSORS_F8_E8M0,
    GAD_SAFETENSORS_F8_E4M3FNUZ,
    GAD_SAFETENSORS_F8_E5M2FNUZ,
    GAD_SAFETENSORS_I16,
    GAD_SAFETENSORS_U16,
    GAD_SAFETENSORS_F16,
    GAD_SAFETENSORS_BF16,
    GAD_SAFETENSORS_I32,
    GAD_SAFETENSORS_U32,
    GAD_SAFETENSORS_F32,
    GAD_SAFETENSORS_C64,
    GAD_SAFETENSORS_F64,
    GAD_SAFETENSORS_I64,
    GAD_SAFETENSORS_U64
} gad_safetensors_dtype;

enum { GAD_SAFETENSORS_MAX_RANK = 8 };

/* "F32", "BF16", ... as the format spells it. */
const char *gad_safetensors_dtype_name(gad_safetensors_dtype dtype);
/* Bits of one number (4, 6, 8, 16, 32 or 64). */
unsigned gad_safetensors_dtype_bits(gad_safetensors_dtype dtype);

/* A tensor in an open set; row-major. `data` need not be aligned to the dtype (files by other writers): copy, or check. */
typedef struct gad_safetensors_tensor {
    const char *name, *file; /* the file's path, for errors */
    gad_safetensors_dtype dtype;
    int rank;
    int64_t shape[GAD_SAFETENSORS_MAX_RANK];
    size_t count; /* numbers in all; 1 for rank 0 */
    const void *data;
    size_t size_bytes;
} gad_safetensors_tensor;

/* One file or all shards of a checkpoint, mapped read-only. A file must not be shortened in place while it is open (that
 * is a fault on every system); writers that replace it, as ours does, are harmless. */
typedef struct gad_safetensors gad_safetensors;

/* `path`: a .safetensors file, an index (*.safetensors.index.json), or a folder, in which model.safetensors is taken if
 * present and else model.safetensors.index.json. Everything is checked before this returns. */
gad_status gad_safetensors_open(const char *path, gad_safetensors **set, gad_error *err);
void gad_safetensors_free(gad_safetensors *set);
/* NULL when there is no such tensor. What is returned lives as long as the set. */
const gad_safetensors_tensor *gad_safetensors_find(const gad_safetensors *set, const char *name);
/* A text of the first file's metadata; NULL when there is none of that key. */
const char *gad_safetensors_metadata(const gad_safetensors *set, const char *key);
/* All tensors, in byte order of their names. */
size_t gad_safetensors_count(const gad_safetensors *set);
const gad_safetensors_tensor *gad_safetensors_at(const gad_safetensors *set, size_t index);

/* Numbers first..first+count-1 as fp32, from F32, F16, BF16 or F64. */
gad_status gad_safetensors_copy_f32(const gad_safetensors_tensor *tensor, size_t first, size_t count, float *out,
                                    gad_error *err);
/* The same as integers, from I64, I32, U8 or BOOL. */
gad_status gad_safetensors_copy_i64(const gad_safetensors_tensor *tensor, size_t first, size_t count, int64_t *out,
                                    gad_error *err);

/* A tensor to be written: its bytes are at `data`, or, when data is NULL, made piece by piece by `produce`, which fills
 * `buffer` with the bytes offset..offset+size-1; the pieces come in order and never cut a number. */
typedef struct gad_safetensors_item {
    const char *name;
    gad_safetensors_dtype dtype;
    int rank;
    int64_t shape[GAD_SAFETENSORS_MAX_RANK];
    const void *data;
    gad_status (*produce)(void *user, size_t offset_bytes, void *buffer, size_t size_bytes, gad_error *err);
    void *user;
} gad_safetensors_item;

/* Bytes of an item's data; 0 with an error status when shape or dtype make no sense. */
gad_status gad_safetensors_item_bytes(const gad_safetensors_item *item, size_t *size_bytes, gad_error *err);
/* One file. Data goes in the reference writer's order: larger dtype first, then by name; metadata {"format":"pt"}. */
gad_status gad_safetensors_write(const char *path, const gad_safetensors_item *items, size_t count, gad_error *err);
/* A checkpoint in `folder` (which exists): model.safetensors when all data fits into shard_bytes, else
 * model-00001-of-0000N.safetensors filled in the order given, with model.safetensors.index.json written last. The form
 * not written (an earlier save) is removed, since a reader would take one of the two. */
gad_status gad_safetensors_write_sharded(const char *folder, const gad_safetensors_item *items, size_t count,
                                         size_t shard_bytes, gad_error *err);
#endif
