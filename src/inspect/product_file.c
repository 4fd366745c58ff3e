/* product_file: see product_file.h */
#include "inspect/product_file.h"

#include "base/error.h"
#include "base/json.h"
#include "base/memory.h"
#include "inspect/area.h"
#include "io/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Bounds of what a file may ask for. */
enum { MAX_PARTS = 100000, MAX_WIDTH = 16384, MAX_TEXT_BYTES = 64 << 20, MAX_PICTURE_PX = 1 << 20 };
static const char writing[] = "write a product", reading[] = "read a product";
static const char schema[] = "gad-product/1";

/* ---- writing ---- */

static json_t *number_or_null(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *describe_parts(const gad_product *p)
{
    json_t *list = json_array();
    for (int64_t i = 0; list && i < p->bank.parts; i++)
        json_array_append_new(list, json_pack("{s:s, s:I, s:o}", "name", p->bank.part[i].name, "rows",
                                              (json_int_t)p->bank.part[i].count, "score", number_or_null(p->score[i])));
    return list;
}

static json_t *describe(const gad_product *p)
{
    const gad_threshold *t = &p->threshold;
    char hash[33];
    gad_hash_text(p->backbone_hash, hash);
    json_t *threshold = json_pack("{s:f, s:f, s:f, s:f, s:b, s:f, s:I, s:I, s:I}", "value", t->value, "rate", t->rate,
                                  "confidence", t->confidence, "reached", t->reached, "supported", t->supported,
                                  "rate_supported", t->rate_supported, "normals", (json_int_t)t->normals, "normals_above",
                                  (json_int_t)t->normals_above, "normals_needed", (json_int_t)t->normals_needed);
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:f, s:f, s:f, s:o, s:f, s:f, s:b, s:[IIII], s:o, s:o}",
                     "schema", schema, "name", p->name, "backbone", p->family, "backbone_hash", hash, "side_px",
                     (json_int_t)p->side_px, "stride", (json_int_t)GAD_PRODUCT_STRIDE, "views", (json_int_t)p->views,
                     "most_rows", (json_int_t)p->max_rows, "centre", p->centre, "spread", p->spread, "distance_limit",
                     p->distance_limit, "alone", number_or_null(p->alone), "head_slope", p->sight.slope, "head_level",
                     p->sight.level, "guarantee", p->guarantee, "sizes_px", (json_int_t)p->least_px[0],
                     (json_int_t)p->least_px[1], (json_int_t)p->most_px[0], (json_int_t)p->most_px[1], "threshold",
                     threshold, "parts", describe_parts(p));
}

gad_status gad_product_file_write(const gad_product *product, const char *path, gad_error *err)
{
    const gad_bank *bank = &product->bank;
    json_t *root = describe(product);
    char *text = root ? json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
    json_decref(root);
    if (!text)
        return gad_error_set(err, GAD_E_ARGUMENT, writing, NULL, "%s: a name is not UTF-8", path);
    char seen_by[33];
    gad_safetensors_item item[4 + GAD_MAP_HEAD_PARAMS + 1] = {
        {.name = "product", .dtype = GAD_SAFETENSORS_U8, .rank = 1, .shape = {(int64_t)strlen(text)}, .data = text},
        {.name = "rows", .dtype = GAD_SAFETENSORS_BF16, .rank = 2, .shape = {bank->count, bank->width}, .data = bank->rows},
        {.name = "whole",
         .dtype = GAD_SAFETENSORS_F32,
         .rank = 2,
         .shape = {bank->parts, bank->width},
         .data = bank->whole},
    };
    size_t count = 3;
    if (product->area.pixels)
        item[count++] = (gad_safetensors_item){.name = "area",
                                               .dtype = GAD_SAFETENSORS_U8,
                                               .rank = 2,
                                               .shape = {product->area.height, product->area.width},
                                               .data = product->area.pixels};
    count += gad_map_head_items(&product->sight.head, seen_by, item + count);
    gad_status status = gad_safetensors_write(path, item, count, err);
    free(text);
    return status;
}

/* ---- reading ---- */

static gad_status malformed(const char *path, const char *what, gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, reading, "make it again with gad learn", "%s: %s", path, what);
}

static gad_status read_threshold(const json_t *root, const char *path, gad_threshold *t, gad_error *err)
{
    const json_t *o = json_object_get(root, "threshold");
    gad_status status = gad_json_get_number(o, "value", path, NAN, &t->value, err);
    if (!status)
        status = gad_json_get_number(o, "rate", path, NAN, &t->rate, err);
    if (!status)
        status = gad_json_get_number(o, "confidence", path, NAN, &t->confidence, err);
    if (!status)
        status = gad_json_get_number(o, "reached", path, NAN, &t->reached, err);
    if (!status)
        status = gad_json_get_number(o, "rate_supported", path, NAN, &t->rate_supported, err);
    if (!status)
        status = gad_json_get_bool(o, "supported", path, false, &t->supported, err);
    if (!status)
        status = gad_json_get_int(o, "normals", path, 0, &t->normals, err);
    if (!status)
        status = gad_json_get_int(o, "normals_above", path, 0, &t->normals_above, err);
    if (!status)
        status = gad_json_get_int(o, "normals_needed", path, 0, &t->normals_needed, err);
    if (!status && !(isfinite(t->value) && t->value > 0))
        status = malformed(path, "the threshold is not a number above 0", err);
    if (!status && !(isfinite(t->rate) && isfinite(t->confidence) && isfinite(t->reached) && isfinite(t->rate_supported)))
        status = malformed(path, "what the threshold promises is not said", err);
    return status;
}

/* Products of before do not say it. */
static bool read_sizes(const json_t *root, gad_product *p)
{
    const json_t *list = json_object_get(root, "sizes_px");
    if (!list)
        return true;
    int64_t *const to[] = {&p->least_px[0], &p->least_px[1], &p->most_px[0], &p->most_px[1]};
    for (size_t i = 0; i < 4; i++) {
        *to[i] = json_integer_value(json_array_get(list, i));
        if (*to[i] < 0 || *to[i] > MAX_PICTURE_PX)
            return false;
    }
    return json_array_size(list) == 4;
}

static gad_status read_settings(const json_t *root, const char *path, gad_product *p, gad_error *err)
{
    const char *made_as, *name, *family, *hash;
    int64_t stride = 0;
    gad_status status = gad_json_get_string(root, "schema", path, "", &made_as, err);
    if (!status && strcmp(made_as, schema) != 0)
        status = malformed(path, "it is no product of this version", err);
    if (!status)
        status = gad_json_get_string(root, "name", path, "product", &name, err);
    if (!status)
        status = gad_json_get_string(root, "backbone", path, "", &family, err);
    if (!status)
        status = gad_json_get_string(root, "backbone_hash", path, "", &hash, err);
    if (!status)
        status = gad_json_get_int(root, "side_px", path, 0, &p->side_px, err);
    if (!status)
        status = gad_json_get_int(root, "stride", path, 0, &stride, err);
    if (!status)
        status = gad_json_get_int(root, "views", path, 0, &p->views, err);
    if (!status)
        status = gad_json_get_int(root, "most_rows", path, 0, &p->max_rows, err);
    if (!status)
        status = gad_json_get_number(root, "alone", path, (double)NAN, &p->alone, err);
    if (!status)
        status = gad_json_get_bool(root, "guarantee", path, false, &p->guarantee, err);
    if (!status)
        status = gad_json_get_number(root, "centre", path, 0, &p->centre, err);
    if (!status)
        status = gad_json_get_number(root, "spread", path, 0, &p->spread, err);
    if (!status)
        status = gad_json_get_number(root, "head_slope", path, 0, &p->sight.slope, err);
    if (!status)
        status = gad_json_get_number(root, "head_level", path, 0, &p->sight.level, err);
    if (!status)
        status = gad_json_get_number(root, "distance_limit", path, 2, &p->distance_limit, err);
    if (status)
        return status;
    if (!gad_hash_read(hash, &p->backbone_hash) || stride != GAD_PRODUCT_STRIDE || p->side_px < 64 || p->side_px > 8192 ||
        !isfinite(p->sight.slope) || !isfinite(p->sight.level) || (p->views != 1 && p->views != 4) || p->max_rows < 1 ||
        !read_sizes(root, p))
        return malformed(path, "its settings make no sense", err);
    snprintf(p->family, sizeof p->family, "%s", family);
    p->name = gad_memory_copy_string(name);
    return p->name ? GAD_OK : gad_error_memory(err, reading, strlen(name));
}

static gad_status read_part(const json_t *entry, const char *path, gad_product *p, gad_error *err)
{
    gad_bank *bank = &p->bank;
    const char *name;
    int64_t rows = 0;
    gad_status status = gad_json_get_string(entry, "name", path, "", &name, err);
    if (!status)
        status = gad_json_get_int(entry, "rows", path, -1, &rows, err);
    if (!status)
        status = gad_json_get_number(entry, "score", path, NAN, &p->score[bank->parts], err);
    if (status)
        return status;
    int64_t before = 0;
    if (bank->parts)
        before = bank->part[bank->parts - 1].first + bank->part[bank->parts - 1].count;
    if (rows < 0 || rows > bank->count - before)
        return malformed(path, "its parts have more rows than there are", err);
    bank->part[bank->parts].name = gad_memory_copy_string(name);
    if (!bank->part[bank->parts].name)
        return gad_error_memory(err, reading, strlen(name));
    bank->part[bank->parts].first = before;
    bank->part[bank->parts++].count = rows;
    return GAD_OK;
}

static gad_status read_parts(const json_t *root, const char *path, const gad_safetensors_tensor *whole, gad_product *p,
                             gad_error *err)
{
    const json_t *list = json_object_get(root, "parts");
    const size_t count = json_array_size(list);
    if (count < 1 || count > MAX_PARTS || (int64_t)count != whole->shape[0])
        return malformed(path, "the number of its parts makes no sense", err);
    p->score = gad_memory_zero(count, sizeof *p->score);
    p->bank.part = gad_memory_zero(count, sizeof *p->bank.part);
    p->bank.whole = gad_memory_alloc(whole->count, sizeof *p->bank.whole);
    if (!p->score || !p->bank.part || !p->bank.whole)
        return gad_error_memory(err, reading, whole->size_bytes);
    gad_status status = gad_safetensors_copy_f32(whole, 0, whole->count, p->bank.whole, err);
    for (size_t i = 0; !status && i < count; i++)
        status = read_part(json_array_get(list, i), path, p, err);
    const gad_bank_part *last = &p->bank.part[count - 1];
    if (!status && last->first + last->count != p->bank.count)
        status = malformed(path, "it has rows that belong to no part", err);
    return status;
}

/* What is looked at; a file without it looks at all. */
static gad_status read_area(const gad_safetensors *file, const char *path, gad_product *p, gad_error *err)
{
    const gad_safetensors_tensor *area = gad_safetensors_find(file, "area");
    if (!area)
        return GAD_OK;
    if (area->dtype != GAD_SAFETENSORS_U8 || area->rank != 2 || area->shape[0] < 1 || area->shape[0] > GAD_AREA_SIDE ||
        area->shape[1] < 1 || area->shape[1] > GAD_AREA_SIDE)
        return malformed(path, "what it looks at makes no sense", err);
    gad_status status = gad_image_new(area->shape[1], area->shape[0], 1, &p->area, err);
    if (!status)
        memcpy(p->area.pixels, area->data, area->size_bytes);
    return status;
}

/* The rows stay in the mapped file: what is not a number would make every comparison meaningless. */
static bool rows_are_numbers(const gad_bank *bank)
{
    for (int64_t i = 0; i < bank->count * bank->width; i++)
        if ((bank->rows[i] & 0x7F80u) == 0x7F80u)
            return false;
    return true;
}

static gad_status read_tensors(const gad_safetensors *file, const char *path, gad_product *p, gad_error *err)
{
    const gad_safetensors_tensor *text = gad_safetensors_find(file, "product"), *rows = gad_safetensors_find(file, "rows"),
                                 *whole = gad_safetensors_find(file, "whole");
    if (!text || !rows || !whole || text->dtype != GAD_SAFETENSORS_U8 || rows->dtype != GAD_SAFETENSORS_BF16 ||
        whole->dtype != GAD_SAFETENSORS_F32 || text->rank != 1 || rows->rank != 2 || whole->rank != 2)
        return malformed(path, "it is not a product", err);
    if (text->size_bytes > MAX_TEXT_BYTES || rows->shape[0] < 1 || rows->shape[1] < 1 || rows->shape[1] > MAX_WIDTH ||
        whole->shape[1] != rows->shape[1] || (uintptr_t)rows->data % sizeof *p->bank.rows)
        return malformed(path, "its tables do not fit together", err);
    p->bank.count = rows->shape[0];
    p->bank.width = rows->shape[1];
    p->bank.rows = (uint16_t *)(uintptr_t)rows->data;
    p->bank.mapped = true;
    if (!rows_are_numbers(&p->bank))
        return malformed(path, "its rows hold values that are no numbers", err);
    json_t *root = NULL;
    gad_status status = gad_json_parse(text->data, text->size_bytes, path, &root, err);
    if (!status)
        status = read_settings(root, path, p, err);
    if (!status)
        status = read_threshold(root, path, &p->threshold, err);
    if (!status)
        status = read_parts(root, path, whole, p, err);
    json_decref(root);
    return status;
}

gad_status gad_product_file_read(const char *path, gad_product **product, gad_error *err)
{
    gad_product *p = gad_memory_zero(1, sizeof *p);
    if (!p)
        return gad_error_memory(err, reading, sizeof *p);
    gad_status status = gad_safetensors_open(path, &p->file, err);
    if (!status)
        status = read_tensors(p->file, path, p, err);
    if (!status)
        status = read_area(p->file, path, p, err);
    if (!status)
        status = gad_map_head_read(p->file, path, &p->sight.head, err);
    if (!status && gad_map_head_exists(&p->sight.head) && !gad_hash_equal(p->sight.head.backbone, p->backbone_hash))
        status = malformed(path, "its head was trained on other features", err);
    if (status) {
        gad_product_free(p);
        return status;
    }
    p->finished = true;
    *product = p;
    return GAD_OK;
}
