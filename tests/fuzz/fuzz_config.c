/* fuzz_config: any bytes as a config.json. What is accepted passes its own check, is written and read back the same, and
 * gives a parameter table and a plan; what is refused says why. */
#include "base/json.h"
#include "model/plan.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void require(bool truth)
{
    if (!truth)
        abort();
}

/* Tables of a model that a machine could hold. */
static bool is_modest(const gad_config *c)
{
    return c->vision.depth + c->text.layers <= 64;
}

static void use(const gad_config *config)
{
    gad_error err;
    gad_config again;
    require(!gad_config_check(config, "input", &err));
    json_t *written = gad_config_json(config);
    require(written && !gad_config_read(written, "written", &again, &err));
    json_t *twice = gad_config_json(&again);
    require(json_equal(written, twice));
    json_decref(written);
    json_decref(twice);
    gad_model model = {0};
    if (!is_modest(config) || gad_model_build(config, &model, &err))
        return;
    gad_grid grid = {4, 6};
    gad_plan_request request = {
        .images = &grid, .image_count = 1, .text_tokens = 10, .answer_tokens = 10, .matrix_dtype = GAD_BF16};
    gad_plan plan = gad_plan_make(&model, &request);
    require(plan.prompt_tokens == 16);
    gad_model_free(&model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    gad_error err = {0};
    json_t *root = NULL;
    gad_config config;
    if (gad_json_parse((const char *)data, size_bytes, "input", &root, &err))
        return 0;
    gad_status status = gad_config_read(root, "input", &config, &err);
    if (!status)
        use(&config);
    else
        require(err.code == status && strstr(err.cause, "input") && err.operation[0]);
    json_decref(root);
    return 0;
}
