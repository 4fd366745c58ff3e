/* data: gad_data_* of gad.h: translates to and from the data room, nothing else. */
#include "base/error.h"
#include "base/memory.h"
#include "base/share.h"
#include "base/string.h"
#include "data/catalog.h"
#include "data/check.h"
#include "data/contact.h"
#include "data/export.h"
#include "data/pair.h"
#include "data/produce.h"
#include "data/split.h"
#include "data/stats.h"
#include "data/teach.h"
#include "gad_data.h"

#include <string.h>

struct gad_data {
    gad_store *store;
};

gad_status gad_data_open(const char *path, gad_data_mode mode, gad_data **out, gad_error *err)
{
    static const gad_sqlite_mode modes[] = {GAD_SQLITE_READ, GAD_SQLITE_WRITE, GAD_SQLITE_CREATE};
    gad_data *data = gad_memory_zero(1, sizeof *data);
    if (!data)
        return gad_error_memory(err, "open the store", sizeof *data);
    gad_status status = mode == GAD_DATA_BESIDE ? gad_store_open_beside(path, &data->store, err)
                                                : gad_store_open(path, modes[mode], &data->store, err);
    if (status) {
        gad_memory_free(data);
        return status;
    }
    *out = data;
    return GAD_OK;
}

void gad_data_free(gad_data *data)
{
    if (!data)
        return;
    gad_store_close(data->store);
    gad_memory_free(data);
}

/* Hand a finished string to the caller. */
static gad_status give(gad_string *s, gad_status status, char **text, gad_error *err)
{
    gad_string_add(s, "");
    if (!status && (s->failed || !(*text = s->data ? s->data : gad_memory_copy_string(""))))
        status = gad_error_memory(err, "write a text", s->length);
    if (status)
        gad_string_free(s);
    return status;
}

gad_status gad_data_list(gad_data *data, bool json, char **text, gad_error *err)
{
    gad_string s = {0};
    return give(&s, gad_stats_catalogue(data ? data->store : NULL, json, &s, err), text, err);
}

gad_status gad_data_stats(gad_data *data, bool json, char **text, gad_error *err)
{
    gad_string s = {0};
    return give(&s, gad_stats_summary(data->store, json, &s, err), text, err);
}

gad_status gad_data_import(gad_data *data, const gad_data_import_settings *s, gad_data_imported *report, gad_error *err)
{
    const bool lines = strcmp(s->adapter, "mmrad-jsonl") == 0 && gad_share_is_whole(&s->share);
    gad_data_imported r = {0};
    gad_status status =
        lines ? gad_export_read(data->store, s->folder, s->root, &r, err) : gad_catalog_import(data->store, s, &r, err);
    if (!status)
        *report = r;
    return status;
}

const char *gad_data_problem_name(int index)
{
    return index >= 0 && index < GAD_IMPORT_PROBLEMS ? gad_import_problem_name((gad_import_problem)index) : "";
}

gad_status gad_data_pair(gad_data *data, const gad_data_pair_settings *settings, gad_data_paired *report, gad_error *err)
{
    return gad_pair_run(data->store, settings, report, err);
}

gad_status gad_data_reason(gad_data *data, const gad_data_reason_settings *s, gad_data_reasoned *report, gad_error *err)
{
    return s->server.url ? gad_teach_server(data->store, s, report, err) : gad_teach_template(data->store, s, report, err);
}

gad_status gad_data_split(gad_data *data, const gad_data_split_settings *settings, gad_data_splits *report, gad_error *err)
{
    return gad_split_run(data->store, settings, report, err);
}

gad_status gad_data_check(gad_data *data, const gad_data_check_settings *s, char **text, int64_t *errors, gad_error *err)
{
    gad_check_report r;
    gad_string out = {0};
    gad_status status = gad_check_run(data->store, s, &r, &out, err);
    if (!status)
        *errors = gad_check_errors(&r);
    return give(&out, status, text, err);
}

gad_status gad_data_sheet(gad_data *data, const gad_data_filter *filter, int64_t columns, int64_t tile_px, const char *path,
                          const gad_log *log, int64_t *shown, gad_error *err)
{
    gad_contact_settings p = {.filter = *filter, .columns = (int)columns, .tile_px = (int)tile_px};
    if (columns < 1 || columns > 100 || tile_px < 16 || tile_px > 2048)
        return gad_error_set(err, GAD_E_ARGUMENT, "make a contact sheet", NULL, "%lld columns of %lld pixels",
                             (long long)columns, (long long)tile_px);
    return gad_contact_save(data->store, &p, path, log, shown, err);
}

gad_status gad_data_export(gad_data *data, const gad_data_export_settings *settings, gad_data_exported *report,
                           gad_error *err)
{
    gad_data_exported r;
    gad_status status = gad_export_run(data->store, settings, &r, err);
    if (!status)
        *report = r;
    return status;
}

gad_status gad_data_synth(gad_data *data, const gad_data_synth_settings *settings, gad_data_synthesised *report,
                          gad_error *err)
{
    gad_data_synth_settings s = *settings;
    gad_status status = s.scenes ? gad_synth_parse_families(s.scenes, &s.synth.families, err) : GAD_OK;
    if (!status && s.kinds)
        status = gad_synth_parse_kinds(s.kinds, &s.synth.kinds, err);
    return status ? status : gad_produce_run(data->store, &s, report, err);
}

gad_status gad_data_synth_names(char **scenes, char **kinds, gad_error *err)
{
    gad_string a = {0}, b = {0};
    for (int i = 0; i < GAD_SCENE_FAMILIES; i++)
        gad_string_addf(&a, "%s%s", i ? ", " : "", gad_scene_family_name((gad_scene_family)i));
    for (int i = 0; i < GAD_DEFECT_KINDS; i++)
        gad_string_addf(&b, "%s%s", i ? ", " : "", gad_defect_name((gad_defect_kind)i));
    gad_status status = give(&a, GAD_OK, scenes, err);
    if (!status && (status = give(&b, GAD_OK, kinds, err)))
        gad_memory_free(*scenes);
    return status;
}
