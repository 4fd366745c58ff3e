/* sink: somebody who is told of each part: a webhook, an MQTT broker, a CSV file, a command. In: a part's row. Out: it
 * arrived, it never will, or try again later. What waits is the outbox's business. */
#ifndef GAD_SERVE_SINK_H
#define GAD_SERVE_SINK_H
#include "gad_serve.h"

#include <jansson.h>

/* A part: its row as /v1/results writes it ("id", "time", "product", "name", "verdict", "score", "threshold", "result"). */
typedef struct gad_sink_part {
    int64_t id;
    json_t *row;   /* owned */
    char *picture; /* path of its file, owned; NULL: there is none */
} gad_sink_part;
void gad_sink_part_free(gad_sink_part *part);
/* A text of the row; "" where there is none. */
const char *gad_sink_text(const gad_sink_part *part, const char *key);

typedef struct gad_sink {
    const char *kind; /* "webhook": names its file and its messages */
    void *self;
    /* GAD_E_ARGUMENT: it is not taken and never will be; any other failure: later perhaps. */
    gad_status (*send)(void *self, const gad_sink_part *part, gad_error *err);
    void (*idle)(void *self); /* every second, while nothing is sent; NULL: not wanted */
    void (*close)(void *self);
    int64_t done; /* the last part that it surely has; 0: it does not know */
    bool once;    /* rather never than twice: a part counts as sent when sending begins */
} gad_sink;

gad_status gad_sink_webhook_open(const gad_sink_settings *settings, gad_sink *sink, gad_error *err);
gad_status gad_sink_mqtt_open(const gad_sink_settings *settings, gad_sink *sink, gad_error *err);
gad_status gad_sink_csv_open(const gad_sink_settings *settings, gad_sink *sink, gad_error *err);
gad_status gad_sink_command_open(const gad_sink_settings *settings, gad_sink *sink, gad_error *err);
#endif
