/* inspect: see inspect.h */
#include "inspect/inspect.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/string.h"
#include "inspect/ask.h"
#include "inspect/decision.h"
#include "inspect/findings.h"
#include "inspect/hints.h"
#include "inspect/likeness.h"
#include "task/question.h"

enum { MAX_KNOWLEDGE = 64, MAX_PICTURES = 65 };
static const char operation[] = "inspect the part";

/* One inspection on its way. */
typedef struct inspection {
    gad_engine *engine;
    const gad_inspect_request *request;
    const gad_inspect_settings *settings;
    gad_rule rule;
    gad_turn turn;
    gad_cancel cancel;
    uint64_t part;            /* hash of the picture: each part draws words of its own, the same in every run */
    gad_answer_decision word; /* of the reasoned answer */
    gad_inspection *result;
} inspection;

/* ---- findings ------------------------------------------------------------------------------------------------------ */

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

static void drop_defects(gad_inspection *result)
{
    for (int i = 0; i < result->defect_count; i++)
        gad_memory_free(result->defect[i].label);
    gad_memory_free(result->defect);
    result->defect = NULL;
    result->defect_count = 0;
}

static gad_status add_defect(gad_inspection *result, const gad_box *box, bool valid, const char *text, gad_error *err)
{
    char *label = gad_memory_copy_string(text);
    if (!label)
        return gad_error_memory(err, operation, strlen(text));
    result->defect[result->defect_count++] =
        (gad_defect){.x1 = box->x1, .y1 = box->y1, .x2 = box->x2, .y2 = box->y2, .valid = valid, .label = label};
    return GAD_OK;
}

static gad_status reserve_defects(gad_inspection *result, size_t count, gad_error *err)
{
    drop_defects(result);
    result->defect = gad_memory_zero(count, sizeof *result->defect);
    return result->defect ? GAD_OK : gad_error_memory(err, operation, count * sizeof *result->defect);
}

/* The regions of the heat map, where no text gives places. */
static gad_status take_regions(const gad_turn *turn, gad_inspection *result, gad_error *err)
{
    gad_status status = reserve_defects(result, GAD_REGIONS_MAX, err);
    for (int i = 0; i < turn->region_count && !status; i++) {
        gad_box box = gad_regions_box(&turn->region[i], (double)result->width_px, (double)result->height_px);
        status = add_defect(result, &box, true, "", err);
    }
    return status;
}

static gad_status take_boxes(const gad_answer *answer, gad_inspection *result, gad_error *err)
{
    gad_status status = reserve_defects(result, answer->count, err);
    for (size_t i = 0; i < answer->count && !status; i++)
        status = add_defect(result, &answer->boxes[i].box, answer->boxes[i].valid, answer->boxes[i].label, err);
    return status;
}

/* ---- the answer ---------------------------------------------------------------------------------------------------- */

static char *copy_bytes(const char *bytes, size_t length)
{
    char *copy = gad_memory_alloc(length + 1, 1);
    if (copy) {
        memcpy(copy, bytes, length);
        copy[length] = 0;
    }
    return copy;
}

static char *name_flags(const gad_answer *answer)
{
    gad_string list = {0};
    for (int i = 0; i < GAD_ANSWER_FLAGS; i++)
        if (answer->flags & 1u << i)
            gad_string_addf(&list, "%s%s", list.length ? "," : "", gad_answer_flag_name(i));
    char *flags = list.failed ? NULL : gad_memory_copy_string(gad_string_text(&list));
    gad_string_free(&list);
    return flags;
}

static gad_status take_answer(inspection *in, const gad_asked *asked, gad_error *err)
{
    gad_inspection *r = in->result;
    const gad_answer *answer = &asked->answer;
    const char *text = gad_string_text(&asked->decoded.text);
    in->word = answer->decision;
    r->reasoned = true;
    r->score_reasoned = asked->score;
    r->truncated = asked->decoded.finish == GAD_FINISH_LENGTH;
    r->answer_tokens = (int64_t)asked->decoded.ids.count;
    gad_memory_free(r->raw);
    gad_memory_free(r->reasoning);
    gad_memory_free(r->flags);
    r->raw = gad_memory_copy_string(text);
    r->reasoning = copy_bytes(text + answer->think_begin, answer->think_length);
    r->flags = name_flags(answer);
    return r->raw && r->reasoning && r->flags ? take_boxes(answer, r, err)
                                              : gad_error_memory(err, operation, asked->decoded.text.length);
}

static gad_status answer_reasoned(inspection *in, gad_error *err)
{
    const gad_view *view = &in->turn.view;
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
    gad_status status = gad_ask_reasoned(in->engine, &in->turn, in->request->object, &decode, &rng, &frame, &asked, err);
    if (status)
        return status;
    status = take_answer(in, &asked, err);
    gad_asked_free(&asked);
    return status;
}

/* ---- the decision -------------------------------------------------------------------------------------------------- */

static gad_verdict decide(inspection *in)
{
    gad_inspection *r = in->result;
    r->score = in->rule.reasoned ? r->score_reasoned : r->score_fast;
    return gad_decision_make(&in->rule, r->score, in->word);
}

static gad_status measure_likeness(inspection *in, gad_error *err)
{
    gad_familiarity f;
    gad_status status = gad_likeness_measure(in->engine, in->request->part, in->request->part_count, &f, err);
    if (status)
        return status;
    in->result->distance = f.distance;
    in->result->distance_limit = f.limit;
    return GAD_OK;
}

/* Where the decision is not that of the text, its places are not the text's either. */
static gad_status settle(inspection *in, gad_error *err)
{
    gad_inspection *r = in->result;
    bool says_yes = in->word == GAD_ANSWER_YES, bad = r->verdict == GAD_VERDICT_ANOMALOUS;
    r->disagreement = r->reasoned && in->word != GAD_ANSWER_NONE && says_yes != bad && r->verdict != GAD_VERDICT_UNREADABLE;
    r->threshold = in->rule.threshold;
    snprintf(r->threshold_source, sizeof r->threshold_source, "%s", in->rule.source);
    gad_status status = GAD_OK;
    if (bad && !says_yes && in->turn.heat)
        status = take_regions(&in->turn, r, err);
    else if (r->verdict == GAD_VERDICT_NORMAL && says_yes)
        drop_defects(r);
    if (!status)
        status = gad_findings_take(&in->turn, r, err);
    if (r->distance > r->distance_limit)
        r->verdict = GAD_VERDICT_UNFAMILIAR;
    return status;
}

/* Where pixels say little, the memory of the good parts does. */
static double weigh(const gad_turn *turn, double score)
{
    static const double least = 1e-6, rest = 0.3; /* what pixels always say */
    const double p = fmin(fmax(score, least), 1 - least), trust = (double)turn->trust;
    if (trust >= 1)
        return score;
    return 1 / (1 + exp(-((trust + (1 - trust) * rest) * log(p / (1 - p)) + (1 - trust) * turn->remembered)));
}

static gad_status answer(inspection *in, gad_error *err)
{
    const gad_inspect_settings *s = in->settings;
    gad_inspection *r = in->result;
    double start = gad_clock_seconds();
    bool reason = in->rule.reasoned || in->request->choice;
    gad_status status = GAD_OK;
    if (!reason) {
        status = gad_ask_fast(in->engine, &in->turn, &in->cancel, &r->score_fast, err);
        if (!status)
            r->score_fast = weigh(&in->turn, r->score_fast);
        r->verdict = status ? r->verdict : decide(in);
        reason = s->reason == GAD_REASON_REJECTS && r->verdict == GAD_VERDICT_ANOMALOUS;
    }
    r->prompt_ms = 1000 * (gad_clock_seconds() - start);
    if (!status && reason) {
        start = gad_clock_seconds();
        status = answer_reasoned(in, err);
        r->answer_ms = 1000 * (gad_clock_seconds() - start);
    }
    if (status)
        return status;
    r->verdict = decide(in);
    return settle(in, err);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

static gad_status start_result(const gad_inspect_request *request, gad_inspection *result, gad_error *err)
{
    *result = (gad_inspection){.score = -1,
                               .score_fast = -1,
                               .score_reasoned = -1,
                               .threshold = NAN,
                               .distance = -1,
                               .distance_limit = -1,
                               .nearest = -1,
                               .difference = -1};
    for (size_t i = 0; i < request->part_count; i++)
        if (!request->part[i].text && !request->part[i].beside) {
            result->width_px = (int)request->part[i].image->width;
            result->height_px = (int)request->part[i].image->height;
        }
    snprintf(result->prompt_hash, sizeof result->prompt_hash, "%s", request->prompt_hash ? request->prompt_hash : "");
    result->reasoning = gad_memory_copy_string("");
    result->raw = gad_memory_copy_string("");
    result->flags = gad_memory_copy_string("");
    return result->reasoning && result->raw && result->flags ? GAD_OK : gad_error_memory(err, operation, 3);
}

gad_status gad_inspect_refuse_hints(gad_error *err)
{
    return gad_error_set(err, GAD_E_ARGUMENT, operation, "leave out --evidence, or choose a model that does not compare",
                         "this model compares by itself and was not taught to read hints");
}

/* A comparing model that is shown one picture would answer from nothing. */
static gad_status check_request(const gad_engine *engine, const gad_inspect_request *request, gad_error *err)
{
    size_t images = 0, beside = 0;
    for (size_t i = 0; i < request->part_count; i++) {
        images += !request->part[i].text && !request->part[i].beside;
        beside += request->part[i].beside;
    }
    if (!images)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "the question has no image");
    if (images == 1 && !request->choice && gad_engine_compares(engine))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "give a picture of a good part: --ref GOOD",
                             "this model compares the part with good ones, and none was given");
    return beside && gad_engine_compares(engine) ? gad_inspect_refuse_hints(err) : GAD_OK;
}

static gad_status run(inspection *in, gad_error *err)
{
    const gad_inspect_request *request = in->request;
    gad_inspection *r = in->result;
    double start = gad_clock_seconds();
    int64_t computed = in->engine->timeline.computed;
    gad_status status = gad_turn_make(in->engine, request->part, request->part_count, &in->turn, err);
    if (status)
        return status;
    r->encode_ms = 1000 * (gad_clock_seconds() - start);
    r->input_width_px = (int)in->turn.view.width;
    r->input_height_px = (int)in->turn.view.height;
    r->prompt_tokens = in->turn.asked.prompt.count;
    status = take_heat(&in->turn, r, err);
    if (!status && !request->choice)
        status = measure_likeness(in, err);
    if (!status)
        status = answer(in, err);
    r->computed_tokens = in->engine->timeline.computed - computed;
    gad_turn_free(in->engine, &in->turn);
    return status;
}

gad_status gad_inspect_ask(gad_engine *engine, const gad_inspect_request *request, const gad_inspect_settings *settings,
                           gad_inspection *result, gad_error *err)
{
    gad_inspection r;
    inspection in = {.engine = engine,
                     .request = request,
                     .settings = settings,
                     .cancel = {.is_cancelled = settings->is_cancelled, .user = settings->user},
                     .result = &r};
    gad_status status = check_request(engine, request, err);
    if (!status)
        status = gad_decision_rule(engine, settings, &in.rule, err);
    if (status)
        return status;
    for (size_t i = 0; i < request->part_count; i++)
        in.part = request->part[i].text || request->part[i].beside ? in.part : request->part[i].hash.low;
    status = start_result(request, &r, err);
    if (!status)
        status = run(&in, err);
    if (status)
        gad_inspection_clear(&r);
    else
        *result = r;
    return status;
}

/* ---- the question -------------------------------------------------------------------------------------------------- */

gad_inspect_settings gad_inspect_settings_default(void)
{
    return (gad_inspect_settings){.max_tokens = 1024, .greedy = true, .threshold = NAN};
}

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

/* What the product found, behind the question: text, and a heat map as a further piece of the turn. */
static gad_status add_hints(gad_engine *engine, const gad_image *image, const gad_inspection *seen,
                            const gad_inspect_settings *settings, gad_hint_set *hints, gad_string *question, gad_error *err)
{
    gad_view view;
    if (gad_engine_compares(engine))
        return gad_inspect_refuse_hints(err);
    gad_status status = gad_preprocess_view(&engine->preprocess, image->width, image->height, &view, err);
    if (status)
        return status;
    gad_box_frame frame = gad_box_frame_make(engine->convention, GAD_BOX_XY, (int)image->width, (int)image->height,
                                             (int)view.width, (int)view.height);
    status = gad_hints_make(seen, image, &frame, settings->hints, hints, err);
    gad_string_add(question, gad_string_text(&hints->text));
    return !status && question->failed ? gad_error_memory(err, operation, question->length) : status;
}

gad_status gad_inspect_pictures(gad_engine *engine, const gad_turn_part *picture, int count, const gad_inspection *seen,
                                const gad_inspect_settings *settings, gad_inspection *result, gad_error *err)
{
    if (count < 1 || count > MAX_PICTURES)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "between 0 and %d good parts can be shown, not %d",
                             MAX_PICTURES - 1, count - 1);
    gad_turn_part part[MAX_PICTURES + 2];
    char prompt_hash[33];
    gad_string text = {0};
    gad_hint_set hints = {0};
    memcpy(part, picture, (size_t)count * sizeof *part);
    gad_status status = build_question(engine, settings, count - 1, &text, prompt_hash, err);
    if (!status && seen && settings->hints != GAD_HINTS_NONE)
        status = add_hints(engine, picture[count - 1].image, seen, settings, &hints, &text, err);
    if (!status) {
        part[count] = (gad_turn_part){.text = gad_string_text(&text)};
        if (hints.heat.pixels)
            part[count + 1] = (gad_turn_part){.image = &hints.heat, .hash = gad_image_hash(&hints.heat), .beside = true};
        gad_inspect_request request = {.part = part,
                                       .part_count = (size_t)count + 1 + (hints.heat.pixels != NULL),
                                       .object = settings->class_name,
                                       .prompt_hash = prompt_hash};
        status = gad_inspect_ask(engine, &request, settings, result, err);
    }
    gad_hints_free(&hints);
    gad_string_free(&text);
    return status;
}
