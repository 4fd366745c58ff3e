/* commands: see commands.h. A new command is a declaration there and a line here. */
#include "cli/commands.h"

#include <stddef.h>

const command *const commands[] = {
    &cmd_inspect,
    &cmd_model_info,
    &cmd_speed,
    NULL,
};
