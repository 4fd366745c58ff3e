/* answerer: see answerer.h */
#include "cli/answerer.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"

#define AT(field) offsetof(answer_options, field)
static const option who[] = {
    {.name = "ref",
     .argument = "FILE",
     .kind = OPTION_LIST,
     .offset = AT(ref),
     .help = "a good part; may be given many times (all are shown to the model); a folder: the good part in it that lies "
             "most like the inspected one is chosen"},
    {.name = "product",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(product),
     .help = "what gad learn wrote, or the folder of a product of gad serve (gad-data/products/NAME): verdict, score and "
             "regions; with --model it explains them (--reason says when), and "
             "--ref are good parts that it is shown"},
    {.name = "features",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(features),
     .help =
         "with --product: the network that it was learnt with; with --evidence: that sees (default: the installed one)"},
    {.name = "class",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(s.class_name),
     .help = "what the part is",
     .fallback = "product",
     .aliases = "class-name"},
    {.name = "knowledge",
     .argument = "LIST",
     .kind = OPTION_STRING,
     .offset = AT(s.knowledge),
     .help = "defects that may occur, such as \"broken, scratch\""},
};
const option_table answerer_who = {who, OPTIONS_COUNT(who)};

static const option how[] = {
    OPTIONS_ENGINE_EVIDENCE(AT(s.hints)),
    {.name = "reason",
     .argument = "WHEN",
     .kind = OPTION_ENUM,
     .offset = AT(s.reason),
     .choices = CHOICES(GAD_REASON_WORDS),
     .fallback = "always",
     .help = "explain every part, only those that the fast answer rejects, or none"},
    {.name = "threshold",
     .argument = "P|FILE",
     .kind = OPTION_STRING,
     .offset = AT(threshold),
     .help = "score from which a part is an anomaly, or a file that gad calibrate wrote: of the reasoned answer with "
             "--reason always, else of the fast one (default: the checkpoint's own threshold.json, else 0.5 of fast "
             "answers and the word of reasoned ones)"},
    {.name = "prompt",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.prompt_file),
     .help = "own wording, with {class}, {domain} and {coordinates} where these go"},
    {.name = "max-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.max_tokens),
     .minimum = 1,
     .fallback = "1024",
     .help = "longest answer",
     .aliases = "max-new-tokens"},
    {.name = "greedy",
     .kind = OPTION_FLAG,
     .offset = AT(s.greedy),
     .help = "always the most likely word, whatever the checkpoint's generation settings say"},
    {.name = "seed", .argument = "N", .kind = OPTION_INT, .offset = AT(s.seed), .fallback = "0", .help = "of the draw"},
};
const option_table answerer_how = {how, OPTIONS_COUNT(how)};
#undef AT

answer_options answerer_default(void)
{
    answer_options o = {.engine = gad_engine_options_default(), .s = gad_inspect_settings_default()};
    o.s.greedy = false; /* as the checkpoint says, unless --greedy */
    return o;
}

static void stream_raw(void *user, const char *piece)
{
    (void)user;
    terminal_progress_end();
    terminal_put(stderr, piece, true);
    fflush(stderr);
}

static void stream_prose(void *user, const char *piece)
{
    terminal_progress_end();
    prose_put(user, stderr, piece);
    fflush(stderr);
}

static bool is_cancelled(void *user)
{
    (void)user;
    return terminal_interrupted();
}

void answerer_end_text(answerer *a, const answer_options *o, bool reasoned)
{
    terminal_progress_end();
    prose_end(&a->shown, stderr);
    if (o->raw && a->settings.on_text && reasoned)
        fputc('\n', stderr);
}

static gad_inspect_settings make_settings(const answer_options *o, prose *shown)
{
    gad_inspect_settings s = o->s;
    s.is_cancelled = is_cancelled;
    s.on_text = o->quiet ? NULL : o->raw ? stream_raw : stream_prose;
    s.user = shown;
    return s;
}

/* ---- threshold ----------------------------------------------------------------------------------------------------- */

/* A number, or nothing; *is_file: it is neither. */
static int read_number(const command *c, const answer_options *o, answerer *a, bool *is_file)
{
    char *end = NULL;
    *is_file = false;
    if (!o->threshold)
        return EXIT_DONE;
    a->settings.threshold = strtod(o->threshold, &end);
    *is_file = end == o->threshold || *end;
    if (*is_file || (a->settings.threshold >= 0 && a->settings.threshold <= 1))
        return EXIT_DONE;
    fprintf(stderr, "gad %s: --threshold %s: scores lie between 0 and 1\n", c->name, o->threshold);
    return EXIT_USAGE;
}

/* A calibration of inspections like these. */
static int read_calibration(const answer_options *o, answerer *a)
{
    gad_error err;
    gad_threshold calibrated;
    gad_threshold_basis basis;
    a->settings.threshold = (double)NAN;
    if (gad_threshold_basis_make(a->engine, a->refs.picture, (int)a->refs.path.count, a->refs.gallery != NULL, &a->settings,
                                 &basis, &err) ||
        gad_threshold_read(o->threshold, &basis, &calibrated, &err))
        return terminal_fail(&err);
    a->settings.threshold = calibrated.value;
    a->settings.threshold_source = o->threshold;
    gad_threshold_describe(&calibrated, a->guarantee, sizeof a->guarantee);
    return EXIT_DONE;
}

/* ---- opening ------------------------------------------------------------------------------------------------------- */

/* Is a product's part explained by a model? */
static bool explains(const answer_options *o)
{
    return o->product && (o->engine.model || o->s.hints != GAD_HINTS_NONE);
}

/* A memory of the good parts that the model is shown. */
static int learn_evidence(const answer_options *o, answerer *a)
{
    gad_error err;
    gad_learn_settings learning = gad_learn_settings_default();
    learning.name = o->s.class_name;
    learning.backbone = o->features;
    learning.device = o->engine.compute.device;
    learning.threads = o->engine.compute.threads;
    if (gad_product_learn((const char *const *)a->refs.path.item, (int64_t)a->refs.path.count, &learning, NULL, &a->learnt,
                          &err))
        return terminal_fail(&err);
    a->settings.product = a->learnt;
    return EXIT_DONE;
}

/* What can be said of the options before anything is opened. */
static int check(const command *c, const answer_options *o, bool threshold_file)
{
    if (o->product && o->ref.count && !explains(o)) {
        fprintf(stderr,
                "gad %s: a product has its good parts: give --product or --ref, or --model to explain its verdicts\n",
                c->name);
        return EXIT_USAGE;
    }
    if (!o->product && !o->ref.count && o->s.hints != GAD_HINTS_NONE) {
        fprintf(stderr, "gad %s: --evidence compares with good parts: give --product, or pictures with --ref\n", c->name);
        return EXIT_USAGE;
    }
    if (o->product && threshold_file) {
        fprintf(stderr, "gad %s: a product has its own threshold: --threshold takes a number with it\n", c->name);
        return EXIT_USAGE;
    }
    return EXIT_DONE;
}

static int open_product(const answer_options *o, answerer *a)
{
    gad_error err;
    gad_product_info info;
    if (gad_product_open(o->product, o->features, o->engine.compute.threads, &a->product, &err) ||
        gad_product_use_device(a->product, o->engine.compute.device, &err))
        return terminal_fail(&err);
    gad_product_describe(a->product, &info);
    snprintf(a->name, sizeof a->name, "product %s of %lld good parts, seen by %s", info.name, (long long)info.parts,
             info.backbone);
    if (!o->threshold)
        gad_threshold_describe(&info.threshold, a->guarantee, sizeof a->guarantee);
    return EXIT_DONE;
}

static int open_engine(const command *c, const answer_options *o, answerer *a)
{
    static gad_log log; /* the engine keeps its address */
    log = terminal_log(false);
    int code = options_engine_open(c, &o->engine, &log, &a->engine);
    if (!code && !a->product)
        snprintf(a->name, sizeof a->name, "model %s", options_engine_folder(o->engine.model));
    if (!code)
        code = parts_references_load(&o->ref, a->engine, &a->refs);
    if (!code && !a->product && !a->refs.path.count && gad_engine_compares(a->engine)) {
        fprintf(stderr,
                "gad %s: this model compares parts with good ones: give a picture of a good part with --ref, or what\n"
                "gad learn wrote with --product\n",
                c->name);
        code = EXIT_USAGE;
    }
    if (!code && !a->product && a->settings.hints != GAD_HINTS_NONE)
        code = learn_evidence(o, a);
    return code;
}

int answerer_open(const command *c, const answer_options *o, answerer *a)
{
    bool threshold_file;
    *a = (answerer){.settings = make_settings(o, &a->shown)};
    int code = read_number(c, o, a, &threshold_file);
    if (!code)
        code = check(c, o, threshold_file);
    if (!code && o->product)
        code = open_product(o, a);
    if (!code && (!o->product || explains(o)))
        code = open_engine(c, o, a);
    if (!code && threshold_file)
        code = read_calibration(o, a);
    return code;
}

void answerer_close(answerer *a)
{
    gad_product_free(a->product);
    gad_product_free(a->learnt);
    gad_engine_free(a->engine);
    parts_references_free(&a->refs);
}

gad_status answerer_ask(const answerer *a, gad_picture *const *good, int good_count, const gad_picture *part,
                        gad_inspection *result, gad_error *err)
{
    if (!a->product)
        return gad_inspect(a->engine, good, good_count, part, &a->settings, result, err);
    gad_status status = gad_product_inspect(a->product, part, a->settings.threshold, result, err);
    if (status || !a->engine)
        return status;
    status = gad_product_explain(a->engine, good, good_count, part, &a->settings, result, err);
    if (status)
        gad_inspection_clear(result);
    return status;
}
