/* cmd_train: what the training commands share. */
#ifndef GAD_CLI_CMD_TRAIN_H
#define GAD_CLI_CMD_TRAIN_H
#include "cli/commands.h"
#include "gad_train.h"

typedef struct train_options {
    gad_train_settings s;
    option_list arguments;
    bool force; /* plot: also over a page that gad did not write */
} train_options;

#define AT(field) offsetof(train_options, s.field)

/* Print the settings, train, return the exit code. */
int train_run(train_options *options, const command *c, gad_status (*train)(const gad_train_settings *, gad_error *));
#endif
