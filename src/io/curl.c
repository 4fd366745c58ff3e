/* curl: see curl.h */
#include "io/curl.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/library.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gad_curl functions;
static bool loaded;

static gad_status load(gad_error *err)
{
    void *library = NULL;
    gad_status status = gad_library_open("libcurl.so.4", "install libcurl4", &library, err);
#define FIND(name)                                                                                                         \
    if (!status)                                                                                                           \
        status = gad_library_find(library, "curl_" #name, &functions.name, err);
    GAD_CURL_FUNCTIONS(FIND)
#undef FIND
    return status;
}

gad_status gad_curl_load(const gad_curl **curl, gad_error *err)
{
    pthread_mutex_lock(&lock);
    gad_status status = loaded ? GAD_OK : load(err);
    loaded = !status;
    pthread_mutex_unlock(&lock);
    if (!status)
        *curl = &functions;
    return status;
}
