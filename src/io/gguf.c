/* gguf: see gguf.h. Layout: magic, version, number of tensors and of pairs; the pairs; name, shape, type and offset of each
 * tensor; padding; data. Numbers are little-endian. */
#include "io/gguf.h"

#include "base/error.h"
#include "base/memory.h"
#include "io/gguf_block.h"

#include <string.h>

static const char operation[] = "read GGUF file";
enum { MAX_VALUES = 1 << 12, MAX_TENSORS = 1 << 16, MAX_NAME_BYTES = 1 << 16, MAX_ALIGNMENT = 1 << 16 };

/* Bytes of one value; 0 for those whose size is in the file. */
static const uint8_t type_bytes[GAD_GGUF_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

/* ---- a cursor over the bytes --------------------------------------------------------------------------------------- */

/* The first failure sticks. */
typedef struct cursor {
    const uint8_t *bytes;
    size_t size, at;
    const char *name;
    gad_status status;
    gad_error *err;
} cursor;

static void fail(cursor *c, const char *what)
{
    if (!c->status)
        c->status =
            gad_error_set(c->err, GAD_E_FORMAT, operation, "the file is damaged; get it again", "%s: %s", c->name, what);
}

static const uint8_t *take(cursor *c, size_t count)
{
    if (!c->status && count > c->size - c->at)
        fail(c, "the file ends too early");
    if (c->status)
        return NULL;
    c->at += count;
    return c->bytes + c->at - count;
}

static uint64_t load(const uint8_t *p, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = bytes; p && i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

static uint64_t take_number(cursor *c, size_t bytes)
{
    return load(take(c, bytes), bytes);
}

static gad_gguf_string take_string(cursor *c, size_t limit)
{
    uint64_t length = take_number(c, 8);
    if (!c->status && length > limit)
        fail(c, "a text is longer than the file");
    gad_gguf_string s = {(const char *)take(c, (size_t)length), (size_t)length};
    return c->status ? (gad_gguf_string){"", 0} : s;
}

/* ---- pairs --------------------------------------------------------------------------------------------------------- */

static void take_value(cursor *c, gad_gguf_value *v)
{
    v->key = take_string(c, MAX_NAME_BYTES);
    uint64_t type = take_number(c, 4);
    v->count = 1;
    v->is_array = type == GAD_GGUF_ARRAY;
    if (v->is_array) {
        type = take_number(c, 4);
        v->count = take_number(c, 8);
    }
    if (!c->status && (type >= GAD_GGUF_TYPES || type == GAD_GGUF_ARRAY))
        fail(c, "a value has a type that GGUF does not have");
    if (c->status)
        return;
    v->type = (gad_gguf_type)type;
    size_t start = c->at;
    if (v->type == GAD_GGUF_STRING)
        for (uint64_t i = 0; i < v->count && !c->status; i++)
            take_string(c, c->size);
    else if (v->count > (c->size - c->at) / type_bytes[type])
        fail(c, "an array is longer than the file");
    else
        take(c, (size_t)v->count * type_bytes[type]);
    v->data = c->bytes + start;
    v->size_bytes = c->at - start;
}

static void take_values(cursor *c, gad_gguf *file)
{
    for (size_t i = 0; i < file->value_count && !c->status; i++) {
        take_value(c, &file->value[i]);
        for (size_t k = 0; k < i && !c->status; k++)
            if (file->value[k].key.length == file->value[i].key.length &&
                !memcmp(file->value[k].key.bytes, file->value[i].key.bytes, file->value[i].key.length))
                fail(c, "a key is there twice");
    }
}

/* ---- tensors ------------------------------------------------------------------------------------------------------- */

static void fail_tensor(cursor *c, const gad_gguf_tensor *t, gad_status code, const char *hint, const char *what)
{
    int length = t->name.length < 200 ? (int)t->name.length : 200;
    if (!c->status)
        c->status =
            gad_error_set(c->err, code, operation, hint, "%s: tensor \"%.*s\" %s", c->name, length, t->name.bytes, what);
}

/* Size of the data from shape and type. */
static void size_tensor(cursor *c, gad_gguf_tensor *t)
{
    const gad_gguf_block *block = gad_gguf_block_of(t->type);
    char what[96];
    if (!block) {
        snprintf(what, sizeof what, "has type %s, which gad does not read", gad_gguf_block_name(t->type));
        fail_tensor(c, t, GAD_E_UNSUPPORTED, "use a file in F16, BF16, Q8_0, Q4_0, Q4_K, Q5_K or Q6_K", what);
        return;
    }
    size_t count = 1;
    for (int i = 0; i < t->rank; i++)
        if (t->shape[i] < 0 || !gad_memory_product(count, (size_t)t->shape[i], &count))
            fail_tensor(c, t, GAD_E_FORMAT, "the file is damaged; get it again", "has an impossible shape");
    size_t inner = t->rank ? (size_t)t->shape[t->rank - 1] : 1;
    if (!c->status && inner % block->count)
        fail_tensor(c, t, GAD_E_FORMAT, "the file is damaged; get it again", "has rows that are no whole number of blocks");
    if (!c->status && !gad_memory_product(count / block->count, block->size_bytes, &t->size_bytes))
        fail_tensor(c, t, GAD_E_FORMAT, "the file is damaged; get it again", "has an impossible shape");
}

/* What the file says of a tensor; *offset is where its data begins, from the start of all data. */
static void take_tensor(cursor *c, gad_gguf_tensor *t, uint64_t *offset)
{
    t->name = take_string(c, MAX_NAME_BYTES);
    uint64_t rank = take_number(c, 4);
    if (!c->status && rank > GAD_GGUF_MAX_RANK)
        fail_tensor(c, t, GAD_E_FORMAT, "the file is damaged; get it again", "has more than four dimensions");
    for (uint64_t i = 0; i < rank && !c->status; i++)
        t->shape[rank - 1 - i] = (int64_t)take_number(c, 8);
    t->rank = c->status ? 0 : (int)rank;
    t->type = (uint32_t)take_number(c, 4);
    *offset = take_number(c, 8);
    if (!c->status)
        size_tensor(c, t);
}

static uint64_t alignment_of(cursor *c, const gad_gguf *file)
{
    const gad_gguf_value *v = gad_gguf_find(file, "general.alignment");
    int64_t alignment = 32;
    if (v && !c->status)
        c->status = gad_gguf_integer(file, v, 0, &alignment, c->err);
    if (!c->status && (alignment < 1 || alignment > MAX_ALIGNMENT || alignment & (alignment - 1)))
        fail(c, "general.alignment is not a power of two");
    return c->status ? 1 : (uint64_t)alignment;
}

static void take_tensors(cursor *c, gad_gguf *file, uint64_t *offset)
{
    uint64_t alignment = alignment_of(c, file);
    for (size_t i = 0; i < file->tensor_count && !c->status; i++)
        take_tensor(c, &file->tensor[i], &offset[i]);
    uint64_t padding = (alignment - c->at % alignment) % alignment, begin = c->at + padding;
    for (size_t i = 0; i < file->tensor_count && !c->status; i++) {
        gad_gguf_tensor *t = &file->tensor[i];
        if (offset[i] % alignment)
            fail_tensor(c, t, GAD_E_FORMAT, "the file is damaged; get it again",
                        "does not begin at a multiple of the alignment");
        else if (begin > c->size || offset[i] > c->size - begin || t->size_bytes > c->size - begin - offset[i])
            fail_tensor(c, t, GAD_E_FORMAT, "is the download complete?", "reaches past the end of the file");
        else
            t->data = c->bytes + begin + offset[i];
    }
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

/* Counts, and memory for what they announce: no more than the bytes can hold (a tensor takes 24, a pair 13). */
static void take_header(cursor *c, gad_gguf *file, uint64_t **offset)
{
    const uint8_t *magic = take(c, 4);
    if (magic && memcmp(magic, "GGUF", 4))
        fail(c, "this is not a GGUF file");
    uint64_t version = take_number(c, 4);
    if (!c->status && version != 2 && version != 3)
        c->status = gad_error_set(c->err, GAD_E_UNSUPPORTED, operation, "convert the model again with a current llama.cpp",
                                  "%s: version %u of GGUF (big-endian, or too old or new)", c->name, (unsigned)version);
    uint64_t tensors = take_number(c, 8), values = take_number(c, 8);
    if (!c->status && (tensors > MAX_TENSORS || tensors > c->size / 24 || values > MAX_VALUES || values > c->size / 13))
        fail(c, "it announces more tensors or values than it can hold");
    if (c->status)
        return;
    file->value = gad_memory_zero((size_t)values, sizeof *file->value);
    file->tensor = gad_memory_zero((size_t)tensors, sizeof *file->tensor);
    *offset = gad_memory_zero((size_t)tensors, sizeof **offset);
    if (!file->value || !file->tensor || !*offset)
        c->status =
            gad_error_memory(c->err, operation, (size_t)(tensors * sizeof *file->tensor + values * sizeof *file->value));
    file->value_count = (size_t)values;
    file->tensor_count = (size_t)tensors;
}

gad_status gad_gguf_parse(const void *bytes, size_t size_bytes, const char *name, gad_gguf *file, gad_error *err)
{
    cursor c = {.bytes = bytes, .size = size_bytes, .name = name, .err = err};
    gad_gguf made = {.path = gad_memory_copy_string(name)};
    uint64_t *offset = NULL;
    if (!made.path)
        return gad_error_memory(err, operation, strlen(name));
    take_header(&c, &made, &offset);
    if (!c.status)
        take_values(&c, &made);
    if (!c.status)
        take_tensors(&c, &made, offset);
    gad_memory_free(offset);
    if (c.status)
        gad_gguf_free(&made);
    else
        *file = made;
    return c.status;
}

gad_status gad_gguf_open(const char *path, gad_gguf *file, gad_error *err)
{
    gad_file_map map = {0};
    gad_status status = gad_file_map_open(path, &map, err);
    if (status)
        return status;
    status = gad_gguf_parse(map.data, map.size_bytes, path, file, err);
    if (status)
        gad_file_map_close(&map);
    else
        file->map = map;
    return status;
}

void gad_gguf_free(gad_gguf *file)
{
    gad_memory_free(file->path);
    gad_memory_free(file->value);
    gad_memory_free(file->tensor);
    gad_file_map_close(&file->map);
    *file = (gad_gguf){0};
}

bool gad_gguf_string_is(gad_gguf_string string, const char *text)
{
    return string.length == strlen(text) && !memcmp(string.bytes, text, string.length);
}

const gad_gguf_value *gad_gguf_find(const gad_gguf *file, const char *key)
{
    for (size_t i = 0; i < file->value_count; i++)
        if (gad_gguf_string_is(file->value[i].key, key))
            return &file->value[i];
    return NULL;
}

const gad_gguf_tensor *gad_gguf_find_tensor(const gad_gguf *file, const char *name)
{
    for (size_t i = 0; i < file->tensor_count; i++)
        if (gad_gguf_string_is(file->tensor[i].name, name))
            return &file->tensor[i];
    return NULL;
}

static gad_status wrong_value(const gad_gguf *file, const gad_gguf_value *v, const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: value %.*s is not %s", file->path, (int)v->key.length,
                         v->key.bytes, what);
}

gad_status gad_gguf_integer(const gad_gguf *file, const gad_gguf_value *v, uint64_t i, int64_t *number, gad_error *err)
{
    if (i >= v->count || v->type == GAD_GGUF_F32 || v->type == GAD_GGUF_F64 || v->type == GAD_GGUF_STRING)
        return wrong_value(file, v, "an integer", err);
    size_t bytes = type_bytes[v->type];
    uint64_t raw = load(v->data + i * bytes, bytes);
    bool is_signed = v->type == GAD_GGUF_I8 || v->type == GAD_GGUF_I16 || v->type == GAD_GGUF_I32;
    if (v->type == GAD_GGUF_U64 && raw > INT64_MAX)
        return wrong_value(file, v, "an integer below 2^63", err);
    if (is_signed && raw >> (8 * bytes - 1))
        raw |= ~UINT64_C(0) << (8 * bytes);
    memcpy(number, &raw, sizeof raw);
    return GAD_OK;
}

gad_status gad_gguf_number(const gad_gguf *file, const gad_gguf_value *v, uint64_t i, double *number, gad_error *err)
{
    if (i < v->count && v->type == GAD_GGUF_F32) {
        float f;
        memcpy(&f, v->data + 4 * i, 4);
        *number = (double)f;
    } else if (i < v->count && v->type == GAD_GGUF_F64) {
        memcpy(number, v->data + 8 * i, 8);
    } else {
        int64_t whole;
        if (gad_gguf_integer(file, v, i, &whole, NULL))
            return wrong_value(file, v, "a number", err);
        *number = (double)whole;
    }
    return GAD_OK;
}

bool gad_gguf_next_string(const gad_gguf_value *v, size_t *offset, gad_gguf_string *string)
{
    if (v->type != GAD_GGUF_STRING || *offset >= v->size_bytes)
        return false;
    size_t length = (size_t)load(v->data + *offset, 8);
    *string = (gad_gguf_string){(const char *)v->data + *offset + 8, length};
    *offset += 8 + length;
    return true;
}
