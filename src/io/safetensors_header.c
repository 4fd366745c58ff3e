/* safetensors_header: see safetensors_header.h. The rules are those of the reference implementation (safetensors,
 * tensor.rs), plus bounds on what a hostile header may make us allocate. */
#include "io/safetensors_header.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    MAX_HEADER_BYTES = 100000000, /* the reference's limit */
    MAX_TENSORS = 1 << 18,
    MAX_DEPTH = 8,
    MAX_NAME_BYTES = 1024,
};
static const char operation[] = "read tensors";
static const char damaged[] = "the file is damaged or incomplete: copy or download it again";

/* Nesting and the number of values, before a parser allocates for them. A tensor has 3 brackets and, with the largest
 * rank, 13 commas. */
static gad_status check_size_of_json(const char *text, size_t length, const char *path, gad_error *err)
{
    size_t depth = 0, opened = 0, commas = 0;
    bool in_string = false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
            continue;
        }
        if (c == '"')
            in_string = true;
        else if (c == ',')
            commas++;
        else if (c == '{' || c == '[')
            depth++, opened++;
        else if ((c == '}' || c == ']') && depth)
            depth--;
        if (depth > MAX_DEPTH)
            return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: header is nested more than %d deep", path,
                                 MAX_DEPTH);
        if (opened > 3 * (size_t)MAX_TENSORS || commas > 14 * (size_t)MAX_TENSORS)
            return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%s: header describes more than %d tensors", path,
                                 MAX_TENSORS);
    }
    return GAD_OK;
}

static gad_status check_metadata(const json_t *metadata, const char *path, gad_error *err)
{
    if (!json_is_object(metadata))
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: \"__metadata__\" is not an object", path);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)metadata, key, value)
        if (!json_is_string(value))
            return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: metadata \"%s\" is not a string", path, key);
    return GAD_OK;
}

static gad_status read_dtype(const json_t *entry, gad_safetensors_tensor *tensor, gad_error *err)
{
    const char *name = json_string_value(json_object_get(entry, "dtype"));
    if (!name)
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: tensor %s: \"dtype\" is not a string",
                             tensor->file, tensor->name);
    for (gad_safetensors_dtype dtype = 0; dtype <= GAD_SAFETENSORS_U64; dtype++)
        if (!strcmp(gad_safetensors_dtype_name(dtype), name)) {
            tensor->dtype = dtype;
            return GAD_OK;
        }
    return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: tensor %s: unknown dtype \"%.32s\"", tensor->file,
                         tensor->name, name);
}

/* Shape, number count and the bytes they take. */
static gad_status read_shape(const json_t *entry, gad_safetensors_tensor *tensor, gad_error *err)
{
    const json_t *shape = json_object_get(entry, "shape");
    size_t rank = json_array_size(shape);
    if (!json_is_array(shape))
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: tensor %s: \"shape\" is not a list", tensor->file,
                             tensor->name);
    if (rank > GAD_SAFETENSORS_MAX_RANK)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%s: tensor %s: rank %zu is more than %d", tensor->file,
                             tensor->name, rank, GAD_SAFETENSORS_MAX_RANK);
    tensor->rank = (int)rank;
    tensor->count = 1;
    for (size_t i = 0; i < rank; i++) {
        const json_t *size = json_array_get(shape, i);
        if (!json_is_integer(size) || json_integer_value(size) < 0)
            return gad_error_set(err, GAD_E_FORMAT, operation, damaged,
                                 "%s: tensor %s: size %zu of the shape is not a whole number >= 0", tensor->file,
                                 tensor->name, i);
        tensor->shape[i] = json_integer_value(size);
        if (!gad_memory_product(tensor->count, (size_t)tensor->shape[i], &tensor->count))
            return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: tensor %s: the shape's product overflows",
                                 tensor->file, tensor->name);
    }
    size_t bits;
    if (!gad_memory_product(tensor->count, gad_safetensors_dtype_bits(tensor->dtype), &bits))
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: tensor %s: the size in bits overflows",
                             tensor->file, tensor->name);
    if (bits % 8)
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: tensor %s: %zu bits are not whole bytes",
                             tensor->file, tensor->name, bits);
    tensor->size_bytes = bits / 8;
    return GAD_OK;
}

static gad_status read_offsets(const json_t *entry, gad_safetensors_tensor *tensor, const unsigned char *buffer,
                               size_t buffer_bytes, gad_error *err)
{
    const json_t *offsets = json_object_get(entry, "data_offsets");
    const json_t *first = json_array_get(offsets, 0), *last = json_array_get(offsets, 1);
    if (json_array_size(offsets) != 2 || !json_is_integer(first) || !json_is_integer(last))
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged,
                             "%s: tensor %s: \"data_offsets\" is not a pair of whole numbers", tensor->file, tensor->name);
    long long begin = json_integer_value(first), end = json_integer_value(last);
    if (begin < 0 || end < 0)
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: tensor %s: negative data offset", tensor->file,
                             tensor->name);
    if (end < begin)
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged,
                             "%s: tensor %s: data ends (%lld) before it begins (%lld)", tensor->file, tensor->name, end,
                             begin);
    if ((unsigned long long)(end - begin) != tensor->size_bytes)
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged,
                             "%s: tensor %s: %lld bytes of data, but shape and dtype need %zu", tensor->file, tensor->name,
                             end - begin, tensor->size_bytes);
    if ((unsigned long long)end > buffer_bytes)
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged,
                             "%s: tensor %s: data ends at %lld, beyond the %zu bytes that the file holds (truncated)",
                             tensor->file, tensor->name, end, buffer_bytes);
    tensor->data = buffer + begin;
    return GAD_OK;
}

static int compare_places(const void *a, const void *b)
{
    const gad_safetensors_tensor *left = a, *right = b;
    const unsigned char *p = left->data, *q = right->data;
    if (p != q)
        return p < q ? -1 : 1;
    return (left->size_bytes > right->size_bytes) - (left->size_bytes < right->size_bytes);
}

/* Sorted by place, the tensors must cover the buffer: no gap, no overlap, nothing left over. */
static gad_status check_coverage(const gad_safetensors_header *header, const char *path, const unsigned char *buffer,
                                 size_t buffer_bytes, gad_error *err)
{
    const unsigned char *at = buffer;
    const char *before = "the header";
    for (size_t i = 0; i < header->count; i++) {
        const gad_safetensors_tensor *tensor = &header->tensors[i];
        const unsigned char *data = tensor->data;
        if (data > at)
            return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: tensor %s: a gap of %td bytes after %s", path,
                                 tensor->name, data - at, before);
        if (data < at)
            return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: tensor %s: overlaps %s by %td bytes", path,
                                 tensor->name, before, at - data);
        at = data + tensor->size_bytes;
        before = tensor->name;
    }
    if (at != buffer + buffer_bytes)
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: %td bytes after the last tensor belong to none",
                             path, buffer + buffer_bytes - at);
    return GAD_OK;
}

static gad_status read_entries(gad_safetensors_header *header, const char *path, const unsigned char *buffer,
                               size_t buffer_bytes, gad_error *err)
{
    header->tensors = gad_memory_zero(json_object_size(header->root), sizeof *header->tensors);
    if (!header->tensors)
        return gad_error_memory(err, operation, json_object_size(header->root) * sizeof *header->tensors);
    gad_status status = GAD_OK;
    const char *name;
    json_t *entry;
    json_object_foreach (header->root, name, entry) {
        if (!strcmp(name, "__metadata__")) {
            status = check_metadata(entry, path, err);
            if (status)
                return status;
            continue;
        }
        if (strlen(name) > MAX_NAME_BYTES)
            return gad_error_set(err, GAD_E_LIMIT, operation, damaged, "%s: tensor %.64s...: name of more than %d bytes",
                                 path, name, MAX_NAME_BYTES);
        if (!json_is_object(entry))
            return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: tensor %s: entry is not an object", path,
                                 name);
        gad_safetensors_tensor *tensor = &header->tensors[header->count++];
        tensor->name = name;
        tensor->file = path;
        status = read_dtype(entry, tensor, err);
        if (!status)
            status = read_shape(entry, tensor, err);
        if (!status)
            status = read_offsets(entry, tensor, buffer, buffer_bytes, err);
        if (status)
            return status;
    }
    if (header->count)
        qsort(header->tensors, header->count, sizeof *header->tensors, compare_places);
    return check_coverage(header, path, buffer, buffer_bytes, err);
}

gad_status gad_safetensors_header_parse(const unsigned char *file, size_t size_bytes, const char *path,
                                        gad_safetensors_header *header, gad_error *err)
{
    if (size_bytes < 8)
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: %zu bytes are too few for a safetensors file",
                             path, size_bytes);
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | file[i];
    if (length > MAX_HEADER_BYTES)
        return gad_error_set(err, GAD_E_FORMAT, operation, "is this a safetensors file?",
                             "%s: header of %llu bytes, more than the format's limit of %d", path,
                             (unsigned long long)length, MAX_HEADER_BYTES);
    if (length > size_bytes - 8)
        return gad_error_set(err, GAD_E_FORMAT, operation, damaged,
                             "%s: header of %llu bytes in a file of %zu bytes (truncated)", path,
                             (unsigned long long)length, size_bytes);
    const char *text = (const char *)file + 8;
    gad_safetensors_header parsed = {0};
    gad_status status = check_size_of_json(text, (size_t)length, path, err);
    if (!status)
        status = gad_json_parse_strict(text, (size_t)length, path, &parsed.root, err);
    if (!status && !json_is_object(parsed.root))
        status = gad_error_set(err, GAD_E_FORMAT, operation, damaged, "%s: header is not a JSON object", path);
    if (!status)
        status = read_entries(&parsed, path, file + 8 + length, size_bytes - 8 - (size_t)length, err);
    if (status)
        gad_safetensors_header_free(&parsed);
    else
        *header = parsed;
    return status;
}

void gad_safetensors_header_free(gad_safetensors_header *header)
{
    gad_memory_free(header->tensors);
    json_decref(header->root);
    *header = (gad_safetensors_header){0};
}

gad_status gad_safetensors_header_build(const gad_safetensors_item *const *items, size_t count, gad_string *text,
                                        gad_error *err)
{
    static const char length_later[8];
    gad_string_append(text, length_later, 8);
    gad_string_add(text, "{\"__metadata__\":{\"format\":\"pt\"}");
    size_t begin = 0;
    for (size_t i = 0; i < count; i++) {
        size_t bytes = 0;
        gad_status status = gad_safetensors_item_bytes(items[i], &bytes, err);
        if (status)
            return status;
        gad_string_add(text, ",");
        gad_string_add_json(text, items[i]->name);
        gad_string_addf(text, ":{\"dtype\":\"%s\",\"shape\":[", gad_safetensors_dtype_name(items[i]->dtype));
        for (int d = 0; d < items[i]->rank; d++)
            gad_string_addf(text, d ? ",%lld" : "%lld", (long long)items[i]->shape[d]);
        gad_string_addf(text, "],\"data_offsets\":[%zu,%zu]}", begin, begin + bytes);
        begin += bytes;
    }
    gad_string_add(text, "}");
    while (!text->failed && text->length % 8)
        gad_string_add(text, " ");
    if (text->failed)
        return gad_error_memory(err, "write tensors", text->length);
    uint64_t length = text->length - 8;
    if (length > MAX_HEADER_BYTES)
        return gad_error_set(err, GAD_E_LIMIT, "write tensors", NULL, "the header of %zu tensors is too long", count);
    for (int i = 0; i < 8; i++)
        text->data[i] = (char)(length >> 8 * i);
    return GAD_OK;
}
