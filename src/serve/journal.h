/* journal: what a watcher has done, so that a restart neither loses nor repeats a part: a JSON line and a CSV line a part,
 * and the set of parts that have one. In: a part's file and its result. Out: is it known, and with which verdict. A line
 * that a crash tore is cut off at the next start. */
#ifndef GAD_SERVE_JOURNAL_H
#define GAD_SERVE_JOURNAL_H
#include "gad.h"

#include <jansson.h>

typedef struct gad_journal gad_journal;

/* A part: its file as it was inspected. A file that is written again is another part. */
typedef struct gad_journal_part {
    const char *name; /* relative to the watched folder */
    int64_t size_bytes, modified_ns;
} gad_journal_part;

/* `folder`/results.jsonl and results.csv, made when absent. */
gad_status gad_journal_open(const char *folder, gad_journal **journal, gad_error *err);
void gad_journal_close(gad_journal *journal);
/* The verdict it got, or NULL when it is not known; owned by the journal. */
const char *gad_journal_find(const gad_journal *journal, const gad_journal_part *part);
/* Adds it, on disk before this returns. `result` is an object with "verdict", and perhaps "score" and "threshold"; the
 * members "file", "size", "modified" and "time" are put into it. */
gad_status gad_journal_add(gad_journal *journal, const gad_journal_part *part, json_t *result, gad_error *err);

/* Its lines by place, for any thread. A line's place is where it ends, in bytes; 0: before the first. *row NULL: there is
 * none after that place. */
gad_status gad_journal_next(const gad_journal *journal, int64_t after, int64_t *place, json_t **row, gad_error *err);
int64_t gad_journal_last(const gad_journal *journal);
gad_status gad_journal_count_after(const gad_journal *journal, int64_t after, int64_t *lines, gad_error *err);
#endif
