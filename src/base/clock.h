/* clock: time for measuring and time for records. */
#ifndef GAD_BASE_CLOCK_H
#define GAD_BASE_CLOCK_H
#include <stddef.h>

/* Seconds on a clock that never goes backwards; only differences mean something. */
double gad_clock_seconds(void);
/* The current UTC time as "2026-01-31T12:34:56Z" in `text` (at least 21 bytes). */
void gad_clock_stamp(char *text, size_t size_bytes);
#endif
