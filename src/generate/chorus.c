/* chorus: see chorus.h */
#include "generate/chorus.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

enum { PAGE = GAD_PAGE_ROWS };
static const char operation[] = "decode answers together";

gad_status gad_chorus_open(const gad_pass *pass, const gad_model *model, int64_t rows, int voices, gad_chorus *chorus,
                           gad_error *err)
{
    const size_t most = (size_t)voices, vocab = (size_t)model->config.text.vocab;
    gad_chorus c = {.pass = *pass, .model = model, .rows = rows, .most = voices};
    c.most_pages = rows / PAGE + 2 * (int64_t)voices; /* each voice and prompt may begin one */
    c.page = gad_memory_alloc((size_t)c.most_pages, sizeof *c.page);
    c.spare = gad_memory_alloc((size_t)c.most_pages, sizeof *c.spare);
    c.voice = gad_memory_zero(most, sizeof *c.voice);
    c.ids = gad_memory_alloc(most, sizeof *c.ids);
    c.places = gad_memory_alloc(most, sizeof *c.places);
    c.positions = gad_memory_alloc(3 * most, sizeof *c.positions);
    c.span = gad_memory_alloc(most, sizeof *c.span);
    c.logits = gad_memory_alloc(most * vocab, sizeof *c.logits);
    c.draw = gad_memory_alloc(most, sizeof *c.draw);
    c.drawn = gad_memory_alloc(most, sizeof *c.drawn);
    const bool good =
        c.page && c.spare && c.voice && c.ids && c.places && c.positions && c.span && c.logits && c.draw && c.drawn;
    gad_status status = good ? GAD_OK : gad_error_memory(err, operation, most * vocab * sizeof *c.logits);
    if (!status)
        status = gad_lm_cache_open(pass->device, &model->config.text, PAGE, &c.cache, err);
    if (status)
        gad_chorus_close(&c);
    else
        *chorus = c;
    return status;
}

void gad_chorus_close(gad_chorus *chorus)
{
    if (chorus->pass.device)
        gad_lm_cache_close(chorus->pass.device, &chorus->cache);
    gad_memory_free(chorus->page);
    gad_memory_free(chorus->spare);
    gad_memory_free(chorus->voice);
    gad_memory_free(chorus->ids);
    gad_memory_free(chorus->places);
    gad_memory_free(chorus->positions);
    gad_memory_free(chorus->span);
    gad_memory_free(chorus->logits);
    gad_memory_free(chorus->draw);
    gad_memory_free(chorus->drawn);
    *chorus = (gad_chorus){0};
}

/* ---- pages --------------------------------------------------------------------------------------------------------- */

/* Memory for the first `pages` pages of the cache. */
static gad_status grow(gad_chorus *c, int64_t pages, gad_error *err)
{
    const int64_t now = c->cache.capacity / PAGE, half = now + now / 2;
    const int64_t ample = half < c->most_pages ? half : c->most_pages, wanted = pages > ample ? pages : ample;
    return pages <= now ? GAD_OK : gad_lm_cache_grow(c->pass.device, &c->cache, wanted * PAGE, now * PAGE, err);
}

/* Numbers for rows that have no pages yet. */
static gad_status number_rows(gad_chorus *c, int64_t rows, int64_t *first, gad_error *err)
{
    const int64_t pages = (rows + PAGE - 1) / PAGE;
    if (rows > c->rows - c->used || pages > c->most_pages - c->pages)
        return gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "no room was made for %lld more rows", (long long)rows);
    *first = c->pages * PAGE;
    for (int64_t i = 0; i < pages; i++)
        c->page[c->pages++] = -1;
    c->used += rows;
    return GAD_OK;
}

static int64_t place_of(const gad_chorus *c, int64_t row)
{
    return c->page[row / PAGE] * (int64_t)PAGE + row % PAGE;
}

gad_status gad_chorus_reserve(gad_chorus *c, int64_t rows, int64_t *first, int64_t *place, gad_error *err)
{
    const int64_t pages = (rows + PAGE - 1) / PAGE;
    gad_status status = number_rows(c, rows, first, err);
    if (!status)
        status = grow(c, c->held + pages, err);
    for (int64_t i = 0; i < pages && !status; i++)
        c->page[*first / PAGE + i] = (int32_t)c->held++;
    *place = status || !pages ? 0 : place_of(c, *first);
    return status;
}

/* A page for the row, where it is the first of its page. */
static gad_status find_page(gad_chorus *c, int64_t row, gad_error *err)
{
    int32_t *page = &c->page[row / PAGE];
    if (*page >= 0)
        return GAD_OK;
    gad_status status = c->spares ? GAD_OK : grow(c, c->held + 1, err);
    if (!status)
        *page = c->spares ? c->spare[--c->spares] : (int32_t)c->held++;
    return status;
}

static void leave(gad_chorus *c, gad_chorus_voice *v)
{
    for (int64_t i = v->first / PAGE; i * PAGE < v->first + v->length; i++)
        if (c->page[i] >= 0)
            c->spare[c->spares++] = c->page[i];
    v->left = true;
}

/* ---- prompts and voices -------------------------------------------------------------------------------------------- */

gad_status gad_chorus_add_prompt(gad_chorus *c, const gad_timeline *timeline, gad_chorus_prompt *prompt, gad_error *err)
{
    gad_chorus_prompt p = {.rows = timeline->length, .next = timeline->next};
    gad_device *device = c->pass.device;
    int64_t place = 0;
    gad_status status = gad_chorus_reserve(c, p.rows, &p.first, &place, err);
    for (int i = 0; i < c->cache.layers && !status; i++) {
        const gad_lm_cache *from = &timeline->cache;
        device->ops->axpby(device, gad_tensor_rows(c->cache.k[i], place, p.rows), 1, gad_tensor_rows(from->k[i], 0, p.rows),
                           0);
        device->ops->axpby(device, gad_tensor_rows(c->cache.v[i], place, p.rows), 1, gad_tensor_rows(from->v[i], 0, p.rows),
                           0);
    }
    *prompt = p;
    return status ? status : gad_device_check(device, err);
}

gad_status gad_chorus_add_voice(gad_chorus *c, gad_chorus_prompt prompt, int64_t most, const float *logits, gad_error *err)
{
    const int64_t vocab = c->model->config.text.vocab;
    gad_chorus_voice voice = {.prompt = prompt, .most = most};
    if (c->count >= c->most)
        return gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "no room was made for another answer");
    gad_status status = number_rows(c, most, &voice.first, err);
    if (status)
        return status;
    if (logits) {
        voice.logits = c->logits + c->count * vocab;
        memcpy(voice.logits, logits, (size_t)vocab * sizeof *logits);
    }
    c->voice[c->count++] = voice;
    return GAD_OK;
}

/* ---- a step -------------------------------------------------------------------------------------------------------- */

/* The voice's row of a step, number `row` of all; its logits will be those of the row. */
static gad_status add_row(gad_chorus *c, gad_chorus_voice *v, int64_t row, gad_error *err)
{
    const int64_t key = v->first + v->length;
    if (v->left || v->length >= v->most)
        return gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "no room was made for another token");
    gad_status status = find_page(c, key, err);
    if (status)
        return status;
    c->ids[row] = v->id;
    c->places[row] = (int32_t)place_of(c, key);
    for (int axis = 0; axis < 3; axis++)
        c->positions[3 * row + axis] = v->prompt.next + (int32_t)v->length;
    v->length++;
    v->logits = c->draws ? NULL : c->logits + row * c->model->config.text.vocab;
    c->draw[row] = v->draw;
    c->span[row] = (gad_attention_span){.q0 = row,
                                        .q1 = row + 1,
                                        .p0 = v->prompt.first,
                                        .p1 = v->prompt.first + v->prompt.rows,
                                        .k0 = v->first,
                                        .k1 = v->first + v->length,
                                        .causal = true};
    return GAD_OK;
}

/* The rows of a step; those that are done leave first. */
static gad_status gather(gad_chorus *c, int64_t *rows, gad_error *err)
{
    gad_status status = GAD_OK;
    *rows = 0;
    for (int i = 0; i < c->count; i++)
        if (c->voice[i].done && c->voice[i].length && !c->voice[i].left)
            leave(c, &c->voice[i]);
    for (int i = 0; i < c->count && !status; i++)
        if (!c->voice[i].done)
            status = add_row(c, &c->voice[i], (*rows)++, err);
    return status;
}

/* A large vocabulary times many voices is more than one thread reads in passing. */
static gad_status check_logits(const gad_chorus *c, int64_t rows, gad_error *err)
{
    const int64_t vocab = c->model->config.text.vocab;
    int64_t bad = -1;
#pragma omp parallel for schedule(static) num_threads(c->pass.device->threads) reduction(max : bad)
    for (int64_t row = 0; row < rows; row++)
        if (gad_timeline_check_logits(c->logits + row * vocab, (size_t)vocab, NULL))
            bad = row;
    return bad < 0 ? GAD_OK : gad_timeline_check_logits(c->logits + bad * vocab, (size_t)vocab, err);
}

/* What was drawn, to the voices whose rows these were. */
static gad_status hand_out(gad_chorus *c, gad_error *err)
{
    gad_status status = GAD_OK;
    int64_t row = 0;
    for (int i = 0; i < c->count && !status; i++) {
        if (c->voice[i].done)
            continue;
        c->voice[i].drawn = c->drawn[row++];
        status = gad_timeline_check_drawn(&c->voice[i].drawn, err);
    }
    return status;
}

gad_status gad_chorus_step(gad_chorus *c, gad_error *err)
{
    gad_device *device = c->pass.device;
    int64_t rows = 0;
    gad_status status = gather(c, &rows, err);
    if (status || !rows)
        return status;
    const gad_lm_input in = {.rows = rows,
                             .ids = c->ids,
                             .position = c->positions,
                             .spans = c->span,
                             .span_count = rows,
                             .cache = &c->cache,
                             .cache_rows = c->places,
                             .pages = c->page,
                             .page_count = c->pages};
    const size_t mark = device->ops->mark(device);
    gad_tensor hidden = gad_lm_forward(&c->pass, c->model, &in, NULL);
    const gad_tensor logits = gad_lm_logits(&c->pass, c->model, hidden);
    if (c->draws)
        device->ops->draw(device, c->drawn, logits, c->draw);
    else
        device->ops->download(device, c->logits, logits);
    device->ops->rewind(device, mark);
    status = gad_device_check(device, err);
    if (!status)
        status = c->draws ? hand_out(c, err) : check_logits(c, rows, err);
    return status;
}
