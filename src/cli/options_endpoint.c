/* options_endpoint: see options_endpoint.h */
#include "cli/options_endpoint.h"

#include <stdlib.h>

#define AT(field) offsetof(endpoint_options, field)
static const option entries[] = {
    {.name = "endpoint",
     .argument = "URL",
     .kind = OPTION_URL,
     .offset = AT(server.url),
     .help = "an OpenAI-compatible server, such as http://127.0.0.1:8000/v1"},
    {.name = "key-env",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(key_env),
     .fallback = "OPENAI_API_KEY",
     .help = "endpoint: environment variable that holds the key"},
    {.name = "ca",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(server.ca_file),
     .help = "endpoint: PEM file of the authorities to trust instead of the system's (or SSL_CERT_FILE)"},
    {.name = "in-flight",
     .argument = "N",
     .kind = OPTION_SHORT,
     .offset = AT(server.in_flight),
     .minimum = 1,
     .fallback = "4",
     .help = "endpoint: requests at once",
     .aliases = "workers,concurrency"},
    {.name = "timeout",
     .argument = "S",
     .kind = OPTION_NUMBER,
     .offset = AT(server.timeout_s),
     .fallback = "300",
     .help = "endpoint: seconds for one attempt"},
};
const option_table options_endpoint = {entries, OPTIONS_COUNT(entries)};

gad_endpoint options_endpoint_read(const endpoint_options *o)
{
    gad_endpoint server = o->server;
    const char *file = server.ca_file ? server.ca_file : getenv("SSL_CERT_FILE");
    server.ca_file = file && *file ? file : getenv("CURL_CA_BUNDLE");
    server.key = getenv(o->key_env);
    return server;
}
