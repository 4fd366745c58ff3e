/* fuzz_jsonl: any bytes as lines of samples that are imported. */
#include "importing.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    importing_run("gad-jsonl", "annotations.jsonl", data, size_bytes);
    return 0;
}
