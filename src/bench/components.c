/* components: see components.h */
#include "bench/components.h"

#include "base/error.h"
#include "base/memory.h"

static uint32_t root_of(uint32_t *parent, uint32_t i)
{
    while (parent[i] != i)
        i = parent[i] = parent[parent[i]];
    return i;
}

static bool add_run(gad_components *r, int y, int x1, int x2)
{
    if (!gad_memory_grow((void **)&r->run, &r->run_capacity, r->run_count, sizeof *r->run))
        return false;
    r->run[r->run_count++] = (gad_component_run){.y = y, .x1 = x1, .x2 = x2};
    return true;
}

static bool collect_runs(gad_components *r, const uint8_t *mask, int width, int height)
{
    for (int y = 0; y < height; y++) {
        const uint8_t *row = mask + (size_t)y * (size_t)width;
        for (int x = 0; x < width;) {
            if (!row[x]) {
                x++;
                continue;
            }
            int first = x;
            while (x < width && row[x])
                x++;
            if (!add_run(r, y, first, x))
                return false;
        }
    }
    return true;
}

/* Join runs of neighbouring rows that touch, corners included. */
static void join_rows(const gad_components *r, uint32_t *parent)
{
    size_t above = 0; /* first run that may still touch */
    for (size_t i = 0; i < r->run_count; i++) {
        const gad_component_run *run = &r->run[i];
        while (above < i && (r->run[above].y < run->y - 1 || (r->run[above].y == run->y - 1 && r->run[above].x2 < run->x1)))
            above++;
        for (size_t j = above; j < i && r->run[j].y == run->y - 1 && r->run[j].x1 <= run->x2; j++) {
            uint32_t a = root_of(parent, (uint32_t)i), b = root_of(parent, (uint32_t)j);
            if (a != b)
                parent[a > b ? a : b] = a > b ? b : a;
        }
    }
}

/* Number the roots in order of appearance and count their pixels. */
static bool number_regions(gad_components *r, uint32_t *parent)
{
    uint32_t *number = gad_memory_alloc(r->run_count, sizeof *number);
    if (!number)
        return false;
    for (size_t i = 0; i < r->run_count; i++) {
        uint32_t root = root_of(parent, (uint32_t)i);
        if (root == i)
            number[i] = (uint32_t)r->count++;
        r->run[i].region = number[root];
    }
    gad_memory_free(number);
    r->pixels = gad_memory_zero(r->count, sizeof *r->pixels);
    if (!r->pixels)
        return false;
    for (size_t i = 0; i < r->run_count; i++)
        r->pixels[r->run[i].region] += r->run[i].x2 - r->run[i].x1;
    return true;
}

gad_status gad_components_find(const uint8_t *mask, int width, int height, gad_components *regions, gad_error *err)
{
    gad_components r = {0};
    uint32_t *parent = NULL;
    bool done = collect_runs(&r, mask, width, height) && r.run_count < UINT32_MAX;
    if (done)
        parent = gad_memory_alloc(r.run_count, sizeof *parent);
    if (parent) {
        for (size_t i = 0; i < r.run_count; i++)
            parent[i] = (uint32_t)i;
        join_rows(&r, parent);
    }
    done = parent && number_regions(&r, parent);
    gad_memory_free(parent);
    if (!done) {
        gad_components_free(&r);
        return gad_error_memory(err, "find the regions of a mask", (size_t)width * (size_t)height);
    }
    *regions = r;
    return GAD_OK;
}

void gad_components_free(gad_components *regions)
{
    gad_memory_free(regions->run);
    gad_memory_free(regions->pixels);
    *regions = (gad_components){0};
}
