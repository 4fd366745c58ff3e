/* mosquitto: the functions of libmosquitto that mqtt calls, looked up when the first client opens, so that nothing else
 * needs it. */
#ifndef GAD_IO_MOSQUITTO_H
#define GAD_IO_MOSQUITTO_H
#include <mosquitto.h>

#include "gad.h"

#define GAD_MOSQUITTO_FUNCTIONS(X)                                                                                         \
    X(lib_init)                                                                                                            \
    X(new)                                                                                                                 \
    X(destroy)                                                                                                             \
    X(username_pw_set)                                                                                                     \
    X(tls_set)                                                                                                             \
    X(will_set)                                                                                                            \
    X(connect_callback_set)                                                                                                \
    X(publish_callback_set)                                                                                                \
    X(connect)                                                                                                             \
    X(disconnect)                                                                                                          \
    X(publish)                                                                                                             \
    X(loop)                                                                                                                \
    X(strerror)                                                                                                            \
    X(connack_string)

/* Each member has the type that <mosquitto.h> declares for mosquitto_<member>. */
#define GAD_MOSQUITTO_MEMBER(name) __typeof__(mosquitto_##name) *name;
typedef struct gad_mosquitto {
    GAD_MOSQUITTO_FUNCTIONS(GAD_MOSQUITTO_MEMBER)
} gad_mosquitto;
#undef GAD_MOSQUITTO_MEMBER

/* Load libmosquitto, once; *library lives as long as the process. Any thread may call it. */
gad_status gad_mosquitto_load(const gad_mosquitto **library, gad_error *err);
#endif
