/* fuzz_coco: any bytes as a COCO file of a folder that is imported. */
#include "importing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    importing_run("coco", "annotations.json", data, size_bytes);
    return 0;
}
