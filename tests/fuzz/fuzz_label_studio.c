/* fuzz_label_studio: any bytes as an export of Label Studio that is imported. */
#include "importing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    importing_run("label-studio", "export.json", data, size_bytes);
    return 0;
}
