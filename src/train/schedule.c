/* schedule: see schedule.h */
#include "train/schedule.h"

#include <math.h>

static int64_t warmup_of(const gad_schedule *s)
{
    enum { USUAL = 20 };
    return s->warmup >= 0 ? s->warmup : s->steps / 10 < USUAL ? s->steps / 10 : USUAL;
}

double gad_schedule_rate(const gad_schedule *s, int64_t step)
{
    int64_t warmup = warmup_of(s);
    if (step < warmup)
        return s->peak * (double)(step + 1) / (double)warmup;
    if (s->kind == GAD_SCHEDULE_CONSTANT || s->steps <= warmup)
        return s->peak;
    double part = (double)(step - warmup) / (double)(s->steps - warmup);
    part = part > 1 ? 1 : part;
    double left = s->kind == GAD_SCHEDULE_LINEAR ? 1 - part : 0.5 * (1 + cos(3.14159265358979323846 * part));
    return s->peak * (s->floor + (1 - s->floor) * left);
}
