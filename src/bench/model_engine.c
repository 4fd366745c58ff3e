/* model_engine: see model_engine.h */
#include "bench/model_engine.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "inspect/ask.h"

typedef struct engine_model {
    gad_engine *engine;
    gad_engine_options options;
    gad_model_engine_settings settings;
    char name[160];
} engine_model;

static gad_status make_turn(engine_model *m, const gad_bench_request *request, gad_turn *turn, gad_error *err)
{
    gad_turn_part *part = gad_memory_zero(request->parts, sizeof *part);
    if (!part)
        return gad_error_memory(err, "ask the engine", request->parts * sizeof *part);
    for (size_t i = 0; i < request->parts; i++) {
        part[i].text = request->part[i].text;
        if (part[i].text)
            continue;
        part[i].image = &request->picture[request->part[i].picture];
        part[i].hash = gad_image_hash(part[i].image);
    }
    gad_status status = gad_turn_make(m->engine, part, request->parts, turn, err);
    gad_memory_free(part);
    return status;
}

static gad_box_frame frame_of(const engine_model *m, const gad_turn *turn)
{
    const gad_view *view = &turn->view;
    return gad_box_frame_make(m->engine->convention, GAD_BOX_XY, (int)view->original_width, (int)view->original_height,
                              (int)view->width, (int)view->height);
}

/* The heat map of the difference module as probabilities. */
static gad_status take_heat(const gad_turn *turn, gad_bench_reply *reply, gad_error *err)
{
    size_t cells = (size_t)(turn->heat_rows * turn->heat_cols);
    if (!turn->heat)
        return GAD_OK;
    reply->map = gad_memory_alloc(cells, sizeof *reply->map);
    if (!reply->map)
        return gad_error_memory(err, "ask the engine", cells * sizeof *reply->map);
    reply->map_width = turn->heat_cols;
    reply->map_height = turn->heat_rows;
    for (size_t i = 0; i < cells; i++)
        reply->map[i] = 1 / (1 + expf(-turn->heat[i]));
    return GAD_OK;
}

/* Regions of the heat map as boxes for the answer; without a difference module there are none. */
static size_t take_regions(const engine_model *m, const gad_turn *turn, gad_answer_item *item)
{
    const gad_view *view = &turn->view;
    gad_box_frame frame = frame_of(m, turn);
    for (int i = 0; i < turn->region_count; i++) {
        gad_box box = gad_regions_box(&turn->region[i], (double)view->original_width, (double)view->original_height);
        item[i] = (gad_answer_item){gad_box_to_model(&frame, box), "difference"};
    }
    return (size_t)turn->region_count;
}

/* The forced decision, with the boxes that gad inspect gives to a fast answer. */
static gad_status answer_fast(engine_model *m, const gad_turn *turn, gad_bench_reply *reply, gad_error *err)
{
    gad_answer_item item[GAD_REGIONS_MAX];
    gad_status status = gad_ask_fast(m->engine, turn, NULL, &reply->score, err);
    bool anomalous = !status && reply->score >= 0.5;
    size_t count = anomalous ? take_regions(m, turn, item) : 0;
    if (!status)
        status = gad_answer_write("", anomalous, item, count, &reply->text, err);
    reply->answer_tokens = 0;
    memcpy(reply->finish, "stop", 5);
    return status;
}

static gad_status answer_reasoned(engine_model *m, const gad_bench_request *request, const gad_turn *turn,
                                  gad_bench_reply *reply, gad_error *err)
{
    gad_decode_settings decode = {.sampling = m->engine->sampling, .max_tokens = m->settings.max_tokens};
    gad_box_frame frame = frame_of(m, turn);
    gad_rng rng = gad_rng_make(m->settings.seed,
                               gad_hash_bytes(request->id, strlen(request->id)).low); /* a resumed run draws the same */
    gad_asked asked;
    if (!m->settings.sample)
        decode.sampling.greedy = true;
    gad_status status = gad_ask_reasoned(m->engine, turn, request->object, &decode, &rng, &frame, &asked, err);
    if (status)
        return status;
    gad_string_add(&reply->text, gad_string_text(&asked.decoded.text));
    reply->answer_tokens = (int64_t)asked.decoded.ids.count;
    if (asked.score >= 0)
        reply->score = asked.score;
    snprintf(reply->finish, sizeof reply->finish, "%s", asked.decoded.finish == GAD_FINISH_STOP ? "stop" : "length");
    gad_asked_free(&asked);
    return GAD_OK;
}

static gad_status answer(void *self, const gad_bench_request *request, gad_bench_reply *reply, gad_error *err)
{
    engine_model *m = self;
    gad_turn turn;
    double start = gad_clock_seconds();
    if (!request->pictures)
        return gad_error_set(err, GAD_E_ARGUMENT, "ask the engine", NULL, "%s: the request has no image", request->id);
    gad_status status = make_turn(m, request, &turn, err);
    if (status)
        return status;
    const gad_view *view = &turn.view;
    reply->input_width = view->width;
    reply->input_height = view->height;
    reply->prompt_tokens = turn.asked.prompt.count;
    bool fast = m->settings.fast && !request->option;
    status = take_heat(&turn, reply, err);
    if (!status)
        status = fast ? answer_fast(m, &turn, reply, err) : answer_reasoned(m, request, &turn, reply, err);
    reply->latency_s = gad_clock_seconds() - start;
    gad_turn_free(m->engine, &turn);
    if (!status && reply->text.failed)
        status = gad_error_memory(err, "ask the engine", reply->text.length);
    return status;
}

static json_t *describe(void *self)
{
    const engine_model *m = self;
    return json_pack("{s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:b, s:b, s:I}", "kind", "engine", "name", m->name, "weights",
                     m->engine->hash, "quantised", m->options.quantise, "quantised_vision", m->options.quantise_vision,
                     "max_pixels", (json_int_t)m->options.max_pixels, "max_tokens", (json_int_t)m->settings.max_tokens,
                     "fast", m->settings.fast, "sample", m->settings.sample, "seed", (json_int_t)m->settings.seed);
}

static void free_model(void *self)
{
    gad_memory_free(self);
}

gad_status gad_model_engine(gad_engine *engine, const gad_engine_options *options,
                            const gad_model_engine_settings *settings, gad_bench_model *model, gad_error *err)
{
    engine_model *m = gad_memory_zero(1, sizeof *m);
    if (!m)
        return gad_error_memory(err, "ask the engine", sizeof *m);
    m->engine = engine;
    m->options = *options;
    m->settings = *settings;
    snprintf(m->name, sizeof m->name, "%s%s%s", gad_file_name(options->model), options->adapter ? "+" : "",
             options->adapter ? gad_file_name(options->adapter) : "");
    *model = (gad_bench_model){.self = m,
                               .name = m->name,
                               .convention = engine->convention,
                               .prompt_file = engine->question,
                               .wants_pictures = true,
                               .describe = describe,
                               .answer = answer,
                               .in_flight = 1,
                               .free = free_model};
    return GAD_OK;
}
