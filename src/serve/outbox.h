/* outbox: sends results to sinks, each in order and at its own pace. The results themselves are the queue: an outbox keeps
 * only how far each sink has come, so that nothing is lost and nothing is sent again after a restart. In: sinks, where
 * results are read. Knows nothing of servers or folders. */
#ifndef GAD_SERVE_OUTBOX_H
#define GAD_SERVE_OUTBOX_H
#include "serve/sink.h"

/* Where results are. Ids grow; any thread may ask. */
typedef struct gad_outbox_source {
    /* The first part after that id; *found false: there is none yet. */
    gad_status (*next)(void *user, int64_t after, gad_sink_part *part, bool *found, gad_error *err);
    gad_status (*last)(void *user, int64_t *id, gad_error *err);
    gad_status (*waiting)(void *user, int64_t after, int64_t *parts, gad_error *err);
    void *user;
} gad_outbox_source;

typedef struct gad_outbox gad_outbox;

/* Opens the sinks that the settings name; NULL when they name none. `folder` keeps how far they have come: outbox/KIND. A
 * sink that is new there begins with the parts to come. */
gad_status gad_outbox_open(const gad_sink_settings *settings, const char *folder, const gad_outbox_source *source,
                           const gad_log *log, gad_outbox **outbox, gad_error *err);
/* There is another part. */
void gad_outbox_wake(gad_outbox *outbox);
/* Sends what waits, for a few seconds at most; what is left is sent after the next start. */
void gad_outbox_close(gad_outbox *outbox);
#endif
