/* cmd_learn: gad learn: a product from its good parts: a file for gad inspect --product. What was found goes to standard
 * output. */
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
#include "gad_product.h"

typedef struct learn_options {
    option_list good, forget;
    gad_learn_settings s;
    area_options area;
    const char *out, *smallest, *product;
    bool force;
} learn_options;

#define AT(field) offsetof(learn_options, field)
static const option table[] = {
    {.help = "The product"},
    {.name = "good",
     .argument = "DIR",
     .kind = OPTION_LIST,
     .offset = AT(good),
     .help = "good parts: a folder of pictures, or a picture; may be given many times"},
    {.name = "class",
     .argument = "NAME",
     .kind = OPTION_STRING,
     .offset = AT(s.name),
     .fallback = "product",
     .help = "what the part is",
     .aliases = "class-name"},
    {.name = "out",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(out),
     .fallback = "product.gad",
     .help = "file for gad inspect --product"},
    {.name = "force", .kind = OPTION_FLAG, .offset = AT(force), .help = "also over files that gad did not write"},
    {.name = "product",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(product),
     .help = "learn more of this product: add the good parts to it"},
    {.name = "forget",
     .argument = "NAME",
     .kind = OPTION_LIST,
     .offset = AT(forget),
     .help = "with --product: forget the good part of that name; may be given many times"},
    {.help = "What is seen"},
    {.name = "smallest",
     .argument = "SIZE",
     .kind = OPTION_STRING,
     .offset = AT(smallest),
     .help = "the smallest defect to be found: 0.1% of the picture's area, or 12px wide; sets --side"},
    {.name = "side",
     .argument = "PX",
     .kind = OPTION_INT,
     .offset = AT(s.side_px),
     .fallback = "0",
     .help = "pictures are seen at the size of a square of that side, their shape kept; 0: 448, or their own size where "
             "that is smaller"},
    {.name = "mirror",
     .kind = OPTION_FLAG,
     .offset = AT(s.mirror),
     .help = "parts may lie mirrored or turned by half a turn; not where that is a defect"},
    {.name = "rows",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(s.max_rows),
     .minimum = 1,
     .fallback = "8192",
     .help = "places that are remembered at most: fewer are faster"},
    {.name = "features",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.backbone),
     .help = "the network that sees (default: the installed one)"},
    {.name = "head",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(s.head),
     .help = "what judges the distances from the good parts, made by gad train head (default: the one installed beside the "
             "network); none: the distances alone"},
    {.table = &options_area, .offset = AT(area)},
    OPTIONS_ENGINE_DEVICE(AT(s.device)),
    OPTIONS_ENGINE_THREADS(AT(s.threads)),
    {.help = "The wanted threshold"},
    {.name = "rate",
     .argument = "R",
     .kind = OPTION_NUMBER,
     .offset = AT(s.rate),
     .fallback = "0.05",
     .help = "share of good parts that may be rejected"},
    {.name = "confidence",
     .argument = "C",
     .kind = OPTION_NUMBER,
     .offset = AT(s.confidence),
     .fallback = "0.95",
     .help = "probability that the true share is no larger"},
    {.name = "guarantee",
     .kind = OPTION_FLAG,
     .offset = AT(s.guarantee),
     .help = "the threshold keeps --rate and --confidence, where there are enough good parts; without "
             "it, it lies where parts stand out from the good ones"},
};

static void print_product(const gad_product *product, const char *path)
{
    gad_product_info info;
    gad_product_describe(product, &info);
    const gad_threshold *t = &info.threshold;
    terminal_printf(stdout, "%s: %lld good parts, %lld places of %lld numbers, seen by %s at %lld px%s%s\n", info.name,
                    (long long)info.parts, (long long)info.rows, (long long)info.width, info.backbone,
                    (long long)info.side_px, info.mirrored ? ", mirrored too" : "",
                    info.headed ? ", judged by a head" : "");
    if (info.parts > 1)
        printf("distance of good parts from each other %.3f +- %.3f, threshold %.3f\n", info.centre, info.spread, t->value);
    else
        printf("one good part says little of how others differ: the threshold %.3f follows from how its places do\n",
               t->value);
    if (t->supported)
        printf("at most %.3g %% of good parts are rejected, with %.1f %% confidence\n", 100 * t->rate, 100 * t->reached);
    else if (t->normals && t->normals >= t->normals_needed)
        printf("%lld of %lld good parts lie above it: at most %.3g %% are rejected, with %.0f %% confidence (--guarantee: "
               "%.3g "
               "%%)\n",
               (long long)t->normals_above, (long long)t->normals, 100 * t->rate_supported, 100 * t->confidence,
               100 * t->rate);
    else if (info.parts > 1)
        printf("no guarantee: %.3g %% at %.0f %% confidence needs %lld good parts\n", 100 * t->rate, 100 * t->confidence,
               (long long)t->normals_needed);
    for (int64_t i = 0; i < info.parts; i++) {
        const char *name;
        double distance;
        bool odd;
        gad_product_part(product, i, &name, &distance, &odd);
        if (odd)
            terminal_printf(stdout, "odd: %s (%.3f): look at it, and leave it out if it is not good\n", name, distance);
    }
    if (info.milliseconds > 0 && info.tiles > 1)
        printf("%.0f ms a part, in %lld tiles of %.0f ms\n", info.milliseconds, (long long)info.tiles,
               info.milliseconds / (double)info.tiles);
    else if (info.milliseconds > 0)
        printf("%.0f ms a part\n", info.milliseconds);
    printf("%s\n", path);
}

static int learn(learn_options *o, const paths *good, gad_product **product)
{
    gad_error err;
    gad_progress progress = terminal_progress();
    double rectangle[4];
    if (!options_area_read(&o->area, "learn", rectangle, &o->s.roi))
        return EXIT_USAGE;
    o->s.mask = o->area.mask;
    if (!smallest_read("learn", o->smallest, &o->s))
        return EXIT_USAGE;
    if (gad_product_learn((const char *const *)good->item, (int64_t)good->count, &o->s, &progress, product, &err))
        return terminal_fail(&err);
    return EXIT_DONE;
}

static int learn_more(const learn_options *o, const paths *good, gad_product **product)
{
    gad_error err;
    if (gad_product_open(o->product, o->s.backbone, o->s.threads, product, &err) ||
        gad_product_use_device(*product, o->s.device, &err))
        return terminal_fail(&err);
    for (int64_t i = 0; i < o->forget.count; i++)
        if (gad_product_forget(*product, o->forget.item[i], &err))
            return terminal_fail(&err);
    if (good->count && gad_product_learn_more(*product, (const char *const *)good->item, (int64_t)good->count, &o->s, &err))
        return terminal_fail(&err);
    return EXIT_DONE;
}

static void defaults(void *settings)
{
    ((learn_options *)settings)->s = gad_learn_settings_default();
}

static int run(void *settings)
{
    learn_options *o = settings;
    paths good = {0};
    unread left_out = {.command_name = "learn"};
    gad_product *product = NULL;
    gad_error err;
    int code = EXIT_DONE;
    if (!o->product && (!o->good.count || o->forget.count)) {
        fputs("gad learn: give good parts with --good, or a product with --product\nTry: gad learn --help\n", stderr);
        return EXIT_USAGE;
    }
    if (o->product && (o->area.roi || o->area.mask || o->s.head)) {
        fputs("gad learn: --roi, --mask and --head are of new products, not with --product\n", stderr);
        return EXIT_USAGE;
    }
    for (int64_t i = 0; i < o->good.count && !code; i++)
        code = parts_paths_add(o->good.item[i], &good) ? EXIT_DONE : EXIT_FAILED;
    terminal_catch_interrupt();
    o->s.on_unread = parts_unread_say;
    o->s.user = &left_out;
    if (!code)
        code = outputs_check_file("learn", o->out, "\"product\"", o->force);
    if (!code)
        code = o->product ? learn_more(o, &good, &product) : learn(o, &good, &product);
    if (!code && gad_product_save(product, o->out, &err))
        code = terminal_fail(&err);
    terminal_progress_end();
    if (!code) {
        print_product(product, o->out);
        code = parts_unread_end(&left_out);
    }
    gad_product_free(product);
    parts_paths_free(&good);
    return code;
}

const command cmd_learn = {
    .name = "learn",
    .synopsis = "[options] --good DIR",
    .summary = "a product from its good parts: what they look like, and from where on a part is an anomaly",
    .details = "Nothing is trained: the file remembers the features of good parts (PatchCore). Each good part is compared\n"
               "with the others, which gives the threshold and names odd ones. Inspect with gad inspect --product FILE.\n"
               "A file that cannot be read is named and left out; the exit code is 1 then, and the product is written.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .settings_bytes = sizeof(learn_options),
    .defaults = defaults,
    .run = run,
};
