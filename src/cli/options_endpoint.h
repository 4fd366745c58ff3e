/* options_endpoint: the options of commands that ask an OpenAI-compatible server. */
#ifndef GAD_CLI_OPTIONS_ENDPOINT_H
#define GAD_CLI_OPTIONS_ENDPOINT_H
#include "cli/options.h"
#include "gad_data.h"

typedef struct endpoint_options {
    gad_endpoint server;
    const char *key_env; /* the environment variable that holds the key */
} endpoint_options;

extern const option_table options_endpoint;

/* The server, with its key, and the file of trusted authorities: --ca, else what the environment names in SSL_CERT_FILE or
 * CURL_CA_BUNDLE. */
gad_endpoint options_endpoint_read(const endpoint_options *o);
#endif
