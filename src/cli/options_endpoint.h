/* options_endpoint: the options of commands that ask an OpenAI-compatible server. */
#ifndef GAD_CLI_OPTIONS_ENDPOINT_H
#define GAD_CLI_OPTIONS_ENDPOINT_H
#include "cli/options.h"

typedef struct endpoint_options {
    const char *url, *key_env, *ca;
    int64_t in_flight;
    double timeout;
} endpoint_options;

extern const option_table options_endpoint;

/* The file of trusted authorities: --ca, else what the environment names in SSL_CERT_FILE or CURL_CA_BUNDLE; NULL: the
 * system's. */
const char *options_endpoint_ca(const endpoint_options *o);
#endif
