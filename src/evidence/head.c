/* head: see head.h. Letters: N rows of a map (patches or tokens of all images), F = heads * (head_dim - 4). */
#include "evidence/head.h"

#include <math.h>
#include <string.h>

typedef struct gad_evidence_matcher matcher;
typedef gad_head_level_saved level_saved;

static const int32_t *upload(gad_device *device, const int32_t *index, int64_t n)
{
    return device->ops->upload(device, index, (size_t)n * sizeof *index);
}

static gad_tensor take_host(gad_device *device, const float *host, int64_t rows, int64_t cols)
{
    gad_tensor t = device->ops->take(device, rows, cols);
    device->ops->fill(device, t, host);
    return t;
}

/* Columns of head h in rows of whole heads, and in rows of features only. */
static gad_tensor head_of(const gad_evidence_config *d, gad_tensor t, int h, bool places)
{
    int64_t features = d->head_dim - 4;
    return gad_tensor_cols(t, (int64_t)h * d->head_dim + (places ? features : 0), places ? 4 : features);
}

/* Features and places side by side, head by head; without places, zeros. */
static gad_tensor join_heads(const gad_pass *pass, const gad_evidence_config *d, gad_tensor features, const float *places)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    gad_tensor joined = op->take(device, features.rows, (int64_t)d->heads * d->head_dim);
    size_t mark = op->mark(device);
    gad_tensor place = places ? take_host(device, places, features.rows, 4 * d->heads) : gad_tensor_none();
    for (int h = 0; h < d->heads; h++) {
        int64_t n = d->head_dim - 4;
        op->axpby(device, head_of(d, joined, h, false), 1, gad_tensor_cols(features, h * n, n), 0);
        if (places)
            op->axpby(device, head_of(d, joined, h, true), 1, gad_tensor_cols(place, 4 * h, 4), 0);
        else
            op->zero(device, head_of(d, joined, h, true));
    }
    op->rewind(device, mark);
    return joined;
}

/* The features of joined heads, times alpha, added to y. */
static void add_features(const gad_pass *pass, const gad_evidence_config *d, gad_tensor y, gad_tensor joined, float alpha)
{
    for (int h = 0; h < d->heads; h++) {
        int64_t n = d->head_dim - 4;
        pass->device->ops->axpby(pass->device, gad_tensor_cols(y, h * n, n), alpha, head_of(d, joined, h, false), 1);
    }
}

/* ---- one level ----------------------------------------------------------------------------------------------------- */

static gad_tensor normalised(const gad_pass *pass, const gad_norm *norm, gad_tensor f, gad_tensor *stats)
{
    gad_tensor n = pass->device->ops->take(pass->device, f.rows, f.cols);
    *stats = pass->device->ops->take_exact(pass->device, f.rows, gad_norm_stats_cols(norm, f.cols));
    gad_norm_forward(pass, norm, n, *stats, f);
    return n;
}

/* x [N, in] to the residuals of the map's test rows. */
static void level_forward(const gad_pass *pass, const gad_evidence_config *d, const matcher *l, gad_tensor x,
                          const gad_head_map *map, int64_t pairs, level_saved *s)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    int64_t features = l->fc2.weight->value.rows;
    s->x = x;
    s->h1 = op->take(device, x.rows, d->hidden);
    s->g1 = op->take(device, x.rows, d->hidden);
    s->f = op->take(device, x.rows, features);
    gad_linear_forward(pass, &l->fc1, s->h1, x, false);
    op->gelu(device, s->g1, s->h1, GAD_GELU_ERF);
    gad_linear_forward(pass, &l->fc2, s->f, s->g1, false);
    s->q = join_heads(pass, d, normalised(pass, &l->q_norm, s->f, &s->q_stats), map->q_place);
    s->k = join_heads(pass, d, normalised(pass, &l->k_norm, s->f, &s->k_stats), map->k_place);
    s->v = join_heads(pass, d, s->f, NULL);
    s->o = op->take(device, x.rows, s->q.cols);
    s->lse = op->take_exact(device, x.rows, d->heads);
    op->zero(device, s->o); /* rows of references look for nothing */
    op->zero(device, s->lse);
    op->attention(device, s->o, s->lse, s->q, s->k, s->v, d->heads, d->heads, (float)(1 / sqrt((double)d->head_dim)),
                  map->span, pairs, NULL);
    s->residual = op->take(device, map->tests, features);
    size_t mark = op->mark(device);
    gad_tensor all = op->take(device, x.rows, features);
    op->axpby(device, all, 1, s->f, 0);
    add_features(pass, d, all, s->o, -1);
    op->rows(device, s->residual, NULL, all, upload(device, map->test, map->tests), map->tests, false);
    op->rewind(device, mark);
}

/* df += gradient through the normalised and joined heads of q or k. */
static void heads_backward(const gad_pass *pass, const gad_evidence_config *d, const gad_norm *norm, gad_tensor df,
                           gad_tensor d_joined, gad_tensor f, gad_tensor stats)
{
    gad_device *device = pass->device;
    size_t mark = device->ops->mark(device);
    gad_tensor dn = device->ops->take(device, f.rows, f.cols);
    device->ops->zero(device, dn);
    add_features(pass, d, dn, d_joined, 1);
    gad_norm_backward(pass, norm, df, dn, f, stats, true);
    device->ops->rewind(device, mark);
}

/* d_residual to the level's parameters and, when dx has data, to its input (added). */
static void level_backward(const gad_pass *pass, const gad_evidence_config *d, const matcher *l, gad_tensor dx,
                           gad_tensor d_residual, const gad_head_map *map, int64_t pairs, const level_saved *s)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    int64_t rows = s->f.rows;
    gad_tensor df = op->take(device, rows, s->f.cols);
    op->zero(device, df);
    op->rows(device, df, upload(device, map->test, map->tests), d_residual, NULL, map->tests, false);
    gad_tensor negative = op->take(device, rows, s->f.cols); /* residual = f - o */
    op->axpby(device, negative, -1, df, 0);
    gad_tensor d_o = join_heads(pass, d, negative, NULL);
    gad_tensor dq = op->take(device, rows, s->q.cols), dk = op->take(device, rows, s->q.cols);
    gad_tensor dv = op->take(device, rows, s->q.cols);
    op->zero(device, dq);
    op->zero(device, dk);
    op->zero(device, dv);
    op->attention_back(device, dq, dk, dv, d_o, s->o, s->lse, s->q, s->k, s->v, d->heads, d->heads,
                       (float)(1 / sqrt((double)d->head_dim)), map->span, pairs);
    add_features(pass, d, df, dv, 1);
    heads_backward(pass, d, &l->q_norm, df, dq, s->f, s->q_stats);
    heads_backward(pass, d, &l->k_norm, df, dk, s->f, s->k_stats);
    gad_tensor dh = op->take(device, rows, s->g1.cols);
    gad_linear_backward(pass, &l->fc2, dh, df, s->g1, false);
    op->gelu_back(device, dh, dh, s->h1, GAD_GELU_ERF);
    gad_linear_backward(pass, &l->fc1, dx, dh, s->x, true);
    op->rewind(device, mark);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------- */

/* Rows of the 3 x 3 around each row of x (tokens or cells), side by side; zeros outside the image. */
static gad_tensor gather_around(const gad_pass *pass, const int32_t *neighbour, gad_tensor x)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    gad_tensor wide = op->take(device, x.rows, 9 * x.cols);
    size_t mark = op->mark(device);
    gad_tensor padded = op->take(device, x.rows + 1, x.cols);
    op->axpby(device, gad_tensor_rows(padded, 0, x.rows), 1, x, 0);
    op->zero(device, gad_tensor_rows(padded, x.rows, 1));
    for (int64_t k = 0; k < 9; k++)
        op->rows(device, gad_tensor_cols(wide, k * x.cols, x.cols), NULL, padded,
                 upload(device, neighbour + k * x.rows, x.rows), x.rows, false);
    op->rewind(device, mark);
    return wide;
}

/* dx += the gradient of gather_around. Neighbour k of a row has the row as its neighbour 8 - k, so the way back gathers
 * too. */
static void scatter_around(const gad_pass *pass, const int32_t *neighbour, gad_tensor dx, gad_tensor d_wide)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    gad_tensor padded = op->take(device, dx.rows + 1, dx.cols), found = op->take(device, dx.rows, dx.cols);
    op->zero(device, gad_tensor_rows(padded, dx.rows, 1));
    for (int64_t k = 0; k < 9; k++) {
        op->axpby(device, gad_tensor_rows(padded, 0, dx.rows), 1, gad_tensor_cols(d_wide, k * dx.cols, dx.cols), 0);
        op->rows(device, found, NULL, padded, upload(device, neighbour + (8 - k) * dx.rows, dx.rows), dx.rows, false);
        op->axpby(device, dx, 1, found, 1);
    }
    op->rewind(device, mark);
}

/* y + gelu(layer [y of the 3 x 3 around]), keeping what the way back needs. */
static gad_tensor look_around(const gad_pass *pass, const gad_linear *layer, const int32_t *neighbour, gad_tensor y,
                              gad_tensor *wide, gad_tensor *before)
{
    gad_device *device = pass->device;
    *wide = gather_around(pass, neighbour, y);
    *before = device->ops->take(device, y.rows, y.cols);
    gad_tensor out = device->ops->take(device, y.rows, y.cols);
    gad_linear_forward(pass, layer, *before, *wide, false);
    device->ops->gelu(device, out, *before, GAD_GELU_ERF);
    device->ops->axpby(device, out, 1, y, 1);
    return out;
}

/* In place: the gradient of look_around's result becomes that of its y. */
static void look_around_back(const gad_pass *pass, const gad_linear *layer, const int32_t *neighbour, gad_tensor dy,
                             gad_tensor wide, gad_tensor before)
{
    gad_device *device = pass->device;
    size_t mark = device->ops->mark(device);
    gad_tensor d_before = device->ops->take(device, dy.rows, dy.cols),
               d_wide = device->ops->take(device, dy.rows, wide.cols);
    device->ops->gelu_back(device, d_before, dy, before, GAD_GELU_ERF);
    gad_linear_backward(pass, layer, d_wide, d_before, wide, false);
    scatter_around(pass, neighbour, dy, d_wide);
    device->ops->rewind(device, mark);
}

/* What the heat maps show, to the device. */
static gad_tensor take_region_tokens(const gad_pass *pass, const gad_evidence_config *d, const gad_head_input *in,
                                     gad_tensor logits, gad_head_result *result)
{
    pass->device->ops->download(pass->device, result->logit, logits);
    gad_head_result_read(d, in, result);
    return take_host(pass->device, result->region_tokens, in->tests, gad_config_region_width(d));
}

/* What the maps on one grid say of its places, added to `sum`. */
static void add_residuals(const gad_pass *pass, const gad_evidence_head *m, const gad_head_input *in, int64_t per_token,
                          gad_tensor sum, bool add, const gad_head_saved *s)
{
    for (int i = 0; i < GAD_EVIDENCE_MAPS; i++)
        if (in->map[i].per_token == per_token) {
            gad_linear_forward(pass, &m->matcher[i].out, sum, s->level[i].residual, add);
            add = true;
        }
}

/* d_sum of add_residuals to the residuals, which are taken. */
static void residuals_backward(const gad_pass *pass, const gad_evidence_head *m, const gad_head_input *in,
                               int64_t per_token, gad_tensor d_sum, const gad_head_saved *s,
                               gad_tensor d_residual[GAD_EVIDENCE_MAPS])
{
    for (int i = 0; i < GAD_EVIDENCE_MAPS; i++)
        if (in->map[i].per_token == per_token)
            gad_linear_backward(pass, &m->matcher[i].out, d_residual[i], d_sum, s->level[i].residual, false);
}

/* Features of the cells. */
static void forward_cells(const gad_pass *pass, const gad_model *model, const gad_head_input *in, gad_head_saved *s)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const gad_evidence_head *m = &model->evidence;
    int64_t cells = in->tests * gad_config_map_cells(&model->config.evidence);
    int64_t width = gad_config_map_width(&model->config.evidence);
    s->low = gather_around(pass, in->cell_neighbour, take_host(device, in->low, cells, GAD_EVIDENCE_CHANNELS));
    s->c = op->take(device, cells, width);
    s->f = op->take(device, cells, width);
    gad_linear_forward(pass, &m->low, s->c, s->low, false);
    size_t mark = op->mark(device);
    gad_tensor of_patch = op->take(device, 4 * in->tests, width);
    add_residuals(pass, m, in, 4, of_patch, false, s);
    op->rows(device, s->c, NULL, of_patch, upload(device, in->cell_patch, cells), cells, true);
    op->rewind(device, mark);
    op->gelu(device, s->f, s->c, GAD_GELU_ERF);
    s->m = look_around(pass, &m->spread, in->cell_neighbour, s->f, &s->near, &s->g);
}

static void forward_evidence(const gad_pass *pass, const gad_model *model, const gad_head_input *in,
                             gad_head_result *result, gad_head_saved *s)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const gad_evidence_head *m = &model->evidence;
    const gad_evidence_config *d = &model->config.evidence;
    int64_t cells = gad_config_map_cells(d);
    forward_cells(pass, model, in, s);
    s->a = op->take(device, in->tests, d->hidden);
    s->e = op->take(device, in->tests, d->hidden);
    gad_linear_forward(pass, &m->gather, s->a, gad_tensor_view(s->m, in->tests, cells * s->m.cols), false);
    add_residuals(pass, m, in, 1, s->a, true, s);
    op->gelu(device, s->e, s->a, GAD_GELU_ERF);
    s->h = look_around(pass, &m->around, in->neighbour, s->e, &s->wide, &s->b);
    gad_tensor logits = op->take(device, in->tests, cells);
    gad_linear_forward(pass, &m->logit_head, logits, s->h, false);
    s->logits = gad_tensor_view(logits, cells * in->tests, 1);
    gad_linear_forward(pass, &m->cell, s->logits, s->m, true);
    gad_pass_tap(pass, s->logits, "difference.logits");
    s->region_tokens = take_region_tokens(pass, d, in, s->logits, result);
}

void gad_head_forward(const gad_pass *pass, const gad_model *model, const gad_head_input *in, const gad_vision_rows *rows,
                      gad_head_result *result, gad_head_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const gad_evidence_config *d = &model->config.evidence;
    const gad_evidence_head *m = &model->evidence;
    for (int i = 0; i < GAD_EVIDENCE_MAPS; i++) {
        const gad_head_map *map = &in->map[i];
        gad_tensor x = map->value ? take_host(device, map->value, map->rows, map->width) : rows->out;
        level_forward(pass, d, &m->matcher[i], x, map, in->pairs, &saved->level[i]);
    }
    forward_evidence(pass, model, in, result, saved);
    size_t mark = op->mark(device);
    gad_tensor evidence = op->take(device, in->tests, model->config.text.hidden);
    for (int i = 0; i < d->inject; i++) {
        gad_linear_forward(pass, &m->inject[i], evidence, saved->h, false);
        if (i == 0)
            gad_linear_forward(pass, &m->regions, evidence, saved->region_tokens, true);
        op->rows(device, rows->deepstack[i], upload(device, in->map[GAD_EVIDENCE_TOWER].test, in->tests), evidence, NULL,
                 in->tests, true);
    }
    op->rewind(device, mark);
}

/* dm of the cells' features to the residuals of the patches. */
static void backward_cells(const gad_pass *pass, const gad_evidence_head *m, const gad_head_input *in, gad_tensor dm,
                           const gad_head_saved *s, gad_tensor d_residual[GAD_EVIDENCE_MAPS])
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    int64_t patches = 4 * in->tests, parts = dm.rows / patches;
    look_around_back(pass, &m->spread, in->cell_neighbour, dm, s->near, s->g);
    op->gelu_back(device, dm, dm, s->c, GAD_GELU_ERF);
    gad_linear_backward(pass, &m->low, gad_tensor_none(), dm, s->low, false);
    gad_tensor of_patch = op->take(device, patches, dm.cols);
    for (int64_t part = 0; part < parts; part++)
        op->rows(device, of_patch, NULL, dm, upload(device, in->patch_cell + part * patches, patches), patches, part > 0);
    residuals_backward(pass, m, in, 4, of_patch, s, d_residual);
    op->rewind(device, mark);
}

/* dh of the evidence and d_logits to the maps' residuals. */
static void backward_evidence(const gad_pass *pass, const gad_evidence_head *m, const gad_head_input *in, gad_tensor dh,
                              gad_tensor d_logits, const gad_head_saved *s, gad_tensor d_residual[GAD_EVIDENCE_MAPS])
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    size_t mark = op->mark(device);
    gad_tensor dm = op->take(device, s->m.rows, s->m.cols);
    look_around_back(pass, &m->around, in->neighbour, dh, s->wide, s->b);
    op->gelu_back(device, dh, dh, s->a, GAD_GELU_ERF);
    residuals_backward(pass, m, in, 1, dh, s, d_residual);
    int64_t parts = s->m.rows / in->tests * s->m.cols;
    gad_linear_backward(pass, &m->gather, gad_tensor_view(dm, in->tests, parts), dh,
                        gad_tensor_view(s->m, in->tests, parts), false);
    if (d_logits.data)
        gad_linear_backward(pass, &m->cell, dm, d_logits, s->m, true);
    backward_cells(pass, m, in, dm, s, d_residual);
    op->rewind(device, mark);
}

/* Does anything train before the rows that layers add? */
static bool trains_evidence(const gad_model *model)
{
    for (size_t i = 0; i < model->params.count; i++) {
        const gad_param *p = model->params.item[i];
        if (p->trainable && p->group == GAD_PARAM_EVIDENCE)
            return true;
    }
    return false;
}

void gad_head_backward(const gad_pass *pass, const gad_model *model, const gad_head_input *in, gad_tensor d_logits,
                       const gad_vision_rows *d_rows, bool into_rows, const gad_head_saved *saved)
{
    gad_device *device = pass->device;
    const gad_ops *op = device->ops;
    const gad_evidence_config *d = &model->config.evidence;
    const gad_evidence_head *m = &model->evidence;
    size_t mark = op->mark(device);
    gad_tensor dh = op->take(device, in->tests, d->hidden),
               d_evidence = op->take(device, in->tests, model->config.text.hidden);
    op->zero(device, dh);
    for (int i = 0; i < d->inject; i++) {
        op->rows(device, d_evidence, NULL, d_rows->deepstack[i],
                 upload(device, in->map[GAD_EVIDENCE_TOWER].test, in->tests), in->tests, false);
        gad_linear_backward(pass, &m->inject[i], dh, d_evidence, saved->h, true);
        if (i == 0)
            gad_linear_backward(pass, &m->regions, gad_tensor_none(), d_evidence, saved->region_tokens, false);
    }
    if (d_logits.data)
        gad_linear_backward(pass, &m->logit_head, dh, gad_tensor_view(d_logits, in->tests, gad_config_map_cells(d)),
                            saved->h, true);
    if (!into_rows && !trains_evidence(model)) {
        op->rewind(device, mark);
        return;
    }
    gad_tensor d_residual[GAD_EVIDENCE_MAPS];
    for (int i = 0; i < GAD_EVIDENCE_MAPS; i++)
        d_residual[i] = op->take(device, in->map[i].tests, saved->level[i].residual.cols);
    backward_evidence(pass, m, in, dh, d_logits, saved, d_residual);
    for (int i = 0; i < GAD_EVIDENCE_MAPS; i++) {
        bool goes_on = into_rows && !in->map[i].value;
        level_backward(pass, d, &m->matcher[i], goes_on ? d_rows->out : gad_tensor_none(), d_residual[i], &in->map[i],
                       in->pairs, &saved->level[i]);
    }
    op->rewind(device, mark);
}
