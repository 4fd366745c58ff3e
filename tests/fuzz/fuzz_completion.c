/* fuzz_completion: any bytes as a request to /v1/chat/completions. What is accepted is read whole. */
#include <string.h>

#include "serve/completion.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    gad_completion c;
    gad_error err;
    if (gad_completion_read((const char *)data, size_bytes, &c, &err))
        return 0;
    size_t texts = 0, pictures = 0;
    for (size_t i = 0; i < c.count; i++) {
        texts += c.part[i].text ? strlen(c.part[i].text) : 0;
        pictures += !c.part[i].text;
        if (!c.part[i].text != !!c.part[i].image.pixels)
            __builtin_trap();
    }
    for (size_t i = 0; i < c.stops; i++)
        if (!*c.stop[i])
            __builtin_trap();
    if (!c.count || !c.part[0].role || pictures != c.pictures || texts > size_bytes || c.max_tokens < 0 ||
        c.top_logprobs > GAD_COMPLETION_TOP)
        __builtin_trap();
    gad_completion_free(&c);
    return 0;
}
