/* inspection_page: finished inspections as one HTML page without a network, rejected parts first: good part, boxes, heat
 * map, reasoning. Functions of gad_product.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "api/inspection.h"
#include "api/inspection_page_css.h"
#include "api/link.h"
#include "base/base64.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/html.h"
#include "base/memory.h"
#include "gad_product.h"
#include "io/image_jpeg.h"
#include "io/resize.h"

enum { SIDE_PX = 320, QUALITY = 82 };

static const char operation[] = "write the page of inspections";

/* In the order of the page. */
typedef enum section { SECTION_REJECTED, SECTION_UNCLEAR, SECTION_PASSED, SECTIONS } section;

typedef struct card {
    gad_string html;
    section section;
    double score;
    size_t place; /* in which it came */
} card;

struct gad_inspection_page {
    card *card;
    size_t cards, capacity;
    char *path, *model, *guarantee, *settings;
    double began_s;
    double threshold; /* of the first card; NaN: answers decide by their word */
    char threshold_source[96];
    int failed;
    int count[GAD_VERDICT_UNFAMILIAR + 1]; /* by verdict */
};

gad_status gad_inspection_page_new(const gad_inspection_page_head *head, gad_inspection_page **page, gad_error *err)
{
    gad_inspection_page *made = gad_memory_zero(1, sizeof *made);
    if (made) {
        made->threshold = (double)NAN;
        made->began_s = gad_clock_seconds();
        made->path = gad_memory_copy_string(head->path);
        made->model = gad_memory_copy_string(head->model ? head->model : "");
        made->guarantee = gad_memory_copy_string(head->guarantee ? head->guarantee : "");
        made->settings = gad_memory_copy_string(head->settings ? head->settings : "");
    }
    if (!made || !made->path || !made->model || !made->guarantee || !made->settings) {
        gad_inspection_page_free(made);
        return gad_error_memory(err, operation, sizeof *made);
    }
    *page = made;
    return GAD_OK;
}

void gad_inspection_page_free(gad_inspection_page *page)
{
    if (!page)
        return;
    for (size_t i = 0; i < page->cards; i++)
        gad_string_free(&page->card[i].html);
    gad_memory_free(page->card);
    gad_memory_free(page->path);
    gad_memory_free(page->model);
    gad_memory_free(page->guarantee);
    gad_memory_free(page->settings);
    gad_memory_free(page);
}

/* ---- one inspection ------------------------------------------------------------------------------------------------ */

/* A thumbnail that opens the whole picture. */
static gad_status add_figure(gad_string *html, const gad_image *image, const char *caption, const char *page,
                             const char *whole, gad_error *err)
{
    gad_image small = {0};
    gad_string jpeg = {0};
    gad_status status = gad_resize_fit(image, SIDE_PX, SIDE_PX, &small, err);
    if (!status)
        status = gad_image_jpeg_encode(&small, QUALITY, &jpeg, err);
    if (!status) {
        gad_string_add(html, "<figure>");
        if (whole) {
            gad_string_add(html, "<a href=\"");
            gad_link_add(html, page, whole);
            gad_string_add(html, "\">");
        }
        gad_string_addf(html, "<img alt=\"%s\" width=\"%lld\" height=\"%lld\" src=\"data:image/jpeg;base64,", caption,
                        (long long)small.width, (long long)small.height);
        gad_base64_encode(jpeg.data, jpeg.length, html);
        gad_string_addf(html, "\">%s<figcaption>%s</figcaption></figure>", whole ? "</a>" : "", caption);
    }
    gad_string_free(&jpeg);
    gad_image_free(&small);
    return status;
}

static gad_status add_pictures(gad_string *html, const char *page, const gad_inspection_card *c, gad_error *err)
{
    gad_image drawn = {0};
    gad_status status = c->good ? add_figure(html, &c->good->image, "good part", page, c->good_path, err) : GAD_OK;
    if (!status)
        status = gad_inspection_draw_overlay(c->result, c->part, &drawn, err);
    if (!status)
        status = add_figure(html, &drawn, "inspected part", page, c->overlay ? c->overlay : c->name, err);
    gad_image_free(&drawn);
    if (!status && c->result->heat)
        status = gad_inspection_draw_heatmap(c->result, c->part, &drawn, err);
    if (!status && c->result->heat)
        status = add_figure(html, &drawn, "where it differs", page, c->heatmap, err);
    gad_image_free(&drawn);
    return status;
}

static void add_words(gad_string *html, const gad_inspection *r)
{
    if (r->verdict == GAD_VERDICT_UNFAMILIAR)
        gad_string_addf(html, "<p>Does not look like the good part: distance %.2f, limit %.2f.</p>", r->distance,
                        r->distance_limit);
    if (r->disagreement)
        gad_string_add(html, "<p class=\"note\">The reasoned answer disagrees with the verdict.</p>");
    if (r->reasoning[0])
        gad_html_element(html, "p", "", r->reasoning);
    if (r->found && r->found[0])
        gad_html_element(html, "p", "class=\"found\"", r->found);
    gad_string_add(html, r->defect_count ? "<ul>" : "");
    for (int i = 0; i < r->defect_count; i++) {
        const gad_defect *d = &r->defect[i];
        gad_string_add(html, "<li>");
        gad_string_add_html(html, d->label[0] ? d->label : "anomaly");
        gad_string_addf(html, " at %.0f, %.0f to %.0f, %.0f px</li>", d->x1, d->y1, d->x2, d->y2);
    }
    gad_string_add(html, r->defect_count ? "</ul>" : "");
}

static void add_head(gad_string *html, const gad_inspection_card *c)
{
    const gad_inspection *r = c->result;
    const char *verdict = gad_verdict_name(r->verdict);
    gad_string_addf(html, "<article class=\"%s%s%s\"><h3><b>%s</b>", verdict, c->good ? " wide" : "",
                    c->truth && *c->wrong ? " wrong" : "", verdict);
    gad_string_add_html(html, gad_file_name(c->name));
    gad_string_add(html, "</h3>");
    gad_html_element(html, "p", "class=\"path\"", c->name);
    gad_string_add(html, "<p>");
    if (c->truth) {
        gad_string_add(html, "truth: ");
        gad_string_add_html(html, c->truth);
        if (*c->wrong)
            gad_string_addf(html, ": <strong>%s</strong>", c->wrong);
        gad_string_add(html, " &middot; ");
    }
    if (r->score >= 0)
        gad_string_addf(html, "score %.3f &middot; ", r->score);
    gad_string_addf(html, "%.0f ms</p><div class=\"row\">", r->encode_ms + r->prompt_ms + r->answer_ms);
}

/* The page takes the card's HTML, or frees it. */
static gad_status keep(gad_inspection_page *page, gad_string *html, section where, double score, gad_error *err)
{
    if (html->failed || !gad_memory_grow((void **)&page->card, &page->capacity, page->cards, sizeof *page->card)) {
        gad_string_free(html);
        return gad_error_memory(err, operation, html->capacity);
    }
    page->card[page->cards] = (card){.html = *html, .section = where, .score = score, .place = page->cards};
    page->cards++;
    return GAD_OK;
}

static section section_of(gad_verdict verdict)
{
    return verdict == GAD_VERDICT_NORMAL       ? SECTION_PASSED
           : verdict == GAD_VERDICT_UNREADABLE ? SECTION_UNCLEAR
                                               : SECTION_REJECTED;
}

gad_status gad_inspection_page_add(gad_inspection_page *page, const gad_inspection_card *c, gad_error *err)
{
    gad_string html = {0};
    const gad_inspection *r = c->result;
    add_head(&html, c);
    gad_status status = add_pictures(&html, page->path, c, err);
    if (status) {
        gad_string_free(&html);
        return status;
    }
    gad_string_add(&html, "</div>");
    add_words(&html, r);
    gad_string_add(&html, "</article>\n");
    status = keep(page, &html, section_of(r->verdict), r->score, err);
    if (status)
        return status;
    if (isnan(page->threshold)) {
        page->threshold = r->threshold;
        memcpy(page->threshold_source, r->threshold_source, sizeof page->threshold_source);
    }
    page->count[r->verdict]++;
    return GAD_OK;
}

gad_status gad_inspection_page_add_failure(gad_inspection_page *page, const char *name, const gad_error *why,
                                           gad_error *err)
{
    gad_string html = {0};
    gad_string_add(&html, "<article class=\"failed wide\"><h3><b>failed</b>");
    gad_string_add_html(&html, name);
    gad_string_add(&html, "</h3>");
    gad_html_element(&html, "p", "", why->cause);
    gad_html_element(&html, "p", "class=\"note\"", why->hint);
    gad_string_add(&html, "</article>\n");
    gad_status status = keep(page, &html, SECTION_UNCLEAR, 0, err);
    page->failed += !status;
    return status;
}

/* ---- the page ------------------------------------------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    const card *x = a, *y = b;
    if (x->section != y->section)
        return x->section < y->section ? -1 : 1;
    if (x->score != y->score) /* what is most likely wrong comes first */
        return x->score > y->score ? -1 : 1;
    return x->place < y->place ? -1 : 1;
}

static void add_threshold(gad_string *html, const gad_inspection_page *page)
{
    if (!(page->threshold >= 0))
        return;
    gad_string_addf(html, "<p class=\"note\">Threshold %.3f (", page->threshold);
    gad_string_add_html(html, page->threshold_source);
    gad_string_add(html, ")");
    if (*page->guarantee) {
        gad_string_add(html, ": ");
        gad_string_add_html(html, page->guarantee);
    }
    gad_string_add(html, ".</p>");
}

static void add_summary(gad_string *html, const gad_inspection_page *page)
{
    char time[32];
    double seconds = gad_clock_seconds() - page->began_s;
    const int *count = page->count, all = (int)page->cards;
    gad_string_addf(html, "<h1>Inspected parts</h1><p>%d part%s: %d ok, %d rejected", all, all == 1 ? "" : "s",
                    count[GAD_VERDICT_NORMAL], count[GAD_VERDICT_ANOMALOUS]);
    if (count[GAD_VERDICT_UNFAMILIAR])
        gad_string_addf(html, ", %d unfamiliar", count[GAD_VERDICT_UNFAMILIAR]);
    if (count[GAD_VERDICT_UNREADABLE])
        gad_string_addf(html, ", %d whose answer could not be read", count[GAD_VERDICT_UNREADABLE]);
    if (page->failed)
        gad_string_addf(html, ", %d failed", page->failed);
    gad_string_add(html, ".</p>");
    add_threshold(html, page);
    gad_clock_stamp(time, sizeof time);
    gad_string_addf(html, "<p class=\"note\">%s, %.3g parts/s, gad " GAD_VERSION, time,
                    seconds > 0 ? (double)all / seconds : 0);
    if (*page->model) {
        gad_string_add(html, ", ");
        gad_string_add_html(html, page->model);
    }
    gad_string_add(html, ".</p>");
    if (*page->settings) {
        gad_string_add(html, "<details><summary>Settings</summary>");
        gad_html_element(html, "pre", "", page->settings);
        gad_string_add(html, "</details>");
    }
}

static void add_sections(gad_string *html, const gad_inspection_page *page)
{
    static const char *const titles[SECTIONS] = {"Rejected", "Not decided", "Passed"};
    for (size_t i = 0; i < page->cards; i++) {
        const card *c = &page->card[i];
        if (!i || page->card[i - 1].section != c->section) {
            size_t count = 1;
            while (i + count < page->cards && page->card[i + count].section == c->section)
                count++;
            gad_string_addf(html, "%s<h2>%s (%zu)</h2><div class=\"parts\">\n", i ? "</div>" : "", titles[c->section],
                            count);
        }
        gad_string_append(html, gad_string_text(&c->html), c->html.length);
    }
    gad_string_add(html, page->cards ? "</div>" : "");
}

gad_status gad_inspection_page_write(const gad_inspection_page *page, gad_error *err)
{
    gad_string html = {0};
    if (page->cards)
        qsort(page->card, page->cards, sizeof *page->card, compare);
    gad_html_begin(&html, "gad: inspected parts", inspection_page_css);
    gad_string_add(&html, "<main>");
    add_summary(&html, page);
    add_sections(&html, page);
    gad_string_add(&html, "</main>\n");
    gad_html_end(&html, NULL);
    gad_status status = html.failed ? gad_error_memory(err, operation, html.capacity)
                                    : gad_file_write(page->path, html.data, html.length, err);
    gad_string_free(&html);
    return status;
}
