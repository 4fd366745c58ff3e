/* gad_serve.h - products in a folder, the server, the watcher of folders. Conventions as in gad.h. */
#ifndef GAD_SERVE_H
#define GAD_SERVE_H
#include "gad_product.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- products in a folder -------------------------------------------------------------------------------------------- */

/* A folder of products as gad serve keeps it (its data folder's `products`): of each the pictures of its good parts, what
 * was learnt, a threshold that somebody chose, its history. One program at a time. */
typedef struct gad_products gad_products;
GAD_API gad_status gad_products_open(const char *folder, const gad_learn_settings *learn, gad_products **products,
                                     gad_error *err);
GAD_API void gad_products_free(gad_products *products);

/* Letters, digits, '.', '_' and '-'. */
GAD_API gad_status gad_products_new(gad_products *products, const char *name, gad_error *err);
/* A product without good parts looks at nothing but this: `rectangle` is x, y, width, height in shares of the picture,
 * NULL: all of it; in the picture at `mask` what is black is left out, NULL: nothing is. */
GAD_API gad_status gad_products_look_at(gad_products *products, const char *name, const double rectangle[4],
                                        const char *mask, gad_error *err);
/* A product without good parts is learnt so: side_px, smallest_share, smallest_px, mirror, max_rows, guarantee. */
GAD_API gad_status gad_products_settle(gad_products *products, const char *name, const gad_learn_settings *learn,
                                       gad_error *err);
GAD_API gad_status gad_products_delete(gad_products *products, const char *name, gad_error *err);
/* Learn the files of good parts. A file that cannot be read is told to on_unread of gad_learn_settings and left out;
 * without that, or where none can be read, it is an error that names it, and nothing is learnt. */
GAD_API gad_status gad_products_add(gad_products *products, const char *name, const char *const *good, int64_t count,
                                    const gad_progress *progress, gad_error *err);
/* Forget a good part. */
GAD_API gad_status gad_products_forget(gad_products *products, const char *name, const char *part, gad_error *err);
/* A threshold on the scale of scores, 0 to 1; NaN: the learnt one. */
GAD_API gad_status gad_products_choose(gad_products *products, const char *name, double threshold, gad_error *err);

/* All products, or (name given) one with its good parts and their own scores; text for people, or JSON; gad_text_free. */
GAD_API gad_status gad_products_describe(gad_products *products, const char *name, bool json, char **text, gad_error *err);

typedef struct gad_products_test {
    int64_t good, bad, false_alarms, missed, failed; /* failed: could not be inspected */
    double milliseconds;                             /* mean of a part */
} gad_products_test;
/* Inspect pictures that are known to be good or bad. `on_wrong` (may be NULL) hears of each that is judged otherwise,
 * on_unread of gad_learn_settings of each that could not be inspected. */
GAD_API gad_status gad_products_check(gad_products *products, const char *name, const char *const *good, int64_t good_count,
                                      const char *const *bad, int64_t bad_count,
                                      void (*on_wrong)(void *user, const char *path, double score), void *user,
                                      gad_products_test *report, gad_error *err);

/* What was learnt, as one file for gad inspect --product; and such a file as a product (without pictures of its good
 * parts). */
GAD_API gad_status gad_products_export(gad_products *products, const char *name, const char *path, gad_error *err);
GAD_API gad_status gad_products_import(gad_products *products, const char *name, const char *path, gad_error *err);

/* ---- where results go besides ---------------------------------------------------------------------------------------- */

/* Start from gad_sink_settings_default; what is NULL is not used. Each gets every part, in order. Where one cannot be
 * reached, parts wait on disk, and after a restart it goes on where it was. */
typedef struct gad_sink_settings {
    const char *webhook;        /* URL that gets a POST of JSON */
    const char *webhook_secret; /* signs it: X-Gad-Signature is the body's HMAC-SHA256 */
    const char *mqtt;           /* mqtt://[user@]host[:port]/topic; mqtts: TLS */
    const char *mqtt_password;
    bool mqtt_picture, mqtt_discovery; /* each part as JPEG too; announced to Home Assistant */
    const char *ca_file;               /* PEM of authorities to trust instead of the system's */
    const char *csv;                   /* file that gets a line */
    const char *command;               /* of the shell, with GAD_VERDICT, GAD_PRODUCT, GAD_NAME, GAD_SCORE, GAD_ID */
    double per_second;                 /* at most so many parts; 0: no bound */
    int64_t waiting;                   /* parts that may wait for one; more: the oldest are passed over; 0: no bound */
} gad_sink_settings;
GAD_API gad_sink_settings gad_sink_settings_default(void);

/* ---- the server ------------------------------------------------------------------------------------------------------ */

/* Start from gad_serve_settings_default. */
typedef struct gad_serve_settings {
    const char *folder;                        /* its products (products/NAME) and results; made when absent */
    const char *address;                       /* to listen at: numeric; "127.0.0.1": this machine only */
    int64_t port;                              /* 0: any free one */
    const char *key;                           /* wanted of clients as "Authorization: Bearer KEY"; NULL: none */
    const char *certificate, *certificate_key; /* PEM files for TLS; NULL: plain HTTP */
    int64_t connections, queue;                /* open at once; requests that wait for the engine */
    int64_t body_bytes, all_bodies_bytes;      /* of one request; of all at once */
    double read_timeout_s, idle_timeout_s, send_timeout_s; /* a whole request; silence; a whole response */
    int64_t keep;                                          /* results; older ones go; 0: all */
    /* Answers /v1/chat/completions, and explains the products' parts that `inspect.reason` says; borrowed; NULL: none. */
    gad_engine *engine;
    gad_inspect_settings inspect;
    const char *model_name; /* as clients name it; outlives the server; NULL: "gad" */
    gad_sink_settings sinks;
    gad_learn_settings learn; /* of products that are taught here */
    const gad_log *log;       /* several threads may write */
} gad_serve_settings;
GAD_API gad_serve_settings gad_serve_settings_default(void);

typedef struct gad_server gad_server;
GAD_API gad_status gad_serve_open(const gad_serve_settings *settings, gad_server **server, gad_error *err);
/* The port it listens at. */
GAD_API int gad_serve_port(const gad_server *server);
/* Serves on the calling thread, which owns the engine, until gad_serve_stop; requests that were accepted by then are
 * answered. */
GAD_API void gad_serve_run(gad_server *server);
/* From any thread, or from a signal handler. */
GAD_API void gad_serve_stop(gad_server *server);
GAD_API void gad_serve_free(gad_server *server);

/* ---- files sorted by verdict ------------------------------------------------------------------------------------------
 */

typedef enum gad_sort {
    GAD_SORT_STAY, /* files stay where they are */
    GAD_SORT_MOVE, /* to ok/, ng/ or failed/ of a folder */
    GAD_SORT_LINK, /* links to them there */
    GAD_SORT_COPY
} gad_sort;
#define GAD_SORT_WORDS "stay", "move", "link", "copy"
/* `verdict`: "normal" is ok, "failed" could not be inspected, what else is ng. A name that is taken gets a number. */
GAD_API gad_status gad_sort_part(const char *folder, gad_sort how, const char *path, const char *verdict, gad_error *err);

/* ---- parts that are watched -------------------------------------------------------------------------------------------
 */

/* Who inspects: a product, an engine that good parts are shown to, or a product whose parts an engine explains as
 * `inspect.reason` says. All are borrowed. */
typedef struct gad_watch_inspector {
    gad_product *product;
    gad_engine *engine;
    gad_picture *const *good; /* [good_count] shown to the engine: all of them, or with `gallery`, which holds the same */
    const char *const *good_path; /* ones in that order, the one that lies most like the part */
    int good_count;
    gad_gallery *gallery;
    gad_inspect_settings inspect; /* its threshold holds for the product too */
} gad_watch_inspector;

typedef struct gad_watch_result {
    const char *name, *verdict, *line; /* `line`: of results.jsonl */
    const char *reasoning, *error;     /* "" when there is none */
    double score;                      /* NaN: none */
} gad_watch_result;

/* Start from gad_watch_settings_default. Parts come from one of: a folder, standard input, a source. */
typedef struct gad_watch_settings {
    const char *folder;
    bool once;       /* what is in the folder, then stop */
    double settle_s; /* a file whose writer is not seen is complete when it is so old */
    bool from_stdin; /* JPEG pictures one after another, or a path a line */
    /* Pictures of a camera, which a child process writes: of a URL, a device or a video file through ffmpeg or GStreamer;
     * or `source_command` of the shell, which writes JPEG pictures. Of those that come faster than they are inspected only
     * the newest waits; a video file waits itself. */
    const char *source, *source_command;
    double per_second; /* pictures of a source; 0: all */
    const char *out;   /* NULL: "results" in the folder */
    gad_sort sort; /* of pictures that were no files, rejected and failed ones are kept always, passed ones unless STAY */
    gad_sink_settings sinks;
    const char *product; /* how sinks name it; NULL: as it was learnt, or the class */
    void (*on_result)(void *user, const gad_watch_result *result); /* NULL: nobody listens */
    bool (*is_cancelled)(void *user);                              /* NULL: never */
    void *user;
    const gad_log *log; /* several threads may write */
} gad_watch_settings;
GAD_API gad_watch_settings gad_watch_settings_default(void);

typedef struct gad_watch_report {
    int64_t normal, rejected, failed, unfamiliar; /* unfamiliar: of those rejected */
    int64_t known;                                /* had a result from an earlier run */
    int64_t passed_over;                          /* pictures of a source that a newer one came before */
    double threshold;                             /* of the last part's score; -1: none */
} gad_watch_report;

/* Every part is inspected once its picture is complete, entered in results.jsonl and results.csv of the output folder, and
 * sorted; of files a restart neither loses nor repeats one. Until cancelled, until what parts come from ends, or until an
 * error that is not of one part. */
GAD_API gad_status gad_watch(const gad_watch_inspector *inspector, const gad_watch_settings *settings,
                             gad_watch_report *report, gad_error *err);

#ifdef __cplusplus
}
#endif
#endif
