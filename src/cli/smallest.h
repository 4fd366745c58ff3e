/* smallest: how small a defect is that has to be found, as options name it: 0.1% of the picture's area, or 12px wide. */
#ifndef GAD_CLI_SMALLEST_H
#define GAD_CLI_SMALLEST_H
#include "gad_product.h"

/* NULL: it is not given. False after a message of the command. */
bool smallest_read(const char *command_name, const char *text, gad_learn_settings *settings);
#endif
