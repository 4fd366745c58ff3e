/* safetensors_dtype: what the number types of the format are called and how large they are (safetensors.h). */
#include "base/error.h"
#include "base/memory.h"
#include "io/safetensors.h"

static const struct {
    const char *name;
    unsigned bits;
} dtypes[] = {
    {"BOOL", 8},    {"F4", 4},      {"F6_E2M3", 6}, {"F6_E3M2", 6},     {"U8", 8},          {"I8", 8},
    {"F8_E5M2", 8}, {"F8_E4M3", 8}, {"F8_E8M0", 8}, {"F8_E4M3FNUZ", 8}, {"F8_E5M2FNUZ", 8}, {"I16", 16},
    {"U16", 16},    {"F16", 16},    {"BF16", 16},   {"I32", 32},        {"U32", 32},        {"F32", 32},
    {"C64", 64},    {"F64", 64},    {"I64", 64},    {"U64", 64},
};
enum { DTYPE_COUNT = sizeof dtypes / sizeof dtypes[0] };

const char *gad_safetensors_dtype_name(gad_safetensors_dtype dtype)
{
    return (unsigned)dtype < DTYPE_COUNT ? dtypes[dtype].name : "unknown";
}

unsigned gad_safetensors_dtype_bits(gad_safetensors_dtype dtype)
{
    return (unsigned)dtype < DTYPE_COUNT ? dtypes[dtype].bits : 0;
}

gad_status gad_safetensors_item_bytes(const gad_safetensors_item *item, size_t *size_bytes, gad_error *err)
{
    size_t bits = gad_safetensors_dtype_bits(item->dtype);
    bool good = bits && item->rank >= 0 && item->rank <= GAD_SAFETENSORS_MAX_RANK;
    for (int i = 0; good && i < item->rank; i++)
        good = item->shape[i] >= 0 && gad_memory_product(bits, (size_t)item->shape[i], &bits);
    if (!good || bits % 8)
        return gad_error_set(err, GAD_E_ARGUMENT, "write tensors", NULL, "tensor %s: shape or dtype make no sense",
                             item->name);
    *size_bytes = bits / 8;
    return GAD_OK;
}
