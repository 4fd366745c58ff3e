/* inspect: gad_inspect: the question, the answer, and what they say about the part. Translates between gad.h and the rooms
 * below. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/picture.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/string.h"
#include "inspect/ask.h"
#include "task/question.h"

enum { MAX_KNOWLEDGE = 64, MAX_REFERENCES = 64 };
static const char operation[] = "inspect the part";

/* ---- the question -------------------------------------------------------------------------------------------------- */

/* The comma-separated list, cut in place of a copy that `items` point into. */
static gad_status split_knowledge(const char *list, char **copy, const char **items, size_t *count, gad_error *err)
{
    *count = 0;
    const char *text = list ? list : "";
    *copy = gad_memory_copy_string(text);
    if (!*copy)
        return gad_error_memory(err, operation, strlen(text) + 1);
    char *rest = NULL;
    for (char *item = strtok_r(*copy, ",", &rest); item; item = strtok_r(NULL, ",", &rest)) {
        item += strspn(item, " \t");
        for (size_t n = strlen(item); n && (item[n - 1] == ' ' || item[n - 1] == '\t'); n--)
            item[n - 1] = 0;
        if (*item && *count == MAX_KNOWLEDGE)
            return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "more than %d defect kinds are named",
                                 MAX_KNOWLEDGE);
        if (*item)
            items[(*count)++] = item;
    }
    return GAD_OK;
}

static gad_status build_question(const gad_engine *engine, const gad_inspect_settings *settings, int good_count,
                                 gad_string *text, char prompt_hash[33], gad_error *err)
{
    gad_question_template wording = {0};
    const char *knowledge[MAX_KNOWLEDGE];
    char *copy = NULL;
    gad_question question = {.class_name = settings->class_name,
                             .knowledge = knowledge,
                             .references = (size_t)good_count,
                             .convention = engine->convention};
    gad_status status = split_knowledge(settings->knowledge, &copy, knowledge, &question.knowledge_count, err);
    if (!status)
        status =
            gad_question_template_choose(settings->prompt_file ? settings->prompt_file : engine->question, &wording, err);
    if (!status)
        status = gad_question_build(&wording, &question, text, err);
    if (!status && text->failed)
        status = gad_error_memory(err, operation, text->length);
    memcpy(prompt_hash, wording.hash, sizeof wording.hash);
    gad_question_template_free(&wording);
    gad_memory_free(copy);
    return status;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------- */

/* One inspection on its way. */
typedef struct inspection {
    gad_engine *engine;
    const gad_inspect_settings *settings;
    gad_turn turn;
    gad_cancel cancel;
    uint64_t part; /* hash of the picture: each part draws words of its own, the same in every run */
    gad_inspection *result;
} inspection;

/* The heat map as probabilities. */
static gad_status take_heat(const gad_turn *turn, gad_inspection *result, gad_error *err)
{
    size_t cells = (size_t)(turn->heat_rows * turn->heat_cols);
    if (!turn->heat)
        return GAD_OK;
    result->heat = gad_memory_alloc(cells, sizeof *result->heat);
    if (!result->heat)
        return gad_error_memory(err, operation, cells * sizeof *result->heat);
    result->heat_width = (int)turn->heat_cols;
    result->heat_height = (int)turn->heat_rows;
    for (size_t i = 0; i < cells; i++) {
        result->heat[i] = 1 / (1 + expf(-turn->heat[i]));
        result->difference = fmax(result->difference, (double)result->heat[i]);
    }
    return GAD_OK;
}

/* The regions of the heat map, for an answer without text. */
static gad_status take_regions(const gad_turn *turn, gad_inspection *result, gad_error *err)
{
    gad_status status = GAD_OK;
    result->defect = gad_memory_zero(GAD_REGIONS_MAX, sizeof *result->defect);
    if (!result->defect)
        return gad_error_memory(err, operation, GAD_REGIONS_MAX * sizeof *result->defect);
    for (int i = 0; i < turn->region_count && !status; i++) {
        gad_box box = gad_regions_box(&turn->region[i], (double)result->width_px, (double)result->height_px);
        char *label = gad_memory_copy_string("");
        if (!label)
            status = gad_error_memory(err, operation, 1);
        else
            result->defect[result->defect_count++] = (gad_defect){box.x1, box.y1, box.x2, box.y2, true, label};
    }
    return status;
}

static void drop_regions(gad_inspection *result)
{
    for (int i = 0; i < result->defect_count; i++)
        gad_memory_free(result->defect[i].label);
    gad_memory_free(result->defect);
    result->defect = NULL;
    result->defect_count = 0;
}

static gad_status answer_fast(inspection *in, gad_error *err)
{
    gad_status status = gad_ask_fast(in->engine, &in->turn, &in->cancel, &in->result->score, err);
    if (!status)
        in->result->verdict = in->result->score >= in->settings->threshold ? GAD_VERDICT_ANOMALOUS : GAD_VERDICT_NORMAL;
    if (!status && in->result->verdict == GAD_VERDICT_ANOMALOUS && in->turn.heat)
        status = take_regions(&in->turn, in->result, err);
    return status;
}

static char *copy_bytes(const char *bytes, size_t length)
{
    char *copy = gad_memory_alloc(length + 1, 1);
    if (copy) {
        memcpy(copy, bytes, length);
        copy[length] = 0;
    }
    return copy;
}

static gad_status copy_flags(const gad_answer *answer, char **flags, gad_error *err)
{
    gad_string list = {0};
    for (int i = 0; i < GAD_ANSWER_FLAGS; i++)
        if (answer->flags & 1u << i)
            gad_string_addf(&list, "%s%s", list.length ? "," : "", gad_answer_flag_name(i));
    *flags = list.failed ? NULL : gad_memory_copy_string(gad_string_text(&list));
    gad_string_free(&list);
    return *flags ? GAD_OK : gad_error_memory(err, operation, 64);
}

static gad_status copy_answer(const gad_answer *answer, const char *text, gad_inspection *result, gad_error *err)
{
    result->verdict = answer->decision == GAD_ANSWER_YES  ? GAD_VERDICT_ANOMALOUS
                      : answer->decision == GAD_ANSWER_NO ? GAD_VERDICT_NORMAL
                                                          : GAD_VERDICT_UNREADABLE;
    drop_regions(result);
    gad_memory_free(result->reasoning);
    result->reasoning = copy_bytes(text + answer->think_begin, answer->think_length);
    result->defect = gad_memory_zero(answer->count, sizeof *result->defect);
    if (!result->reasoning || !result->defect)
        return gad_error_memory(err, operation, answer->count * sizeof *result->defect);
    for (size_t i = 0; i < answer->count; i++) {
        const gad_answer_box *b = &answer->boxes[i];
        char *label = gad_memory_copy_string(b->label);
        if (!label)
            return gad_error_memory(err, operation, strlen(b->label));
        result->defect[result->defect_count++] = (gad_defect){b->box.x1, b->box.y1, b->box.x2, b->box.y2, b->valid, label};
    }
    gad_memory_free(result->flags);
    return copy_flags(answer, &result->flags, err);
}

static gad_status answer_reasoned(inspection *in, const gad_view *view, gad_error *err)
{
    gad_decode_settings decode = {.sampling = in->engine->sampling,
                                  .max_tokens = in->settings->max_tokens,
                                  .on_text = in->settings->on_text,
                                  .user = in->settings->user,
                                  .cancel = &in->cancel};
    gad_box_frame frame = gad_box_frame_make(in->engine->convention, GAD_BOX_XY, (int)view->original_width,
                                             (int)view->original_height, (int)view->width, (int)view->height);
    gad_rng rng = gad_rng_make(in->settings->seed, in->part);
    gad_asked asked;
    decode.sampling.greedy |= in->settings->greedy;
    gad_status status =
        gad_ask_reasoned(in->engine, &in->turn, in->settings->class_name, &decode, &rng, &frame, &asked, err);
    if (status)
        return status;
    gad_inspection *result = in->result;
    const char *text = gad_string_text(&asked.decoded.text);
    result->reasoned = true;
    result->score = asked.score;
    result->truncated = asked.decoded.finish == GAD_FINISH_LENGTH;
    result->answer_tokens = (int64_t)asked.decoded.ids.count;
    gad_memory_free(result->raw);
    result->raw = gad_memory_copy_string(text);
    status = result->raw ? copy_answer(&asked.answer, text, result, err)
                         : gad_error_memory(err, operation, asked.decoded.text.length);
    gad_asked_free(&asked);
    return status;
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static gad_status answer(inspection *in, const gad_view *view, gad_error *err)
{
    const gad_inspect_settings *s = in->settings;
    double start = gad_clock_seconds();
    gad_status status = GAD_OK;
    if (s->reason != GAD_REASON_ALWAYS)
        status = answer_fast(in, err);
    in->result->prompt_ms = 1000 * (gad_clock_seconds() - start);
    bool reason =
        s->reason == GAD_REASON_ALWAYS || (s->reason == GAD_REASON_REJECTS && in->result->verdict == GAD_VERDICT_ANOMALOUS);
    if (!status && reason) {
        start = gad_clock_seconds();
        status = answer_reasoned(in, view, err);
        in->result->answer_ms = 1000 * (gad_clock_seconds() - start);
    }
    return status;
}

static gad_status start_result(gad_inspection *result, const gad_picture *part, gad_error *err)
{
    *result = (gad_inspection){
        .score = -1, .difference = -1, .width_px = (int)part->image.width, .height_px = (int)part->image.height};
    result->reasoning = gad_memory_copy_string("");
    result->raw = gad_memory_copy_string("");
    result->flags = gad_memory_copy_string("");
    return result->reasoning && result->raw && result->flags ? GAD_OK : gad_error_memory(err, operation, 3);
}

gad_inspect_settings gad_inspect_settings_default(void)
{
    return (gad_inspect_settings){.max_tokens = 1024, .greedy = true, .threshold = 0.5};
}

gad_status gad_inspect(gad_engine *engine, gad_picture *const *good, int good_count, const gad_picture *part,
                       const gad_inspect_settings *settings, gad_inspection *result, gad_error *err)
{
    if (good_count < 0 || good_count > MAX_REFERENCES)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "between 0 and %d good parts can be shown, not %d",
                             MAX_REFERENCES, good_count);
    gad_inspection r;
    inspection in = {.engine = engine,
                     .settings = settings,
                     .result = &r,
                     .part = part->hash.low,
                     .cancel = {.is_cancelled = settings->is_cancelled, .user = settings->user}};
    gad_string text = {0};
    gad_turn_part turn[MAX_REFERENCES + 2];
    size_t count = 0;
    for (int i = 0; i <= good_count; i++) {
        const gad_picture *picture = i < good_count ? good[i] : part;
        turn[count++] = (gad_turn_part){.image = &picture->image, .hash = picture->hash};
    }
    gad_status status = start_result(&r, part, err);
    if (!status)
        status = build_question(engine, settings, good_count, &text, r.prompt_hash, err);
    double start = gad_clock_seconds();
    int64_t computed = engine->timeline.computed;
    if (!status) {
        turn[count++] = (gad_turn_part){.text = gad_string_text(&text)};
        status = gad_turn_make(engine, turn, count, &in.turn, err);
    }
    if (!status) {
        r.encode_ms = 1000 * (gad_clock_seconds() - start);
        const gad_view *view = &in.turn.view;
        r.input_width_px = (int)view->width;
        r.input_height_px = (int)view->height;
        r.prompt_tokens = in.turn.asked.prompt.count;
        status = take_heat(&in.turn, &r, err);
        if (!status)
            status = answer(&in, view, err);
        r.computed_tokens = engine->timeline.computed - computed;
        gad_turn_free(engine, &in.turn);
    }
    gad_string_free(&text);
    if (status)
        gad_inspection_clear(&r);
    else
        *result = r;
    return status;
}
