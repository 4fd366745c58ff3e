/* watch: a folder that a camera writes to: each file is inspected once it is complete, sorted by its verdict, and entered
 * in the journal. In: a folder, somebody who inspects. Out: sorted files, results.jsonl, results.csv. Knows nothing of
 * models. */
#ifndef GAD_SERVE_WATCH_H
#define GAD_SERVE_WATCH_H
#include "gad.h"

#include <jansson.h>

typedef enum gad_watch_sort {
    GAD_WATCH_STAY, /* files stay where they are */
    GAD_WATCH_MOVE, /* to ok/, ng/ or failed/ of the output folder */
    GAD_WATCH_LINK  /* links to them there */
} gad_watch_sort;
enum { GAD_WATCH_SORTS = 3 };
const char *gad_watch_sort_name(gad_watch_sort sort);

typedef struct gad_watch_settings {
    const char *folder, *out; /* `out` NULL: "results" in the folder */
    gad_watch_sort sort;
    bool once;       /* what is there, then stop */
    double settle_s; /* a file that was there at the start, or whose writer is not seen, is complete when it is so old */
    /* *result: an object with "verdict" ("normal", ...), "score", "threshold", ...; taken over. A failure is entered as a
     * part with the verdict "failed"; GAD_E_MEMORY, GAD_E_DEVICE and GAD_E_CANCELLED end the watch instead. */
    gad_status (*inspect)(void *user, const char *path, json_t **result, gad_error *err);
    void (*on_result)(void *user, const char *name, const json_t *result); /* NULL: nobody listens */
    bool (*is_cancelled)(void *user);                                      /* NULL: never */
    void *user;
    const gad_log *log;
} gad_watch_settings;
gad_watch_settings gad_watch_default(void);

typedef struct gad_watch_report {
    int64_t normal, rejected, failed, known; /* known: had a result from an earlier run */
} gad_watch_report;

/* Until cancelled. What could not be entered in the journal or sorted ends the watch with an error. */
gad_status gad_watch_run(const gad_watch_settings *settings, gad_watch_report *report, gad_error *err);
#endif
