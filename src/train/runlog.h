/* runlog: what a run tells: one line a step for people, one JSON object a step in a file, and a page with the curves. In:
 * metrics. Out: log lines, log.jsonl, HTML. Knows nothing of training. */
#ifndef GAD_TRAIN_RUNLOG_H
#define GAD_TRAIN_RUNLOG_H
#include <stdio.h>

#include "train/metrics.h"

typedef struct gad_runlog {
    FILE *file;          /* NULL: no file */
    const gad_log *sink; /* for people */
} gad_runlog;

/* Append to `path` (NULL: no file), after its last whole line; a file that is no log of gad is refused as it is. */
gad_status gad_runlog_open(const char *path, const gad_log *sink, gad_runlog *runlog, gad_error *err);
void gad_runlog_close(gad_runlog *runlog);
/* {"step": step, name: value, ...} into the file, and to people "step 12/100 loss 1.234 ...", stable and parsable: name and
 * value in turn, separated by one space. Metrics without a value are left out. GAD_E_IO on a full disk. */
gad_status gad_runlog_step(gad_runlog *runlog, int64_t step, int64_t steps, const gad_metrics *metrics, double left_s,
                           gad_error *err);
/* A text of the run, as an answer sampled in training: {"step": step, "event": event, "text": text, "value": value}. */
gad_status gad_runlog_text(gad_runlog *runlog, int64_t step, const char *event, const char *text, double value,
                           gad_error *err);
/* A self-contained page with one curve a metric, and the texts, from a log file. A step that was run again after a resume
 * counts once, with its last values. */
gad_status gad_runlog_plot(const char *path, const char *html, gad_error *err);
#endif
