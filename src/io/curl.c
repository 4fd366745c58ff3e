/* curl: see curl.h */
#include "io/curl.h"

#include "base/library.h"

static gad_curl functions;

#define FUNCTION(name) {"curl_" #name, &functions.name},
static const gad_library_function wanted[] = {GAD_CURL_FUNCTIONS(FUNCTION)};
static gad_library library = {.file = "libcurl.so.4",
                              .hint = "install libcurl4",
                              .function = wanted,
                              .count = sizeof wanted / sizeof *wanted,
                              .lock = PTHREAD_MUTEX_INITIALIZER};

gad_status gad_curl_load(const gad_curl **curl, gad_error *err)
{
    gad_status status = gad_library_load(&library, err);
    if (!status)
        *curl = &functions;
    return status;
}
