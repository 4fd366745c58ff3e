/* import_part: see import_part.h */
#include "data/import_part.h"

#include "base/error.h"
#include "base/memory.h"
#include "base/string.h"

#include <stdio.h>
#include <string.h>

/* ---- the key ---- */

static void add_text(gad_string *s, const char *text)
{
    gad_string_add(s, text ? "+" : "-");
    gad_string_add(s, text ? text : "");
    gad_string_append(s, "", 1); /* what one field ends with is not what the next begins with */
}

static void add_list(gad_string *s, const char *const *list)
{
    for (int i = 0; list && list[i]; i++)
        add_text(s, list[i]);
    add_text(s, NULL);
}

static void add_stamp(gad_string *s, const char *folder, const char *relative)
{
    gad_string path = {0};
    gad_string_addf(&path, "%s/%s", folder, relative);
    const gad_hash stamp = gad_part_stamp(gad_string_text(&path));
    s->failed |= path.failed;
    gad_string_append(s, (const char *)&stamp, sizeof stamp);
    gad_string_free(&path);
}

bool gad_import_part_key(const gad_import_settings *settings, const gad_import_entry *e, gad_hash *key)
{
    gad_string s = {0};
    const char *const texts[] = {GAD_VERSION,   settings->dataset, settings->license, settings->source_url,
                                 e->class_name, e->class_text,     e->split,          e->type,
                                 e->group,      e->image,          e->box_rule,       e->reference_method,
                                 e->think,      e->text_source,    e->license,        e->source_url,
                                 e->meta};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        add_text(&s, texts[i]);
    gad_string_addf(&s, "%d %d %d %d %d %d %d %d %d %d", settings->benchmark, e->view, e->strips, (int)e->encoding,
                    e->threshold, e->soft_mask, e->any_mask_values, e->no_truth, e->width, e->height);
    add_list(&s, e->masks);
    add_list(&s, e->names);
    add_list(&s, e->references);
    for (int i = 0; i < e->value_count; i++) {
        gad_string_addf(&s, "%d", e->values[i].value);
        add_text(&s, e->values[i].name);
    }
    for (int i = 0; i < e->box_count; i++) {
        const gad_import_box *b = &e->boxes[i];
        gad_string_addf(&s, "%.17g %.17g %.17g %.17g %.17g %lld", b->box.x1, b->box.y1, b->box.x2, b->box.y2, b->rotation,
                        (long long)b->area);
        add_text(&s, b->label);
        add_text(&s, b->source);
        add_text(&s, b->track);
    }
    add_stamp(&s, settings->folder, e->image);
    for (int i = 0; e->masks && e->masks[i]; i++)
        add_stamp(&s, settings->folder, e->masks[i]);
    *key = gad_hash_bytes(gad_string_text(&s), s.length);
    gad_string_free(&s);
    return !s.failed;
}

/* ---- the line: {"reduced": 0, "notes": [[problem, path, text], ...], "samples": [...]} ---- */

static bool read_notes(const json_t *notes, gad_measure_result *r)
{
    size_t i;
    json_t *note;
    json_array_foreach ((json_t *)(uintptr_t)notes, i, note) {
        const char *path, *text;
        int problem;
        if (i == GAD_MEASURE_NOTES || json_unpack(note, "[i, s, s]", &problem, &path, &text) || problem < 0 ||
            problem >= GAD_IMPORT_PROBLEMS)
            return false;
        gad_measure_note *n = &r->notes[r->note_count++];
        n->problem = (gad_import_problem)problem;
        snprintf(n->path, sizeof n->path, "%s", path);
        snprintf(n->text, sizeof n->text, "%s", text);
    }
    return true;
}

static bool read_samples(const json_t *samples, gad_measure_result *r)
{
    size_t i;
    json_t *sample;
    json_array_foreach ((json_t *)(uintptr_t)samples, i, sample) {
        if (i == GAD_MEASURE_STRIPS || gad_sample_from_json(sample, "a part", &r->samples[i], NULL))
            return false;
        r->count++;
    }
    return true;
}

bool gad_import_part_find(const gad_part *part, gad_hash key, gad_measure_result *r)
{
    size_t length = 0;
    const char *line = gad_part_find(part, key, &length);
    json_t *root = NULL;
    *r = (gad_measure_result){0};
    if (!line || gad_json_parse(line, length, "a part", &root, NULL))
        return false;
    bool good = read_notes(json_object_get(root, "notes"), r) && read_samples(json_object_get(root, "samples"), r);
    r->reduced = (int)json_integer_value(json_object_get(root, "reduced"));
    json_decref(root);
    for (int i = 0; i < r->count && !good; i++)
        gad_sample_free(&r->samples[i]);
    if (!good)
        *r = (gad_measure_result){0};
    return good;
}

gad_status gad_import_part_add(const gad_part *part, gad_hash key, const gad_measure_result *r, gad_error *err)
{
    gad_string line = {0}, sample = {0};
    gad_status status = GAD_OK;
    if (r->status || !gad_part_is_share(part))
        return GAD_OK;
    gad_string_addf(&line, "{\"reduced\":%d,\"notes\":[", r->reduced);
    for (int i = 0; i < r->note_count; i++) {
        gad_string_addf(&line, "%s[%d,", i ? "," : "", (int)r->notes[i].problem);
        gad_string_add_json(&line, r->notes[i].path);
        gad_string_add(&line, ",");
        gad_string_add_json(&line, r->notes[i].text);
        gad_string_add(&line, "]");
    }
    gad_string_add(&line, "],\"samples\":[");
    for (int i = 0; i < r->count && !status; i++) {
        gad_string_clear(&sample);
        status = gad_sample_to_json(&r->samples[i], &sample, err);
        gad_string_addf(&line, "%s", i ? "," : "");
        gad_string_add(&line, gad_string_text(&sample));
    }
    gad_string_add(&line, "]}");
    if (!status)
        status = line.failed ? gad_error_memory(err, "import a dataset", line.length)
                             : gad_part_add(part, key, line.data, line.length, err);
    gad_string_free(&line);
    gad_string_free(&sample);
    return status;
}
