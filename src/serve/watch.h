/* watch: parts that come: files of a folder that a camera writes to, each once it is complete, or pictures of a feed. Each
 * is inspected, entered in the journal and sorted by its verdict. In: where parts come from, somebody who inspects. Out:
 * sorted files, results.jsonl, results.csv. Knows nothing of models. */
#ifndef GAD_SERVE_WATCH_H
#define GAD_SERVE_WATCH_H
#include "gad_serve.h"

#include <jansson.h>

/* A part as it came: the file at `path`, or bytes with `path` as their name. */
typedef struct gad_watch_part {
    const char *path;
    const void *bytes; /* NULL: a file */
    size_t size_bytes;
} gad_watch_part;

/* Who inspects. *result: an object with "verdict" ("normal", ...), "score", "threshold", ...; taken over. A failure is
 * entered as a part with the verdict "failed"; GAD_E_MEMORY, GAD_E_DEVICE and GAD_E_CANCELLED end the watch instead. */
typedef struct gad_watch_judge {
    gad_status (*inspect)(void *user, const gad_watch_part *part, json_t **result, gad_error *err);
    void *user;
} gad_watch_judge;

/* What could not be entered in the journal or sorted ends the watch with an error. */
gad_status gad_watch_run(const gad_watch_settings *settings, gad_watch_judge judge, gad_watch_report *report,
                         gad_error *err);
#endif
