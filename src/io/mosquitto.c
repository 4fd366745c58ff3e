/* mosquitto: see mosquitto.h */
#include "io/mosquitto.h"

#include <pthread.h>
#include <stdbool.h>

#include "base/library.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static gad_mosquitto functions;
static bool loaded;

static gad_status load(gad_error *err)
{
    void *library = NULL;
    gad_status status = gad_library_open("libmosquitto.so.1", "install libmosquitto1", &library, err);
#define FIND(name)                                                                                                         \
    if (!status)                                                                                                           \
        status = gad_library_find(library, "mosquitto_" #name, &functions.name, err);
    GAD_MOSQUITTO_FUNCTIONS(FIND)
#undef FIND
    if (!status)
        functions.lib_init();
    return status;
}

gad_status gad_mosquitto_load(const gad_mosquitto **library, gad_error *err)
{
    pthread_mutex_lock(&lock);
    gad_status status = loaded ? GAD_OK : load(err);
    loaded = !status;
    pthread_mutex_unlock(&lock);
    if (!status)
        *library = &functions;
    return status;
}
