/* tensor_source: named tensors to be read, whatever files hold them: safetensors, or GGUF. In: a checkpoint's path, and the
 * second file of a GGUF pair. Out: checked views into the mapped files, and numbers as fp32. Knows nothing of models, nor
 * of what tensors are called. */
#ifndef GAD_IO_TENSOR_SOURCE_H
#define GAD_IO_TENSOR_SOURCE_H
#include "io/gguf.h"
#include "io/gguf_block.h"
#include "io/safetensors.h"

/* How numbers are stored. */
typedef enum gad_source_storage {
    GAD_SOURCE_F32,
    GAD_SOURCE_F16,
    GAD_SOURCE_BF16,
    GAD_SOURCE_BLOCKS, /* quantised, in blocks of GGUF */
    GAD_SOURCE_OTHER   /* something that no model is made of: integers, F64, 8-bit floats */
} gad_source_storage;

/* Row-major, the outermost dimension first. `data` need not be aligned. */
typedef struct gad_source_tensor {
    const char *name, *file; /* the file's path, for errors */
    const char *type;        /* as the file's format spells it: "BF16", "Q4_K" */
    gad_source_storage storage;
    int rank;
    int64_t shape[GAD_SAFETENSORS_MAX_RANK];
    size_t count; /* numbers in all; 1 for rank 0 */
    const void *data;
    size_t size_bytes;
    const gad_gguf_block *block; /* of a GGUF file; NULL: of safetensors */
} gad_source_tensor;

typedef struct gad_tensor_source gad_tensor_source;

/* A file whose name ends in .gguf. */
bool gad_tensor_source_is_gguf(const char *path);
/* `path`: what gad_safetensors_open takes, or a .gguf file; `more`: a second .gguf file, NULL: none. All is checked before
 * this returns. What is returned lives as long as the source. */
gad_status gad_tensor_source_open(const char *path, const char *more, gad_tensor_source **source, gad_error *err);
void gad_tensor_source_free(gad_tensor_source *source);

/* All tensors, in byte order of their names. */
size_t gad_tensor_source_count(const gad_tensor_source *source);
const gad_source_tensor *gad_tensor_source_at(const gad_tensor_source *source, size_t index);
/* NULL when there is none. */
const gad_source_tensor *gad_tensor_source_find(const gad_tensor_source *source, const char *name);

/* Numbers first..first+count-1 as fp32; both are multiples of the block's count. OTHER is GAD_E_UNSUPPORTED. */
gad_status gad_tensor_source_copy_f32(const gad_source_tensor *tensor, size_t first, size_t count, float *out,
                                      gad_error *err);
#endif
