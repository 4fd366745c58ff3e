/* gguf_write: see gguf_write.h. Numbers go out little-endian; data begins at multiples of 32 bytes, the format's default.
 */
#include "io/gguf_write.h"

#include "base/error.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>

static const char operation[] = "write GGUF file";
enum { ALIGNMENT = 32 };

/* ---- pairs --------------------------------------------------------------------------------------------------------- */

static void put(gad_string *to, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++, value >>= 8) {
        const char byte = (char)(value & 0xFF);
        gad_string_append(to, &byte, 1);
    }
}

static void put_text(gad_string *to, const char *text, size_t length)
{
    put(to, length, 8);
    if (length)
        gad_string_append(to, text, length);
}

static void begin(gad_gguf_pairs *pairs, const char *key, gad_gguf_type type)
{
    put_text(&pairs->bytes, key, strlen(key));
    put(&pairs->bytes, type, 4);
    pairs->count++;
}

static uint32_t bits_of(double value)
{
    const float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    return bits;
}

void gad_gguf_write_string(gad_gguf_pairs *pairs, const char *key, const char *text, size_t length)
{
    begin(pairs, key, GAD_GGUF_STRING);
    put_text(&pairs->bytes, text, length);
}

void gad_gguf_write_u32(gad_gguf_pairs *pairs, const char *key, int64_t value)
{
    begin(pairs, key, GAD_GGUF_U32);
    put(&pairs->bytes, (uint64_t)value, 4);
}

void gad_gguf_write_f32(gad_gguf_pairs *pairs, const char *key, double value)
{
    begin(pairs, key, GAD_GGUF_F32);
    put(&pairs->bytes, bits_of(value), 4);
}

void gad_gguf_write_bool(gad_gguf_pairs *pairs, const char *key, bool value)
{
    begin(pairs, key, GAD_GGUF_BOOL);
    put(&pairs->bytes, value, 1);
}

void gad_gguf_write_array(gad_gguf_pairs *pairs, const char *key, gad_gguf_type type, uint64_t count)
{
    begin(pairs, key, GAD_GGUF_ARRAY);
    put(&pairs->bytes, type, 4);
    put(&pairs->bytes, count, 8);
}

void gad_gguf_write_text_element(gad_gguf_pairs *pairs, const char *text, size_t length)
{
    put_text(&pairs->bytes, text, length);
}

void gad_gguf_write_i32_element(gad_gguf_pairs *pairs, int64_t value)
{
    put(&pairs->bytes, (uint64_t)value, 4);
}

void gad_gguf_write_f32_element(gad_gguf_pairs *pairs, double value)
{
    put(&pairs->bytes, bits_of(value), 4);
}

void gad_gguf_write_bool_element(gad_gguf_pairs *pairs, bool value)
{
    put(&pairs->bytes, value, 1);
}

/* ---- the file ------------------------------------------------------------------------------------------------------ */

static uint64_t count_of(const gad_gguf_item *item)
{
    uint64_t count = 1;
    for (int i = 0; i < item->rank; i++)
        count *= (uint64_t)item->shape[i];
    return count;
}

static uint64_t bytes_of(const gad_gguf_item *item)
{
    return count_of(item) / item->block->count * item->block->size_bytes;
}

static uint64_t aligned(uint64_t at)
{
    return (at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static void put_header(gad_string *to, const gad_gguf_pairs *pairs, const gad_gguf_item *items, size_t count)
{
    uint64_t offset = 0;
    gad_string_add(to, "GGUF");
    put(to, 3, 4);
    put(to, count, 8);
    put(to, pairs->count, 8);
    gad_string_append(to, pairs->bytes.data ? pairs->bytes.data : "", pairs->bytes.length);
    for (size_t i = 0; i < count; i++) {
        put_text(to, items[i].name, strlen(items[i].name));
        put(to, (uint64_t)items[i].rank, 4);
        for (int d = items[i].rank - 1; d >= 0; d--)
            put(to, (uint64_t)items[i].shape[d], 8);
        put(to, items[i].block->type, 4);
        put(to, offset, 8);
        offset = aligned(offset + bytes_of(&items[i]));
    }
    while (to->length % ALIGNMENT && !to->failed)
        put(to, 0, 1);
}

static gad_status write_bytes(FILE *stream, const void *bytes, size_t size, const char *path, gad_error *err)
{
    return size && fwrite(bytes, 1, size, stream) != size ? gad_error_system(err, operation, path, errno) : GAD_OK;
}

static gad_status write_item(FILE *stream, const gad_gguf_item *item, const char *path, gad_error *err)
{
    static const char zeros[ALIGNMENT];
    const uint64_t cols = item->shape[0] ? count_of(item) / (uint64_t)item->shape[0] : 0, bytes = bytes_of(item);
    const uint64_t row_bytes = cols / item->block->count * item->block->size_bytes;
    float *numbers = gad_memory_alloc((size_t)cols, sizeof *numbers);
    uint8_t *blocks = gad_memory_alloc((size_t)row_bytes, 1);
    gad_status status = numbers && blocks ? GAD_OK : gad_error_memory(err, operation, (size_t)cols * sizeof *numbers);
    for (int64_t row = 0; row < item->shape[0] && !status; row++) {
        item->row(item->user, row, numbers);
        gad_gguf_block_write(item->block, numbers, (size_t)cols, blocks);
        status = write_bytes(stream, blocks, (size_t)row_bytes, path, err);
    }
    if (!status)
        status = write_bytes(stream, zeros, (size_t)(aligned(bytes) - bytes), path, err);
    gad_memory_free(numbers);
    gad_memory_free(blocks);
    return status;
}

gad_status gad_gguf_write(const char *path, const gad_gguf_pairs *pairs, const gad_gguf_item *items, size_t count,
                          gad_error *err)
{
    gad_file_writer writer = {0};
    gad_string header = {0};
    put_header(&header, pairs, items, count);
    gad_status status = header.failed || pairs->bytes.failed ? gad_error_memory(err, operation, header.length) : GAD_OK;
    if (!status)
        status = gad_file_writer_open(&writer, path, err);
    if (!status)
        status = write_bytes(writer.stream, header.data, header.length, path, err);
    for (size_t i = 0; i < count && !status; i++)
        status = write_item(writer.stream, &items[i], path, err);
    if (!status)
        status = gad_file_writer_commit(&writer, err);
    gad_file_writer_discard(&writer);
    gad_string_free(&header);
    return status;
}
