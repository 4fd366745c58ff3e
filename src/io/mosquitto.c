/* mosquitto: see mosquitto.h */
#include "io/mosquitto.h"

#include "base/library.h"

static gad_mosquitto functions;

static void start(void)
{
    functions.lib_init();
}

#define FUNCTION(name) {"mosquitto_" #name, &functions.name},
static const gad_library_function wanted[] = {GAD_MOSQUITTO_FUNCTIONS(FUNCTION)};
static gad_library mosquitto = {.file = "libmosquitto.so.1",
                                .hint = "install libmosquitto1",
                                .function = wanted,
                                .count = sizeof wanted / sizeof *wanted,
                                .ready = start,
                                .lock = PTHREAD_MUTEX_INITIALIZER};

gad_status gad_mosquitto_load(const gad_mosquitto **library, gad_error *err)
{
    gad_status status = gad_library_load(&mosquitto, err);
    if (!status)
        *library = &functions;
    return status;
}
