/* runlog_plot: the page of gad_runlog_plot: one SVG curve a metric and the latest texts, in one file without links. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/html.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/string.h"
#include "train/runlog.h"
#include "train/runlog_plot_css.h"

static const char operation[] = "plot training log";
enum { MAX_CURVES = 96, MAX_TEXTS = 24, WIDTH = 360, HEIGHT = 150 };
static const size_t limit_bytes = (size_t)1 << 30;

typedef struct point {
    double step, value;
} point;

typedef struct curve {
    char name[64];
    point *point;
    size_t count, capacity;
} curve;

typedef struct page {
    curve curve[MAX_CURVES];
    int curves;
    json_t *text[MAX_TEXTS]; /* a ring of the latest */
    size_t texts;
} page;

static bool add_point(page *p, const char *name, double step, double value)
{
    int i = 0;
    while (i < p->curves && strcmp(p->curve[i].name, name) != 0)
        i++;
    if (i == MAX_CURVES)
        return true;
    curve *c = &p->curve[i];
    if (i == p->curves) {
        snprintf(c->name, sizeof c->name, "%s", name);
        p->curves++;
    }
    while (c->count && c->point[c->count - 1].step >= step)
        c->count--; /* the run was resumed before this step */
    if (!gad_memory_grow((void **)&c->point, &c->capacity, c->count, sizeof *c->point))
        return false;
    c->point[c->count++] = (point){step, value};
    return true;
}

/* One line of the log. A last line without its end (the disk was full, the run was killed) is left out. */
static gad_status read_line(page *p, const char *line, size_t length, const char *path, gad_error *err)
{
    json_t *root = NULL, *value;
    const char *key;
    gad_status status = gad_json_parse(line, length, path, &root, err);
    if (status)
        return status;
    double step = json_number_value(json_object_get(root, "step"));
    if (json_object_get(root, "event")) {
        json_decref(p->text[p->texts % MAX_TEXTS]);
        p->text[p->texts++ % MAX_TEXTS] = json_incref(root);
    } else {
        json_object_foreach (root, key, value) {
            if (json_is_number(value) && strcmp(key, "step") != 0 && !add_point(p, key, step, json_number_value(value)))
                status = gad_error_memory(err, operation, sizeof(point));
        }
    }
    json_decref(root);
    return status;
}

/* At most 600 points: means of neighbours beyond. */
static void draw_curve(const curve *c, gad_string *html)
{
    double low = INFINITY, high = -INFINITY, from = c->point[0].step, to = c->point[c->count - 1].step;
    size_t pool = c->count / 600 + 1;
    for (size_t i = 0; i < c->count; i++) {
        low = fmin(low, c->point[i].value);
        high = fmax(high, c->point[i].value);
    }
    gad_string_add(html, "<figure><figcaption>");
    gad_string_add_html(html, c->name);
    gad_string_addf(html, " <b>%.4g</b></figcaption><svg viewBox=\"0 0 %d %d\"><polyline points=\"",
                    c->point[c->count - 1].value, WIDTH, HEIGHT);
    for (size_t i = 0; i < c->count; i += pool) {
        double value = 0, n = 0;
        for (size_t k = i; k < c->count && k < i + pool; k++, n++)
            value += c->point[k].value;
        double x = to > from ? (c->point[i].step - from) / (to - from) : 0.5;
        double y = high > low ? (value / n - low) / (high - low) : 0.5;
        gad_string_addf(html, "%.1f,%.1f ", 4 + x * (WIDTH - 8), HEIGHT - 4 - y * (HEIGHT - 8));
    }
    gad_string_addf(html, "\"/></svg><small>%.4g to %.4g, step %.0f to %.0f</small></figure>\n", low, high, from, to);
}

static void draw_page(const page *p, const char *title, gad_string *html)
{
    gad_html_begin(html, title, runlog_plot_css);
    gad_html_element(html, "h1", "", title);
    gad_string_add(html, "<main>\n");
    for (int i = 0; i < p->curves; i++)
        if (p->curve[i].count)
            draw_curve(&p->curve[i], html);
    gad_string_add(html, "</main>\n");
    size_t first = p->texts > MAX_TEXTS ? p->texts - MAX_TEXTS : 0;
    for (size_t i = p->texts; i-- > first;) {
        const json_t *text = p->text[i % MAX_TEXTS];
        const char *event = json_string_value(json_object_get(text, "event"));
        const char *words = json_string_value(json_object_get(text, "text"));
        gad_string_addf(html, "<h3>step %.0f, ", json_number_value(json_object_get(text, "step")));
        gad_string_add_html(html, event ? event : "");
        gad_string_addf(html, " %.4g</h3>", json_number_value(json_object_get(text, "value")));
        gad_html_element(html, "pre", "", words ? words : "");
        gad_string_add(html, "\n");
    }
    gad_html_end(html, NULL);
}

gad_status gad_runlog_plot(const char *path, const char *html, gad_error *err)
{
    char *data = NULL;
    size_t size = 0;
    page *p = gad_memory_zero(1, sizeof *p);
    gad_status status =
        p ? gad_file_read(path, limit_bytes, &data, &size, err) : gad_error_memory(err, operation, sizeof *p);
    for (const char *at = data, *end; !status && at < data + size && (end = memchr(at, '\n', (size_t)(data + size - at)));
         at = end + 1)
        if (end > at)
            status = read_line(p, at, (size_t)(end - at), path, err);
    if (!status && !p->curves)
        status = gad_error_set(err, GAD_E_FORMAT, operation, "give the log.jsonl of a run", "%s: holds no steps", path);
    if (!status) {
        gad_string text = {0};
        draw_page(p, path, &text);
        status = text.failed ? gad_error_memory(err, operation, text.capacity)
                             : gad_file_write(html, text.data, text.length, err);
        gad_string_free(&text);
    }
    for (int i = 0; p && i < p->curves; i++)
        gad_memory_free(p->curve[i].point);
    for (size_t i = 0; p && i < MAX_TEXTS; i++)
        json_decref(p->text[i]);
    gad_memory_free(p);
    gad_memory_free(data);
    return status;
}
