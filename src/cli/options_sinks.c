/* options_sinks: see options_sinks.h */
#include "cli/options_sinks.h"

#include <stdlib.h>

#include "cli/secret.h"

#define AT(field) offsetof(sink_options, field)
static const option entries[] = {
    {.name = "webhook",
     .argument = "URL",
     .kind = OPTION_URL,
     .offset = AT(sinks.webhook),
     .help = "POST each result there as JSON; tried again until it is taken"},
    {.name = "webhook-secret",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(secret_file),
     .help = "its first line signs them: X-Gad-Signature is sha256= and the body's HMAC"},
    {.name = "mqtt",
     .argument = "URL",
     .kind = OPTION_URL,
     .offset = AT(sinks.mqtt),
     .help = "publish at mqtt://[user@]host[:port]/topic (mqtts: TLS): TOPIC/PRODUCT/result, TOPIC/status"},
    {.name = "mqtt-password",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(password_file),
     .help = "its first line is the user's password"},
    {.name = "mqtt-picture",
     .kind = OPTION_FLAG,
     .offset = AT(sinks.mqtt_picture),
     .help = "publish each part as JPEG too: TOPIC/PRODUCT/picture"},
    {.name = "mqtt-discovery",
     .kind = OPTION_FLAG,
     .offset = AT(sinks.mqtt_discovery),
     .help = "announce products to Home Assistant"},
    {.name = "sink-ca",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(sinks.ca_file),
     .help = "PEM file of the authorities to trust for both instead of the system's"},
    {.name = "csv", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(sinks.csv), .help = "append a line a part"},
    {.name = "command",
     .argument = "CMD",
     .kind = OPTION_STRING,
     .offset = AT(sinks.command),
     .help = "run it for each part, with GAD_VERDICT, GAD_PRODUCT, GAD_NAME, GAD_SCORE, GAD_ID"},
    {.name = "sink-rate",
     .argument = "N",
     .kind = OPTION_NUMBER,
     .offset = AT(sinks.per_second),
     .help = "at most so many parts a second to each; 0: no bound"},
    {.name = "sink-waiting",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(sinks.waiting),
     .fallback = "10000",
     .help = "parts that wait for one that cannot be reached; the oldest are passed over; 0: no bound"},
};
const option_table options_sinks = {entries, OPTIONS_COUNT(entries)};

int options_sinks_read(sink_options *o)
{
    if (o->secret_file && !(o->secret = secret_read(o->secret_file)))
        return EXIT_FAILED;
    if (o->password_file && !(o->password = secret_read(o->password_file)))
        return EXIT_FAILED;
    o->sinks.webhook_secret = o->secret;
    o->sinks.mqtt_password = o->password;
    return EXIT_DONE;
}

void options_sinks_free(sink_options *o)
{
    free(o->secret);
    free(o->password);
}
