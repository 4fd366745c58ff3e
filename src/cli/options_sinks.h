/* options_sinks: the options that say where results go besides, for commands that inspect as parts come. */
#ifndef GAD_CLI_OPTIONS_SINKS_H
#define GAD_CLI_OPTIONS_SINKS_H
#include "cli/options.h"
#include "gad_serve.h"

typedef struct sink_options {
    gad_sink_settings sinks;
    const char *secret_file, *password_file;
    char *secret, *password; /* what stands in them */
} sink_options;

extern const option_table options_sinks;

/* Read the files into `sinks`; an exit code, after a message. Give back with options_sinks_free. */
int options_sinks_read(sink_options *o);
void options_sinks_free(sink_options *o);
#endif
