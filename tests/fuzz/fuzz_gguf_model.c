/* fuzz_gguf_model: any bytes as the .gguf file of a model, alone and as its own vision tower: settings, tokens and weights
 * are read by what reads models. What is refused says why; what is accepted holds a number for every parameter. */
#include "base/file.h"
#include "model/package.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes);

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void check_error(gad_status status, const gad_error *err, const char *path)
{
    require(!status || (err->code == status && err->operation[0] && strstr(err->cause, path)));
}

/* Memory that a fuzzer has. */
static bool is_modest(const gad_config *c)
{
    return c->vision.depth <= 8 && c->text.layers <= 8 && c->text.vocab <= 4096 && c->text.hidden <= 512 &&
           c->text.intermediate <= 2048 && c->vision.hidden <= 512 && c->vision.intermediate <= 2048 &&
           (int64_t)c->text.heads * c->text.head_dim <= 1024 && c->vision.patch <= 32 && c->vision.position_side <= 64;
}

static void use_weights(const gad_package *p, const gad_config *config)
{
    gad_error err = {0};
    gad_model model;
    gad_tensor_source *files = NULL;
    volatile double sum = 0;
    if (!is_modest(config) || gad_model_build(config, &model, &err))
        return;
    gad_status status = gad_package_weights(p, &(gad_weights_options){0}, &model, &files, NULL, &err);
    for (size_t i = 0; i < model.params.count && !status; i++)
        sum += gad_param_get(model.params.item[i], gad_param_count(model.params.item[i]) - 1);
    (void)sum; /* reading is what is tried */
    check_error(status, &err, "fuzz");
    gad_model_free(&model);
    gad_tensor_source_free(files);
}

static void use(const char *path, const char *mmproj)
{
    gad_error err = {0};
    gad_package p;
    gad_config config;
    gad_preprocess pictures;
    gad_tokenizer *tokenizer = NULL;
    gad_status status = gad_package_open(path, mmproj, &p, &err);
    check_error(status, &err, path);
    if (status)
        return;
    check_error(gad_package_preprocess(&p, &pictures, &err), &err, path);
    status = gad_package_tokenizer(&p, &tokenizer, &err);
    check_error(status, &err, path);
    if (!status)
        gad_tokenizer_free(tokenizer);
    status = gad_package_config(&p, &config, &err);
    check_error(status, &err, path);
    if (!status)
        use_weights(&p, &config);
    gad_package_free(&p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size_bytes)
{
    char path[64];
    gad_error err = {0};
    snprintf(path, sizeof path, "/tmp/fuzz-%ld.gguf", (long)getpid());
    if (gad_file_write(path, data, size_bytes, &err))
        return 0;
    use(path, NULL);
    use(path, path);
    remove(path);
    return 0;
}
