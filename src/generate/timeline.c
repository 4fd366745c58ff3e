/* timeline: see timeline.h */
#include "generate/timeline.h"

#include <string.h>

#include "base/error.h"
#include "base/finite.h"
#include "base/memory.h"

enum { MIN_CAPACITY = 256 };

static const char operation[] = "run the language model";

gad_status gad_cancel_check(const gad_cancel *cancel, gad_error *err)
{
    if (cancel && cancel->is_cancelled && cancel->is_cancelled(cancel->user))
        return gad_error_set(err, GAD_E_CANCELLED, operation, NULL, "stopped by the caller");
    return GAD_OK;
}

size_t gad_timeline_row_bytes(const gad_model *model, gad_dtype kept)
{
    const gad_text_config *text = &model->config.text;
    return (size_t)text->layers * 2 * (size_t)text->kv_heads * gad_dtype_head_bytes(kept, text->head_dim);
}

gad_status gad_timeline_open(const gad_model *model, gad_device *device, gad_timeline *timeline, gad_error *err)
{
    *timeline = (gad_timeline){.model = model, .device = device, .adapters = true};
    timeline->logits = gad_memory_zero((size_t)model->config.text.vocab, sizeof *timeline->logits);
    return timeline->logits ? GAD_OK : gad_error_memory(err, operation, (size_t)model->config.text.vocab * sizeof(float));
}

void gad_timeline_close(gad_timeline *timeline)
{
    if (timeline->device)
        gad_lm_cache_close(timeline->device, &timeline->cache);
    gad_memory_free(timeline->ids);
    gad_memory_free(timeline->content);
    gad_memory_free(timeline->logits);
    *timeline = (gad_timeline){0};
}

void gad_timeline_clear(gad_timeline *timeline)
{
    timeline->length = 0;
}

/* Room for `rows` rows; the first `keep` stay. */
static gad_status reserve(gad_timeline *t, int64_t rows, int64_t keep, gad_error *err)
{
    if (rows <= t->cache.capacity)
        return GAD_OK;
    int64_t limit = t->model->config.text.max_position, capacity = MIN_CAPACITY;
    while (capacity < rows)
        capacity += capacity / 2;
    if (capacity > limit)
        capacity = limit > rows ? limit : rows;
    int32_t *ids = gad_memory_resize(t->ids, (size_t)capacity, sizeof *ids);
    if (ids)
        t->ids = ids;
    gad_hash *content = gad_memory_resize(t->content, (size_t)capacity, sizeof *content);
    if (content)
        t->content = content;
    if (!ids || !content)
        return gad_error_memory(err, operation, (size_t)capacity * sizeof *content);
    return t->cache.layers ? gad_lm_cache_grow(t->device, &t->cache, capacity, keep, err)
                           : gad_lm_cache_open(t->device, &t->model->config.text, capacity, &t->cache, err);
}

static gad_hash content_at(const gad_prompt *prompt, int64_t row)
{
    for (int64_t i = 0; i < prompt->image_count; i++) {
        const gad_prompt_image *image = &prompt->image[i];
        if (row >= image->first && row < image->first + image->rows->tokens)
            return image->rows->hash;
    }
    return (gad_hash){0};
}

/* Rows at the start of the timeline that the prompt begins with. The last row of the prompt is always computed, for its
 * logits. */
static int64_t shared_rows(const gad_timeline *t, const gad_prompt *prompt)
{
    int64_t row = 0;
    while (row < t->length && row < prompt->count - 1 && t->ids[row] == prompt->ids[row] &&
           gad_hash_equal(t->content[row], content_at(prompt, row)))
        row++;
    return row;
}

/* Image rows of the prompt rows from..from+count-1: where they go and which of all images' rows they are. */
static int64_t map_images(const gad_prompt *prompt, int64_t from, int64_t count, int32_t *at, int32_t *source)
{
    int64_t mapped = 0, before = 0;
    for (int64_t i = 0; i < prompt->image_count; i++) {
        const gad_prompt_image *image = &prompt->image[i];
        for (int64_t k = 0; k < image->rows->tokens; k++) {
            int64_t row = image->first + k - from;
            if (row < 0 || row >= count)
                continue;
            at[mapped] = (int32_t)row;
            source[mapped++] = (int32_t)(before + k);
        }
        before += image->rows->tokens;
    }
    return mapped;
}

/* All images' rows on the device's stack. */
static gad_vision_rows load_images(const gad_timeline *t, const gad_prompt *prompt)
{
    gad_device *device = t->device;
    const gad_ops *op = device->ops;
    int64_t tokens = 0, hidden = t->model->config.text.hidden, at = 0;
    gad_vision_rows rows = {.deepstack_count = gad_config_added_sets(&t->model->config)};
    for (int64_t i = 0; i < prompt->image_count; i++)
        tokens += prompt->image[i].rows->tokens;
    rows.out = op->take(device, tokens, hidden);
    for (int k = 0; k < rows.deepstack_count; k++)
        rows.deepstack[k] = op->take(device, tokens, hidden);
    for (int64_t i = 0; i < prompt->image_count; i++) {
        const gad_image_rows *image = prompt->image[i].rows;
        op->fill(device, gad_tensor_rows(rows.out, at, image->tokens), image->rows);
        for (int k = 0; k < rows.deepstack_count; k++)
            if (k < image->levels)
                op->fill(device, gad_tensor_rows(rows.deepstack[k], at, image->tokens),
                         image->rows + (k + 1) * image->tokens * hidden);
            else
                op->zero(device, gad_tensor_rows(rows.deepstack[k], at, image->tokens));
        at += image->tokens;
    }
    return rows;
}

/* The work of one piece of rows; logits only after the last one, or what is drawn from them there. */
static void run_piece(gad_timeline *t, const gad_lm_input *in, bool last, const gad_draw *draw, gad_drawn *drawn)
{
    gad_device *device = t->device;
    const gad_ops *op = device->ops;
    gad_pass pass = {.device = device, .adapters = t->adapters};
    size_t mark = op->mark(device);
    gad_tensor hidden = gad_lm_forward(&pass, t->model, in, NULL);
    if (last) {
        gad_tensor logits = gad_lm_logits(&pass, t->model, gad_tensor_rows(hidden, hidden.rows - 1, 1));
        if (draw)
            op->draw(device, drawn, logits, draw);
        else
            op->download(device, t->logits, logits);
    }
    op->rewind(device, mark);
}

/* Tables of one feed. */
typedef struct feed_tables {
    int32_t *position, *image_at, *image_from;
    gad_grid *grid;
} feed_tables;

static gad_status make_tables(const gad_timeline *t, const gad_prompt *prompt, feed_tables *tables, int32_t *next,
                              gad_error *err)
{
    size_t count = (size_t)prompt->count;
    tables->position = gad_memory_alloc(3 * count, sizeof *tables->position);
    tables->image_at = gad_memory_alloc(count, sizeof *tables->image_at);
    tables->image_from = gad_memory_alloc(count, sizeof *tables->image_from);
    tables->grid = gad_memory_alloc((size_t)prompt->image_count, sizeof *tables->grid);
    if (!tables->position || !tables->image_at || !tables->image_from || !tables->grid)
        return gad_error_memory(err, operation, 5 * count * sizeof(int32_t));
    for (int64_t i = 0; i < prompt->image_count; i++)
        tables->grid[i] = prompt->image[i].rows->grid;
    return gad_position_make(prompt->ids, prompt->count, t->model->config.image_token, tables->grid, prompt->image_count,
                             tables->position, next, err);
}

static gad_status no_number(gad_error *err)
{
    return gad_error_set(err, GAD_E_FORMAT, operation,
                         "check the weights (a training run that diverged, a damaged file), and the picture",
                         "the model's output is not a finite number");
}

gad_status gad_timeline_check_logits(const float *logits, size_t count, gad_error *err)
{
    return gad_finite_all(logits, count) ? GAD_OK : no_number(err);
}

gad_status gad_timeline_check_drawn(const gad_drawn *drawn, gad_error *err)
{
    return drawn->finite ? GAD_OK : no_number(err);
}

static gad_status run_rows(gad_timeline *t, const gad_prompt *prompt, const feed_tables *tables, const gad_cancel *cancel,
                           gad_error *err)
{
    gad_device *device = t->device;
    size_t mark = device->ops->mark(device);
    gad_vision_rows images = load_images(t, prompt);
    gad_status status = GAD_OK;
    while (t->length < prompt->count && !status) {
        status = gad_cancel_check(cancel, err);
        if (status)
            break;
        const int64_t most = gad_lm_piece_rows(device), from = t->length; /* a cancel is seen this often */
        const int64_t rows = prompt->count - from < most ? prompt->count - from : most;
        gad_attention_span span = {.q1 = rows, .k1 = from + rows, .causal = true};
        gad_lm_input in = {.rows = rows,
                           .ids = prompt->ids + from,
                           .position = tables->position + 3 * from,
                           .spans = &span,
                           .span_count = 1,
                           .image = &images,
                           .image_at = tables->image_at,
                           .image_from = tables->image_from,
                           .cache = &t->cache,
                           .cache_row = from};
        in.image_count = map_images(prompt, from, rows, tables->image_at, tables->image_from);
        run_piece(t, &in, from + rows == prompt->count, NULL, NULL);
        status = gad_device_check(device, err);
        if (!status && from + rows == prompt->count)
            status = gad_timeline_check_logits(t->logits, (size_t)t->model->config.text.vocab, err);
        for (int64_t row = from; row < from + rows && !status; row++) {
            t->ids[row] = prompt->ids[row];
            t->content[row] = content_at(prompt, row);
        }
        if (!status) {
            t->length += rows;
            t->computed += rows;
        }
    }
    device->ops->rewind(device, mark);
    return status;
}

gad_status gad_timeline_feed(gad_timeline *t, const gad_prompt *prompt, int64_t more, const gad_cancel *cancel,
                             gad_error *err)
{
    int64_t limit = t->model->config.text.max_position;
    if (prompt->count < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "the prompt is empty");
    if (prompt->count + more > limit)
        return gad_error_set(err, GAD_E_LIMIT, operation, "use smaller images, fewer references, or a lower --max-tokens",
                             "the prompt has %lld tokens and the answer may have %lld, the model reads %lld",
                             (long long)prompt->count, (long long)more, (long long)limit);
    gad_device_recover(t->device);
    feed_tables tables = {0};
    int32_t next = 0;
    gad_status status = make_tables(t, prompt, &tables, &next, err);
    if (!status) {
        int64_t shared = shared_rows(t, prompt);
        status = reserve(t, prompt->count + more, shared, err);
        t->length = status ? t->length : shared;
    }
    if (!status)
        status = run_rows(t, prompt, &tables, cancel, err);
    if (!status)
        t->next = next;
    gad_memory_free(tables.position);
    gad_memory_free(tables.image_at);
    gad_memory_free(tables.image_from);
    gad_memory_free(tables.grid);
    return status;
}

static gad_status add_row(gad_timeline *t, int32_t id, const gad_draw *draw, gad_drawn *drawn, gad_error *err)
{
    if (t->length >= t->cache.capacity)
        return gad_error_set(err, GAD_E_INTERNAL, operation, NULL, "no room was made for another token");
    int32_t position[3] = {t->next, t->next, t->next};
    gad_attention_span span = {.q1 = 1, .k1 = t->length + 1, .causal = true};
    gad_lm_input in = {.rows = 1,
                       .ids = &id,
                       .position = position,
                       .spans = &span,
                       .span_count = 1,
                       .cache = &t->cache,
                       .cache_row = t->length};
    run_piece(t, &in, true, draw, drawn);
    gad_status status = gad_device_check(t->device, err);
    if (!status)
        status = draw ? gad_timeline_check_drawn(drawn, err)
                      : gad_timeline_check_logits(t->logits, (size_t)t->model->config.text.vocab, err);
    if (status)
        return status;
    t->ids[t->length] = id;
    t->content[t->length] = (gad_hash){0};
    t->length++;
    t->next++;
    t->computed++;
    return GAD_OK;
}

gad_status gad_timeline_append(gad_timeline *t, int32_t id, gad_error *err)
{
    return add_row(t, id, NULL, NULL, err);
}

gad_status gad_timeline_follow(gad_timeline *t, int32_t id, const gad_draw *draw, gad_drawn *drawn, gad_error *err)
{
    return add_row(t, id, draw, drawn, err);
}

gad_status gad_timeline_fork(const gad_timeline *from, gad_timeline *to, gad_error *err)
{
    gad_timeline fork;
    gad_status status = gad_timeline_open(from->model, from->device, &fork, err);
    if (status)
        return status;
    fork.adapters = from->adapters;
    status = reserve(&fork, from->cache.capacity, 0, err);
    for (int i = 0; i < fork.cache.layers && !status; i++) {
        const gad_ops *op = from->device->ops;
        op->axpby(fork.device, gad_tensor_rows(fork.cache.k[i], 0, from->length), 1,
                  gad_tensor_rows(from->cache.k[i], 0, from->length), 0);
        op->axpby(fork.device, gad_tensor_rows(fork.cache.v[i], 0, from->length), 1,
                  gad_tensor_rows(from->cache.v[i], 0, from->length), 0);
    }
    if (status) {
        gad_timeline_close(&fork);
        return status;
    }
    if (from->length) {
        memcpy(fork.ids, from->ids, (size_t)from->length * sizeof *fork.ids);
        memcpy(fork.content, from->content, (size_t)from->length * sizeof *fork.content);
    }
    memcpy(fork.logits, from->logits, (size_t)from->model->config.text.vocab * sizeof *fork.logits);
    fork.length = from->length;
    fork.next = from->next;
    *to = fork;
    return GAD_OK;
}
