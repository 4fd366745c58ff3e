/* clock: see clock.h */
#include "base/clock.h"

#include <time.h>

double gad_clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void gad_clock_stamp(char *text, size_t size_bytes)
{
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    strftime(text, size_bytes, "%Y-%m-%dT%H:%M:%SZ", &parts);
}
