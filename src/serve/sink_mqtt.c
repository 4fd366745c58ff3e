/* sink_mqtt: see sink.h: results to an MQTT broker: TOPIC/PRODUCT/result (JSON), TOPIC/PRODUCT/picture (JPEG), and what
 * Home Assistant reads to find them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/string.h"
#include "io/image.h"
#include "io/image_jpeg.h"
#include "io/mqtt.h"
#include "serve/sink.h"

static const char operation[] = "send a result";
enum { JPEG_QUALITY = 85, MAX_PRODUCTS = 64, MAX_NAME = 64 };

typedef struct mqtt {
    gad_mqtt *client;
    bool picture, discovery;
    char announced[MAX_PRODUCTS][MAX_NAME + 1]; /* products that were announced on this connection */
    int announced_count;
    int64_t connection;
    int64_t sent; /* part whose result is there, while its picture is not */
} mqtt;

static void close_mqtt(void *self)
{
    mqtt *m = self;
    gad_mqtt_free(m->client);
    gad_memory_free(m);
}

static void idle_mqtt(void *self)
{
    mqtt *m = self;
    gad_mqtt_idle(m->client);
}

/* The product's name as a level of a topic. */
static void name_level(const gad_sink_part *part, char level[MAX_NAME + 1])
{
    const char *name = gad_sink_text(part, "product");
    snprintf(level, MAX_NAME + 1, "%s", *name ? name : "product");
    for (char *at = level; *at; at++)
        if ((unsigned char)*at <= ' ' || (unsigned char)*at >= 127 || strchr("/+#\"\\", *at))
            *at = '_';
}

static gad_status publish_text(mqtt *m, const char *topic, const gad_string *text, bool retain, gad_error *err)
{
    if (text->failed)
        return gad_error_memory(err, operation, text->length);
    return gad_mqtt_publish(m->client, topic, text->data, text->length, retain, err);
}

/* One entity of Home Assistant (its MQTT discovery): `key` of the result, shown with that name. */
static gad_status announce_one(mqtt *m, const char *component, const char *key, const char *template, const char *level,
                               gad_error *err)
{
    char topic[400];
    const char *base = gad_mqtt_topic(m->client);
    gad_string text = {0};
    snprintf(topic, sizeof topic, "homeassistant/%s/gad_%s/%s/config", component, level, key);
    gad_string_addf(
        &text,
        "{\"name\":\"%s\",\"unique_id\":\"gad_%s_%s\",\"state_topic\":\"%s/%s/result\",\"value_template\":\"%s\","
        "\"availability_topic\":\"%s/status\",\"device\":{\"identifiers\":[\"gad_%s\"],\"name\":\"gad %s\"}}",
        key, level, key, base, level, template, base, level, level);
    gad_status status = publish_text(m, topic, &text, true, err);
    gad_string_free(&text);
    return status;
}

static gad_status announce(mqtt *m, const char *level, gad_error *err)
{
    if (m->connection != gad_mqtt_connections(m->client))
        m->announced_count = 0;
    m->connection = gad_mqtt_connections(m->client);
    for (int i = 0; i < m->announced_count; i++)
        if (!strcmp(m->announced[i], level))
            return GAD_OK;
    gad_status status =
        announce_one(m, "binary_sensor", "reject", "{{ 'OFF' if value_json.verdict == 'normal' else 'ON' }}", level, err);
    if (!status)
        status = announce_one(m, "sensor", "verdict", "{{ value_json.verdict }}", level, err);
    if (!status)
        status = announce_one(m, "sensor", "score", "{{ value_json.score }}", level, err);
    if (!status && m->announced_count < MAX_PRODUCTS)
        snprintf(m->announced[m->announced_count++], sizeof m->announced[0], "%s", level);
    return status;
}

/* The part as JPEG; a picture that cannot be read is no reason to keep the result back. */
static gad_status send_picture(mqtt *m, const gad_sink_part *part, const char *level, gad_error *err)
{
    char topic[400];
    gad_image image = {0};
    gad_string jpeg = {0};
    snprintf(topic, sizeof topic, "%s/%s/picture", gad_mqtt_topic(m->client), level);
    gad_status status = GAD_OK;
    if (!gad_image_load(part->picture, &image, NULL) && !gad_image_jpeg_encode(&image, JPEG_QUALITY, &jpeg, NULL))
        status = publish_text(m, topic, &jpeg, false, err);
    gad_image_free(&image);
    gad_string_free(&jpeg);
    return status;
}

static gad_status send_mqtt(void *self, const gad_sink_part *part, gad_error *err)
{
    mqtt *m = self;
    char level[MAX_NAME + 1], topic[400];
    name_level(part, level);
    snprintf(topic, sizeof topic, "%s/%s/result", gad_mqtt_topic(m->client), level);
    gad_status status = gad_mqtt_connect(m->client, err);
    if (!status && m->discovery)
        status = announce(m, level, err);
    if (!status && m->sent != part->id) {
        char *body = json_dumps(part->row, JSON_COMPACT);
        status = body ? gad_mqtt_publish(m->client, topic, body, strlen(body), false, err)
                      : gad_error_memory(err, operation, 1024);
        free(body);
        m->sent = status ? m->sent : part->id;
    }
    if (!status && m->picture && part->picture)
        status = send_picture(m, part, level, err);
    return status;
}

gad_status gad_sink_mqtt_open(const gad_sink_settings *settings, gad_sink *sink, gad_error *err)
{
    mqtt *m = gad_memory_zero(1, sizeof *m);
    if (!m)
        return gad_error_memory(err, operation, sizeof *m);
    m->picture = settings->mqtt_picture;
    m->discovery = settings->mqtt_discovery;
    gad_mqtt_options options = {.url = settings->mqtt, .password = settings->mqtt_password, .ca_file = settings->ca_file};
    gad_status status = gad_mqtt_open(&options, &m->client, err);
    if (status)
        close_mqtt(m);
    else
        *sink = (gad_sink){.kind = "mqtt", .self = m, .send = send_mqtt, .idle = idle_mqtt, .close = close_mqtt};
    return status;
}
