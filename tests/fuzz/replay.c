/* replay: runs one fuzz target over its corpus folder, without a fuzzer, so that every build checks it. Also over each
 * entry cut short at several places, since the corpus holds mostly whole inputs. */
#include "base/file.h"
#include "base/memory.h"

#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

int main(int count, char **arguments)
{
    gad_error err = {0};
    gad_file_names names = {0};
    if (count != 2 || gad_file_list(arguments[1], &names, &err)) {
        fprintf(stderr, "replay: %s\n", err.cause);
        return 1;
    }
    for (size_t i = 0; i < names.count; i++) {
        char *path = gad_file_join(arguments[1], names.name[i]), *data = NULL;
        size_t size = 0;
        if (!path || gad_file_read(path, 1 << 26, &data, &size, &err)) {
            fprintf(stderr, "replay: %s\n", err.cause);
            return 1;
        }
        for (size_t part = 0; part <= 8; part++) {
            size_t length = size * part / 8;
            uint8_t *exact = gad_memory_alloc(length, 1); /* a copy of just this size: a sanitizer sees a read beyond it */
            if (!exact)
                return 1;
            for (size_t at = 0; at < length; at++)
                exact[at] = (uint8_t)data[at];
            LLVMFuzzerTestOneInput(exact, length);
            gad_memory_free(exact);
        }
        gad_memory_free(data);
        gad_memory_free(path);
    }
    printf("replayed %zu inputs of %s\n", names.count, arguments[1]);
    int empty = names.count == 0;
    gad_file_names_free(&names);
    return empty;
}
