/* fuzz_gguf: any bytes as a GGUF file. What is accepted is read to its last byte. */
#include "io/gguf.h"
#include "io/gguf_block.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void read_value(const gad_gguf *file, const gad_gguf_value *value)
{
    int64_t whole;
    double number;
    size_t offset = 0;
    volatile char sink = 0;
    for (uint64_t i = 0; i < value->count && value->type != GAD_GGUF_STRING; i++)
        if (gad_gguf_integer(file, value, i, &whole, NULL) && gad_gguf_number(file, value, i, &number, NULL))
            return;
    for (gad_gguf_string s; gad_gguf_next_string(value, &offset, &s);)
        sink = s.length ? s.bytes[s.length - 1] : 0;
    (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    gad_gguf file;
    float numbers[256];
    if (gad_gguf_parse(data, size_bytes, "input", &file, NULL))
        return 0;
    for (size_t i = 0; i < file.value_count; i++)
        read_value(&file, &file.value[i]);
    for (size_t i = 0; i < file.tensor_count; i++) {
        const gad_gguf_tensor *t = &file.tensor[i];
        const gad_gguf_block *block = gad_gguf_block_of(t->type);
        for (size_t at = 0; at < t->size_bytes; at += block->size_bytes)
            gad_gguf_block_read(block, t->data + at, block->count, numbers);
    }
    gad_gguf_free(&file);
    return 0;
}
