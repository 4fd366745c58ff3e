/* mqtt: see mqtt.h */
#include "io/mqtt.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/string.h"
#include "io/mosquitto.h"

static const char operation[] = "talk to the MQTT broker";
enum { KEEP_ALIVE_S = 30, STEP_MS = 50, PORT = 1883, PORT_TLS = 8883 };

struct gad_mqtt {
    const gad_mosquitto *library;
    struct mosquitto *session; /* NULL: not connected */
    char *host, *user, *topic, *password, *ca_file;
    char status_topic[300];
    int port;
    bool tls;
    double timeout_s;
    int64_t connections;
    int answer;     /* the broker's to the connection; -1: none yet */
    int last_taken; /* message that the broker took last */
};

const char *gad_mqtt_topic(const gad_mqtt *client)
{
    return client->topic;
}

int64_t gad_mqtt_connections(const gad_mqtt *client)
{
    return client->connections;
}

/* ---- the address --------------------------------------------------------------------------------------------------- */

static char *copy(const char *from, size_t length)
{
    char *text = gad_memory_alloc(length + 1, 1);
    if (text) {
        memcpy(text, from, length);
        text[length] = 0;
    }
    return text;
}

static gad_status bad_address(gad_error *err)
{
    return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL,
                         "a broker's address is mqtt://[user@]host[:port]/topic, or mqtts://...");
}

static gad_status read_address(gad_mqtt *c, const char *url, gad_error *err)
{
    c->tls = !strncmp(url, "mqtts://", 8);
    if (!c->tls && strncmp(url, "mqtt://", 7) != 0)
        return bad_address(err);
    const char *host = url + (c->tls ? 8 : 7), *end = host + strcspn(host, "/"),
               *at = memchr(host, '@', (size_t)(end - host));
    if (at)
        c->user = copy(host, (size_t)(at - host));
    if (at && memchr(host, ':', (size_t)(at - host)))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "the password stands in a file, not in the address");
    host = at ? at + 1 : host;
    const char *colon = memchr(host, ':', (size_t)(end - host));
    char *stop = NULL;
    long port = colon ? strtol(colon + 1, &stop, 10) : c->tls ? PORT_TLS : PORT;
    size_t topic = *end ? strlen(end + 1) : 0;
    while (topic && end[topic] == '/')
        topic--;
    if ((colon && stop != end) || port < 1 || port > 65535 || (colon ? colon : end) == host || !topic || topic > 200 ||
        strpbrk(end + 1, "+#"))
        return bad_address(err);
    c->port = (int)port;
    c->host = copy(host, (size_t)((colon ? colon : end) - host));
    c->topic = copy(end + 1, topic);
    if (!c->host || !c->topic || (at && !c->user))
        return gad_error_memory(err, operation, strlen(url));
    snprintf(c->status_topic, sizeof c->status_topic, "%s/status", c->topic);
    return GAD_OK;
}

gad_status gad_mqtt_open(const gad_mqtt_options *options, gad_mqtt **client, gad_error *err)
{
    gad_mqtt *c = gad_memory_zero(1, sizeof *c);
    if (!c)
        return gad_error_memory(err, operation, sizeof *c);
    c->timeout_s = options->timeout_s > 0 ? options->timeout_s : 10;
    gad_status status = read_address(c, options->url, err);
    if (!status && options->ca_file && !gad_file_exists(options->ca_file))
        status = gad_error_set(err, GAD_E_IO, operation, NULL, "%.300s: no such file of certificates", options->ca_file);
    c->password = options->password ? gad_memory_copy_string(options->password) : NULL;
    c->ca_file = options->ca_file ? gad_memory_copy_string(options->ca_file) : NULL;
    if (!status && ((options->password && !c->password) || (options->ca_file && !c->ca_file)))
        status = gad_error_memory(err, operation, 64);
    if (!status)
        status = gad_mosquitto_load(&c->library, err);
    if (status)
        gad_mqtt_free(c);
    else
        *client = c;
    return status;
}

/* ---- the connection ------------------------------------------------------------------------------------------------ */

static void on_connect(struct mosquitto *session, void *self, int code)
{
    (void)session;
    ((gad_mqtt *)self)->answer = code;
}

static void on_publish(struct mosquitto *session, void *self, int message)
{
    (void)session;
    ((gad_mqtt *)self)->last_taken = message;
}

static void drop(gad_mqtt *c)
{
    if (c->session)
        c->library->destroy(c->session);
    c->session = NULL;
}

static gad_status failed(gad_mqtt *c, const char *what, gad_error *err)
{
    drop(c);
    return gad_error_set(err, GAD_E_NETWORK, operation, NULL, "%s port %d: %s", c->host, c->port, what);
}

static int configure(gad_mqtt *c)
{
    const gad_mosquitto *m = c->library;
    int code = c->user || c->password ? m->username_pw_set(c->session, c->user, c->password) : MOSQ_ERR_SUCCESS;
    if (!code && c->tls)
        code = m->tls_set(c->session, c->ca_file, c->ca_file ? NULL : "/etc/ssl/certs", NULL, NULL, NULL);
    if (!code)
        code = m->will_set(c->session, c->status_topic, 7, "offline", 1, true);
    m->connect_callback_set(c->session, on_connect);
    m->publish_callback_set(c->session, on_publish);
    return code;
}

static gad_status publish(gad_mqtt *c, const char *topic, const void *bytes, size_t length, bool retain, gad_error *err)
{
    int message, code = length > INT_MAX ? MOSQ_ERR_PAYLOAD_SIZE
                                         : c->library->publish(c->session, &message, topic, (int)length, bytes, 1, retain);
    double end_s = gad_clock_seconds() + c->timeout_s;
    if (code == MOSQ_ERR_PAYLOAD_SIZE || code == MOSQ_ERR_INVAL || code == MOSQ_ERR_MALFORMED_UTF8)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%s: %s", topic, c->library->strerror(code));
    c->last_taken = -1;
    while (!code && c->last_taken != message && gad_clock_seconds() < end_s)
        code = c->library->loop(c->session, STEP_MS, 1);
    if (code)
        return failed(c, c->library->strerror(code), err);
    return c->last_taken == message ? GAD_OK : failed(c, "the broker does not answer", err);
}

gad_status gad_mqtt_connect(gad_mqtt *c, gad_error *err)
{
    if (c->session)
        return GAD_OK;
    c->session = c->library->new (NULL, true, c);
    if (!c->session)
        return gad_error_memory(err, operation, 1024);
    int code = configure(c);
    double end_s = gad_clock_seconds() + c->timeout_s;
    c->answer = -1;
    if (!code)
        code = c->library->connect(c->session, c->host, c->port, KEEP_ALIVE_S);
    while (!code && c->answer < 0 && gad_clock_seconds() < end_s)
        code = c->library->loop(c->session, STEP_MS, 1);
    if (c->answer > 0) /* the broker says why it refuses */
        return failed(c, c->library->connack_string(c->answer), err);
    if (code || c->answer < 0)
        return failed(c, code ? c->library->strerror(code) : "the broker does not answer", err);
    c->connections++;
    return publish(c, c->status_topic, "online", 6, true, err);
}

gad_status gad_mqtt_publish(gad_mqtt *c, const char *topic, const void *bytes, size_t length, bool retain, gad_error *err)
{
    gad_status status = gad_mqtt_connect(c, err);
    return status ? status : publish(c, topic, bytes, length, retain, err);
}

void gad_mqtt_idle(gad_mqtt *c)
{
    if (c->session && c->library->loop(c->session, 0, 1))
        drop(c);
}

void gad_mqtt_free(gad_mqtt *c)
{
    if (!c)
        return;
    if (c->session && !publish(c, c->status_topic, "offline", 7, true, NULL)) {
        c->library->disconnect(c->session);
        c->library->loop(c->session, STEP_MS, 1);
    }
    drop(c);
    gad_memory_free(c->host);
    gad_memory_free(c->user);
    gad_memory_free(c->topic);
    gad_memory_free(c->password);
    gad_memory_free(c->ca_file);
    gad_memory_free(c);
}
