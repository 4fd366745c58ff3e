/* tensor_source: see tensor_source.h */
#include "io/tensor_source.h"

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char operation[] = "open tensors";

struct gad_tensor_source {
    gad_safetensors *set; /* NULL: GGUF */
    gad_gguf gguf[2];
    int gguf_count;
    char *names; /* of GGUF's tensors, which are not zero-terminated in the files */
    gad_source_tensor *tensor;
    size_t count;
};

bool gad_tensor_source_is_gguf(const char *path)
{
    return gad_file_has_extension(path, "gguf") && !gad_file_is_directory(path);
}

/* ---- safetensors --------------------------------------------------------------------------------------------------- */

static gad_source_storage storage_of(gad_safetensors_dtype dtype)
{
    switch (dtype) {
    case GAD_SAFETENSORS_F32: return GAD_SOURCE_F32;
    case GAD_SAFETENSORS_F16: return GAD_SOURCE_F16;
    case GAD_SAFETENSORS_BF16: return GAD_SOURCE_BF16;
    default: return GAD_SOURCE_OTHER;
    }
}

static gad_status open_safetensors(gad_tensor_source *s, const char *path, gad_error *err)
{
    gad_status status = gad_safetensors_open(path, &s->set, err);
    if (status)
        return status;
    const size_t count = gad_safetensors_count(s->set);
    s->tensor = gad_memory_zero(count, sizeof *s->tensor);
    if (!s->tensor)
        return gad_error_memory(err, operation, count * sizeof *s->tensor);
    for (; s->count < count; s->count++) {
        const gad_safetensors_tensor *from = gad_safetensors_at(s->set, s->count);
        gad_source_tensor *to = &s->tensor[s->count];
        *to = (gad_source_tensor){.name = from->name,
                                  .file = from->file,
                                  .type = gad_safetensors_dtype_name(from->dtype),
                                  .storage = storage_of(from->dtype),
                                  .rank = from->rank,
                                  .count = from->count,
                                  .data = from->data,
                                  .size_bytes = from->size_bytes};
        memcpy(to->shape, from->shape, sizeof from->shape);
    }
    return GAD_OK;
}

/* ---- GGUF ---------------------------------------------------------------------------------------------------------- */

static gad_source_tensor view_of(const gad_gguf *file, const gad_gguf_tensor *from, const char *name)
{
    gad_source_tensor to = {.name = name,
                            .file = file->path,
                            .type = gad_gguf_block_name(from->type),
                            .storage = GAD_SOURCE_BLOCKS,
                            .rank = from->rank,
                            .count = 1,
                            .data = from->data,
                            .size_bytes = from->size_bytes,
                            .block = gad_gguf_block_of(from->type)};
    memcpy(to.shape, from->shape, sizeof from->shape);
    for (int i = 0; i < from->rank; i++)
        to.count *= (size_t)from->shape[i]; /* the reader has checked that it does not overflow */
    static const struct {
        const char *type;
        gad_source_storage storage;
    } plain[] = {{"F32", GAD_SOURCE_F32}, {"F16", GAD_SOURCE_F16}, {"BF16", GAD_SOURCE_BF16}};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        if (!strcmp(to.type, plain[i].type))
            to.storage = plain[i].storage;
    return to;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const gad_source_tensor *)a)->name, ((const gad_source_tensor *)b)->name);
}

static gad_status sort_names(gad_tensor_source *s, gad_error *err)
{
    if (s->count)
        qsort(s->tensor, s->count, sizeof *s->tensor, compare_names);
    for (size_t i = 1; i < s->count; i++)
        if (!strcmp(s->tensor[i - 1].name, s->tensor[i].name))
            return gad_error_set(err, GAD_E_FORMAT, operation,
                                 "give a language model and the mmproj file of its vision tower, each as it was made",
                                 "%s: tensor \"%.200s\" is there twice (the other is in %s)", s->tensor[i].file,
                                 s->tensor[i].name, s->tensor[i - 1].file);
    return GAD_OK;
}

static gad_status list_gguf(gad_tensor_source *s, gad_error *err)
{
    size_t count = 0, bytes = 0;
    for (int f = 0; f < s->gguf_count; f++)
        for (size_t i = 0; i < s->gguf[f].tensor_count; i++, count++)
            bytes += s->gguf[f].tensor[i].name.length + 1;
    s->tensor = gad_memory_zero(count, sizeof *s->tensor);
    s->names = gad_memory_zero(bytes, 1);
    if (!s->tensor || !s->names)
        return gad_error_memory(err, operation, count * sizeof *s->tensor + bytes);
    char *name = s->names;
    for (int f = 0; f < s->gguf_count; f++)
        for (size_t i = 0; i < s->gguf[f].tensor_count; i++) {
            const gad_gguf_tensor *from = &s->gguf[f].tensor[i];
            memcpy(name, from->name.bytes, from->name.length);
            s->tensor[s->count++] = view_of(&s->gguf[f], from, name);
            name += from->name.length + 1;
        }
    return sort_names(s, err);
}

static gad_status open_gguf(gad_tensor_source *s, const char *path, const char *more, gad_error *err)
{
    const char *const paths[2] = {path, more};
    gad_status status = GAD_OK;
    for (int f = 0; f < 2 && paths[f] && !status; f++) {
        status = gad_gguf_open(paths[f], &s->gguf[f], err);
        s->gguf_count += !status;
    }
    return status ? status : list_gguf(s, err);
}

/* ---- both ---------------------------------------------------------------------------------------------------------- */

gad_status gad_tensor_source_open(const char *path, const char *more, gad_tensor_source **source, gad_error *err)
{
    gad_tensor_source *s = gad_memory_zero(1, sizeof *s);
    if (!s)
        return gad_error_memory(err, operation, sizeof *s);
    gad_status status = gad_tensor_source_is_gguf(path) ? open_gguf(s, path, more, err) : open_safetensors(s, path, err);
    if (status)
        gad_tensor_source_free(s);
    else
        *source = s;
    return status;
}

void gad_tensor_source_free(gad_tensor_source *s)
{
    if (!s)
        return;
    gad_safetensors_free(s->set);
    for (int f = 0; f < s->gguf_count; f++)
        gad_gguf_free(&s->gguf[f]);
    gad_memory_free(s->names);
    gad_memory_free(s->tensor);
    gad_memory_free(s);
}

size_t gad_tensor_source_count(const gad_tensor_source *source)
{
    return source->count;
}

const gad_source_tensor *gad_tensor_source_at(const gad_tensor_source *source, size_t index)
{
    return index < source->count ? &source->tensor[index] : NULL;
}

const gad_source_tensor *gad_tensor_source_find(const gad_tensor_source *source, const char *name)
{
    const gad_source_tensor key = {.name = name};
    return source->count ? bsearch(&key, source->tensor, source->count, sizeof key, compare_names) : NULL;
}

gad_status gad_tensor_source_copy_f32(const gad_source_tensor *tensor, size_t first, size_t count, float *out,
                                      gad_error *err)
{
    const size_t block = tensor->block ? tensor->block->count : 1;
    const char *data = tensor->data;
    if (first > tensor->count || count > tensor->count - first || first % block || count % block)
        return gad_error_set(err, GAD_E_ARGUMENT, "read tensor", NULL, "%s: tensor %s: numbers %zu..%zu of %zu",
                             tensor->file, tensor->name, first, first + count, tensor->count);
    switch (tensor->storage) {
    case GAD_SOURCE_F32:
        if (count)
            memcpy(out, data + 4 * first, 4 * count);
        return GAD_OK;
    case GAD_SOURCE_F16: gad_half_array_from_f16(out, data + 2 * first, count); return GAD_OK;
    case GAD_SOURCE_BF16: gad_half_array_from_bf16(out, data + 2 * first, count); return GAD_OK;
    case GAD_SOURCE_BLOCKS:
        gad_gguf_block_read(tensor->block, (const uint8_t *)data + first / block * tensor->block->size_bytes, count, out);
        return GAD_OK;
    case GAD_SOURCE_OTHER: break;
    }
    return gad_error_set(err, GAD_E_UNSUPPORTED, "read tensor", "convert the checkpoint to BF16, F16 or F32",
                         "%s: tensor %s: dtype %s where F32, F16 or BF16 is needed", tensor->file, tensor->name,
                         tensor->type);
}
