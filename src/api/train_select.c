/* train_select: see train_select.h */
#include "api/train_select.h"

#include <string.h>

#include "base/error.h"
#include "model/adapter.h"

static const char operation[] = "prepare training";

#define GROUP(group) (1u << (group))

static bool word_selects(const char *word, size_t n, const gad_param *param)
{
    static const struct {
        const char *word;
        unsigned groups; /* bit per gad_param_group */
    } words[] = {{"all", ~0u},
                 {"language", GROUP(GAD_PARAM_LANGUAGE)},
                 {"vision", GROUP(GAD_PARAM_VISION) | GROUP(GAD_PARAM_MERGER)},
                 {"merger", GROUP(GAD_PARAM_MERGER)},
                 {"difference", GROUP(GAD_PARAM_EVIDENCE) | GROUP(GAD_PARAM_INJECTION)}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (n == strlen(words[i].word) && !strncmp(word, words[i].word, n))
            return words[i].groups & GROUP(param->group);
    return !strncmp(param->name, word, n) && n > 4; /* the beginning of a parameter's name, "model.layers.0." */
}

static bool is_selected(const char *words, const gad_param *param)
{
    for (const char *word = words; *word;) {
        size_t n = strcspn(word, ",");
        if (word_selects(word, n, param))
            return true;
        word += n + (word[n] == ',');
    }
    return false;
}

bool gad_train_select_lora(const char *words)
{
    return !strncmp(words, "lora", 4) && (words[4] == ',' || !words[4]);
}

/* The first word after "lora" that is not "difference": only that module may train in full beside adapters, since an
 * adapter folder holds nothing else of the base. NULL: there is none. */
static const char *stray_word(const char *words)
{
    for (const char *word = words; *word;) {
        size_t n = strcspn(word, ",");
        bool known = (n == 4 && !strncmp(word, "lora", n)) || (n == 10 && !strncmp(word, "difference", n));
        if (!known)
            return word;
        word += n + (word[n] == ',');
    }
    return NULL;
}

/* Beside adapters only the evidence head, if it is named; else what the words select. Factors of adapters: all of them. */
static bool is_wanted(const gad_train_settings *s, const gad_param *param)
{
    const bool lora = gad_train_select_lora(s->train);
    if (strstr(param->name, ".lora_"))
        return lora;
    return (!lora || gad_param_is_evidence(param)) && is_selected(s->train, param);
}

static gad_adapter_settings adapter_of(const gad_train_settings *s)
{
    gad_adapter_settings adapter = s->lora;
    adapter.seed = s->seed;
    return adapter;
}

gad_status gad_train_select_count(const gad_train_settings *s, gad_model *model, int64_t *count, gad_error *err)
{
    const bool lora = gad_train_select_lora(s->train);
    const gad_adapter_settings adapter = adapter_of(s);
    if (lora && stray_word(s->train))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "train adapters, or the named parts in full",
                             "--train %s: only difference trains in full beside lora", s->train);
    *count = lora ? gad_adapter_count(model, &adapter) : 0;
    for (size_t i = 0; i < model->params.count; i++)
        if (is_wanted(s, model->params.item[i]))
            *count += gad_param_count(model->params.item[i]);
    if (*count)
        return GAD_OK;
    if (lora)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "names are like q_proj, down_proj, visual.qkv, or all-linear",
                             "--lora-targets %s: no layer is called so", s->lora.targets);
    return gad_error_set(err, GAD_E_ARGUMENT, operation, "say lora, all, language, vision, merger, or a prefix",
                         "--train %s: nothing is called so", s->train);
}

gad_status gad_train_select_apply(const gad_train_settings *s, gad_model *model, gad_device *device, gad_error *err)
{
    const gad_adapter_settings adapter = adapter_of(s);
    gad_status status = gad_train_select_lora(s->train) ? gad_adapter_create(model, &adapter, err) : GAD_OK;
    for (size_t i = 0; i < model->params.count && !status; i++)
        if (is_wanted(s, model->params.item[i]))
            status = gad_param_train(model->params.item[i], true, device, err);
    return status;
}
