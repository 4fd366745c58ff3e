/* cmd_product: gad product new, add, list, show, test, threshold, export, import, delete: the products of a folder, as gad
 * serve keeps them. Results on stdout. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_area.h"
#include "cli/options_engine.h"
#include "cli/outputs.h"
#include "cli/parts.h"
#include "cli/smallest.h"
#include "cli/terminal.h"
#include "gad_serve.h"

typedef struct product_options {
    option_list argument, good, bad;
    gad_learn_settings learn;
    unread left_out;
    const char *folder, *smallest;
    area_options area;
    bool json, force, tiles;
    int64_t side;
} product_options;

#define AT(field) offsetof(product_options, field)
#define WHERE                                                                                                              \
    {.help = "Where"},                                                                                                     \
        {.name = "data",                                                                                                   \
         .argument = "DIR",                                                                                                \
         .kind = OPTION_STRING,                                                                                            \
         .offset = AT(folder),                                                                                             \
         .fallback = "gad-data",                                                                                           \
         .help = "data folder of gad serve; its products lie in DIR/products"},                                            \
        {.name = "features",                                                                                               \
         .argument = "FILE",                                                                                               \
         .kind = OPTION_STRING,                                                                                            \
         .offset = AT(learn.backbone),                                                                                     \
         .help = "the network that sees (default: the installed one)"},                                                    \
        OPTIONS_ENGINE_THREADS(AT(learn.threads))

static const option plain_table[] = {WHERE};
static const option new_table[] = {
    WHERE,
    {.help = "What it looks at"},
    {.table = &options_area, .offset = AT(area)},
    {.help = "How closely (default: as gad product add says)"},
    {.name = "smallest",
     .argument = "SIZE",
     .kind = OPTION_STRING,
     .offset = AT(smallest),
     .help = "the smallest defect to be found: 0.1% of the picture's area, or 12px wide; sets --side"},
    {.name = "tiles",
     .kind = OPTION_FLAG,
     .offset = AT(tiles),
     .help = "pictures are seen at their own size, in tiles where they are large: as --smallest 16px"},
    {.name = "side",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(side),
     .help = "pictures are seen at the size of a square of that side, their shape kept; 0: 320"},
    {.name = "mirror",
     .kind = OPTION_FLAG,
     .offset = AT(learn.mirror),
     .help = "parts may lie mirrored or turned by half a turn; not where that is a defect"},
    {.name = "guarantee",
     .kind = OPTION_FLAG,
     .offset = AT(learn.guarantee),
     .help = "the threshold keeps its rate and confidence, where there are enough good parts"},
};
static const option export_table[] = {
    WHERE,
    {.help = "Output"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also over files that gad did not write"}};
static const option list_table[] = {
    WHERE, {.help = "Output"}, {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "as JSON"}};
static const option add_table[] = {
    WHERE,
    {.help = "Learning"},
    {.name = "side",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(learn.side_px),
     .minimum = 64,
     .fallback = "320",
     .help = "pictures are seen at the size of a square of that side, their shape kept"},
    {.name = "rate",
     .argument = "R",
     .kind = OPTION_NUMBER,
     .offset = AT(learn.rate),
     .fallback = "0.05",
     .help = "share of good parts that may be rejected"},
    {.name = "confidence",
     .argument = "C",
     .kind = OPTION_NUMBER,
     .offset = AT(learn.confidence),
     .fallback = "0.95",
     .help = "probability that the true share is no larger"},
};
static const option test_table[] = {
    WHERE,
    {.help = "What is known"},
    {.name = "good",
     .argument = "DIR",
     .kind = OPTION_LIST,
     .offset = AT(good),
     .help = "good parts, which it has not learnt; may be given many times"},
    {.name = "bad",
     .argument = "DIR",
     .kind = OPTION_LIST,
     .offset = AT(bad),
     .help = "parts with a defect; may be given many times"},
};

static void defaults(void *settings)
{
    product_options *o = settings;
    o->learn = gad_learn_settings_default();
    o->learn.side_px = 320; /* as gad serve */
}

/* The folder of products, opened; NULL after a message. */
static gad_products *open_products(product_options *o)
{
    char folder[4096];
    gad_products *products = NULL;
    gad_error err = {0};
    o->learn.on_unread = parts_unread_say;
    o->learn.user = &o->left_out;
    snprintf(folder, sizeof folder, "%s/products", o->folder);
    if (gad_products_open(folder, &o->learn, &products, &err))
        terminal_fail(&err);
    return products;
}

static int finish(gad_products *products, gad_status status, const gad_error *err)
{
    gad_products_free(products);
    return status ? terminal_fail(err) : EXIT_DONE;
}

static bool add_paths(const option_list *given, paths *list)
{
    for (int64_t i = 0; i < given->count; i++)
        if (!parts_paths_add(given->item[i], list))
            return false;
    return true;
}

/* How it is learnt, where that is said. */
static bool read_learning(const product_options *o, gad_learn_settings *learn, bool *given)
{
    *learn = o->learn;
    learn->side_px = o->side ? o->side : learn->side_px;
    *given = o->smallest || o->tiles || o->side || o->learn.mirror || o->learn.guarantee;
    if ((o->smallest != NULL) + o->tiles + (o->side > 0) > 1) {
        fputs("gad product new: give one of --smallest, --tiles, --side\n", stderr);
        return false;
    }
    return smallest_read("product new", o->tiles ? "16px" : o->smallest, learn);
}

static int run_new(void *settings)
{
    product_options *o = settings;
    gad_error err = {0};
    gad_learn_settings learn;
    bool learn_given;
    double rectangle[4];
    const double *roi = NULL;
    const char *name = o->argument.item[0];
    if (!options_area_read(&o->area, "product new", rectangle, &roi) || !read_learning(o, &learn, &learn_given))
        return EXIT_USAGE;
    gad_products *products = open_products(o);
    if (!products)
        return EXIT_FAILED;
    gad_status status = gad_products_new(products, name, &err);
    const bool made = !status;
    if (!status && (roi || o->area.mask))
        status = gad_products_look_at(products, name, roi, o->area.mask, &err);
    if (!status && learn_given)
        status = gad_products_settle(products, name, &learn, &err);
    if (made && status)
        gad_products_delete(products, name, NULL);
    return finish(products, status, &err);
}

static int run_delete(void *settings)
{
    product_options *o = settings;
    gad_error err = {0};
    gad_products *products = open_products(o);
    return products ? finish(products, gad_products_delete(products, o->argument.item[0], &err), &err) : EXIT_FAILED;
}

static int run_add(void *settings)
{
    product_options *o = settings;
    gad_error err = {0};
    paths good = {0};
    char *text = NULL;
    const option_list files = {o->argument.item + 1, o->argument.count - 1};
    o->left_out.command_name = "product add";
    const gad_progress progress = terminal_progress();
    if (!add_paths(&files, &good))
        return EXIT_FAILED;
    gad_products *products = open_products(o);
    if (!products)
        return EXIT_FAILED;
    terminal_catch_interrupt();
    gad_status status = gad_products_add(products, o->argument.item[0], (const char *const *)good.item, (int64_t)good.count,
                                         &progress, &err);
    terminal_progress_end();
    if (!status)
        status = gad_products_describe(products, o->argument.item[0], false, &text, &err);
    if (!status)
        terminal_put(stdout, text, true);
    gad_text_free(text);
    parts_paths_free(&good);
    int code = finish(products, status, &err);
    return code ? code : parts_unread_end(&o->left_out);
}

static int describe(product_options *o, const char *name)
{
    gad_error err = {0};
    char *text = NULL;
    gad_products *products = open_products(o);
    if (!products)
        return EXIT_FAILED;
    gad_status status = gad_products_describe(products, name, o->json, &text, &err);
    if (!status)
        terminal_put(stdout, text, true);
    gad_text_free(text);
    return finish(products, status, &err);
}

static int run_list(void *settings)
{
    return describe(settings, NULL);
}

static int run_show(void *settings)
{
    product_options *o = settings;
    return describe(o, o->argument.item[0]);
}

static void print_wrong(void *user, const char *path, double score)
{
    (void)user;
    terminal_printf(stdout, "  wrong: %s, score %.3f\n", path, score);
}

static int run_test(void *settings)
{
    product_options *o = settings;
    gad_error err = {0};
    paths good = {0}, bad = {0};
    gad_products_test report;
    o->left_out.command_name = "product test";
    if (!o->good.count && !o->bad.count) {
        fprintf(stderr, "gad product test: give parts that are known with --good or --bad\n");
        return EXIT_USAGE;
    }
    if (!add_paths(&o->good, &good) || !add_paths(&o->bad, &bad))
        return EXIT_FAILED;
    gad_products *products = open_products(o);
    if (!products)
        return EXIT_FAILED;
    gad_status status =
        gad_products_check(products, o->argument.item[0], (const char *const *)good.item, (int64_t)good.count,
                           (const char *const *)bad.item, (int64_t)bad.count, print_wrong, NULL, &report, &err);
    if (!status)
        printf("found %lld of %lld bad parts, %lld false alarms among %lld good ones, %lld failed, %.1f ms a part\n",
               (long long)(report.bad - report.missed), (long long)report.bad, (long long)report.false_alarms,
               (long long)report.good, (long long)report.failed, report.milliseconds);
    parts_paths_free(&good);
    parts_paths_free(&bad);
    int code = finish(products, status, &err);
    return code ? code : report.failed ? EXIT_FAILED : EXIT_DONE;
}

static int run_threshold(void *settings)
{
    product_options *o = settings;
    gad_error err = {0};
    char *end = NULL;
    const char *text = o->argument.item[1];
    double value = strcmp(text, "learnt") ? strtod(text, &end) : (double)NAN;
    if (end && (end == text || *end || !(value >= 0 && value <= 1))) {
        fprintf(stderr, "gad product threshold: %s is neither a number from 0 to 1 nor \"learnt\"\n", text);
        return EXIT_USAGE;
    }
    gad_products *products = open_products(o);
    return products ? finish(products, gad_products_choose(products, o->argument.item[0], value, &err), &err) : EXIT_FAILED;
}

static int run_export(void *settings)
{
    product_options *o = settings;
    gad_error err = {0};
    int code = outputs_check_file("product export", o->argument.item[1], "\"product\"", o->force);
    gad_products *products = code ? NULL : open_products(o);
    return products ? finish(products, gad_products_export(products, o->argument.item[0], o->argument.item[1], &err), &err)
                    : EXIT_FAILED;
}

static int run_import(void *settings)
{
    product_options *o = settings;
    gad_error err = {0};
    gad_products *products = open_products(o);
    return products ? finish(products, gad_products_import(products, o->argument.item[0], o->argument.item[1], &err), &err)
                    : EXIT_FAILED;
}

#define COMMAND(word, synopsis_text, summary_text, table, least, most)                                                     \
    const command cmd_product_##word = {.name = "product " #word,                                                          \
                                        .synopsis = synopsis_text,                                                         \
                                        .summary = summary_text,                                                           \
                                        .options = table,                                                                  \
                                        .option_count = OPTIONS_COUNT(table),                                              \
                                        .min_arguments = least,                                                            \
                                        .max_arguments = most,                                                             \
                                        .arguments_offset = AT(argument),                                                  \
                                        .settings_bytes = sizeof(product_options),                                         \
                                        .defaults = defaults,                                                              \
                                        .run = run_##word}

COMMAND(list, "[options]", "the products of a folder", list_table, 0, 0);
COMMAND(show, "[options] NAME", "a product, how it was learnt, and its good parts with their own scores", list_table, 1, 1);
COMMAND(new, "[options] NAME", "a product that has learnt nothing yet", new_table, 1, 1);
COMMAND(add, "[options] NAME GOOD...", "teach it pictures of good parts, or folders of them", add_table, 2, -1);
COMMAND(test, "[options] NAME --good DIR --bad DIR", "how it judges parts that are known", test_table, 1, 1);
COMMAND(threshold, "[options] NAME VALUE|learnt", "choose a threshold from 0 to 1, or the learnt one", plain_table, 2, 2);
COMMAND(export, "[options] NAME FILE", "what it learnt as one file, for gad inspect --product", export_table, 2, 2);
COMMAND(import, "[options] NAME FILE", "a product from such a file", plain_table, 2, 2);
COMMAND(delete, "[options] NAME", "remove it with its pictures", plain_table, 1, 1);
