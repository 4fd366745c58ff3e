/* model_engine: see model_engine.h */
#include "bench/model_engine.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "inspect/inspect.h"
#include "task/answer.h"

static const char operation[] = "ask the engine";

typedef struct engine_model {
    gad_engine *engine;
    gad_engine_options options;
    gad_bench_answers answers;
    char name[160];
} engine_model;

/* The request's pieces as the inspect room takes them; the caller's (gad_memory_free). */
static gad_turn_part *pieces_of(const gad_bench_request *request)
{
    gad_turn_part *part = gad_memory_zero(request->parts, sizeof *part);
    for (size_t i = 0; part && i < request->parts; i++) {
        part[i].text = request->part[i].text;
        if (part[i].text)
            continue;
        part[i].image = &request->picture[request->part[i].picture];
        part[i].hash = gad_image_hash(part[i].image);
        part[i].beside = request->part[i].picture == request->pictures;
    }
    return part;
}

/* Places of an inspection in the model's numbers, not rounded: what is scored is what gad inspect says. */
static gad_model_box numbers_of(const gad_box_frame *frame, const gad_defect *d)
{
    double across = frame->width / frame->width_px, down = frame->height / frame->height_px;
    return (gad_model_box){{d->x1 * across, d->y1 * down, d->x2 * across, d->y2 * down}};
}

/* An inspection without words as the answer that says the same. */
static gad_status write_fast(const engine_model *m, const gad_inspection *seen, gad_string *text, gad_error *err)
{
    gad_answer_item *item = gad_memory_zero((size_t)seen->defect_count, sizeof *item);
    gad_box_frame frame = gad_box_frame_make(m->engine->convention, GAD_BOX_XY, seen->width_px, seen->height_px,
                                             seen->input_width_px, seen->input_height_px);
    bool rejected = seen->verdict != GAD_VERDICT_NORMAL;
    if (!item)
        return gad_error_memory(err, operation, (size_t)seen->defect_count * sizeof *item);
    for (int i = 0; i < seen->defect_count; i++)
        item[i] = (gad_answer_item){numbers_of(&frame, &seen->defect[i]), "difference"};
    gad_status status = gad_answer_write("", rejected, item, rejected ? (size_t)seen->defect_count : 0, text, err);
    gad_memory_free(item);
    return status;
}

static gad_status fill_reply(const engine_model *m, gad_inspection *seen, gad_bench_reply *reply, gad_error *err)
{
    gad_status status = GAD_OK;
    reply->input_width = seen->input_width_px;
    reply->input_height = seen->input_height_px;
    reply->prompt_tokens = seen->prompt_tokens;
    reply->answer_tokens = seen->answer_tokens;
    reply->score = seen->score >= 0 ? seen->score : reply->score;
    reply->map = seen->heat;
    reply->map_width = seen->heat_width;
    reply->map_height = seen->heat_height;
    seen->heat = NULL;
    snprintf(reply->finish, sizeof reply->finish, "%s", seen->truncated ? "length" : "stop");
    if (seen->reasoned)
        gad_string_add(&reply->text, seen->raw);
    else
        status = write_fast(m, seen, &reply->text, err);
    if (!status && reply->text.failed)
        status = gad_error_memory(err, operation, reply->text.length);
    return status;
}

static gad_status answer(void *self, const gad_bench_request *request, gad_bench_reply *reply, gad_error *err)
{
    engine_model *m = self;
    gad_inspection seen;
    gad_inspect_settings settings = gad_inspect_settings_default();
    double start = gad_clock_seconds();
    settings.reason = m->answers.fast ? GAD_REASON_NEVER : GAD_REASON_ALWAYS;
    settings.max_tokens = m->answers.max_tokens;
    settings.greedy = !m->answers.sample;
    settings.seed = m->answers.seed;
    gad_turn_part *part = pieces_of(request);
    if (!part)
        return gad_error_memory(err, operation, request->parts * sizeof *part);
    gad_inspect_request ask = {
        .part = part, .part_count = request->parts, .object = request->object, .choice = request->option != NULL};
    gad_status status = gad_inspect_ask(m->engine, &ask, &settings, &seen, err);
    reply->latency_s = gad_clock_seconds() - start;
    gad_memory_free(part);
    if (status)
        return status;
    status = fill_reply(m, &seen, reply, err);
    gad_inspection_clear(&seen);
    return status;
}

static json_t *describe(void *self)
{
    const engine_model *m = self;
    const gad_quantise q = m->options.compute.quantise;
    return json_pack("{s:s, s:s, s:s, s:i, s:i, s:s, s:I, s:I, s:b, s:b, s:I}", "kind", "engine", "name", m->name,
                     "weights", m->engine->hash, "quantised", (int)(q == GAD_QUANTISE_Q8_ALL ? GAD_QUANTISE_Q8 : q),
                     "quantised_vision", q == GAD_QUANTISE_Q8_ALL, "products", gad_dtype_name(m->engine->device.products),
                     "max_pixels", (json_int_t)m->options.max_pixels, "max_tokens", (json_int_t)m->answers.max_tokens,
                     "fast", m->answers.fast, "sample", m->answers.sample, "seed", (json_int_t)m->answers.seed);
}

static void free_model(void *self)
{
    gad_memory_free(self);
}

gad_status gad_model_engine(gad_engine *engine, const gad_engine_options *options, const gad_bench_answers *answers,
                            gad_bench_model *model, gad_error *err)
{
    engine_model *m = gad_memory_zero(1, sizeof *m);
    if (!m)
        return gad_error_memory(err, operation, sizeof *m);
    m->engine = engine;
    m->options = *options;
    m->answers = *answers;
    snprintf(m->name, sizeof m->name, "%s%s%s", gad_file_name(options->model), options->adapter ? "+" : "",
             options->adapter ? gad_file_name(options->adapter) : "");
    *model = (gad_bench_model){.self = m,
                               .name = m->name,
                               .convention = engine->convention,
                               .input = engine->preprocess,
                               .compares = gad_engine_compares(engine),
                               .prompt_file = engine->question,
                               .wants_pictures = true,
                               .describe = describe,
                               .answer = answer,
                               .in_flight = 1,
                               .free = free_model};
    return GAD_OK;
}
