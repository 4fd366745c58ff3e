/* log: see log.h */
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static void send(const gad_log *log, gad_log_level level, const char *format, va_list args)
{
    if (!log || !log->write)
        return;
    char message[2048];
    vsnprintf(message, sizeof message, format, args);
    log->write(log->user, level, message);
}

void gad_log_debug(const gad_log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    send(log, GAD_LOG_DEBUG, format, args);
    va_end(args);
}

void gad_log_info(const gad_log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    send(log, GAD_LOG_INFO, format, args);
    va_end(args);
}

void gad_log_warning(const gad_log *log, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    send(log, GAD_LOG_WARNING, format, args);
    va_end(args);
}
