/* cmd_serve: gad serve: inspections over HTTP, a page to teach and review. Says where it listens, then serves until it is
 * told to stop (Ctrl-C, SIGTERM). */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_engine.h"
#include "cli/options_sinks.h"
#include "cli/secret.h"
#include "cli/terminal.h"
#include "gad_serve.h"

typedef struct serve_options {
    gad_serve_settings serve;
    gad_engine_options engine;
    sink_options sink;
    const char *key_file;
    int64_t body_mib;
} serve_options;

#define AT(field) offsetof(serve_options, field)
static const option table[] = {
    {.help = "Where"},
    {.name = "data",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(serve.folder),
     .fallback = "gad-data",
     .help = "folder of its products and results; made when absent"},
    {.name = "address",
     .argument = "IP",
     .kind = OPTION_STRING,
     .offset = AT(serve.address),
     .fallback = "127.0.0.1",
     .help = "to listen at; the default is this machine only, 0.0.0.0 every network: give a key then"},
    {.name = "port",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(serve.port),
     .fallback = "8080",
     .help = "0: any free one"},
    {.name = "key-file",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(key_file),
     .help = "its first line is the key that clients send as \"Authorization: Bearer KEY\" (or set GAD_SERVE_KEY)"},
    {.name = "tls-cert",
     .argument = "PEM",
     .kind = OPTION_STRING,
     .offset = AT(serve.certificate),
     .help = "certificate: serve HTTPS"},
    {.name = "tls-key",
     .argument = "PEM",
     .kind = OPTION_STRING,
     .offset = AT(serve.certificate_key),
     .help = "the certificate's key"},
    {.help = "Bounds"},
    {.name = "connections",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(serve.connections),
     .minimum = 1,
     .fallback = "256",
     .help = "open at once"},
    {.name = "queue",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(serve.queue),
     .minimum = 1,
     .fallback = "128",
     .help = "requests that wait; more are told to come again"},
    {.name = "max-body",
     .argument = "MIB",
     .kind = OPTION_INT,
     .offset = AT(body_mib),
     .minimum = 1,
     .fallback = "64",
     .help = "of one request"},
    {.name = "keep",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(serve.keep),
     .fallback = "100000",
     .help = "results with their pictures; older ones go, reviewed ones last; 0: all"},
    {.help = "Learning"},
    {.name = "features",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(serve.learn.backbone),
     .help = "the network that sees (default: the installed one)"},
    {.name = "side",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(serve.learn.side_px),
     .minimum = 64,
     .fallback = "320",
     .help = "pictures are seen at the size of a square of that side, their shape kept"},
    {.name = "rate",
     .argument = "R",
     .kind = OPTION_NUMBER,
     .offset = AT(serve.learn.rate),
     .fallback = "0.05",
     .help = "share of good parts that may be rejected"},
    {.name = "confidence",
     .argument = "C",
     .kind = OPTION_NUMBER,
     .offset = AT(serve.learn.confidence),
     .fallback = "0.95",
     .help = "probability that the true share is no larger"},
    {.help = "Where results go besides (each in order; what cannot be sent waits on disk)"},
    {.table = &options_sinks, .offset = AT(sink)},
    {.help = "A model that explains parts, and is asked at /v1/chat/completions"},
    {.table = &options_engine_model, .offset = AT(engine)},
    {.changes = "model", .help = "checkpoint folder, or the name of an installed model (default: none)"},
    {.name = "model-name",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(serve.model_name),
     .help = "what clients call it (default: the folder's name)"},
    {.name = "reason",
     .argument = "WHICH",
     .kind = OPTION_ENUM,
     .offset = AT(serve.inspect.reason),
     .choices = CHOICES(GAD_REASON_WORDS),
     .fallback = "rejects",
     .help = "parts of products that it says something of, beside the product's verdict"},
    {.name = "max-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(serve.inspect.max_tokens),
     .minimum = 1,
     .fallback = "1024",
     .help = "of what it says of a part"},
    {.help = "Speed"},
    {.table = &options_engine_compute, .offset = AT(engine.compute)},
};

static gad_server *running; /* for the signal handler */

static void on_signal(int number)
{
    (void)number;
    gad_serve_stop(running);
}

static int serve(const gad_serve_settings *settings)
{
    gad_error err = {0};
    if (gad_serve_open(settings, &running, &err))
        return terminal_fail(&err);
    if (settings->engine)
        fprintf(stderr, "model %s is loaded\n", settings->model_name);
    struct sigaction stop = {.sa_handler = on_signal};
    sigaction(SIGINT, &stop, NULL);
    sigaction(SIGTERM, &stop, NULL);
    signal(SIGPIPE, SIG_IGN);
    fprintf(stderr, "gad serves at %s://%s:%d/ (stop with Ctrl-C)\n", settings->certificate ? "https" : "http",
            settings->address, gad_serve_port(running));
    if (!settings->key && strncmp(settings->address, "127.", 4) && strcmp(settings->address, "::1"))
        fprintf(stderr, "gad: warning: everybody on the network may use it; give a key with --key-file\n");
    gad_serve_run(running);
    gad_serve_free(running);
    return EXIT_DONE;
}

/* The last component of a path. */
static const char *last_name(const char *path, char *name, size_t size)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t first = length;
    while (first && path[first - 1] != '/')
        first--;
    snprintf(name, size, "%.*s", (int)(length - first), path + first);
    return name;
}

static void defaults(void *settings)
{
    serve_options *o = settings;
    o->serve = gad_serve_settings_default();
    o->serve.inspect.reason = GAD_REASON_REJECTS;
    o->body_mib = o->serve.body_bytes >> 20;
    o->sink.sinks = gad_sink_settings_default();
    o->engine = gad_engine_options_default();
}

static int run(void *settings)
{
    serve_options *o = settings;
    gad_serve_settings *s = &o->serve;
    const gad_log log = terminal_log(false);
    char *key = o->key_file ? secret_read(o->key_file) : NULL;
    if (o->key_file && !key)
        return EXIT_FAILED;
    s->key = key ? key : getenv("GAD_SERVE_KEY");
    s->body_bytes = o->body_mib << 20;
    if (s->body_bytes > s->all_bodies_bytes / 4)
        s->all_bodies_bytes = 4 * s->body_bytes;
    s->log = &log;
    s->learn.device = o->engine.compute.device;
    s->learn.threads = o->engine.compute.threads;
    char name[256];
    int code = options_sinks_read(&o->sink);
    s->sinks = o->sink.sinks;
    if (!code && o->engine.model)
        code = options_engine_open(&cmd_serve, &o->engine, &log, &s->engine);
    if (!s->model_name && o->engine.model)
        s->model_name = last_name(o->engine.model, name, sizeof name);
    if (!code)
        code = serve(s);
    gad_engine_free(s->engine);
    options_sinks_free(&o->sink);
    free(key);
    return code;
}

const command cmd_serve = {
    .name = "serve",
    .synopsis = "[options]",
    .summary = "inspect over HTTP; a page to teach and review",
    .details = "Open the address in a browser: make a product, drop pictures of good parts on the page, and post parts to "
               "/v1/inspect (docs/line.md). Results and their pictures are kept in the data folder.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .settings_bytes = sizeof(serve_options),
    .defaults = defaults,
    .run = run};
