/* mask: see mask.h. Groups are components of the dilated mask; boxes are measured on the undilated pixels. */
#include "task/mask.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct window {
    int x1, y1, x2, y2;
} window;

gad_mask_rule gad_mask_rule_default(void)
{
    return (gad_mask_rule){.dilate_frac = 0.01,
                           .min_area_px = 4,
                           .min_area_frac = 2e-6,
                           .merge_inside = 0.8,
                           .merge_iou = 0.5,
                           .max_boxes = 8};
}

void gad_mask_rule_text(const gad_mask_rule *rule, char *text, size_t size_bytes)
{
    snprintf(text, size_bytes, "components8:dilate=%g,min_px=%d,min_frac=%g,inside=%g,iou=%g,max=%d,v1", rule->dilate_frac,
             rule->min_area_px, rule->min_area_frac, rule->merge_inside, rule->merge_iou, rule->max_boxes);
}

/* The first byte that is not 0; NULL when there is none. */
static const unsigned char *first_set(const unsigned char *row, int width)
{
    int x = 0;
    for (uint64_t eight; x + 8 <= width; x += 8) {
        memcpy(&eight, row + x, 8);
        if (eight)
            break;
    }
    for (; x < width; x++)
        if (row[x])
            return row + x;
    return NULL;
}

/* The smallest window around the set pixels, grown by r and cut at the image: defects are small, so everything after
 * this looks at few pixels. */
static bool find_window(const unsigned char *mask, int width, int height, int r, window *w)
{
    int x1 = width, y1 = height, x2 = 0, y2 = 0;
    for (int y = 0; y < height; y++) {
        const unsigned char *row = mask + (size_t)y * (size_t)width, *last;
        const unsigned char *first = first_set(row, width);
        if (!first)
            continue;
        for (last = row + width - 1; !*last;)
            last--;
        x1 = first - row < x1 ? (int)(first - row) : x1;
        x2 = last - row >= x2 ? (int)(last - row) + 1 : x2;
        y1 = y < y1 ? y : y1;
        y2 = y + 1;
    }
    if (x2 <= x1)
        return false;
    *w = (window){x1 > r ? x1 - r : 0, y1 > r ? y1 - r : 0, x2 + r < width ? x2 + r : width,
                  y2 + r < height ? y2 + r : height};
    return true;
}

/* Set line[i*step] where a set element lies within r of i. `scratch` has n bytes. */
static void dilate_line(unsigned char *line, size_t step, int n, int r, unsigned char *scratch)
{
    int last = -r - 1;
    for (int i = 0; i < n; i++) {
        if (line[(size_t)i * step])
            last = i;
        scratch[i] = i - last <= r;
    }
    last = n + r;
    for (int i = n - 1; i >= 0; i--) {
        if (line[(size_t)i * step])
            last = i;
        scratch[i] = scratch[i] || last - i <= r;
    }
    for (int i = 0; i < n; i++)
        line[(size_t)i * step] = scratch[i];
}

static int find_root(int *parent, int i)
{
    while (parent[i] != i) {
        parent[i] = parent[parent[i]];
        i = parent[i];
    }
    return i;
}

static int join(int *parent, int a, int b)
{
    a = find_root(parent, a);
    b = find_root(parent, b);
    if (a == b)
        return a;
    parent[a > b ? a : b] = a < b ? a : b;
    return a < b ? a : b;
}

/* Two-pass labelling with 8-connectivity. label[i] becomes 1..*labels, 0 outside. `parent` has w*h/2+2 elements: of two
 * horizontal neighbours at most one opens a label. */
static void label_components(const unsigned char *set, int w, int h, int *label, int *parent, int *labels)
{
    int next = 1;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            size_t i = (size_t)y * (size_t)w + (size_t)x;
            label[i] = 0;
            if (!set[i])
                continue;
            int best = x > 0 ? label[i - 1] : 0;
            for (int dx = -1; dx <= 1 && y > 0; dx++) {
                if (x + dx < 0 || x + dx >= w)
                    continue;
                int above = label[i - (size_t)w - 1 + (size_t)(dx + 1)];
                if (above)
                    best = best ? join(parent, best, above) : above;
            }
            if (!best) {
                best = next++;
                parent[best] = best;
            }
            label[i] = best;
        }
    /* A root is the smallest of its set, so going up every parent is already numbered. */
    int count = 0;
    for (int i = 1; i < next; i++)
        parent[i] = parent[i] == i ? ++count : parent[parent[i]];
    *labels = count;
    for (size_t i = 0; i < (size_t)w * (size_t)h; i++)
        label[i] = label[i] ? parent[label[i]] : 0;
}

static double intersection(gad_box a, gad_box b)
{
    double w = fmin(a.x2, b.x2) - fmax(a.x1, b.x1), h = fmin(a.y2, b.y2) - fmax(a.y1, b.y1);
    return w > 0 && h > 0 ? w * h : 0;
}

/* Squared distance between the edges of two boxes, 0 when they touch. */
static double gap_between(gad_box a, gad_box b)
{
    double dx = fmax(fmax(a.x1 - b.x2, b.x1 - a.x2), 0), dy = fmax(fmax(a.y1 - b.y2, b.y1 - a.y2), 0);
    return dx * dx + dy * dy;
}

static bool overlap_enough(gad_box a, gad_box b, const gad_mask_rule *rule)
{
    double inter = intersection(a, b), area_a = gad_box_area(a), area_b = gad_box_area(b);
    return inter > 0 &&
           (inter >= rule->merge_inside * fmin(area_a, area_b) || inter >= rule->merge_iou * (area_a + area_b - inter));
}

/* Replace box a by the hull of a and b and take b out. */
static void absorb(gad_mask_box *boxes, int *count, int a, int b)
{
    gad_mask_box *p = &boxes[a];
    const gad_mask_box q = boxes[b];
    p->box = (gad_box){.x1 = fmin(p->box.x1, q.box.x1),
                       .y1 = fmin(p->box.y1, q.box.y1),
                       .x2 = fmax(p->box.x2, q.box.x2),
                       .y2 = fmax(p->box.y2, q.box.y2)};
    p->area += q.area;
    p->components += q.components;
    memmove(&boxes[b], &boxes[b + 1], (size_t)(*count - b - 1) * sizeof *boxes);
    --*count;
}

/* The closest pair that may be joined (any pair when `rule` is NULL), ties by index. */
static bool closest_pair(const gad_mask_box *boxes, int count, const gad_mask_rule *rule, int *a, int *b)
{
    double best = INFINITY;
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++) {
            if (rule && !overlap_enough(boxes[i].box, boxes[j].box, rule))
                continue;
            double gap = gap_between(boxes[i].box, boxes[j].box);
            if (gap < best) {
                best = gap;
                *a = i;
                *b = j;
            }
        }
    return best < INFINITY;
}

static int compare_position(const void *a, const void *b)
{
    const gad_mask_box *p = a, *q = b;
    return gad_box_compare(p->box, q->box);
}

static int compare_area(const void *a, const void *b)
{
    const gad_mask_box *p = a, *q = b;
    return p->area != q->area ? (p->area > q->area ? -1 : 1) : compare_position(a, b);
}

/* Pair search is quadratic per step; noise masks can have thousands of specks. Those beyond the largest SEARCH_LIMIT go
 * into their nearest kept neighbour first, which is where the closest-pair rule would bring them. */
enum { SEARCH_LIMIT = 256 };

static void absorb_specks(gad_mask_box *boxes, int *count)
{
    qsort(boxes, (size_t)*count, sizeof *boxes, compare_area);
    while (*count > SEARCH_LIMIT) {
        int last = *count - 1, nearest = 0;
        for (int i = 1; i < SEARCH_LIMIT; i++)
            if (gap_between(boxes[i].box, boxes[last].box) < gap_between(boxes[nearest].box, boxes[last].box))
                nearest = i;
        absorb(boxes, count, nearest, last);
    }
    qsort(boxes, (size_t)*count, sizeof *boxes, compare_position);
}

/* Join boxes by the rule's merge steps and order them; *count shrinks. Any number of boxes goes in. */
static void merge_boxes(gad_mask_box *boxes, int *count, const gad_mask_rule *rule, bool *reduced)
{
    int a = 0, b = 0;
    bool forced = false;
    if (*count > SEARCH_LIMIT) {
        absorb_specks(boxes, count);
        forced = true;
    }
    while (*count > 1 && closest_pair(boxes, *count, rule, &a, &b))
        absorb(boxes, count, a, b);
    while (*count > rule->max_boxes && closest_pair(boxes, *count, NULL, &a, &b)) {
        absorb(boxes, count, a, b);
        forced = true;
        while (*count > 1 && closest_pair(boxes, *count, rule, &a, &b))
            absorb(boxes, count, a, b);
    }
    qsort(boxes, (size_t)*count, sizeof *boxes, compare_position);
    if (reduced)
        *reduced = forced;
}

/* Measure each group of the dilated mask on the pixels that are really set. */
static void measure(const unsigned char *set, const int *group, const int *component, window w, gad_mask_box *groups,
                    int *component_group)
{
    int cols = w.x2 - w.x1, rows = w.y2 - w.y1;
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < cols; x++) {
            size_t i = (size_t)y * (size_t)cols + (size_t)x;
            if (!set[i])
                continue;
            gad_mask_box *g = &groups[group[i] - 1];
            int px = x + w.x1, py = y + w.y1;
            if (!g->area)
                *g = (gad_mask_box){.box = {.x1 = px, .y1 = py, .x2 = px + 1, .y2 = py + 1}};
            g->area++;
            g->box.x1 = px < g->box.x1 ? px : g->box.x1;
            g->box.x2 = px >= g->box.x2 ? px + 1 : g->box.x2;
            g->box.y2 = py + 1;
            if (component_group[component[i]] == 0) {
                component_group[component[i]] = group[i];
                g->components++;
            }
        }
}

static int drop_small(gad_mask_box *groups, int count, double threshold)
{
    int kept = 0, largest = 0;
    for (int i = 0; i < count; i++)
        if (groups[i].area > groups[largest].area)
            largest = i;
    gad_mask_box keep = groups[largest];
    for (int i = 0; i < count; i++)
        if ((double)groups[i].area >= threshold)
            groups[kept++] = groups[i];
    if (!kept)
        groups[kept++] = keep;
    return kept;
}

/* Buffers over one window of the mask. */
typedef struct scratch {
    unsigned char *set, *wide, *line;
    int *group, *component, *parent, *component_group;
    gad_mask_box *boxes;
} scratch;

static void scratch_free(scratch *s)
{
    void *all[] = {s->set, s->wide, s->line, s->group, s->component, s->parent, s->component_group, s->boxes};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        gad_memory_free(all[i]);
}

static bool scratch_make(scratch *s, int cols, int rows)
{
    size_t n = (size_t)cols * (size_t)rows, longest = (size_t)(cols > rows ? cols : rows);
    s->set = gad_memory_alloc(n, 1);
    s->wide = gad_memory_alloc(n, 1);
    s->line = gad_memory_alloc(longest, 1);
    s->group = gad_memory_alloc(n, sizeof(int));
    s->component = gad_memory_alloc(n, sizeof(int));
    s->parent = gad_memory_alloc(n / 2 + (size_t)rows + 2, sizeof(int));
    return s->set && s->wide && s->line && s->group && s->component && s->parent;
}

gad_status gad_mask_boxes(const unsigned char *mask, int width, int height, const gad_mask_rule *rule, gad_mask_box *boxes,
                          int *count, bool *reduced, gad_error *err)
{
    if (width < 1 || height < 1 || rule->max_boxes < 1 || rule->max_boxes > GAD_MASK_BOX_LIMIT)
        return gad_error_set(err, GAD_E_ARGUMENT, "mask to boxes", NULL, "a mask of %d x %d with at most %d boxes", width,
                             height, rule->max_boxes);
    int radius = (int)lround(rule->dilate_frac * (width > height ? width : height));
    radius = radius < 1 ? 1 : radius;
    window w;
    if (reduced)
        *reduced = false;
    if (!find_window(mask, width, height, radius, &w)) {
        *count = 0;
        return GAD_OK;
    }
    int cols = w.x2 - w.x1, rows = w.y2 - w.y1, groups = 0, components = 0;
    scratch s = {0};
    gad_status status = GAD_OK;
    if (!scratch_make(&s, cols, rows)) {
        status = gad_error_memory(err, "mask to boxes", (size_t)cols * (size_t)rows * 14);
        goto done;
    }
    for (int y = 0; y < rows; y++)
        for (int x = 0; x < cols; x++)
            s.set[(size_t)y * (size_t)cols + (size_t)x] =
                mask[(size_t)(y + w.y1) * (size_t)width + (size_t)(x + w.x1)] != 0;
    memcpy(s.wide, s.set, (size_t)cols * (size_t)rows);
    for (int y = 0; y < rows; y++)
        dilate_line(s.wide + (size_t)y * (size_t)cols, 1, cols, radius, s.line);
    for (int x = 0; x < cols; x++)
        dilate_line(s.wide + x, (size_t)cols, rows, radius, s.line);
    label_components(s.set, cols, rows, s.component, s.parent, &components);
    label_components(s.wide, cols, rows, s.group, s.parent, &groups);
    s.boxes = gad_memory_zero((size_t)groups, sizeof *s.boxes);
    s.component_group = gad_memory_zero((size_t)components + 1, sizeof(int));
    if (!s.boxes || !s.component_group) {
        status = gad_error_memory(err, "mask to boxes", (size_t)(groups + components) * sizeof *s.boxes);
        goto done;
    }
    measure(s.set, s.group, s.component, w, s.boxes, s.component_group);
    double threshold = fmax(rule->min_area_px, rule->min_area_frac * width * height);
    groups = drop_small(s.boxes, groups, threshold);
    merge_boxes(s.boxes, &groups, rule, reduced);
    memcpy(boxes, s.boxes, (size_t)groups * sizeof *boxes);
    *count = groups;
done:
    scratch_free(&s);
    return status;
}
