/* request: see request.h */
#include "bench/request.h"

#include "base/ahead.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "bench/learnt.h"
#include "bench/mmad.h"
#include "inspect/hints.h"
#include "inspect/product.h"
#include "io/resize.h"

#include <math.h>
#include <string.h>

enum { MAX_PICTURES = 17, MAX_SLOTS = MAX_PICTURES + 1, PROMPT_LIMIT_BYTES = 64 << 10 };
static const char operation[] = "build a request";

struct gad_request {
    gad_request_settings settings;
    gad_question_template wording; /* mmr-ad */
    char *mmad_wording;            /* mmad */
    gad_image picture[MAX_SLOTS];  /* references, the image to inspect, its heat map */
    char *path[MAX_SLOTS];         /* of the references that are held; NULL: none */
    gad_learnt learnt;             /* from the references, for hints */
    gad_hint_set hints;            /* of the last item */
    bool shows_heat;               /* .. whose heat map is among the pictures */
    gad_arena arena;
    /* images of items that were announced, made one ahead */
    gad_ahead *ahead;
    const gad_item *items;
    const size_t *coming;
    size_t next, count;
};

static gad_status load_mmad_wording(gad_request *ask, gad_error *err)
{
    size_t length;
    if (ask->settings.prompt_file)
        return gad_file_read(ask->settings.prompt_file, PROMPT_LIMIT_BYTES, &ask->mmad_wording, &length, err);
    ask->mmad_wording = gad_memory_copy_string(gad_mmad_wording());
    return ask->mmad_wording ? GAD_OK : gad_error_memory(err, operation, strlen(gad_mmad_wording()));
}

gad_status gad_request_open(const gad_request_settings *settings, gad_request **ask, gad_error *err)
{
    gad_request *a = gad_memory_zero(1, sizeof *a);
    if (!a)
        return gad_error_memory(err, operation, sizeof *a);
    a->settings = *settings;
    gad_status status = GAD_OK;
    if (settings->size == GAD_REQUEST_LONGEST && settings->longest < 1)
        status =
            gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "images of at most %lld px", (long long)settings->longest);
    else if (settings->mmad)
        status = load_mmad_wording(a, err);
    else if (settings->prompt_file)
        status = gad_question_template_load(settings->prompt_file, &a->wording, err);
    else
        status = gad_question_template_default(&a->wording, err);
    if (status)
        gad_request_free(a);
    else
        *ask = a;
    return status;
}

void gad_request_free(gad_request *ask)
{
    if (!ask)
        return;
    gad_ahead_free(ask->ahead);
    for (size_t i = 0; i < MAX_SLOTS; i++) {
        gad_image_free(&ask->picture[i]);
        gad_memory_free(ask->path[i]);
    }
    gad_learnt_free(&ask->learnt);
    gad_hints_free(&ask->hints);
    gad_question_template_free(&ask->wording);
    gad_memory_free(ask->mmad_wording);
    gad_arena_free(&ask->arena);
    gad_memory_free(ask);
}

const gad_request_settings *gad_request_settings_of(const gad_request *ask)
{
    return &ask->settings;
}

/* What hints depend on besides their kind; NULL: there are none. */
static json_t *describe_learning(const gad_request_settings *s)
{
    const gad_learn_settings *l = s->learning;
    return s->hints == GAD_HINTS_NONE
               ? NULL
               : json_pack("{s:s, s:I, s:b, s:I}", "backbone", l->backbone ? gad_file_name(l->backbone) : "installed",
                           "side_px", (json_int_t)l->side_px, "mirror", l->mirror, "most_rows", (json_int_t)l->max_rows);
}

json_t *gad_request_describe(const gad_request *ask)
{
    if (!ask->settings.mmad)
        return json_pack("{s:s, s:s, s:s, s:b, s:s, s:o*}", "id", ask->wording.id, "hash", ask->wording.hash, "text",
                         ask->wording.text[1], "knowledge", ask->settings.knowledge, "evidence",
                         gad_hints_name(ask->settings.hints), "evidence_learnt", describe_learning(&ask->settings));
    char hash[33];
    gad_hash_text(gad_hash_bytes(ask->mmad_wording, strlen(ask->mmad_wording)), hash);
    const char *file = ask->settings.prompt_file ? gad_file_name(ask->settings.prompt_file) : NULL;
    return json_pack("{s:s+, s:s, s:s, s:b}", "id", file ? "file:" : "mmad-1", file ? file : "", "hash", hash, "text",
                     ask->mmad_wording, "knowledge", ask->settings.knowledge);
}

/* ---- images ---- */

/* In the size that models get; *out stays empty when the picture has it. */
static gad_status resize(const gad_request_settings *s, const gad_image *image, gad_image *out, gad_error *err)
{
    int width = (int)image->width, height = (int)image->height;
    int64_t longer = image->width > image->height ? image->width : image->height;
    if (s->size == GAD_REQUEST_LONGEST && longer > s->longest)
        return gad_resize_fit(image, s->longest, s->longest, out, err);
    if (s->size == GAD_REQUEST_CANVAS)
        gad_box_canvas((int)image->width, (int)image->height, &width, &height);
    if (width == image->width && height == image->height)
        return GAD_OK;
    return gad_resize_bicubic(image, width, height, GAD_RESIZE_PIL, out, err);
}

static gad_status crop(const gad_item *item, gad_image *image, gad_error *err)
{
    const int64_t *c = item->crop;
    gad_image out = {0};
    if (c[2] <= c[0])
        return GAD_OK;
    if (c[0] < 0 || c[1] < 0 || c[2] > image->width || c[3] > image->height || c[3] <= c[1])
        return gad_error_set(err, GAD_E_FORMAT, operation, "import the data set again",
                             "%s: the crop lies outside the image", item->image);
    gad_status status = gad_image_new(c[2] - c[0], c[3] - c[1], image->channels, &out, err);
    if (status)
        return status;
    for (int64_t y = 0; y < out.height; y++)
        memcpy(gad_image_row(&out, y), gad_image_row(image, c[1] + y) + c[0] * image->channels, gad_image_stride(&out));
    gad_image_free(image);
    *image = out;
    return GAD_OK;
}

/* An image as the model gets it and, where hints are found in it, as it was stored. */
typedef struct picture {
    gad_image shown, whole; /* whole without pixels: the shown one is it, or nobody asks for it */
} picture;

static void drop_picture(void *dropped)
{
    picture *p = dropped;
    gad_image_free(&p->shown);
    gad_image_free(&p->whole);
}

static gad_status make_picture(const gad_request_settings *s, const char *path, const gad_item *cropped_by, picture *made,
                               gad_error *err)
{
    gad_image read = {0};
    picture p = {0};
    gad_status status = gad_image_load(path, &read, err);
    if (!status && cropped_by)
        status = crop(cropped_by, &read, err);
    if (!status)
        status = resize(s, &read, &p.shown, err);
    if (status) {
        gad_image_free(&read);
        return status;
    }
    if (!p.shown.pixels)
        p.shown = read;
    else if (cropped_by && s->hints != GAD_HINTS_NONE)
        p.whole = read;
    else
        gad_image_free(&read);
    *made = p;
    return GAD_OK;
}

static gad_status make_ahead(void *user, int64_t n, void *made, gad_error *err)
{
    const gad_request *ask = user;
    const gad_item *item = &ask->items[ask->coming[n]];
    return make_picture(&ask->settings, item->image, item, made, err);
}

gad_status gad_request_expect(gad_request *ask, const gad_item *items, const size_t *coming, size_t count, gad_error *err)
{
    const gad_ahead_sequence sequence = {.make = make_ahead,
                                         .drop = drop_picture,
                                         .user = ask,
                                         .item_bytes = sizeof(picture),
                                         .capacity = 1,
                                         .stride = 1,
                                         .end = (int64_t)count};
    gad_ahead_free(ask->ahead);
    ask->ahead = NULL;
    ask->items = items;
    ask->coming = coming;
    ask->count = count;
    ask->next = 0;
    return count ? gad_ahead_open(&sequence, &ask->ahead, err) : GAD_OK;
}

static gad_status take_inspected(gad_request *ask, const gad_item *item, picture *p, gad_error *err)
{
    while (ask->next < ask->count && ask->items[ask->coming[ask->next]].id != item->id)
        ask->next++; /* one whose reference could not be read */
    if (ask->next < ask->count)
        return gad_ahead_take(ask->ahead, (int64_t)ask->next++, p, err);
    return make_picture(&ask->settings, item->image, item, p, err);
}

/* Into slot `i`, which takes the image. */
static void put(gad_request *ask, size_t i, const gad_image *image)
{
    gad_image_free(&ask->picture[i]);
    gad_memory_free(ask->path[i]);
    ask->path[i] = NULL;
    ask->picture[i] = *image;
}

/* A reference that is held already is not read again. */
static gad_status load_reference(gad_request *ask, size_t i, const char *path, gad_error *err)
{
    picture p = {0};
    if (ask->path[i] && !strcmp(ask->path[i], path))
        return GAD_OK;
    gad_status status = make_picture(&ask->settings, path, NULL, &p, err);
    if (status)
        return status;
    put(ask, i, &p.shown);
    ask->path[i] = gad_memory_copy_string(path); /* without memory it is read again next time */
    return GAD_OK;
}

/* What a product of the references finds in the picture as it was stored, for a model that gets it as `shown`. */
static gad_status find_hints(gad_request *ask, const gad_item *item, const gad_image *image, const gad_image *shown,
                             gad_error *err)
{
    const gad_request_settings *s = &ask->settings;
    gad_inspection seen = {0};
    gad_view view = {.width = shown->width, .height = shown->height};
    gad_hints_free(&ask->hints);
    if (s->hints == GAD_HINTS_NONE || !item->reference_count)
        return GAD_OK;
    gad_status status =
        gad_learnt_take(&ask->learnt, item->reference, item->reference_count, item->title, s->learning, err);
    if (!status)
        status = gad_product_look(ask->learnt.product, image, NAN, &seen, err);
    if (!status && s->input.patch)
        status = gad_preprocess_view(&s->input, shown->width, shown->height, &view, err);
    bool input = s->convention == GAD_BOX_INPUT;
    gad_box_frame frame = gad_box_frame_make(s->convention, s->order, (int)image->width, (int)image->height,
                                             input ? (int)view.width : 0, input ? (int)view.height : 0);
    if (!status)
        status = gad_hints_make(&seen, image, &frame, s->hints, &ask->hints, err);
    gad_inspection_clear(&seen);
    return status;
}

static gad_status load_inspected(gad_request *ask, const gad_item *item, gad_error *err)
{
    picture p = {0};
    gad_status status = take_inspected(ask, item, &p, err);
    if (!status)
        status = find_hints(ask, item, p.whole.pixels ? &p.whole : &p.shown, &p.shown, err);
    gad_image_free(&p.whole);
    if (status)
        gad_image_free(&p.shown);
    else
        put(ask, item->reference_count, &p.shown);
    return status;
}

/* The references, the image to inspect and, where there is one, its heat map. */
static gad_status load_pictures(gad_request *ask, const gad_item *item, gad_error *err)
{
    size_t last = item->reference_count;
    if (last + 1 > MAX_PICTURES)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%s: %zu references, more than %d", item->id, last,
                             MAX_PICTURES - 1);
    gad_status status = GAD_OK;
    for (size_t i = 0; i < last && !status; i++)
        status = load_reference(ask, i, item->reference[i], err);
    if (!status)
        status = load_inspected(ask, item, err);
    ask->shows_heat = !status && ask->hints.heat.pixels;
    if (ask->shows_heat) {
        put(ask, last + 1, &ask->hints.heat);
        ask->hints.heat = (gad_image){0};
    }
    return status;
}

/* ---- text ---- */

static gad_status build_parts(gad_request *ask, const gad_item *item, gad_bench_request *request, gad_error *err)
{
    gad_bench_part *part = gad_arena_take(&ask->arena, item->reference_count + 3, sizeof *part);
    gad_string text = {0};
    gad_question question = {.class_name = item->title,
                             .knowledge = ask->settings.knowledge ? item->knowledge : NULL,
                             .knowledge_count = ask->settings.knowledge ? item->knowledge_count : 0,
                             .references = item->reference_count,
                             .convention = ask->settings.convention,
                             .order = ask->settings.order};
    gad_status status =
        part ? gad_question_build(&ask->wording, &question, &text, err) : gad_error_memory(err, operation, 0);
    gad_string_add(&text, gad_string_text(&ask->hints.text));
    if (!status && text.failed)
        status = gad_error_memory(err, operation, text.length);
    char *kept = status ? NULL : gad_arena_take(&ask->arena, text.length + 1, 1);
    if (!status && !kept)
        status = gad_error_memory(err, operation, text.length);
    if (!status) {
        memcpy(kept, gad_string_text(&text), text.length + 1);
        for (size_t i = 0; i <= item->reference_count; i++)
            part[i] = (gad_bench_part){NULL, i};
        part[item->reference_count + 1] = (gad_bench_part){kept, 0};
        part[item->reference_count + 2] = (gad_bench_part){NULL, item->reference_count + 1};
        request->part = part;
        request->parts = item->reference_count + 2 + request->heat;
    }
    gad_string_free(&text);
    return status;
}

gad_status gad_request_build(gad_request *ask, const gad_item *item, bool pictures, gad_bench_request *request,
                             gad_error *err)
{
    gad_arena_reset(&ask->arena);
    gad_bench_request r = {
        .id = item->id, .object = item->title, .option = item->answer ? item->option : NULL, .options = item->option_count};
    gad_item alone = *item;
    if (ask->settings.learns) {
        r.good = item->reference;
        r.goods = item->reference_count;
        alone.reference_count = 0;
        item = &alone;
    }
    gad_status status = pictures ? load_pictures(ask, item, err) : GAD_OK;
    r.heat = pictures && ask->shows_heat;
    if (!status && ask->settings.mmad) {
        gad_bench_part *part;
        status = gad_mmad_request(ask->mmad_wording, item, &ask->arena, &part, &r.parts, err);
        r.part = status ? NULL : part;
    } else if (!status) {
        status = build_parts(ask, item, &r, err);
    }
    if (status)
        return status;
    if (pictures) {
        r.picture = ask->picture;
        r.pictures = item->reference_count + 1;
    }
    *request = r;
    return GAD_OK;
}
