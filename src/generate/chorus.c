/* chorus: see chorus.h */
#include "generate/chorus.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"

static const char operation[] = "decode answers together";

gad_status gad_chorus_open(const gad_pass *pass, const gad_model *model, int64_t rows, int voices, gad_chorus *chorus,
                           gad_error *err)
{
    const size_t most = (size_t)voices, vocab = (size_t)model->config.text.vocab;
    gad_chorus c = {.pass = *pass, .model = model, .most = voices};
    c.voice = gad_memory_zero(most, sizeof *c.voice);
    c.ids = gad_memory_alloc(most, sizeof *c.ids);
    c.places = gad_memory_alloc(most, sizeof *c.places);
    c.positions = gad_memory_alloc(3 * most, sizeof *c.positions);
    c.span = gad_memory_alloc(most, sizeof *c.span);
    c.logits = gad_memory_alloc(most * vocab, sizeof *c.logits);
    const bool good = c.voice && c.ids && c.places && c.positions && c.span && c.logits;
    gad_status status = good ? GAD_OK : gad_error_memory(err, operation, most * vocab * sizeof *c.logits);
    if (!status)
        status = gad_lm_cache_open(pass->device, &model->config.text, rows, &c.cache, err);
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
    gad_memory_free(chorus->voice);
    gad_memory_free(chorus->ids);
    gad_memory_free(chorus->places);
    gad_memory_free(chorus->positions);
    gad_memory_free(chorus->span);
    gad_memory_free(chorus->logits);
    *chorus = (gad_chorus){0};
}

gad_status gad_chorus_reserve(gad_chorus *c, int64_t rows, int64_t *first, gad_error *err)
{
    if (rows > c->cache.capacity - c->used)
        return gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "no room was made for %lld more rows", (long long)rows);
    *first = c->used;
    c->used += rows;
    return GAD_OK;
}

gad_status gad_chorus_add_prompt(gad_chorus *c, const gad_timeline *timeline, gad_chorus_prompt *prompt, gad_error *err)
{
    gad_chorus_prompt p = {.rows = timeline->length, .next = timeline->next};
    gad_device *device = c->pass.device;
    gad_status status = gad_chorus_reserve(c, p.rows, &p.first, err);
    for (int i = 0; i < c->cache.layers && !status; i++) {
        const gad_lm_cache *from = &timeline->cache;
        device->ops->axpby(device, gad_tensor_rows(c->cache.k[i], p.first, p.rows), 1,
                           gad_tensor_rows(from->k[i], 0, p.rows), 0);
        device->ops->axpby(device, gad_tensor_rows(c->cache.v[i], p.first, p.rows), 1,
                           gad_tensor_rows(from->v[i], 0, p.rows), 0);
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
    gad_status status = gad_chorus_reserve(c, most, &voice.first, err);
    if (status)
        return status;
    if (logits) {
        voice.logits = c->logits + c->count * vocab;
        memcpy(voice.logits, logits, (size_t)vocab * sizeof *logits);
    }
    c->voice[c->count++] = voice;
    return GAD_OK;
}

/* The rows of a step. Each voice's logits will be those of its row. */
static gad_status gather(gad_chorus *c, int64_t *rows, gad_error *err)
{
    const int64_t vocab = c->model->config.text.vocab;
    int64_t row = 0;
    for (int i = 0; i < c->count; i++) {
        gad_chorus_voice *v = &c->voice[i];
        if (v->done)
            continue;
        if (v->length >= v->most)
            return gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "no room was made for another token");
        c->ids[row] = v->id;
        c->places[row] = (int32_t)(v->first + v->length);
        for (int axis = 0; axis < 3; axis++)
            c->positions[3 * row + axis] = v->prompt.next + (int32_t)v->length;
        v->length++;
        v->logits = c->logits + row * vocab;
        c->span[row] = (gad_attention_span){.q0 = row,
                                            .q1 = row + 1,
                                            .p0 = v->prompt.first,
                                            .p1 = v->prompt.first + v->prompt.rows,
                                            .k0 = v->first,
                                            .k1 = v->first + v->length,
                                            .causal = true};
        row++;
    }
    *rows = row;
    return GAD_OK;
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
                             .cache_rows = c->places};
    const size_t mark = device->ops->mark(device);
    gad_tensor hidden = gad_lm_forward(&c->pass, c->model, &in, NULL);
    device->ops->download(device, c->logits, gad_lm_logits(&c->pass, c->model, hidden));
    device->ops->rewind(device, mark);
    status = gad_device_check(device, err);
    return status ? status : check_logits(c, rows, err);
}
