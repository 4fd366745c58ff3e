/* progress: see progress.h */
#include "base/progress.h"

#include "base/clock.h"

gad_progress_meter gad_progress_start(const gad_progress *sink, const char *what, int64_t total)
{
    return (gad_progress_meter){
        .sink = sink, .state = {.what = what, .total = total, .left_s = -1}, .started_s = gad_clock_seconds()};
}

bool gad_progress_update(gad_progress_meter *meter, int64_t done)
{
    gad_progress_state *state = &meter->state;
    state->done = done;
    state->elapsed_s = gad_clock_seconds() - meter->started_s;
    state->left_s = done > 0 && state->total > 0 ? state->elapsed_s / (double)done * (double)(state->total - done) : -1;
    return !meter->sink || !meter->sink->update || meter->sink->update(meter->sink->user, state);
}
