/* request: see request.h */
#include "bench/request.h"

#include "base/ahead.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory.h"
#include "bench/mmad.h"
#include "io/resize.h"

#include <string.h>

enum { MAX_PICTURES = 17, PROMPT_LIMIT_BYTES = 64 << 10 };
static const char operation[] = "build a request";

struct gad_request {
    gad_request_settings settings;
    gad_question_template wording; /* mmr-ad */
    char *mmad_wording;            /* mmad */
    gad_image picture[MAX_PICTURES];
    char *path[MAX_PICTURES]; /* of the references that are held; NULL: none */
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
    for (size_t i = 0; i < MAX_PICTURES; i++) {
        gad_image_free(&ask->picture[i]);
        gad_memory_free(ask->path[i]);
    }
    gad_question_template_free(&ask->wording);
    gad_memory_free(ask->mmad_wording);
    gad_arena_free(&ask->arena);
    gad_memory_free(ask);
}

const gad_request_settings *gad_request_settings_of(const gad_request *ask)
{
    return &ask->settings;
}

json_t *gad_request_describe(const gad_request *ask)
{
    if (!ask->settings.mmad)
        return json_pack("{s:s, s:s, s:s, s:b}", "id", ask->wording.id, "hash", ask->wording.hash, "text",
                         ask->wording.text[1], "knowledge", ask->settings.knowledge);
    char hash[33];
    gad_hash_text(gad_hash_bytes(ask->mmad_wording, strlen(ask->mmad_wording)), hash);
    const char *file = ask->settings.prompt_file ? gad_file_name(ask->settings.prompt_file) : NULL;
    return json_pack("{s:s+, s:s, s:s, s:b}", "id", file ? "file:" : "mmad-1", file ? file : "", "hash", hash, "text",
                     ask->mmad_wording, "knowledge", ask->settings.knowledge);
}

/* ---- images ---- */

static gad_status resize(const gad_request_settings *s, gad_image *image, gad_error *err)
{
    int width = (int)image->width, height = (int)image->height;
    int64_t longer = image->width > image->height ? image->width : image->height;
    gad_image out = {0};
    gad_status status = GAD_OK;
    if (s->size == GAD_REQUEST_CANVAS)
        gad_box_canvas((int)image->width, (int)image->height, &width, &height);
    if (s->size == GAD_REQUEST_LONGEST && longer > s->longest)
        status = gad_resize_fit(image, s->longest, s->longest, &out, err);
    else if (width != image->width || height != image->height)
        status = gad_resize_bicubic(image, width, height, GAD_RESIZE_PIL, &out, err);
    if (!status && out.pixels) {
        gad_image_free(image);
        *image = out;
    }
    return status;
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

/* An image as the model gets it. */
static gad_status make_image(const gad_request_settings *s, const char *path, const gad_item *cropped_by, gad_image *image,
                             gad_error *err)
{
    gad_image made = {0};
    gad_status status = gad_image_load(path, &made, err);
    if (!status && cropped_by)
        status = crop(cropped_by, &made, err);
    if (!status)
        status = resize(s, &made, err);
    if (status)
        gad_image_free(&made);
    else
        *image = made;
    return status;
}

static gad_status make_ahead(void *user, int64_t n, void *image, gad_error *err)
{
    const gad_request *ask = user;
    const gad_item *item = &ask->items[ask->coming[n]];
    return make_image(&ask->settings, item->image, item, image, err);
}

static void drop_image(void *image)
{
    gad_image_free(image);
}

gad_status gad_request_expect(gad_request *ask, const gad_item *items, const size_t *coming, size_t count, gad_error *err)
{
    const gad_ahead_sequence sequence = {.make = make_ahead,
                                         .drop = drop_image,
                                         .user = ask,
                                         .item_bytes = sizeof(gad_image),
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

static gad_status load_image(gad_request *ask, const gad_item *item, gad_image *image, gad_error *err)
{
    while (ask->next < ask->count && ask->items[ask->coming[ask->next]].id != item->id)
        ask->next++; /* one whose reference could not be read */
    if (ask->next < ask->count)
        return gad_ahead_take(ask->ahead, (int64_t)ask->next++, image, err);
    return make_image(&ask->settings, item->image, item, image, err);
}

/* A reference that is held already is not read again. */
static gad_status load_reference(gad_request *ask, size_t i, const char *path, gad_error *err)
{
    gad_image image = {0};
    if (ask->path[i] && !strcmp(ask->path[i], path))
        return GAD_OK;
    gad_status status = make_image(&ask->settings, path, NULL, &image, err);
    if (status)
        return status;
    gad_image_free(&ask->picture[i]);
    gad_memory_free(ask->path[i]);
    ask->picture[i] = image;
    ask->path[i] = gad_memory_copy_string(path); /* without memory it is read again next time */
    return GAD_OK;
}

static gad_status load_pictures(gad_request *ask, const gad_item *item, gad_error *err)
{
    gad_image image = {0};
    size_t last = item->reference_count;
    if (last + 1 > MAX_PICTURES)
        return gad_error_set(err, GAD_E_LIMIT, operation, NULL, "%s: %zu references, more than %d", item->id, last,
                             MAX_PICTURES - 1);
    gad_status status = GAD_OK;
    for (size_t i = 0; i < last && !status; i++)
        status = load_reference(ask, i, item->reference[i], err);
    if (!status)
        status = load_image(ask, item, &image, err);
    if (status)
        return status;
    gad_image_free(&ask->picture[last]);
    gad_memory_free(ask->path[last]);
    ask->picture[last] = image;
    ask->path[last] = NULL;
    return GAD_OK;
}

/* ---- text ---- */

static gad_status build_parts(gad_request *ask, const gad_item *item, gad_bench_request *request, gad_error *err)
{
    gad_bench_part *part = gad_arena_take(&ask->arena, item->reference_count + 2, sizeof *part);
    gad_string text = {0};
    gad_question question = {.class_name = item->title,
                             .knowledge = ask->settings.knowledge ? item->knowledge : NULL,
                             .knowledge_count = ask->settings.knowledge ? item->knowledge_count : 0,
                             .references = item->reference_count,
                             .convention = ask->settings.convention,
                             .order = ask->settings.order};
    gad_status status =
        part ? gad_question_build(&ask->wording, &question, &text, err) : gad_error_memory(err, operation, 0);
    char *kept = status ? NULL : gad_arena_take(&ask->arena, text.length + 1, 1);
    if (!status && !kept)
        status = gad_error_memory(err, operation, text.length);
    if (!status) {
        memcpy(kept, gad_string_text(&text), text.length + 1);
        for (size_t i = 0; i <= item->reference_count; i++)
            part[i] = (gad_bench_part){NULL, i};
        part[item->reference_count + 1] = (gad_bench_part){kept, 0};
        request->part = part;
        request->parts = item->reference_count + 2;
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
