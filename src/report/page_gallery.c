/* page_gallery: the cases of the HTML report: reference and inspected image with true and predicted boxes, what the model
 * said and why (page.h). */
#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "report/page_sections.h"
#include "report/showcase.h"

#include <math.h>
#include <string.h>

enum { REASONING_SHOWN = 320, TEXT_LIMIT = 6000 };

static const char *kind_key(gad_scoring_kind kind)
{
    static const char *const keys[] = {"missed", "alarm", "unread", "place", "partly", "right"};
    return keys[kind];
}

static const char *kind_tone(gad_scoring_kind kind)
{
    return kind == GAD_SCORING_RIGHT ? "good" : kind == GAD_SCORING_PARTLY ? "warn" : "bad";
}

/* Whole UTF-8 characters, at most `limit` bytes. */
static void add_piece(gad_string *html, const char *text, size_t length, size_t limit)
{
    gad_string piece = {0};
    size_t n = length < limit ? length : limit;
    while (n < length && n && ((unsigned char)text[n] & 0xC0) == 0x80)
        n--;
    for (size_t i = 0; i < n; i++)
        gad_string_append(&piece, text[i] ? text + i : " ", 1);
    gad_string_add_html(html, gad_string_text(&piece));
    gad_string_add(html, n < length ? " ..." : "");
    gad_string_free(&piece);
}

/* ---- pictures with boxes ---- */

static void add_rect(gad_string *html, const char *tone, gad_box b)
{
    gad_string_addf(html, "<rect class=\"%s\" x=\"%.6g\" y=\"%.6g\" width=\"%.6g\" height=\"%.6g\"/>", tone, b.x1, b.y1,
                    fmax(0, b.x2 - b.x1), fmax(0, b.y2 - b.y1));
}

static void add_boxes(gad_string *html, const gad_showcase_case *c, const gad_item *item, const gad_answer *answer)
{
    if (c->width < 1 || c->height < 1)
        return;
    gad_string_addf(html, "<svg viewBox=\"0 0 %lld %lld\" preserveAspectRatio=\"none\" aria-hidden=\"true\">",
                    (long long)c->width, (long long)c->height);
    for (size_t i = 0; i < item->box_count; i++) {
        add_rect(html, "halo", item->box[i]);
        add_rect(html, "truth", item->box[i]);
    }
    for (size_t i = 0; i < answer->count; i++)
        if (answer->boxes[i].valid) {
            add_rect(html, "halo", answer->boxes[i].box);
            add_rect(html, "said", answer->boxes[i].box);
        }
    gad_string_add(html, "</svg>");
}

/* The size is stated, so that the page does not move while pictures are decoded. */
static void add_frame(gad_string *html, const gad_showcase_picture *picture, const char *path, const char *alt)
{
    if (!picture->jpeg.length) {
        gad_string_add(html, "<div class=\"frame none\">not shown here:<br>");
        gad_string_add_html(html, path);
        gad_string_add(html, "</div>");
        return;
    }
    gad_string_add(html, "<div class=\"frame\"><a href=\"file://");
    gad_string_add_html(html, path);
    gad_string_addf(html,
                    "\"><img alt=\"%s\" width=\"%lld\" height=\"%lld\" decoding=\"async\" src=\"data:image/jpeg;base64,",
                    alt, (long long)picture->width, (long long)picture->height);
    gad_base64_encode(picture->jpeg.data, picture->jpeg.length, html);
    gad_string_add(html, "\"></a>");
}

static void add_pictures(gad_string *html, const gad_showcase_case *c, const gad_item *item, const gad_answer *answer)
{
    gad_string_add(html, "<div class=\"shots\">");
    if (item->reference_count) {
        gad_string_add(html, "<figure class=\"shot\">");
        add_frame(html, &c->reference, item->reference[0], "normal reference");
        gad_string_add(html, c->reference.jpeg.length ? "</div>" : "");
        gad_string_add(html, "<figcaption>normal reference</figcaption></figure>");
    }
    gad_string_add(html, "<figure class=\"shot\">");
    add_frame(html, &c->image, item->image, "inspected image");
    if (c->image.jpeg.length) {
        add_boxes(html, c, item, answer);
        gad_string_add(html, "</div>");
    }
    gad_string_add(html, "<figcaption>inspected");
    if (item->box_count)
        gad_string_add(html, " &middot; <span style=\"color:var(--truth)\">&#9632; truth</span>");
    if (answer->count)
        gad_string_add(html, " &middot; <span style=\"color:var(--said)\">&#9632; model</span>");
    gad_string_add(html, "</figcaption></figure></div>\n");
}

/* ---- words ---- */

static void add_truth(gad_string *html, const gad_item *item)
{
    if (!item->anomalous) {
        gad_string_add(html, "Truth: <b>normal</b>. ");
        return;
    }
    gad_string_add(html, "Truth: <b>");
    gad_string_add_html(html, item->type ? item->type : "anomalous");
    gad_string_add(html, "</b>");
    if (item->box_count)
        gad_string_addf(html, ", %zu box%s", item->box_count, item->box_count == 1 ? "" : "es");
    gad_string_add(html, ". ");
}

static void add_said(gad_string *html, const gad_scored *scored, const gad_answer *answer)
{
    static const char *const words[] = {"nothing readable", "No", "Yes"};
    const gad_outcome *o = &scored->outcome;
    gad_string_addf(html, "Model: <b>%s</b>", words[answer->decision]);
    for (size_t i = 0; i < answer->count && i < 3; i++) {
        gad_string_add(html, i ? ", " : ": ");
        gad_string_add_html(html, *answer->boxes[i].label ? answer->boxes[i].label : "(no label)");
    }
    if (answer->count > 3)
        gad_string_addf(html, " and %zu more", answer->count - 3);
    if (o->localized && answer->count)
        gad_string_addf(html, " &ndash; %d of %d found, %d wrong", o->at[0].matched, o->truths,
                        o->predictions - o->at[0].matched);
    if (isfinite(o->score))
        gad_string_addf(html, ". Score %.3f", o->score);
    gad_string_add(html, ".");
}

static void add_answer(gad_string *html, const char *text, const gad_answer *answer)
{
    if (answer->think_length) {
        gad_string_add(html, "<p class=\"think\">");
        add_piece(html, text + answer->think_begin, answer->think_length, REASONING_SHOWN);
        gad_string_add(html, "</p>");
    }
    gad_string_add(html, "<details><summary>whole answer</summary><pre>");
    add_piece(html, text, strlen(text), TEXT_LIMIT);
    gad_string_add(html, "</pre></details>\n");
}

static gad_status add_case(gad_string *html, const gad_summary *s, const gad_showcase_case *c, gad_error *err)
{
    const gad_item *item = &s->record->items.item[c->item];
    const gad_row *row = &s->record->rows.of[c->item];
    gad_box_frame frame = gad_scoring_frame(item, row, &s->choices);
    gad_answer answer;
    gad_status status = gad_answer_read_cut(row->text, strlen(row->text), gad_row_cut(row), &frame, &answer, err);
    if (status)
        return status;
    gad_string_addf(html, "<article class=\"case\" data-kind=\"%s\"%s data-set=\"", kind_key(c->kind),
                    c->random ? " data-random" : "");
    gad_string_add_html(html, item->dataset);
    gad_string_addf(html, "\"><p class=\"top\"><span class=\"chip %s\">%s</span><b>", kind_tone(c->kind),
                    gad_scoring_kind_name(c->kind));
    gad_string_add_html(html, item->category);
    gad_string_add(html, "</b></p>\n");
    add_pictures(html, c, item, &answer);
    gad_string_add(html, "<p class=\"says\">");
    add_truth(html, item);
    add_said(html, &s->scored[c->item], &answer);
    gad_string_add(html, "</p>\n");
    add_answer(html, row->text, &answer);
    gad_string_add(html, "<p class=\"id\">");
    gad_string_add_html(html, item->id);
    gad_string_add(html, "</p></article>\n");
    gad_answer_free(&answer);
    return GAD_OK;
}

static void add_filter(gad_string *html, const gad_summary *s, const gad_showcase *g)
{
    int64_t kinds[GAD_SCORING_KINDS] = {0}, random = 0;
    for (size_t i = 0; i < g->count; i++) {
        kinds[g->shown[i].kind]++;
        random += g->shown[i].random;
    }
    gad_string_add(html, "<div class=\"filter\"><button data-pick=\"error\" aria-pressed=\"true\">all errors</button>");
    for (int k = 0; k < GAD_SCORING_KINDS; k++)
        if (kinds[k])
            gad_string_addf(html, "<button data-pick=\"%s\" aria-pressed=\"false\">%s (%lld)</button>",
                            kind_key((gad_scoring_kind)k), gad_scoring_kind_name((gad_scoring_kind)k), (long long)kinds[k]);
    gad_string_addf(html,
                    "<button data-pick=\"random\" aria-pressed=\"false\">random sample (%lld)</button>"
                    "<button data-pick=\"all\" aria-pressed=\"false\">all</button>",
                    (long long)random);
    if (s->datasets > 1) {
        gad_string_add(html, "<select aria-label=\"data set\"><option value=\"\">all data sets</option>");
        for (size_t k = 0; k < s->datasets; k++) {
            gad_string_add(html, "<option>");
            gad_string_add_html(html, s->scope[k].name);
            gad_string_add(html, "</option>");
        }
        gad_string_add(html, "</select>");
    }
    gad_string_add(html, "<span id=\"shown\" class=\"note\" style=\"margin:0\"></span></div>\n");
}

gad_status gad_page_gallery(gad_string *html, const gad_report *report, const gad_log *log, gad_error *err)
{
    const gad_summary *s = report->run;
    gad_showcase g;
    size_t per_kind = report->cases ? report->cases : GAD_SHOWCASE_PER_KIND;
    char note[384];
    gad_status status = gad_showcase_make(s, per_kind, &g, err);
    if (status)
        return status;
    snprintf(
        note, sizeof note,
        "The worst %zu of each kind of error (the most confident ones where there is a score), and %zu answers drawn at "
        "random from all. In the whole run: %lld missed, %lld false alarms, %lld unreadable, %lld in the wrong place, "
        "%lld partly found, %lld right.",
        per_kind, per_kind, (long long)s->kinds[GAD_SCORING_MISSED], (long long)s->kinds[GAD_SCORING_FALSE_ALARM],
        (long long)s->kinds[GAD_SCORING_UNREAD], (long long)s->kinds[GAD_SCORING_WRONG_PLACE],
        (long long)s->kinds[GAD_SCORING_PARTLY], (long long)s->kinds[GAD_SCORING_RIGHT]);
    gad_page_section(html, "gallery", "Cases", note);
    if (g.unreadable)
        gad_log_warning(log, "%lld pictures of the report could not be read; the first: %s", (long long)g.unreadable,
                        g.first_unreadable);
    if (g.left_out)
        gad_log_info(log, "%lld pictures are left out to keep the page small", (long long)g.left_out);
    if (g.count)
        add_filter(html, s, &g);
    gad_string_add(html, "<div class=\"cases\">\n");
    for (size_t i = 0; i < g.count && !status; i++)
        status = add_case(html, s, &g.shown[i], err);
    gad_string_add(html, "</div>\n");
    gad_page_end(html);
    gad_showcase_free(&g);
    return status;
}
