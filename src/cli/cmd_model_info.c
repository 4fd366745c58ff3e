/* cmd_model_info: gad model info: what a checkpoint is and what it needs, before anything is loaded. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/options_engine.h"
#include "cli/terminal.h"
#include "gad_bench.h"
#include "gad_product.h"

typedef struct info_options {
    option_list folder;
    gad_engine_options engine;
    int width, height, images;
    int64_t answer;
    bool json;
} info_options;

#define AT(field) offsetof(info_options, field)
static const option table[] = {
    {.name = "mmproj",
     .argument = "FILE",
     .kind = OPTION_STRING,
     .offset = AT(engine.mmproj),
     .help = OPTIONS_ENGINE_MMPROJ_HELP},
    {.name = "width",
     .argument = "PX",
     .kind = OPTION_SHORT,
     .offset = AT(width),
     .minimum = 1,
     .fallback = "448",
     .help = "width of an image"},
    {.name = "height",
     .argument = "PX",
     .kind = OPTION_SHORT,
     .offset = AT(height),
     .minimum = 1,
     .fallback = "448",
     .help = "height of an image"},
    {.name = "images",
     .argument = "N",
     .kind = OPTION_SHORT,
     .offset = AT(images),
     .fallback = "2",
     .help = "images in a prompt: references and part"},
    {.name = "answer-tokens",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(answer),
     .minimum = 1,
     .fallback = "1024",
     .help = "longest answer"},
    OPTIONS_ENGINE_QUANT(AT(engine.compute.quantise)),
    OPTIONS_ENGINE_DEVICE(AT(engine.compute.device)),
    {.name = "json", .kind = OPTION_FLAG, .offset = AT(json), .help = "one JSON object instead of text"},
};

static double mib(size_t bytes)
{
    return (double)bytes / 0x1p20;
}

static void print_text(const gad_model_info *i, const info_options *o)
{
    printf("%s: %s, %s weights\n", o->engine.model, i->family, i->dtype);
    printf("  vision tower      %d blocks of %d, %.1f M parameters\n", i->vision_depth, i->vision_hidden,
           (double)i->vision_parameters / 1e6);
    printf("  language model    %d layers of %d, %.1f M parameters, %d tokens known, context %d\n", i->text_layers,
           i->text_hidden, (double)i->text_parameters / 1e6, i->vocabulary, i->context_tokens);
    printf("  image %dx%d     seen as %dx%d, %lld tokens\n", o->width, o->height, i->input_width_px, i->input_height_px,
           (long long)i->image_tokens);
    printf("  prompt            about %lld tokens with %d images\n", (long long)i->prompt_tokens, o->images);
    printf(
        "  memory            %.1f MiB = weights %.1f + cache %.1f + image rows %.1f + work %.1f (%.0f MiB are free%s%s)\n",
        mib(i->total_bytes), mib(i->weight_bytes), mib(i->cache_bytes), mib(i->image_bytes), mib(i->work_bytes),
        mib(i->available_bytes), *i->device ? " on " : "", i->device);
    printf("  arithmetic        images %.3g GFLOP, prompt %.3g GFLOP, each token %.3g GFLOP\n", i->vision_flop / 1e9,
           i->prefill_flop / 1e9, i->decode_flop / 1e9);
}

static void print_json(const gad_model_info *i)
{
    printf(
        "{\"family\": \"%s\", \"dtype\": \"%s\", \"vision_parameters\": %lld, \"text_parameters\": %lld, "
        "\"text_layers\": %d, \"text_hidden\": %d, \"vision_depth\": %d, \"vision_hidden\": %d, \"vocabulary\": %d, "
        "\"context_tokens\": %d, \"input_width_px\": %d, \"input_height_px\": %d, \"image_tokens\": %lld, "
        "\"prompt_tokens\": %lld, \"file_bytes\": %zu, \"weight_bytes\": %zu, \"cache_bytes\": %zu, \"image_bytes\": %zu, "
        "\"work_bytes\": %zu, \"total_bytes\": %zu, \"available_bytes\": %zu, \"device\": \"%s\", \"vision_flop\": %.6g, "
        "\"prefill_flop\": "
        "%.6g, "
        "\"decode_flop\": %.6g}\n",
        i->family, i->dtype, (long long)i->vision_parameters, (long long)i->text_parameters, i->text_layers, i->text_hidden,
        i->vision_depth, i->vision_hidden, i->vocabulary, i->context_tokens, i->input_width_px, i->input_height_px,
        (long long)i->image_tokens, (long long)i->prompt_tokens, i->file_bytes, i->weight_bytes, i->cache_bytes,
        i->image_bytes, i->work_bytes, i->total_bytes, i->available_bytes, *i->device ? i->device : "cpu", i->vision_flop,
        i->prefill_flop, i->decode_flop);
}

/* What one picture takes with the product: the second of two grey ones, when all memory is there. */
static gad_status time_product(gad_product *product, int width_px, int height_px, double *milliseconds, gad_error *err)
{
    const size_t row_bytes = (size_t)width_px;
    gad_picture *picture = NULL;
    gad_inspection seen;
    uint8_t *grey = calloc((size_t)height_px, row_bytes);
    if (!grey) {
        *err = (gad_error){.code = GAD_E_MEMORY, .operation = "describe a product"};
        snprintf(err->cause, sizeof err->cause, "no memory for a picture of %d x %d px", width_px, height_px);
        return err->code;
    }
    gad_status status = gad_picture_from_grey(grey, width_px, height_px, row_bytes, &picture, err);
    for (int i = 0; !status && i < 2; i++) {
        status = gad_product_inspect(product, picture, (double)NAN, &seen, err);
        if (!status) {
            *milliseconds = seen.encode_ms + seen.prompt_ms;
            gad_inspection_clear(&seen);
        }
    }
    gad_picture_free(picture);
    free(grey);
    return status;
}

static int describe_product(const char *path, const info_options *o)
{
    gad_error err = {0};
    gad_product *product = NULL;
    gad_product_info info;
    double milliseconds = 0;
    gad_status status = gad_product_open(path, NULL, 0, &product, &err);
    if (!status)
        status = time_product(product, o->width, o->height, &milliseconds, &err);
    if (status) {
        gad_product_free(product);
        return terminal_fail(&err);
    }
    gad_product_describe(product, &info);
    if (o->json)
        printf("{\"parts\": %lld, \"rows\": %lld, \"width\": %lld, \"side_px\": %lld, \"backbone\": \"%s\", "
               "\"milliseconds\": %.3f}\n",
               (long long)info.parts, (long long)info.rows, (long long)info.width, (long long)info.side_px, info.backbone,
               milliseconds);
    else
        terminal_printf(stdout,
                        "%s: %lld good parts, %lld places of %lld numbers, seen by %s at %lld px\n"
                        "  picture %dx%d   %.0f ms on this machine\n",
                        info.name, (long long)info.parts, (long long)info.rows, (long long)info.width, info.backbone,
                        (long long)info.side_px, o->width, o->height, milliseconds);
    gad_product_free(product);
    return EXIT_DONE;
}

static bool is_product(const char *path)
{
    const char *end = path ? strrchr(path, '.') : NULL;
    return end && !strcmp(end, ".gad");
}

static int run(void *settings)
{
    info_options *o = settings;
    gad_error err;
    if (o->folder.count && is_product(o->folder.item[0]))
        return describe_product(o->folder.item[0], o);
    gad_log log = terminal_log(false);
    o->engine.model = options_engine_folder(o->folder.count ? o->folder.item[0] : NULL);
    const gad_engine_options usual = gad_engine_options_default();
    o->engine.image_size = usual.image_size; /* pictures as the commands show them to a model */
    o->engine.max_pixels = usual.max_pixels;
    o->engine.log = &log;
    gad_model_info info;
    if (gad_model_describe(&o->engine, o->width, o->height, o->images, o->answer, &info, &err))
        return terminal_fail(&err);
    if (o->json)
        print_json(&info);
    else
        print_text(&info, o);
    return EXIT_DONE;
}

const command cmd_model_info = {
    .name = "model info",
    .synopsis = "[DIR | FILE.gguf | PRODUCT.gad] [options]",
    .summary = "what a checkpoint is and what it needs, without loading it",
    .details =
        "Without DIR, of the model that $GAD_MODEL names or that is installed. Of a product that gad learn wrote: what a "
        "picture of --width x --height takes on this machine.",
    .options = table,
    .option_count = OPTIONS_COUNT(table),
    .max_arguments = 1,
    .arguments_offset = offsetof(info_options, folder),
    .settings_bytes = sizeof(info_options),
    .run = run,
};
