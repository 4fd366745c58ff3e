/* scoring: see scoring.h. Rules: docs/spec/benchmark.md sections 7 to 10. */
#include "bench/scoring.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <string.h>

static const char *const unparsable_names[] = {GAD_SCORING_UNPARSABLE_WORDS};
static const char *const size_names[] = {"under 0.1 %", "0.1 % to 1 %", "1 % to 10 %", "10 % and more"};
static const char *const kind_names[] = {"missed", "false alarm", "unreadable", "wrong place", "partly found", "right"};

gad_scoring_choices gad_scoring_default(void)
{
    return (gad_scoring_choices){
        .iou = {.1, .5}, .convention = GAD_BOX_CANVAS, .threshold = NAN, .resamples = 1000, .seed = 1, .confidence = .95};
}

const char *gad_scoring_unparsable_name(gad_scoring_unparsable rule)
{
    return unparsable_names[rule];
}

const char *gad_scoring_size_name(int size)
{
    return size_names[size];
}

const char *gad_scoring_kind_name(gad_scoring_kind kind)
{
    return kind_names[kind];
}

gad_box_frame gad_scoring_frame(const gad_item *item, const gad_row *row, const gad_scoring_choices *choices)
{
    bool input = choices->convention == GAD_BOX_INPUT && row->input_width > 0 && row->input_height > 0;
    int width = item->width > 0 ? (int)item->width : 1, height = item->height > 0 ? (int)item->height : 1;
    return gad_box_frame_make(choices->convention, choices->order, width, height, input ? (int)row->input_width : 0,
                              input ? (int)row->input_height : 0);
}

static int size_of(const gad_item *item, gad_box box)
{
    double part = (box.x2 - box.x1) * (box.y2 - box.y1) / ((double)item->width * (double)item->height);
    return part < .001 ? 0 : part < .01 ? 1 : part < .1 ? 2 : 3;
}

/* Scratch for matching one image. */
typedef struct pairing {
    gad_box *predicted;
    int64_t *truth_of, *prediction_of;
} pairing;

static bool make_pairing(pairing *p, size_t truths, const gad_answer *answer)
{
    p->predicted = gad_memory_alloc(answer->count, sizeof *p->predicted);
    p->truth_of = gad_memory_alloc(answer->count, sizeof *p->truth_of);
    p->prediction_of = gad_memory_alloc(truths, sizeof *p->prediction_of);
    for (size_t i = 0; p->predicted && i < answer->count; i++)
        p->predicted[i] = answer->boxes[i].box;
    return p->predicted && p->truth_of && p->prediction_of;
}

static void free_pairing(pairing *p)
{
    gad_memory_free(p->predicted);
    gad_memory_free(p->truth_of);
    gad_memory_free(p->prediction_of);
}

static gad_status score_boxes(const gad_item *item, const gad_answer *answer, const gad_scoring_choices *choices,
                              gad_scored *scored, gad_error *err)
{
    gad_outcome *o = &scored->outcome;
    pairing p = {0};
    if (!make_pairing(&p, item->box_count, answer)) {
        free_pairing(&p);
        return gad_error_memory(err, "score an answer", (item->box_count + answer->count) * sizeof(gad_box));
    }
    for (size_t i = 0; i < item->box_count; i++)
        scored->size_truths[size_of(item, item->box[i])]++;
    for (int k = 0; k < GAD_TALLY_THRESHOLDS; k++) {
        size_t found, right;
        o->at[k].matched = (int32_t)gad_box_match_one(item->box, item->box_count, p.predicted, answer->count,
                                                      choices->iou[k], p.truth_of, p.prediction_of);
        gad_box_match_many(item->box, item->box_count, p.predicted, answer->count, choices->iou[k], &found, &right);
        o->at[k].found = (int32_t)found;
        o->at[k].right = (int32_t)right;
        for (size_t i = 0; i < item->box_count; i++)
            if (p.prediction_of[i] >= 0) {
                scored->size_found[k][size_of(item, item->box[i])]++;
                scored->matched_boxes[k] |= i < 64 ? UINT64_C(1) << i : 0;
            }
    }
    gad_status status = gad_box_mask_iou(item->box, item->box_count, p.predicted, answer->count, &o->mask_iou, err);
    free_pairing(&p);
    return status;
}

/* Sets whether the image is called anomalous, or that it is left out. */
static void decide(const gad_row *row, const gad_scoring_choices *choices, gad_scored *scored)
{
    gad_outcome *o = &scored->outcome;
    scored->counted = true;
    if (!isnan(choices->threshold) && !isnan(row->score)) {
        o->called = row->score >= choices->threshold;
    } else if (scored->decision != GAD_ANSWER_NONE) {
        o->called = scored->decision == GAD_ANSWER_YES;
    } else {
        scored->unread = true;
        scored->counted = choices->unparsable != GAD_SCORING_EXCLUDED;
        o->called = choices->unparsable == GAD_SCORING_WRONG && !o->anomalous;
    }
}

gad_status gad_scoring_score(const gad_item *item, const gad_row *row, const gad_scoring_choices *choices,
                             gad_scored *scored, gad_error *err)
{
    *scored = (gad_scored){.outcome = {.anomalous = item->anomalous, .score = NAN, .mask_iou = NAN}};
    if (!row || !row->id || !row->answered)
        return GAD_OK;
    gad_answer answer;
    gad_box_frame frame = gad_scoring_frame(item, row, choices);
    gad_status status = gad_answer_read_cut(row->text, strlen(row->text), gad_row_cut(row), &frame, &answer, err);
    if (status)
        return status;
    gad_outcome *o = &scored->outcome;
    scored->decision = answer.decision;
    scored->flags = answer.flags;
    scored->strict = answer.strict;
    decide(row, choices, scored);
    if (!o->called) { /* a No by the score: the boxes of the text are not scored */
        answer.ignored += answer.count;
        answer.count = 0;
    }
    o->score = row->score;
    if (answer.count > INT32_MAX || item->box_count > INT32_MAX)
        status = gad_error_set(err, GAD_E_LIMIT, "score an answer", NULL, "%s: too many boxes", item->id);
    o->predictions = (int32_t)answer.count;
    o->localized = item->anomalous && item->boxes_known && item->box_count > 0;
    o->truths = o->localized ? (int32_t)item->box_count : 0;
    if (!status && o->localized)
        status = score_boxes(item, &answer, choices, scored, err);
    gad_answer_free(&answer);
    return status;
}

gad_scoring_kind gad_scoring_kind_of(const gad_scored *scored)
{
    const gad_outcome *o = &scored->outcome;
    if (scored->unread)
        return GAD_SCORING_UNREAD;
    if (o->anomalous != o->called)
        return o->anomalous ? GAD_SCORING_MISSED : GAD_SCORING_FALSE_ALARM;
    if (!o->localized)
        return GAD_SCORING_RIGHT;
    if (!o->at[0].matched)
        return GAD_SCORING_WRONG_PLACE;
    return o->at[0].matched == o->truths && o->predictions == o->truths ? GAD_SCORING_RIGHT : GAD_SCORING_PARTLY;
}
