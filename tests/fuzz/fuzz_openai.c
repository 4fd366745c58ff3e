/* fuzz_openai: any bytes as a server's response. */
#include "task/openai.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    gad_openai_response response;
    gad_error err;
    if (gad_openai_parse((const char *)data, size_bytes, &response, &err))
        return 0;
    if (!response.text || strlen(response.finish_reason) >= sizeof response.finish_reason || response.p_yes < 0 ||
        response.p_yes > 1)
        __builtin_trap();
    gad_openai_response_free(&response);
    return 0;
}
