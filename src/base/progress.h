/* progress: describes how far a long call is, with rate and time left; never draws. */
#ifndef GAD_BASE_PROGRESS_H
#define GAD_BASE_PROGRESS_H
#include "gad.h"

typedef struct gad_progress_meter {
    const gad_progress *sink;
    gad_progress_state state;
    double started_s;
} gad_progress_meter;

/* `what` must outlive the meter; `total` 0 when unknown; `sink` may be NULL. */
gad_progress_meter gad_progress_start(const gad_progress *sink, const char *what, int64_t total);
/* Report `done` units. False: the caller wants to stop (return GAD_E_CANCELLED). */
bool gad_progress_update(gad_progress_meter *meter, int64_t done);
#endif
