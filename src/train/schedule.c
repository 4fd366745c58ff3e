/* schedule: see schedule.h */
#include "train/schedule.h"

#include <math.h>

double gad_schedule_rate(const gad_schedule *s, int64_t step)
{
    if (step < s->warmup)
        return s->peak * (double)(step + 1) / (double)s->warmup;
    if (s->kind == GAD_SCHEDULE_CONSTANT || s->steps <= s->warmup)
        return s->peak;
    double part = (double)(step - s->warmup) / (double)(s->steps - s->warmup);
    part = part > 1 ? 1 : part;
    double left = s->kind == GAD_SCHEDULE_LINEAR ? 1 - part : 0.5 * (1 + cos(3.14159265358979323846 * part));
    return s->peak * (s->floor + (1 - s->floor) * left);
}
