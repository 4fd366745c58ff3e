/* mqtt: a client of an MQTT broker that publishes, over libmosquitto. In: an address, messages. Out: each message taken by
 * the broker (QoS 1), or an error; the connection is made again by the next message. One thread. */
#ifndef GAD_IO_MQTT_H
#define GAD_IO_MQTT_H
#include "gad.h"

typedef struct gad_mqtt gad_mqtt;

typedef struct gad_mqtt_options {
    const char *url;      /* "mqtt://[user@]host[:port]/topic"; mqtts: with TLS */
    const char *password; /* NULL: none */
    const char *ca_file;  /* PEM of the authorities to trust with mqtts; NULL: the system's */
    double timeout_s;     /* for a connection, and for the broker's word on a message; 0: 10 */
} gad_mqtt_options;

/* Reads the options; connects at the first message. While it is connected, TOPIC/status is "online" (retained); the broker
 * makes it "offline" when the connection is lost. */
gad_status gad_mqtt_open(const gad_mqtt_options *options, gad_mqtt **client, gad_error *err);
/* Says "offline" and leaves. */
void gad_mqtt_free(gad_mqtt *client);

/* The topic of the address, without a slash at its end. */
const char *gad_mqtt_topic(const gad_mqtt *client);
/* How many times it has connected so far. */
int64_t gad_mqtt_connections(const gad_mqtt *client);
/* Connect, unless it is connected. */
gad_status gad_mqtt_connect(gad_mqtt *client, gad_error *err);
gad_status gad_mqtt_publish(gad_mqtt *client, const char *topic, const void *bytes, size_t length, bool retain,
                            gad_error *err);
/* Keeps the connection alive: to be called every few seconds. */
void gad_mqtt_idle(gad_mqtt *client);
#endif
