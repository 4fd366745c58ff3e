/* checkpoint: see checkpoint.h */
#include "train/checkpoint.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "io/safetensors.h"
#include "model/adapter.h"
#include "model/save.h"

static const char operation[] = "save checkpoint";

/* "out/step-000100" in memory of the caller's; NULL without memory. */
static char *step_folder(const char *out, int64_t step)
{
    char name[32];
    snprintf(name, sizeof name, "step-%06lld", (long long)step);
    return gad_file_join(out, name);
}

/* ---- what lies there ----------------------------------------------------------------------------------------------- */

static bool is_done(const char *out, int64_t step)
{
    char done[PATH_MAX];
    snprintf(done, sizeof done, "%s/step-%06lld/DONE", out, (long long)step);
    return gad_file_exists(done);
}

/* NaN: not evaluated. */
static gad_status score_of(const char *out, int64_t step, double *score, gad_error *err)
{
    char path[PATH_MAX];
    json_t *root = NULL;
    snprintf(path, sizeof path, "%s/step-%06lld/trainer.json", out, (long long)step);
    gad_status status = gad_json_load(path, &root, err);
    const json_t *value = status ? NULL : json_object_get(root, "score");
    *score = json_is_number(value) ? json_number_value(value) : (double)NAN;
    json_decref(root);
    return status;
}

/* The steps whose folders lie there, complete or not, earliest first; memory of the caller's. */
static gad_status list_steps(const char *out, int64_t **step, size_t *count, gad_error *err)
{
    gad_file_names names = {0};
    *step = NULL;
    *count = 0;
    if (!gad_file_is_directory(out))
        return GAD_OK;
    gad_status status = gad_file_list(out, &names, err);
    if (!status && !(*step = gad_memory_alloc(names.count + 1, sizeof **step)))
        status = gad_error_memory(err, operation, names.count * sizeof **step);
    for (size_t i = 0; i < names.count && !status; i++) {
        long long number;
        char rest, name[32];
        if (sscanf(names.name[i], "step-%lld%c", &number, &rest) != 1)
            continue;
        snprintf(name, sizeof name, "step-%06lld", number);
        if (strcmp(name, names.name[i]) == 0)
            (*step)[(*count)++] = number;
    }
    gad_file_names_free(&names);
    return status;
}

typedef struct survey {
    int64_t *step; /* [count], the complete ones, earliest first */
    size_t count;
    int64_t latest, best;
} survey;

static gad_status survey_of(const char *out, survey *s, gad_error *err)
{
    size_t folders;
    double most = 0, score;
    *s = (survey){.latest = -1, .best = -1};
    gad_status status = list_steps(out, &s->step, &folders, err);
    for (size_t i = 0; i < folders && !status; i++) {
        const int64_t step = s->step[i];
        if (!is_done(out, step))
            continue;
        s->step[s->count++] = step;
        s->latest = step > s->latest ? step : s->latest;
        status = score_of(out, step, &score, err);
        if (!status && !isnan(score) && (s->best < 0 || score > most)) {
            s->best = step;
            most = score;
        }
    }
    return status;
}

/* Does a folder hold nothing but what checkpoints hold? Somebody's folder of that name is left alone. */
static bool is_ours(const char *folder)
{
    static const char *const endings[] = {"json", "safetensors", "jinja", "gad-tmp"};
    gad_file_names names = {0};
    bool ours = gad_file_list(folder, &names, NULL) == GAD_OK;
    for (size_t i = 0; i < names.count && ours; i++) {
        ours = !strcmp(names.name[i], "DONE") || !strcmp(names.name[i], "merges.txt");
        for (size_t k = 0; k < sizeof endings / sizeof *endings && !ours; k++)
            ours = gad_file_has_extension(names.name[i], endings[k]);
    }
    gad_file_names_free(&names);
    return ours;
}

void gad_checkpoint_tidy(const char *out)
{
    int64_t *step;
    size_t count;
    list_steps(out, &step, &count, NULL);
    for (size_t i = 0; i < count; i++) {
        char *folder = is_done(out, step[i]) ? NULL : step_folder(out, step[i]);
        if (folder && is_ours(folder))
            gad_file_remove(folder, NULL);
        gad_memory_free(folder);
    }
    gad_memory_free(step);
}

gad_status gad_checkpoint_find(const char *out, int64_t *latest, int64_t *best, gad_error *err)
{
    survey s;
    gad_status status = survey_of(out, &s, err);
    *latest = s.latest;
    *best = s.best;
    gad_memory_free(s.step);
    return status;
}

static void remove_step(const char *out, int64_t step)
{
    char *folder = step_folder(out, step), *done = folder ? gad_file_join(folder, "DONE") : NULL;
    /* the mark first: a folder that is half gone must not count; one that stays harms nobody */
    if (done && !gad_file_remove(done, NULL))
        gad_file_remove(folder, NULL);
    gad_memory_free(done);
    gad_memory_free(folder);
}

/* The earliest beyond `keep` go, but never the best. What is not known for certain removes nothing: the next time will. */
static void prune(const char *out, int64_t keep)
{
    survey s;
    if (survey_of(out, &s, NULL) == GAD_OK)
        for (size_t i = 0; i + (size_t)keep < s.count; i++)
            if (s.step[i] != s.best)
                remove_step(out, s.step[i]);
    gad_memory_free(s.step);
}

/* ---- the state ----------------------------------------------------------------------------------------------------- */

/* An array of a slot, by the letter of its name: "m.model.norm.weight"; without data when it is not kept. */
typedef struct array {
    gad_device *device;
    gad_tensor numbers;
} array;
static const char letters[] = "wmva";

static array array_of(const gad_optimizer *o, size_t slot, int k)
{
    const gad_optimizer_slot *s = &o->slot[slot];
    const gad_tensor arrays[] = {gad_param_trained(s->param), s->m, s->v, s->average};
    gad_tensor flat = gad_tensor_view(arrays[k], 1, gad_param_count(s->param));
    return (array){o->device, flat};
}

static gad_status produce(void *user, size_t offset_bytes, void *buffer, size_t size_bytes, gad_error *err)
{
    const array *a = user;
    const int64_t first = (int64_t)(offset_bytes / sizeof(float)), n = (int64_t)(size_bytes / sizeof(float));
    a->device->ops->download(a->device, buffer, gad_tensor_cols(a->numbers, first, n));
    return gad_device_check(a->device, err);
}

static gad_status write_state(gad_optimizer *o, const char *folder, gad_error *err)
{
    enum { NAME = 160 };
    char *path = gad_file_join(folder, "state.safetensors");
    gad_safetensors_item *item = gad_memory_zero(4 * o->count, sizeof *item);
    char *names = gad_memory_alloc(4 * o->count, NAME);
    array *arrays = gad_memory_alloc(4 * o->count, sizeof *arrays);
    size_t count = 0;
    gad_status status = path && item && names && arrays ? GAD_OK : gad_error_memory(err, operation, 4 * o->count * NAME);
    for (size_t i = 0; i < o->count && !status; i++)
        for (int k = 0; k < 4; k++) {
            const gad_param *param = o->slot[i].param;
            arrays[count] = array_of(o, i, k);
            if (!arrays[count].numbers.data)
                continue;
            char *name = names + count * NAME;
            snprintf(name, NAME, "%c.%s", letters[k], param->name);
            item[count] = (gad_safetensors_item){.name = name,
                                                 .dtype = GAD_SAFETENSORS_F32,
                                                 .rank = 1,
                                                 .shape = {gad_param_count(param)},
                                                 .produce = produce,
                                                 .user = &arrays[count]};
            count++;
        }
    if (!status)
        status = gad_safetensors_write(path, item, count, err);
    gad_memory_free(arrays);
    gad_memory_free(names);
    gad_memory_free(item);
    gad_memory_free(path);
    return status;
}

static gad_status read_array(array to, const gad_safetensors_tensor *tensor, gad_error *err)
{
    float *host = gad_memory_alloc(tensor->count, sizeof *host);
    gad_status status = host ? gad_safetensors_copy_f32(tensor, 0, tensor->count, host, err)
                             : gad_error_memory(err, operation, tensor->count * sizeof *host);
    if (!status)
        to.device->ops->fill(to.device, to.numbers, host);
    gad_memory_free(host);
    return status ? status : gad_device_check(to.device, err);
}

static gad_status read_state(gad_optimizer *o, const char *folder, gad_error *err)
{
    char *path = gad_file_join(folder, "state.safetensors");
    gad_safetensors *set = NULL;
    gad_status status = path ? gad_safetensors_open(path, &set, err) : gad_error_memory(err, operation, strlen(folder));
    for (size_t i = 0; i < o->count && !status; i++)
        for (int k = 0; k < 4 && !status; k++) {
            const array to = array_of(o, i, k);
            char name[160];
            if (!to.numbers.data)
                continue;
            snprintf(name, sizeof name, "%c.%s", letters[k], o->slot[i].param->name);
            const gad_safetensors_tensor *tensor = gad_safetensors_find(set, name);
            if (!tensor || tensor->count != (size_t)gad_param_count(o->slot[i].param))
                status = gad_error_set(err, GAD_E_FORMAT, "resume training", "resume with the settings of the start",
                                       "%s: holds no fitting \"%s\"", path, name);
            else
                status = read_array(to, tensor, err);
        }
    gad_safetensors_free(set);
    gad_memory_free(path);
    return status;
}

/* ---- saving -------------------------------------------------------------------------------------------------------- */

static gad_status write_trainer(const gad_checkpoint_settings *settings, const gad_optimizer *o, const char *folder,
                                int64_t step, double score, gad_error *err)
{
    char *path = gad_file_join(folder, "trainer.json"), stamp[32];
    gad_clock_stamp(stamp, sizeof stamp);
    json_t *root = json_pack("{s:I, s:I, s:I, s:s, s:s, s:o}", "step", (json_int_t)step, "updates", (json_int_t)o->step,
                             "skipped", (json_int_t)o->skipped, "signature", settings->signature, "written", stamp, "score",
                             isnan(score) ? json_null() : json_real(score));
    gad_status status = path && root ? gad_json_write(path, root, err) : gad_error_memory(err, operation, 1024);
    json_decref(root);
    gad_memory_free(path);
    return status;
}

static gad_status write_folder(const gad_checkpoint_settings *settings, gad_model *model, gad_optimizer *o,
                               const char *folder, int64_t step, double score, gad_error *err)
{
    gad_status status = GAD_OK;
    if (gad_file_exists(folder) && !is_ours(folder))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "choose another --out",
                             "%s: is there already, with files of others", folder);
    status = gad_file_remove(folder, err); /* what a killed run left */
    if (!status)
        status = gad_file_make_directory(folder, err);
    if (!status && settings->base)
        status = gad_save_settings(settings->base, folder, err);
    gad_optimizer_swap_average(o);
    gad_params_fetch(&model->params);
    if (!status)
        status = gad_device_check(o->device, err);
    if (!status)
        status = model->lora_count ? gad_adapter_save(model, folder, settings->base, err)
                                   : gad_save_model(model, folder, settings->dtype, err);
    gad_optimizer_swap_average(o);
    if (!status)
        status = write_state(o, folder, err);
    if (!status)
        status = write_trainer(settings, o, folder, step, score, err);
    char *done = gad_file_join(folder, "DONE");
    if (!status)
        status = done ? gad_file_write(done, "", 0, err) : gad_error_memory(err, operation, strlen(folder));
    gad_memory_free(done);
    return status;
}

gad_status gad_checkpoint_save(const gad_checkpoint_settings *settings, gad_model *model, gad_optimizer *optimizer,
                               int64_t step, double score, gad_error *err)
{
    char *folder = step_folder(settings->out, step);
    if (!folder)
        return gad_error_memory(err, operation, strlen(settings->out));
    gad_status status = write_folder(settings, model, optimizer, folder, step, score, err);
    if (status)
        gad_file_remove(folder, NULL);
    else
        prune(settings->out, settings->keep);
    gad_memory_free(folder);
    return status;
}

gad_status gad_checkpoint_restore(const gad_checkpoint_settings *settings, gad_optimizer *optimizer, int64_t step,
                                  gad_error *err)
{

    const char *signature = "";
    int64_t updates = 0, skipped = 0;
    json_t *root = NULL;
    char *folder = step_folder(settings->out, step), *path = folder ? gad_file_join(folder, "trainer.json") : NULL;
    gad_status status = path ? gad_json_load(path, &root, err) : gad_error_memory(err, operation, strlen(settings->out));
    if (!status)
        status = gad_json_get_string(root, "signature", path, "", &signature, err);
    if (!status)
        status = gad_json_get_int(root, "updates", path, 0, &updates, err);
    if (!status)
        status = gad_json_get_int(root, "skipped", path, 0, &skipped, err);
    if (!status && strcmp(signature, settings->signature) != 0)
        status = gad_error_set(err, GAD_E_ARGUMENT, "resume training",
                               "resume with the settings of the start, or choose another --out",
                               "%s: was made by \"%s\", this run is \"%s\"", path, signature, settings->signature);
    if (!status)
        status = read_state(optimizer, folder, err);
    if (!status) {
        optimizer->step = updates;
        optimizer->skipped = skipped;
    }
    json_decref(root);
    gad_memory_free(path);
    gad_memory_free(folder);
    return status;
}
