/* inspection: a finished inspection: its memory, its words, its lines of JSON and CSV (docs/formats.md). Functions of
 * gad.h. */
#include <math.h>
#include <string.h>

#include "base/csv.h"
#include "base/error.h"
#include "base/memory.h"
#include "base/string.h"
#include "gad.h"

void gad_inspection_clear(gad_inspection *result)
{
    for (int i = 0; i < result->defect_count; i++)
        gad_memory_free(result->defect[i].label);
    gad_memory_free(result->defect);
    gad_memory_free(result->heat);
    gad_memory_free(result->reasoning);
    gad_memory_free(result->found);
    gad_memory_free(result->raw);
    gad_memory_free(result->flags);
    *result = (gad_inspection){0};
}

void gad_text_free(char *text)
{
    gad_memory_free(text);
}

const char *gad_verdict_name(gad_verdict verdict)
{
    static const char *const names[] = {"unreadable", "normal", "anomalous", "unfamiliar"};
    return names[verdict];
}

/* Scores are never negative: that stands for one that does not exist, as NaN does for a threshold. */
static void add_number(gad_string *s, double value)
{
    if (value >= 0)
        gad_string_addf(s, "%.6f", value);
    else
        gad_string_add(s, "null");
}

static void add_measurement(gad_string *s, const gad_measurement *m)
{
    static const char *const contents[GAD_MEASUREMENT_CONTENTS] = {"changed", "added", "missing", "moved"};
    gad_string_addf(s,
                    ", \"measured\": {\"area_px\": %.1f, \"share\": %.6f, \"length_px\": %.1f, \"breadth_px\": %.1f, "
                    "\"direction_deg\": %.1f, \"lightness\": %.2f, \"red_green\": %.2f, \"yellow_blue\": %.2f, "
                    "\"roughness\": %.2f, \"contour\": %.2f, \"compared_with\": \"%s\", \"content\": \"%s\"",
                    m->area_px, m->share, m->length_px, m->breadth_px, m->direction_deg, m->lightness, m->red_green,
                    m->yellow_blue, m->roughness, m->contour,
                    m->basis == GAD_MEASUREMENT_REFERENCE ? "good part" : "surroundings", contents[m->content]);
    if (m->unusual > 0)
        gad_string_addf(s, ", \"unusual\": %.2f", m->unusual);
    if (m->content == GAD_MEASUREMENT_MOVED && m->other >= 0)
        gad_string_addf(s, ", \"found_at\": %d", m->other + 1);
    if (m->content == GAD_MEASUREMENT_ADDED && m->like_x >= 0)
        gad_string_addf(s, ", \"like\": [%.1f, %.1f]", m->like_x, m->like_y);
    gad_string_add(s, "}");
}

static void add_defects(gad_string *s, const gad_inspection *r)
{
    gad_string_add(s, ", \"boxes\": [");
    for (int i = 0; i < r->defect_count; i++) {
        const gad_defect *d = &r->defect[i];
        gad_string_addf(s, "%s{\"bbox_2d\": [%.2f, %.2f, %.2f, %.2f], \"label\": ", i ? ", " : "", d->x1, d->y1, d->x2,
                        d->y2);
        gad_string_add_json(s, d->label);
        gad_string_addf(s, ", \"valid\": %s", d->valid ? "true" : "false");
        if (d->measured)
            add_measurement(s, &d->measurement);
        gad_string_add(s, "}");
    }
    gad_string_add(s, "]");
}

gad_status gad_inspection_json(const gad_inspection *r, const char *part, const char *const *good, int good_count,
                               char **text, gad_error *err)
{
    gad_string s = {0};
    gad_string_add(&s, "{\"part\": ");
    gad_string_add_json(&s, part);
    gad_string_add(&s, ", \"references\": [");
    for (int i = 0; i < good_count; i++) {
        gad_string_add(&s, i ? ", " : "");
        gad_string_add_json(&s, good[i]);
    }
    gad_string_addf(&s, "], \"verdict\": \"%s\", \"score\": ", gad_verdict_name(r->verdict));
    add_number(&s, r->score);
    gad_string_add(&s, ", \"score_fast\": ");
    add_number(&s, r->score_fast);
    gad_string_add(&s, ", \"score_reasoned\": ");
    add_number(&s, r->score_reasoned);
    gad_string_add(&s, ", \"threshold\": ");
    add_number(&s, r->threshold);
    gad_string_add(&s, ", \"threshold_source\": ");
    gad_string_add_json(&s, r->threshold_source);
    gad_string_addf(&s, ", \"disagreement\": %s", r->disagreement ? "true" : "false");
    if (r->distance >= 0)
        gad_string_addf(&s, ", \"distance\": %.4f, \"distance_limit\": %.4f", r->distance, r->distance_limit);
    if (r->heat)
        gad_string_addf(&s, ", \"difference\": %.6f", r->difference);
    add_defects(&s, r);
    gad_string_add(&s, ", \"reasoning\": ");
    gad_string_add_json(&s, r->reasoning);
    gad_string_add(&s, ", \"found\": ");
    gad_string_add_json(&s, r->found ? r->found : "");
    gad_string_add(&s, ", \"raw\": ");
    gad_string_add_json(&s, r->raw);
    gad_string_add(&s, ", \"flags\": ");
    gad_string_add_json(&s, r->flags);
    gad_string_addf(&s,
                    ", \"reasoned\": %s, \"truncated\": %s, \"width\": %d, \"height\": %d, \"input_width\": %d, "
                    "\"input_height\": %d, \"prompt_hash\": \"%s\", \"prompt_tokens\": %lld, \"computed_tokens\": %lld, "
                    "\"answer_tokens\": %lld, \"encode_ms\": %.1f, \"prompt_ms\": %.1f, \"answer_ms\": %.1f}",
                    r->reasoned ? "true" : "false", r->truncated ? "true" : "false", r->width_px, r->height_px,
                    r->input_width_px, r->input_height_px, r->prompt_hash, (long long)r->prompt_tokens,
                    (long long)r->computed_tokens, (long long)r->answer_tokens, r->encode_ms, r->prompt_ms, r->answer_ms);
    if (s.failed) {
        gad_string_free(&s);
        return gad_error_memory(err, "write JSON", s.length);
    }
    *text = s.data;
    return GAD_OK;
}

gad_status gad_inspection_failure_json(const char *part, const gad_error *why, char **text, gad_error *err)
{
    gad_string s = {0};
    gad_string_add(&s, "{\"part\": ");
    gad_string_add_json(&s, part);
    gad_string_add(&s, ", \"error\": ");
    gad_string_add_json(&s, why->cause);
    gad_string_add(&s, ", \"operation\": ");
    gad_string_add_json(&s, why->operation);
    gad_string_add(&s, ", \"hint\": ");
    gad_string_add_json(&s, why->hint);
    gad_string_add(&s, "}");
    *text = s.failed ? NULL : gad_memory_copy_string(gad_string_text(&s));
    gad_string_free(&s);
    return *text ? GAD_OK : gad_error_memory(err, "describe a failed part", strlen(part));
}

/* ---- CSV ----------------------------------------------------------------------------------------------------------- */

const char *gad_inspection_csv_head(void)
{
    return "part,verdict,score,threshold,boxes,labels,x1,y1,x2,y2,disagreement,ms,error";
}

/* The line, whose memory is taken over. */
static gad_status give_line(gad_string *line, char **text, gad_error *err)
{
    if (line->failed) {
        gad_string_free(line);
        return gad_error_memory(err, "write CSV", line->length);
    }
    *text = line->data;
    return GAD_OK;
}

static void add_labels(gad_string *line, const gad_inspection *r)
{
    gad_string labels = {0};
    for (int i = 0; i < r->defect_count; i++)
        gad_string_addf(&labels, "%s%s", i && labels.length ? "; " : "", r->defect[i].label);
    gad_csv_add_text(line, gad_string_text(&labels));
    line->failed |= labels.failed;
    gad_string_free(&labels);
}

/* The first box stands for all: it is the model's first, or the product's largest. */
gad_status gad_inspection_csv(const gad_inspection *r, const char *part, char **text, gad_error *err)
{
    gad_string line = {0};
    const gad_defect *first = r->defect_count ? &r->defect[0] : NULL;
    gad_csv_add_text(&line, part);
    gad_string_addf(&line, ",%s,", gad_verdict_name(r->verdict));
    gad_csv_add_number(&line, r->score >= 0 ? r->score : (double)NAN);
    gad_string_add(&line, ",");
    gad_csv_add_number(&line, r->threshold);
    gad_string_addf(&line, ",%d,", r->defect_count);
    add_labels(&line, r);
    if (first)
        gad_string_addf(&line, ",%.0f,%.0f,%.0f,%.0f", first->x1, first->y1, first->x2, first->y2);
    else
        gad_string_add(&line, ",,,,");
    gad_string_addf(&line, ",%s,%.1f,", r->disagreement ? "yes" : "no", r->encode_ms + r->prompt_ms + r->answer_ms);
    return give_line(&line, text, err);
}

gad_status gad_inspection_failure_csv(const char *part, const gad_error *why, char **text, gad_error *err)
{
    gad_string line = {0};
    gad_csv_add_text(&line, part);
    gad_string_add(&line, ",failed,,,,,,,,,,,");
    gad_csv_add_text(&line, why->cause);
    return give_line(&line, text, err);
}
