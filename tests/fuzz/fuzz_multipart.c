/* fuzz_multipart: a content type up to the first line end, then the body of a form. What is accepted is read to its last
 * byte. */
#include <stdlib.h>
#include <string.h>

#include "serve/multipart.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    const uint8_t *end = size_bytes ? memchr(data, '\n', size_bytes) : NULL;
    gad_multipart parts;
    if (!end)
        return 0;
    size_t type_bytes = (size_t)(end - data);
    char *type = strndup((const char *)data, type_bytes);
    if (type && !gad_multipart_parse(type, (const char *)end + 1, size_bytes - type_bytes - 1, &parts, NULL)) {
        volatile char sink = 0;
        for (size_t i = 0; i < parts.count; i++)
            for (size_t k = 0; k < parts.part[i].size_bytes; k++)
                sink = parts.part[i].data[k];
        (void)sink;
        gad_multipart_free(&parts);
    }
    free(type);
    return 0;
}
