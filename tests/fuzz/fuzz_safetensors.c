/* fuzz_safetensors: any bytes as a tensor file. What is accepted is read to its last byte. */
#include "base/memory.h"
#include "io/safetensors_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void read_all(const gad_safetensors_tensor *tensor)
{
    enum { PIECE = 256 };
    float numbers[PIECE];
    int64_t integers[PIECE];
    volatile unsigned char sink = 0;
    for (size_t i = 0; i < tensor->size_bytes; i++)
        sink = ((const unsigned char *)tensor->data)[i];
    (void)sink;
    if (!tensor->size_bytes)
        return;
    for (size_t at = 0; at < tensor->count; at += PIECE) {
        size_t n = tensor->count - at < PIECE ? tensor->count - at : PIECE;
        if (gad_safetensors_copy_f32(tensor, at, n, numbers, NULL) &&
            gad_safetensors_copy_i64(tensor, at, n, integers, NULL))
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    gad_safetensors_header header;
    gad_error err;
    if (gad_safetensors_header_parse(data, size_bytes, "input", &header, &err))
        return 0;
    for (size_t i = 0; i < header.count; i++)
        read_all(&header.tensors[i]);
    gad_safetensors_header_free(&header);
    return 0;
}
