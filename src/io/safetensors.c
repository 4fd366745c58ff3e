/* safetensors: see safetensors.h */
#include "io/safetensors.h"

#include "base/error.h"
#include "base/file.h"
#include "base/half.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/string.h"
#include "io/safetensors_header.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SHARDS = 4096, PIECE_BYTES = 1 << 20 };

typedef struct shard {
    char *path;
    gad_file_map map;
    gad_safetensors_header header;
} shard;

struct gad_safetensors {
    shard *shards;
    size_t shard_count, shard_capacity;
    gad_safetensors_tensor *tensors; /* of all shards, by name */
    size_t count;
};

/* ---- reading ------------------------------------------------------------------------------------------------------ */

/* Takes `path` (gad_memory_free) whatever happens. */
static gad_status add_shard(gad_safetensors *set, char *path, gad_error *err)
{
    if (!path || !gad_memory_grow((void **)&set->shards, &set->shard_capacity, set->shard_count, sizeof *set->shards)) {
        gad_memory_free(path);
        return gad_error_memory(err, "open tensors", sizeof *set->shards);
    }
    shard *s = &set->shards[set->shard_count++];
    *s = (shard){.path = path};
    gad_status status = gad_file_map_open(path, &s->map, err);
    if (!status)
        status = gad_safetensors_header_parse(s->map.data, s->map.size_bytes, path, &s->header, err);
    return status;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(((const gad_safetensors_tensor *)a)->name, ((const gad_safetensors_tensor *)b)->name);
}

static gad_status merge_shards(gad_safetensors *set, gad_error *err)
{
    size_t total = 0;
    for (size_t i = 0; i < set->shard_count; i++)
        total += set->shards[i].header.count;
    set->tensors = gad_memory_alloc(total, sizeof *set->tensors);
    if (!set->tensors)
        return gad_error_memory(err, "open tensors", total * sizeof *set->tensors);
    for (size_t i = 0; i < set->shard_count; i++) {
        const gad_safetensors_header *header = &set->shards[i].header;
        if (header->count)
            memcpy(set->tensors + set->count, header->tensors, header->count * sizeof *set->tensors);
        set->count += header->count;
    }
    if (set->count)
        qsort(set->tensors, set->count, sizeof *set->tensors, compare_names);
    for (size_t i = 1; i < set->count; i++)
        if (!strcmp(set->tensors[i - 1].name, set->tensors[i].name))
            return gad_error_set(err, GAD_E_FORMAT, "open tensors", "remove the shard that does not belong here",
                                 "tensor %s is in two shards: %s and %s", set->tensors[i].name, set->tensors[i - 1].file,
                                 set->tensors[i].file);
    return GAD_OK;
}

/* A shard lies beside its index: its name may not lead anywhere else. */
static bool good_shard_name(const char *name)
{
    return *name && !strchr(name, '/') && !strchr(name, '\\') && !strstr(name, "..") && strcmp(name, ".");
}

static bool has_shard(const gad_safetensors *set, const char *name)
{
    for (size_t i = set->shard_count; i-- > 0;)
        if (!strcmp(gad_file_name(set->shards[i].path), name))
            return true;
    return false;
}

static gad_status open_listed_shards(gad_safetensors *set, const char *index_path, json_t *weight_map, gad_error *err)
{
    char *folder = gad_memory_copy_string(index_path);
    if (!folder)
        return gad_error_memory(err, "open tensors", strlen(index_path));
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder ? 1 : 0] = 0;
    gad_status status = GAD_OK;
    const char *name;
    json_t *value;
    json_object_foreach (weight_map, name, value) {
        const char *file = json_string_value(value);
        if (!file || !good_shard_name(file))
            status = gad_error_set(err, GAD_E_FORMAT, "open tensors", NULL,
                                   "%s: tensor %s: \"%.200s\" is not the plain name of a file", index_path, name,
                                   file ? file : "(not a string)");
        else if (!has_shard(set, file)) {
            if (set->shard_count == MAX_SHARDS)
                status = gad_error_set(err, GAD_E_LIMIT, "open tensors", NULL, "%s: more than %d shards", index_path,
                                       MAX_SHARDS);
            else
                status = add_shard(set, slash ? gad_file_join(folder, file) : gad_memory_copy_string(file), err);
            if (status == GAD_E_IO)
                status = gad_error_context(err, status, "%s: shard of tensor %s", index_path, name);
        }
        if (status)
            break;
    }
    gad_memory_free(folder);
    return status;
}

static gad_status open_index(gad_safetensors *set, const char *path, gad_error *err)
{
    json_t *root = NULL;
    gad_status status = gad_json_load_strict(path, &root, err);
    if (status)
        return status;
    json_t *weight_map = json_object_get(root, "weight_map");
    if (!json_is_object(weight_map)) {
        status = gad_error_set(err, GAD_E_FORMAT, "open tensors", NULL, "%s: \"weight_map\" is not an object", path);
        goto done;
    }
    status = open_listed_shards(set, path, weight_map, err);
    if (!status)
        status = merge_shards(set, err);
    if (status)
        goto done;
    const char *name;
    json_t *value;
    json_object_foreach (weight_map, name, value) {
        const gad_safetensors_tensor *tensor = gad_safetensors_find(set, name);
        if (!tensor || strcmp(gad_file_name(tensor->file), json_string_value(value))) {
            status = gad_error_set(err, GAD_E_FORMAT, "open tensors", "the shards do not belong to this index",
                                   "%s: tensor %s is not in %s", path, name, json_string_value(value));
            break;
        }
    }
done:
    json_decref(root);
    return status;
}

static gad_status open_folder(gad_safetensors *set, const char *folder, gad_error *err)
{
    char *single = gad_file_join(folder, "model.safetensors");
    char *index = gad_file_join(folder, "model.safetensors.index.json");
    gad_status status;
    if (!single || !index) {
        status = gad_error_memory(err, "open tensors", strlen(folder));
    } else if (gad_file_exists(single)) {
        status = add_shard(set, single, err);
        single = NULL;
        if (!status)
            status = merge_shards(set, err);
    } else if (gad_file_exists(index)) {
        status = open_index(set, index, err);
    } else {
        status = gad_error_set(err, GAD_E_IO, "open tensors", "give a folder in the layout of Hugging Face",
                               "%s: holds neither model.safetensors nor model.safetensors.index.json", folder);
    }
    gad_memory_free(single);
    gad_memory_free(index);
    return status;
}

gad_status gad_safetensors_open(const char *path, gad_safetensors **set, gad_error *err)
{
    gad_safetensors *opened = gad_memory_zero(1, sizeof *opened);
    if (!opened)
        return gad_error_memory(err, "open tensors", sizeof *opened);
    gad_status status;
    if (gad_file_is_directory(path)) {
        status = open_folder(opened, path, err);
    } else if (gad_file_has_extension(path, "json")) {
        status = open_index(opened, path, err);
    } else {
        status = add_shard(opened, gad_memory_copy_string(path), err);
        if (!status)
            status = merge_shards(opened, err);
    }
    if (status)
        gad_safetensors_free(opened);
    else
        *set = opened;
    return status;
}

void gad_safetensors_free(gad_safetensors *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->shard_count; i++) {
        gad_safetensors_header_free(&set->shards[i].header);
        gad_file_map_close(&set->shards[i].map);
        gad_memory_free(set->shards[i].path);
    }
    gad_memory_free(set->shards);
    gad_memory_free(set->tensors);
    gad_memory_free(set);
}

const gad_safetensors_tensor *gad_safetensors_find(const gad_safetensors *set, const char *name)
{
    gad_safetensors_tensor key = {.name = name};
    return set->count ? bsearch(&key, set->tensors, set->count, sizeof key, compare_names) : NULL;
}

const char *gad_safetensors_metadata(const gad_safetensors *set, const char *key)
{
    if (!set->shard_count)
        return NULL;
    return json_string_value(json_object_get(json_object_get(set->shards[0].header.root, "__metadata__"), key));
}

size_t gad_safetensors_count(const gad_safetensors *set)
{
    return set->count;
}

const gad_safetensors_tensor *gad_safetensors_at(const gad_safetensors *set, size_t index)
{
    return index < set->count ? &set->tensors[index] : NULL;
}

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

static gad_status check_range(const gad_safetensors_tensor *tensor, size_t first, size_t count, gad_error *err)
{
    if (first > tensor->count || count > tensor->count - first)
        return gad_error_set(err, GAD_E_ARGUMENT, "read tensor", NULL, "%s: tensor %s: numbers %zu..%zu of %zu",
                             tensor->file, tensor->name, first, first + count, tensor->count);
    return GAD_OK;
}

static gad_status wrong_dtype(const gad_safetensors_tensor *tensor, const char *wanted, gad_error *err)
{
    return gad_error_set(err, GAD_E_UNSUPPORTED, "read tensor", NULL, "%s: tensor %s: dtype %s where %s is needed",
                         tensor->file, tensor->name, gad_safetensors_dtype_name(tensor->dtype), wanted);
}

gad_status gad_safetensors_copy_f32(const gad_safetensors_tensor *tensor, size_t first, size_t count, float *out,
                                    gad_error *err)
{
    gad_status status = check_range(tensor, first, count, err);
    if (status || !count)
        return status;
    const char *data = tensor->data;
    switch (tensor->dtype) {
    case GAD_SAFETENSORS_F32: memcpy(out, data + 4 * first, 4 * count); return GAD_OK;
    case GAD_SAFETENSORS_F16: gad_half_array_from_f16(out, data + 2 * first, count); return GAD_OK;
    case GAD_SAFETENSORS_BF16: gad_half_array_from_bf16(out, data + 2 * first, count); return GAD_OK;
    case GAD_SAFETENSORS_F64:
        for (size_t i = 0; i < count; i++) {
            double value;
            memcpy(&value, data + 8 * (first + i), 8);
            out[i] = (float)value;
        }
        return GAD_OK;
    default: return wrong_dtype(tensor, "F32, F16, BF16 or F64", err);
    }
}

gad_status gad_safetensors_copy_i64(const gad_safetensors_tensor *tensor, size_t first, size_t count, int64_t *out,
                                    gad_error *err)
{
    gad_status status = check_range(tensor, first, count, err);
    if (status || !count)
        return status;
    const unsigned char *data = tensor->data;
    switch (tensor->dtype) {
    case GAD_SAFETENSORS_I64: memcpy(out, data + 8 * first, 8 * count); return GAD_OK;
    case GAD_SAFETENSORS_I32:
        for (size_t i = 0; i < count; i++) {
            int32_t value;
            memcpy(&value, data + 4 * (first + i), 4);
            out[i] = value;
        }
        return GAD_OK;
    case GAD_SAFETENSORS_U8:
    case GAD_SAFETENSORS_BOOL:
        for (size_t i = 0; i < count; i++)
            out[i] = data[first + i];
        return GAD_OK;
    default: return wrong_dtype(tensor, "I64, I32, U8 or BOOL", err);
    }
}

/* ---- writing ------------------------------------------------------------------------------------------------------ */

static int compare_items(const void *a, const void *b)
{
    const gad_safetensors_item *left = *(const gad_safetensors_item *const *)a;
    const gad_safetensors_item *right = *(const gad_safetensors_item *const *)b;
    if (left->dtype != right->dtype)
        return left->dtype > right->dtype ? -1 : 1;
    return strcmp(left->name, right->name);
}

static gad_status write_bytes(FILE *stream, const void *bytes, size_t size_bytes, const char *path, gad_error *err)
{
    if (size_bytes && fwrite(bytes, 1, size_bytes, stream) != size_bytes)
        return gad_error_system(err, "write tensors", path, errno);
    return GAD_OK;
}

static gad_status write_item(FILE *stream, const gad_safetensors_item *item, void *piece, const char *path, gad_error *err)
{
    size_t bytes = 0;
    gad_status status = gad_safetensors_item_bytes(item, &bytes, err);
    if (status)
        return status;
    if (item->data)
        return write_bytes(stream, item->data, bytes, path, err);
    for (size_t at = 0; at < bytes && !status; at += PIECE_BYTES) {
        size_t size = bytes - at < PIECE_BYTES ? bytes - at : PIECE_BYTES;
        status = item->produce(item->user, at, piece, size, err);
        if (!status)
            status = write_bytes(stream, piece, size, path, err);
    }
    return status;
}

static gad_status check_items(const gad_safetensors_item *const *sorted, size_t count, gad_error *err)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = sorted[i]->name;
        size_t bytes = 0;
        gad_status status = gad_safetensors_item_bytes(sorted[i], &bytes, err);
        if (status)
            return status;
        if (!strcmp(name, "__metadata__"))
            return gad_error_set(err, GAD_E_ARGUMENT, "write tensors", NULL, "a tensor may not be called %s", name);
        if (bytes && !sorted[i]->data && !sorted[i]->produce)
            return gad_error_set(err, GAD_E_ARGUMENT, "write tensors", NULL, "tensor %s has no data", name);
        for (size_t left = strlen(name), at = 0; left;) {
            int n = gad_string_utf8_length(name + at, left);
            if (n <= 0)
                return gad_error_set(err, GAD_E_ARGUMENT, "write tensors", NULL, "tensor %s: name is not UTF-8", name);
            at += (size_t)n;
            left -= (size_t)n;
        }
    }
    return GAD_OK;
}

/* Equal names would make a file that no reader takes. */
static gad_status check_names(const gad_safetensors_item *items, size_t count, gad_error *err)
{
    gad_safetensors_tensor *names = gad_memory_zero(count, sizeof *names);
    if (!names)
        return gad_error_memory(err, "write tensors", count * sizeof *names);
    gad_status status = GAD_OK;
    for (size_t i = 0; i < count; i++)
        names[i].name = items[i].name;
    if (count)
        qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 1; i < count && !status; i++)
        if (!strcmp(names[i - 1].name, names[i].name))
            status = gad_error_set(err, GAD_E_ARGUMENT, "write tensors", NULL, "two tensors are called %s", names[i].name);
    gad_memory_free(names);
    return status;
}

gad_status gad_safetensors_write(const char *path, const gad_safetensors_item *items, size_t count, gad_error *err)
{
    const gad_safetensors_item **sorted = gad_memory_alloc(count, sizeof *sorted);
    void *piece = gad_memory_alloc(PIECE_BYTES, 1);
    gad_string header = {0};
    gad_file_writer writer = {0};
    gad_status status = GAD_OK;
    if (!sorted || !piece) {
        status = gad_error_memory(err, "write tensors", count * sizeof *sorted + PIECE_BYTES);
        goto done;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = &items[i];
    if (count)
        qsort(sorted, count, sizeof *sorted, compare_items);
    status = check_items(sorted, count, err);
    if (!status)
        status = check_names(items, count, err);
    if (!status)
        status = gad_safetensors_header_build(sorted, count, &header, err);
    if (!status)
        status = gad_file_writer_open(&writer, path, err);
    if (status)
        goto done;
    status = write_bytes(writer.stream, header.data, header.length, path, err);
    for (size_t i = 0; i < count && !status; i++)
        status = write_item(writer.stream, sorted[i], piece, path, err);
    if (!status)
        status = gad_file_writer_commit(&writer, err);
done:
    gad_file_writer_discard(&writer);
    gad_string_free(&header);
    gad_memory_free(piece);
    gad_memory_free(sorted);
    return status;
}

/* How many items from `first` on go into one shard: as many as fit, at least one. */
static gad_status shard_length(const gad_safetensors_item *items, size_t first, size_t count, size_t shard_bytes,
                               size_t *length, size_t *size_bytes, gad_error *err)
{
    size_t used = 0, i = first;
    for (; i < count; i++) {
        size_t bytes = 0;
        gad_status status = gad_safetensors_item_bytes(&items[i], &bytes, err);
        if (status)
            return status;
        if (i > first && (used > shard_bytes || bytes > shard_bytes - used))
            break;
        used += bytes;
    }
    *length = i - first;
    *size_bytes = used;
    return GAD_OK;
}

static gad_status write_shards(const char *folder, const gad_safetensors_item *items, size_t count, size_t shard_bytes,
                               size_t shards, gad_error *err)
{
    json_t *root = json_object(), *map = json_object();
    gad_status status = GAD_OK;
    char *index = gad_file_join(folder, "model.safetensors.index.json");
    size_t first = 0, total = 0;
    for (size_t n = 1; n <= shards && !status; n++) {
        char name[64];
        snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", n, shards);
        size_t length = 0, bytes = 0;
        status = shard_length(items, first, count, shard_bytes, &length, &bytes, err);
        char *path = gad_file_join(folder, name);
        if (!status)
            status = path ? gad_safetensors_write(path, items + first, length, err)
                          : gad_error_memory(err, "write tensors", strlen(folder));
        gad_memory_free(path);
        for (size_t i = first; i < first + length && !status; i++)
            if (json_object_set_new(map, items[i].name, json_string(name)))
                status = gad_error_memory(err, "write tensors", strlen(items[i].name));
        first += length;
        total += bytes;
    }
    if (!status && (!index || json_object_set_new(root, "metadata", json_pack("{s:I}", "total_size", (json_int_t)total)) ||
                    json_object_set(root, "weight_map", map)))
        status = gad_error_memory(err, "write tensors", strlen(folder));
    if (!status)
        status = gad_json_write(index, root, err);
    gad_memory_free(index);
    json_decref(map);
    json_decref(root);
    return status;
}

gad_status gad_safetensors_write_sharded(const char *folder, const gad_safetensors_item *items, size_t count,
                                         size_t shard_bytes, gad_error *err)
{
    size_t shards = 0;
    for (size_t first = 0; first < count; shards++) {
        size_t length = 0, bytes = 0;
        gad_status status = shard_length(items, first, count, shard_bytes, &length, &bytes, err);
        if (status)
            return status;
        first += length;
    }
    gad_status status = check_names(items, count, err);
    char *single = gad_file_join(folder, "model.safetensors");
    char *index = gad_file_join(folder, "model.safetensors.index.json");
    if (!status && (!single || !index))
        status = gad_error_memory(err, "write tensors", strlen(folder));
    if (!status && shards <= 1) {
        status = gad_safetensors_write(single, items, count, err);
        if (!status)
            status = gad_file_remove(index, err);
    } else if (!status) {
        status = write_shards(folder, items, count, shard_bytes, shards, err);
        if (!status)
            status = gad_file_remove(single, err);
    }
    gad_memory_free(single);
    gad_memory_free(index);
    return status;
}
