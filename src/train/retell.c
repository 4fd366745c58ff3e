/* retell: gad_example_maker_retell of example_maker.h: an example's answer from what was measured of its regions. */
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/rng.h"
#include "task/account.h"
#include "task/answer.h"
#include "train/example_maker.h"
#include "train/shown.h"

static const char operation[] = "prepare a sample", unnamed[] = "anomaly";

/* Kinds are named where the evidence is clear: there the name can be learnt from it. */
static const char *label_of(const gad_example *e, int box, const gad_words *words)
{
    static const int clear = 4; /* GAD_WORD_LEVEL: above what good parts show */
    const char *label = e->labels;
    for (; box > 0 && *label; box--)
        label += strlen(label) + 1;
    return words->of[GAD_WORD_LEVEL] >= clear && *label ? label : unnamed;
}

/* The regions to tell of, in their own order. Returns how many. */
static int find_told(const gad_example *e, gad_account_region told[GAD_POINTER_TOKENS])
{
    int region[GAD_POINTER_TOKENS], count = 0;
    if (!e->truth.anomalous) {
        int most = 0;
        for (int i = 1; i < e->shown_count; i++)
            most = e->words[i].of[GAD_WORD_LEVEL] > e->words[most].of[GAD_WORD_LEVEL] ? i : most;
        told[0] = (gad_account_region){e->words[most], most, unnamed};
        return e->shown_count ? 1 : 0;
    }
    gad_shown_match(e, region);
    for (int k = 0; k < e->shown_count; k++)
        for (int i = 0; i < GAD_POINTER_TOKENS && i < (int)e->truth.count; i++)
            if (region[i] == k)
                told[count++] = (gad_account_region){e->words[k], k, label_of(e, i, &e->words[k])};
    return count;
}

/* "Yes. {'bbox_2d': [<|region_1|>], 'label': 'scratch'}", as gad_answer_write and gad_pointer_put make it. */
static gad_status write_answer(const gad_example *e, const gad_account_region *told, int count, const char *think,
                               gad_string *text, gad_error *err)
{
    gad_answer_item item[GAD_POINTER_TOKENS];
    gad_string made = {0};
    for (int i = 0; i < count; i++)
        item[i] = (gad_answer_item){gad_box_to_model(&e->frame, e->shown[told[i].mark]), told[i].label};
    gad_status status =
        gad_answer_write(think, e->truth.anomalous, item, e->truth.anomalous ? (size_t)count : 0, &made, err);
    const char *from = gad_string_text(&made), *box;
    for (int i = 0; i < count && e->truth.anomalous && (box = strstr(from, "'bbox_2d': [")); i++) {
        box += strlen("'bbox_2d': [");
        gad_string_append(text, from, (size_t)(box - from));
        gad_string_add(text, gad_pointer_mark(told[i].mark));
        from = strchr(box, ']');
    }
    gad_string_add(text, from);
    gad_string_free(&made);
    return !status && text->failed ? gad_error_memory(err, operation, text->length) : status;
}

/* The ids of the text and the end token behind the prompt. */
static gad_status take_ids(const gad_example_maker *maker, const gad_string *text, gad_example *e, gad_error *err)
{
    gad_tokenizer_ids said = {0};
    gad_status status = gad_tokenizer_encode(maker->tokenizer, text->data, text->length, GAD_TOKENIZER_CONTROL, &said, err);
    size_t count = (size_t)e->prompt_count + said.count + 1;
    int32_t *ids = status ? NULL : gad_memory_resize(e->ids, count, sizeof *ids);
    e->ids = ids ? ids : e->ids;
    float *weight = ids ? gad_memory_resize(e->weight, count, sizeof *weight) : NULL;
    e->weight = weight ? weight : e->weight;
    if (!status && !weight)
        status = gad_error_memory(err, operation, count * sizeof *ids);
    if (!status) {
        memcpy(e->ids + e->prompt_count, said.id, said.count * sizeof *ids);
        e->ids[count - 1] = maker->chat->im_end;
        e->count = (int64_t)count;
        for (int64_t i = 0; i < e->count; i++)
            e->weight[i] = i < e->prompt_count ? 0 : 1;
        e->decision = e->count;
        for (int64_t i = e->count - 1; i > e->prompt_count; i--)
            e->decision = e->ids[i - 1] == maker->decides ? i : e->decision;
    }
    gad_tokenizer_ids_free(&said);
    return status;
}

/* Of an answer that was forced, what follows is learnt; of a part whose defect is not shown, the decision; of a model that
 * decides well already, the reasoning up to where it decides. */
static void choose_learnt(const gad_example_maker *maker, gad_example *e, int told)
{
    for (int64_t i = e->prompt_count; i < e->count; i++) {
        bool forced = !e->reasons && i < e->decision, unseen = !told && i != e->decision;
        bool left = maker->reasoning_only && i >= e->decision;
        e->weight[i] = forced || unseen || left ? 0 : 1;
    }
}

gad_status gad_example_maker_retell(const void *user, gad_example *e, gad_error *err)
{
    const gad_example_maker *maker = user;
    gad_account_region told[GAD_POINTER_TOKENS];
    gad_string think = {0}, text = {0};
    gad_status status = GAD_OK;
    if (!e->points)
        return GAD_OK;
    int count = find_told(e, told);
    gad_account_facts facts = {told, count, e->truth.anomalous};
    gad_rng rng = gad_rng_make(gad_hash_bytes(e->answer, strlen(e->answer)).low, 1);
    if (count && e->reasons)
        status = gad_account_write(&facts, &rng, &think, err);
    if (!status)
        status = write_answer(e, told, count, gad_string_text(&think), &text, err);
    if (!status)
        status = take_ids(maker, &text, e, err);
    if (!status)
        choose_learnt(maker, e, count);
    gad_string_free(&think);
    gad_string_free(&text);
    return status;
}
