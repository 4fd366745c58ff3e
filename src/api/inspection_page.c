/* inspection_page: finished inspections as one HTML page without a network: good part, boxes, heat map, reasoning.
 * Functions of gad_product.h. */
#include <math.h>
#include <string.h>

#include "api/inspection.h"
#include "api/inspection_page_css.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/file.h"
#include "base/html.h"
#include "base/memory.h"
#include "gad_product.h"
#include "io/image_jpeg.h"
#include "io/resize.h"

enum { SIDE_PX = 320, QUALITY = 82 };

static const char operation[] = "write the page of inspections";

struct gad_inspection_page {
    gad_string cards;
    double threshold; /* of the first card; NaN: answers decide by their word */
    char threshold_source[96];
    int failed;
    int count[GAD_VERDICT_UNFAMILIAR + 1]; /* by verdict */
};

gad_status gad_inspection_page_new(gad_inspection_page **page, gad_error *err)
{
    *page = gad_memory_zero(1, sizeof **page);
    if (!*page)
        return gad_error_memory(err, operation, sizeof **page);
    (*page)->threshold = NAN;
    return GAD_OK;
}

void gad_inspection_page_free(gad_inspection_page *page)
{
    if (!page)
        return;
    gad_string_free(&page->cards);
    gad_memory_free(page);
}

/* ---- one inspection ------------------------------------------------------------------------------------------------ */

static gad_status add_figure(gad_string *html, const gad_image *image, const char *caption, gad_error *err)
{
    gad_image small = {0};
    gad_string jpeg = {0};
    gad_status status = gad_resize_fit(image, SIDE_PX, SIDE_PX, &small, err);
    if (!status)
        status = gad_image_jpeg_encode(&small, QUALITY, &jpeg, err);
    if (!status) {
        gad_string_addf(html, "<figure><img alt=\"%s\" width=\"%lld\" height=\"%lld\" src=\"data:image/jpeg;base64,",
                        caption, (long long)small.width, (long long)small.height);
        gad_base64_encode(jpeg.data, jpeg.length, html);
        gad_string_addf(html, "\"><figcaption>%s</figcaption></figure>", caption);
    }
    gad_string_free(&jpeg);
    gad_image_free(&small);
    return status;
}

static gad_status add_pictures(gad_string *html, const gad_inspection *r, const gad_picture *part, gad_picture *const *good,
                               int good_count, gad_error *err)
{
    gad_image drawn = {0};
    gad_status status = good_count ? add_figure(html, &good[0]->image, "good part", err) : GAD_OK;
    if (!status)
        status = gad_inspection_draw_overlay(r, part, &drawn, err);
    if (!status)
        status = add_figure(html, &drawn, "inspected part", err);
    gad_image_free(&drawn);
    if (!status && r->heat)
        status = gad_inspection_draw_heatmap(r, part, &drawn, err);
    if (!status && r->heat)
        status = add_figure(html, &drawn, "where it differs", err);
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
    if (r->reasoning[0]) {
        gad_string_add(html, "<p>");
        gad_string_add_html(html, r->reasoning);
        gad_string_add(html, "</p>");
    }
    if (r->found && r->found[0]) {
        gad_string_add(html, "<p class=\"found\">");
        gad_string_add_html(html, r->found);
        gad_string_add(html, "</p>");
    }
    gad_string_add(html, r->defect_count ? "<ul>" : "");
    for (int i = 0; i < r->defect_count; i++) {
        const gad_defect *d = &r->defect[i];
        gad_string_add(html, "<li>");
        gad_string_add_html(html, d->label[0] ? d->label : "anomaly");
        gad_string_addf(html, " at %.0f, %.0f to %.0f, %.0f px</li>", d->x1, d->y1, d->x2, d->y2);
    }
    gad_string_add(html, r->defect_count ? "</ul>" : "");
}

static void add_head(gad_string *html, const char *name, const char *truth, const char *wrong, const gad_inspection *r,
                     bool wide)
{
    const char *verdict = gad_verdict_name(r->verdict);
    gad_string_addf(html, "<article class=\"%s%s%s\"><h3><b>%s</b>", verdict, wide ? " wide" : "",
                    truth && *wrong ? " wrong" : "", verdict);
    gad_string_add_html(html, gad_file_name(name));
    gad_string_add(html, "</h3><p class=\"path\">");
    gad_string_add_html(html, name);
    gad_string_add(html, "</p><p>");
    if (truth) {
        gad_string_add(html, "truth: ");
        gad_string_add_html(html, truth);
        if (*wrong)
            gad_string_addf(html, ": <strong>%s</strong>", wrong);
        gad_string_add(html, " &middot; ");
    }
    if (r->score >= 0)
        gad_string_addf(html, "score %.3f &middot; ", r->score);
    gad_string_addf(html, "%.0f ms</p><div class=\"row\">", r->encode_ms + r->prompt_ms + r->answer_ms);
}

gad_status gad_inspection_page_add(gad_inspection_page *page, const char *name, const char *truth, const char *wrong,
                                   const gad_inspection *r, const gad_picture *part, gad_picture *const *good,
                                   int good_count, gad_error *err)
{
    gad_string *html = &page->cards;
    size_t before = html->length;
    add_head(html, name, truth, wrong, r, good_count > 0);
    gad_status status = add_pictures(html, r, part, good, good_count, err);
    if (status) { /* the page stays as it was */
        html->length = before;
        return status;
    }
    gad_string_add(html, "</div>");
    add_words(html, r);
    gad_string_add(html, "</article>\n");
    if (isnan(page->threshold)) {
        page->threshold = r->threshold;
        memcpy(page->threshold_source, r->threshold_source, sizeof page->threshold_source);
    }
    page->count[r->verdict]++;
    return html->failed ? gad_error_memory(err, operation, html->capacity) : GAD_OK;
}

gad_status gad_inspection_page_add_failure(gad_inspection_page *page, const char *name, const gad_error *why,
                                           gad_error *err)
{
    gad_string *html = &page->cards;
    gad_string_add(html, "<article class=\"failed wide\"><h3><b>failed</b>");
    gad_string_add_html(html, name);
    gad_string_add(html, "</h3><p>");
    gad_string_add_html(html, why->cause);
    gad_string_add(html, "</p><p class=\"note\">");
    gad_string_add_html(html, why->hint);
    gad_string_add(html, "</p></article>\n");
    page->failed++;
    return html->failed ? gad_error_memory(err, operation, html->capacity) : GAD_OK;
}

/* ---- the page ------------------------------------------------------------------------------------------------------ */

gad_status gad_inspection_page_write(const gad_inspection_page *page, const char *path, gad_error *err)
{
    gad_string html = {0};
    int all = page->failed;
    for (int i = 0; i <= GAD_VERDICT_UNFAMILIAR; i++)
        all += page->count[i];
    gad_html_begin(&html, "gad: inspected parts", inspection_page_css);
    gad_string_addf(&html, "<main><h1>Inspected parts</h1><p class=\"note\">%d part%s: %d anomalous, %d normal", all,
                    all == 1 ? "" : "s", page->count[GAD_VERDICT_ANOMALOUS], page->count[GAD_VERDICT_NORMAL]);
    if (page->count[GAD_VERDICT_UNREADABLE])
        gad_string_addf(&html, ", %d whose answer could not be read", page->count[GAD_VERDICT_UNREADABLE]);
    if (page->count[GAD_VERDICT_UNFAMILIAR])
        gad_string_addf(&html, ", %d unfamiliar", page->count[GAD_VERDICT_UNFAMILIAR]);
    if (page->failed)
        gad_string_addf(&html, ", %d failed", page->failed);
    if (page->threshold >= 0) {
        gad_string_addf(&html, ". Threshold %.3f (", page->threshold);
        gad_string_add_html(&html, page->threshold_source);
        gad_string_add(&html, ")");
    }
    gad_string_add(&html, "</p><div class=\"parts\">\n");
    gad_string_append(&html, gad_string_text(&page->cards), page->cards.length);
    gad_string_add(&html, "</div></main>\n");
    gad_html_end(&html, NULL);
    gad_status status =
        html.failed ? gad_error_memory(err, operation, html.capacity) : gad_file_write(path, html.data, html.length, err);
    gad_string_free(&html);
    return status;
}
