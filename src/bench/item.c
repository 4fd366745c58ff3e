/* item: see item.h */
#include "bench/item.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/string.h"

#include <string.h>

enum { LIMIT_LIST = 100000, MOST_PX = 1 << 24 };

static const char *copy_text(gad_arena *arena, const char *text, bool *failed)
{
    const char *copy = text ? gad_arena_copy(arena, text) : NULL;
    *failed = *failed || (text && !copy);
    return copy;
}

static const char **copy_list(gad_arena *arena, const char *const *list, size_t count, bool *failed)
{
    if (!count)
        return NULL;
    const char **copy = gad_arena_take(arena, count, sizeof *copy);
    if (!copy) {
        *failed = true;
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        copy[i] = copy_text(arena, list[i], failed);
    return copy;
}

gad_status gad_item_add(gad_items *items, const gad_item *item, gad_error *err)
{
    bool failed = !gad_memory_grow((void **)&items->item, &items->capacity, items->count, sizeof *items->item);
    gad_arena *arena = &items->arena;
    gad_item copy = *item;
    if (!failed) {
        const char **text[] = {&copy.id,    &copy.dataset, &copy.category, &copy.title,    &copy.type,
                               &copy.image, &copy.mask,    &copy.group,    &copy.question, &copy.task};
        for (size_t i = 0; i < sizeof text / sizeof *text; i++)
            *text[i] = copy_text(arena, *text[i], &failed);
        copy.reference = copy_list(arena, item->reference, item->reference_count, &failed);
        copy.knowledge = copy_list(arena, item->knowledge, item->knowledge_count, &failed);
        copy.box_label = copy_list(arena, item->box_label, item->box_count, &failed);
        copy.option = copy_list(arena, item->option, item->option_count, &failed);
        copy.box = item->box_count ? gad_arena_take(arena, item->box_count, sizeof *copy.box) : NULL;
        failed = failed || (item->box_count && !copy.box);
    }
    if (failed)
        return gad_error_memory(err, "list the items of a run", sizeof copy);
    if (item->box_count)
        memcpy(copy.box, item->box, item->box_count * sizeof *copy.box);
    items->item[items->count++] = copy;
    gad_memory_free(items->slot);
    items->slot = NULL;
    return GAD_OK;
}

static size_t slot_of(const gad_items *items, const char *id)
{
    return (size_t)gad_hash_bytes(id, strlen(id)).low & (items->slots - 1);
}

/* Open addressing, at most half full; a slot holds index + 1. `repeated` receives an id that occurs twice, or NULL. */
static gad_status make_index(gad_items *items, const char **repeated, gad_error *err)
{
    *repeated = NULL;
    for (items->slots = 16; items->slots < 2 * items->count; items->slots *= 2)
        ;
    items->slot = gad_memory_zero(items->slots, sizeof *items->slot);
    if (!items->slot)
        return gad_error_memory(err, "index the items of a run", items->slots * sizeof *items->slot);
    for (size_t i = 0; i < items->count; i++) {
        size_t s = slot_of(items, items->item[i].id);
        for (; items->slot[s]; s = (s + 1) & (items->slots - 1))
            if (!strcmp(items->item[items->slot[s] - 1].id, items->item[i].id))
                *repeated = items->item[i].id;
        items->slot[s] = (uint32_t)i + 1;
    }
    return GAD_OK;
}

gad_status gad_item_find(gad_items *items, const char *id, int64_t *index, gad_error *err)
{
    const char *repeated;
    if (!items->slot) {
        gad_status status = make_index(items, &repeated, err);
        if (status)
            return status;
    }
    *index = -1;
    for (size_t s = slot_of(items, id); items->slot[s] && *index < 0; s = (s + 1) & (items->slots - 1))
        if (!strcmp(items->item[items->slot[s] - 1].id, id))
            *index = (int64_t)items->slot[s] - 1;
    return GAD_OK;
}

static void add_text(gad_string *s, const char *key, const char *text)
{
    if (!text)
        return;
    gad_string_addf(s, ",\"%s\":", key);
    gad_string_add_json(s, text);
}

static void add_list(gad_string *s, const char *key, const char *const *list, size_t count)
{
    if (!count)
        return;
    gad_string_addf(s, ",\"%s\":[", key);
    for (size_t i = 0; i < count; i++) {
        gad_string_add(s, i ? "," : "");
        gad_string_add_json(s, list[i]);
    }
    gad_string_add(s, "]");
}

static void add_item(gad_string *s, const gad_item *item)
{
    gad_string_add(s, "{\"id\":");
    gad_string_add_json(s, item->id);
    add_text(s, "dataset", item->dataset);
    add_text(s, "category", item->category);
    add_text(s, "title", item->title);
    gad_string_addf(s, ",\"anomalous\":%s", item->anomalous ? "true" : "false");
    add_text(s, "type", item->type);
    add_text(s, "group", item->group);
    add_text(s, "image", item->image);
    gad_string_addf(s, ",\"width\":%lld,\"height\":%lld", (long long)item->width, (long long)item->height);
    if (item->crop[2] > item->crop[0])
        gad_string_addf(s, ",\"crop\":[%lld,%lld,%lld,%lld]", (long long)item->crop[0], (long long)item->crop[1],
                        (long long)item->crop[2], (long long)item->crop[3]);
    add_text(s, "mask", item->mask);
    if (item->mask)
        gad_string_addf(s, ",\"mask_threshold\":%d,\"mask_index\":%s", item->mask_threshold,
                        item->mask_index ? "true" : "false");
    gad_string_addf(s, ",\"boxes_known\":%s,\"boxes\":[", item->boxes_known ? "true" : "false");
    for (size_t i = 0; i < item->box_count; i++) {
        gad_box b = item->box[i];
        gad_string_addf(s, "%s[%.17g,%.17g,%.17g,%.17g]", i ? "," : "", b.x1, b.y1, b.x2, b.y2);
    }
    gad_string_add(s, "]");
    add_list(s, "labels", item->box_label, item->box_count);
    add_list(s, "references", item->reference, item->reference_count);
    add_list(s, "knowledge", item->knowledge, item->knowledge_count);
    add_text(s, "task", item->task);
    add_text(s, "question", item->question);
    add_list(s, "options", item->option, item->option_count);
    if (item->answer)
        gad_string_addf(s, ",\"answer\":\"%c\"", item->answer);
    gad_string_add(s, "}\n");
}

gad_status gad_item_write(const gad_items *items, const char *path, gad_error *err)
{
    gad_file_writer writer;
    gad_string line = {0};
    gad_status status = gad_file_writer_open(&writer, path, err);
    if (status)
        return status;
    for (size_t i = 0; i < items->count && !status; i++) {
        gad_string_clear(&line);
        add_item(&line, &items->item[i]);
        if (line.failed)
            status = gad_error_memory(err, "write the items of a run", line.length);
        else if (fwrite(line.data, 1, line.length, writer.stream) != line.length)
            status = gad_error_set(err, GAD_E_IO, "write the items of a run", "check the space on the disk",
                                   "%s: cannot write", path);
    }
    gad_string_free(&line);
    if (!status)
        return gad_file_writer_commit(&writer, err);
    gad_file_writer_discard(&writer);
    return status;
}

static gad_status malformed(const char *name, const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, "read the items of a run", NULL, "%s: %s", name, what);
}

/* A member that is a list of strings, as pointers into the JSON value; *list is the caller's to free. */
static gad_status read_list(const json_t *root, const char *key, const char *name, const char ***list, size_t *count,
                            gad_error *err)
{
    const json_t *array = json_object_get(root, key);
    *list = NULL;
    *count = json_array_size(array);
    if (!array)
        return GAD_OK;
    if (!json_is_array(array) || *count > LIMIT_LIST)
        return malformed(name, key, err);
    *list = gad_memory_alloc(*count, sizeof **list);
    if (!*list)
        return gad_error_memory(err, "read the items of a run", *count * sizeof **list);
    for (size_t i = 0; i < *count; i++)
        if (!((*list)[i] = json_string_value(json_array_get(array, i))))
            return malformed(name, key, err);
    return GAD_OK;
}

static gad_status read_boxes(const json_t *root, const char *name, gad_item *item, gad_error *err)
{
    const json_t *array = json_object_get(root, "boxes");
    size_t n = json_array_size(array);
    item->box = gad_memory_alloc(n, sizeof *item->box);
    if (!item->box)
        return gad_error_memory(err, "read the items of a run", n * sizeof *item->box);
    for (size_t i = 0; i < n; i++) {
        const json_t *box = json_array_get(array, i);
        double v[4];
        for (size_t k = 0; k < 4; k++) {
            const json_t *number = json_array_get(box, k);
            if (!json_is_number(number) || json_array_size(box) != 4)
                return malformed(name, "a box is not four numbers", err);
            v[k] = json_number_value(number);
        }
        item->box[i] = (gad_box){v[0], v[1], v[2], v[3]};
    }
    item->box_count = n;
    return GAD_OK;
}

static gad_status read_scalars(const json_t *root, const char *name, gad_item *item, gad_error *err)
{
    const struct {
        const char *key, **to;
    } text[] = {{"id", &item->id},     {"dataset", &item->dataset},  {"category", &item->category}, {"title", &item->title},
                {"type", &item->type}, {"group", &item->group},      {"image", &item->image},       {"mask", &item->mask},
                {"task", &item->task}, {"question", &item->question}};
    gad_status status = GAD_OK;
    for (size_t i = 0; i < sizeof text / sizeof *text && !status; i++)
        status = gad_json_get_string(root, text[i].key, name, NULL, text[i].to, err);
    int64_t threshold = 0;
    if (!status)
        status = gad_json_get_bool(root, "anomalous", name, false, &item->anomalous, err);
    if (!status)
        status = gad_json_get_bool(root, "boxes_known", name, false, &item->boxes_known, err);
    if (!status)
        status = gad_json_get_bool(root, "mask_index", name, false, &item->mask_index, err);
    if (!status)
        status = gad_json_get_int(root, "mask_threshold", name, 0, &threshold, err);
    if (!status)
        status = gad_json_get_int(root, "width", name, 0, &item->width, err);
    if (!status)
        status = gad_json_get_int(root, "height", name, 0, &item->height, err);
    if (status)
        return status;
    if (!item->id || !item->dataset || !item->category || !item->image || item->width < 0 || item->height < 0 ||
        item->width > MOST_PX || item->height > MOST_PX || threshold < 0)
        return malformed(name, "no id, dataset, category or image, or a size that makes no sense", err);
    item->mask_threshold = threshold > 255 ? 255 : (int)threshold;
    const json_t *crop = json_object_get(root, "crop");
    for (size_t k = 0; k < 4 && crop; k++) {
        item->crop[k] = json_integer_value(json_array_get(crop, k));
        if (item->crop[k] < 0 || item->crop[k] > MOST_PX)
            return malformed(name, "\"crop\" is not a part of an image", err);
    }
    const char *answer = json_string_value(json_object_get(root, "answer"));
    item->answer = answer ? answer[0] : 0;
    return GAD_OK;
}

static gad_status read_item(const json_t *root, const char *name, gad_items *items, gad_error *err)
{
    gad_item item = {0};
    size_t labels = 0;
    gad_status status = read_scalars(root, name, &item, err);
    if (!status)
        status = read_boxes(root, name, &item, err);
    if (!status)
        status = read_list(root, "labels", name, &item.box_label, &labels, err);
    if (!status)
        status = read_list(root, "references", name, &item.reference, &item.reference_count, err);
    if (!status)
        status = read_list(root, "knowledge", name, &item.knowledge, &item.knowledge_count, err);
    if (!status)
        status = read_list(root, "options", name, &item.option, &item.option_count, err);
    if (!status && labels != item.box_count)
        status = malformed(name, "boxes and labels differ in number", err);
    if (!status)
        status = gad_item_add(items, &item, err);
    gad_memory_free(item.box);
    gad_memory_free(item.box_label);
    gad_memory_free(item.reference);
    gad_memory_free(item.knowledge);
    gad_memory_free(item.option);
    return status;
}

static gad_status read_lines(gad_json_lines *lines, gad_items *items, gad_error *err)
{
    const char *text = NULL;
    size_t length = 0;
    gad_status status;
    while (!(status = gad_json_lines_text(lines, &text, &length, err)) && text) {
        char name[512];
        json_t *root = NULL;
        snprintf(name, sizeof name, "%s, line %lld", lines->path, (long long)lines->number);
        status = gad_json_parse(text, length, name, &root, err);
        if (!status)
            status = read_item(root, name, items, err);
        json_decref(root);
        if (status)
            break;
    }
    return status;
}

gad_status gad_item_read(const char *path, gad_items *items, gad_error *err)
{
    gad_json_lines lines;
    const char *repeated = NULL;
    gad_status status = gad_json_lines_open(&lines, path, err);
    if (!status)
        status = read_lines(&lines, items, err);
    gad_json_lines_close(&lines);
    if (!status)
        status = make_index(items, &repeated, err);
    if (!status && repeated)
        status =
            gad_error_set(err, GAD_E_FORMAT, "read the items of a run", NULL, "%s: id %s occurs twice", path, repeated);
    if (status)
        gad_item_free(items);
    return status;
}

void gad_item_free(gad_items *items)
{
    gad_memory_free(items->item);
    gad_memory_free(items->slot);
    gad_arena_free(&items->arena);
    *items = (gad_items){0};
}
