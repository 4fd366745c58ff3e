/* watch: a folder that a camera writes to: each file is inspected once it is complete, sorted by its verdict, and entered
 * in the journal. In: a folder, somebody who inspects. Out: sorted files, results.jsonl, results.csv. Knows nothing of
 * models. */
#ifndef GAD_SERVE_WATCH_H
#define GAD_SERVE_WATCH_H
#include "gad_serve.h"

#include <jansson.h>

/* Who inspects. *result: an object with "verdict" ("normal", ...), "score", "threshold", ...; taken over. A failure is
 * entered as a part with the verdict "failed"; GAD_E_MEMORY, GAD_E_DEVICE and GAD_E_CANCELLED end the watch instead. */
typedef struct gad_watch_inspector {
    gad_status (*inspect)(void *user, const char *path, json_t **result, gad_error *err);
    void *user;
} gad_watch_inspector;

/* What could not be entered in the journal or sorted ends the watch with an error. */
gad_status gad_watch_run(const gad_watch_settings *settings, gad_watch_inspector inspector, gad_watch_report *report,
                         gad_error *err);
#endif
