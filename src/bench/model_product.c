/* model_product: see model_product.h */
#include "bench/model_product.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/memory.h"
#include "bench/learnt.h"
#include "features/backbone.h"
#include "inspect/product.h"
#include "task/answer.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char operation[] = "inspect with a product";

typedef struct learner {
    gad_learn_settings settings;
    char name[64], hash[33], head[33], family[40];
    gad_learnt learnt; /* of the last request */
} learner;

static gad_status write_answer(const gad_inspection *seen, gad_string *text, gad_error *err)
{
    gad_answer_item *item = gad_memory_zero((size_t)seen->defect_count + 1, sizeof *item);
    if (!item)
        return gad_error_memory(err, operation, sizeof *item);
    const gad_box_frame frame =
        gad_box_frame_make(GAD_BOX_INPUT, GAD_BOX_XY, seen->width_px, seen->height_px, seen->width_px, seen->height_px);
    const bool rejected = seen->verdict != GAD_VERDICT_NORMAL;
    for (int i = 0; i < seen->defect_count; i++) {
        const gad_defect *d = &seen->defect[i];
        item[i] = (gad_answer_item){gad_box_to_model(&frame, (gad_box){d->x1, d->y1, d->x2, d->y2}), "anomaly"};
    }
    char think[128];
    snprintf(think, sizeof think, "The part scores %.3f; good parts of this product lie below 0.5.", seen->score);
    gad_status status = gad_answer_write(think, rejected, item, rejected ? (size_t)seen->defect_count : 0, text, err);
    gad_memory_free(item);
    return status;
}

static gad_status answer(void *self, const gad_bench_request *request, gad_bench_reply *reply, gad_error *err)
{
    learner *model = self;
    gad_inspection seen;
    if (request->option || !request->goods)
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, NULL, "%s",
                             request->option ? "cannot answer a question in words" : "there is no good part to learn");
    gad_status status =
        gad_learnt_take(&model->learnt, request->good, request->goods, request->object, &model->settings, err);
    if (status)
        return status;
    const double started_s = gad_clock_seconds();
    status = gad_product_look(model->learnt.product, &request->picture[0], NAN, &seen, err);
    if (status)
        return status;
    status = write_answer(&seen, &reply->text, err);
    reply->score = seen.score;
    reply->input_width = seen.width_px;
    reply->input_height = seen.height_px;
    reply->latency_s = gad_clock_seconds() - started_s;
    reply->map = seen.heat;
    reply->map_width = seen.heat_width;
    reply->map_height = seen.heat_height;
    seen.heat = NULL; /* the reply has it now */
    memcpy(reply->finish, "stop", 5);
    gad_inspection_clear(&seen);
    return status;
}

static json_t *describe(void *self)
{
    const learner *model = self;
    const gad_learn_settings *s = &model->settings;
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:b, s:I, s:f, s:f}", "kind", "product", "backbone", model->family,
                     "weights", model->hash, "head", model->head, "side_px", (json_int_t)s->side_px, "mirror", s->mirror,
                     "most_rows", (json_int_t)s->max_rows, "rate", s->rate, "confidence", s->confidence);
}

static void free_model(void *self)
{
    learner *model = self;
    gad_learnt_free(&model->learnt);
    gad_memory_free(model);
}

gad_status gad_model_product(const gad_learn_settings *settings, const char *shots, gad_bench_model *model, gad_error *err)
{
    learner *self = gad_memory_zero(1, sizeof *self);
    gad_backbone *backbone = NULL;
    gad_map_head head = {0};
    if (!self)
        return gad_error_memory(err, operation, sizeof *self);
    self->settings = *settings;
    gad_status status = gad_product_backbone(settings->backbone, settings->device, 1, &backbone, err);
    if (status) {
        gad_memory_free(self);
        return status;
    }
    const gad_backbone_info *info = gad_backbone_describe(backbone);
    gad_hash_text(info->hash, self->hash);
    status = gad_product_head(settings, info, &head, err);
    if (gad_map_head_exists(&head))
        gad_hash_text(gad_map_head_hash(&head), self->head);
    gad_map_head_free(&head);
    snprintf(self->family, sizeof self->family, "%s", info->family);
    snprintf(self->name, sizeof self->name, "memory-%s (%s)", shots, self->family);
    gad_backbone_free(backbone);
    if (status) {
        gad_memory_free(self);
        return status;
    }
    *model = (gad_bench_model){.self = self,
                               .name = self->name,
                               .convention = GAD_BOX_INPUT,
                               .order = GAD_BOX_XY,
                               .wants_pictures = true,
                               .learns = true,
                               .describe = describe,
                               .answer = answer,
                               .free = free_model};
    return GAD_OK;
}
