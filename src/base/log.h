/* log: messages for people, sent to the sink that the caller gave; a NULL sink is silent. */
#ifndef GAD_BASE_LOG_H
#define GAD_BASE_LOG_H
#include "gad.h"

__attribute__((format(printf, 2, 3))) void gad_log_debug(const gad_log *log, const char *format, ...);
__attribute__((format(printf, 2, 3))) void gad_log_info(const gad_log *log, const char *format, ...);
__attribute__((format(printf, 2, 3))) void gad_log_warning(const gad_log *log, const char *format, ...);
#endif
