/* speaking: see speaking.h */
#include "generate/speaking.h"

#include "base/json.h"

gad_engine *speaking_open(const char *family, int threads)
{
    gad_error err;
    gad_engine *engine = NULL;
    gad_engine_options options = {.model = golden_path(family, "model"), .compute.threads = threads};
    ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
    engine->preprocess = golden_preprocess(family);
    return engine;
}

const gad_image_rows *speaking_encode(gad_engine *engine, const char *name, bool changed)
{
    gad_error err;
    gad_image image;
    const gad_image_entry *entry;
    ASSERT_OK(gad_image_load(golden_image(name), &image, &err), &err);
    if (changed)
        image.pixels[0] ^= 0x80;
    ASSERT_OK(gad_image_cache_get(&engine->images, &engine->model, &engine->device, engine->timeline.adapters,
                                  &engine->preprocess, &image, false, gad_image_hash(&image), &entry, &err),
              &err);
    gad_image_free(&image);
    return &entry->rows;
}

void speaking_open_case(gad_engine *engine, const char *family, char letter, speaking_case *c)
{
    gad_error err;
    json_t *cases = NULL;
    const char key[2] = {letter, 0};
    *c = (speaking_case){.golden = golden_open(family, &engine->model.config, letter)};
    ASSERT_OK(gad_json_load(golden_path(family, "cases.json"), &cases, &err), &err);
    const json_t *names = json_object_get(json_object_get(cases, key), "images");
    int64_t at = 0;
    for (int64_t i = 0; i < c->golden.image_count; i++) {
        while (c->golden.ids[at] != engine->model.config.image_token)
            at++;
        c->image[i] = (gad_prompt_image){
            .rows = speaking_encode(engine, json_string_value(json_array_get(names, (size_t)i)), false), .first = at};
        at += c->image[i].rows->tokens;
    }
    c->prompt = (gad_prompt){c->golden.ids, c->golden.count, c->image, c->golden.image_count};
    json_decref(cases);
}

void speaking_close_case(speaking_case *c)
{
    golden_close(&c->golden);
}

int64_t speaking_golden_row(int64_t rows, int step)
{
    if (rows == SPEAKING_STEPS)
        return step;
    return step < 2 ? step : step == SPEAKING_STEPS - 1 ? 2 : -1;
}
