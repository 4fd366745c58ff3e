/* vit_config: see vit_config.h */
#include "features/vit_config.h"

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"

#include <stdio.h>
#include <string.h>

static const char operation[] = "open a backbone";

/* The first failure sticks, so that a run of fields reads like a table. */
typedef struct reader {
    const json_t *root;
    const char *name; /* of the file */
    gad_status status;
    gad_error *err;
} reader;

static int read_size(reader *r, const char *key, int64_t fallback, int64_t least, int64_t most)
{
    int64_t value = fallback;
    if (!r->status)
        r->status = gad_json_get_int(r->root, key, r->name, fallback, &value, r->err);
    if (!r->status && (value < least || value > most))
        r->status = gad_error_set(r->err, GAD_E_FORMAT, operation, NULL, "%s: \"%s\" is %lld, not in %lld..%lld", r->name,
                                  key, (long long)value, (long long)least, (long long)most);
    return r->status ? 1 : (int)value;
}

static bool read_flag(reader *r, const char *key, bool fallback)
{
    bool value = fallback;
    if (!r->status)
        r->status = gad_json_get_bool(r->root, key, r->name, fallback, &value, r->err);
    return value;
}

static double read_positive(reader *r, const char *key, double fallback)
{
    double value = fallback;
    if (!r->status)
        r->status = gad_json_get_number(r->root, key, r->name, fallback, &value, r->err);
    if (!r->status && !(value > 0 && value < 1e9))
        r->status =
            gad_error_set(r->err, GAD_E_FORMAT, operation, NULL, "%s: \"%s\" is not a positive number", r->name, key);
    return value;
}

static void expect_text(reader *r, const char *key, const char *expected)
{
    const char *value = expected;
    if (!r->status)
        r->status = gad_json_get_string(r->root, key, r->name, expected, &value, r->err);
    if (!r->status && strcmp(value, expected) != 0)
        r->status = gad_error_set(r->err, GAD_E_UNSUPPORTED, operation, NULL, "%s: \"%s\" is \"%.64s\", not \"%s\"",
                                  r->name, key, value, expected);
}

/* Whether "model_type" is one of those below. */
static bool read_family(reader *r, gad_vit_config *c)
{
    static const char *const known[] = {"dinov2", "dinov2_with_registers", "dinov3_vit"};
    const char *family = "";
    r->status = gad_json_get_string(r->root, "model_type", r->name, "", &family, r->err);
    for (size_t i = 0; !r->status && i < sizeof known / sizeof *known; i++)
        if (!strcmp(family, known[i])) {
            snprintf(c->family, sizeof c->family, "%s", family);
            return true;
        }
    if (!r->status)
        r->status = gad_error_set(r->err, GAD_E_UNSUPPORTED, operation,
                                  "give a folder of DINOv2 or DINOv3 (ViT), or a file of EfficientNet-Lite",
                                  "%s: \"model_type\" is \"%.64s\"", r->name, family);
    return false;
}

static void read_network(reader *r, gad_vit_config *c)
{
    if (!read_family(r, c))
        return;
    c->rotary = !strcmp(c->family, "dinov3_vit");
    c->antialias = !strcmp(c->family, "dinov2_with_registers");
    c->hidden = read_size(r, "hidden_size", c->rotary ? 384 : 768, 1, 1 << 14);
    c->depth = read_size(r, "num_hidden_layers", 12, 1, GAD_VIT_MAX_DEPTH);
    c->heads = read_size(r, "num_attention_heads", c->rotary ? 6 : 12, 1, 256);
    c->patch = read_size(r, "patch_size", c->rotary ? 16 : 14, 1, 64);
    c->image_side = read_size(r, "image_size", 224, c->patch, 4096);
    c->registers = read_size(r, "num_register_tokens", c->antialias ? 4 : 0, 0, 64);
    c->norm_eps = read_positive(r, "layer_norm_eps", c->rotary ? 1e-5 : 1e-6);
    c->rope_theta = read_positive(r, "rope_theta", 100);
    c->gated = read_flag(r, c->rotary ? "use_gated_mlp" : "use_swiglu_ffn", false);
    c->q_bias = read_flag(r, c->rotary ? "query_bias" : "qkv_bias", true);
    c->k_bias = read_flag(r, c->rotary ? "key_bias" : "qkv_bias", !c->rotary);
    c->v_bias = read_flag(r, c->rotary ? "value_bias" : "qkv_bias", true);
    c->proj_bias = read_flag(r, "proj_bias", true);
    c->mlp_bias = read_flag(r, "mlp_bias", true);
    if (!c->gated || c->rotary)
        expect_text(r, "hidden_act", c->gated ? "silu" : "gelu");
    if (!r->status && (c->hidden % c->heads || c->hidden / c->heads % 4))
        r->status =
            gad_error_set(r->err, GAD_E_FORMAT, operation, NULL,
                          "%s: %d channels do not give %d heads of a multiple of 4 each", r->name, c->hidden, c->heads);
}

static void read_colours(reader *r, const char *key, const double fallback[3], double out[3])
{
    const json_t *list = json_object_get(r->root, key);
    memcpy(out, fallback, 3 * sizeof *out);
    if (!list || json_is_null(list) || r->status)
        return;
    for (size_t i = 0; i < 3; i++) {
        const json_t *value = json_array_get(list, i);
        out[i] = json_number_value(value);
        if (json_array_size(list) != 3 || !json_is_number(value) || !(out[i] > 1e-6 && out[i] < 1e6))
            r->status = gad_error_set(r->err, GAD_E_FORMAT, operation, NULL, "%s: \"%s\" is not three positive numbers",
                                      r->name, key);
    }
}

/* (v / 255 - mean) / std */
static void read_pixels(reader *r, gad_vit_config *c)
{
    static const double imagenet_mean[3] = {0.485, 0.456, 0.406}, imagenet_std[3] = {0.229, 0.224, 0.225};
    double mean[3], std[3];
    read_colours(r, "image_mean", imagenet_mean, mean);
    read_colours(r, "image_std", imagenet_std, std);
    for (int i = 0; i < 3; i++) {
        c->pixels.offset[i] = (float)(255 * mean[i]);
        c->pixels.scale[i] = (float)(1 / (255 * std[i]));
    }
}

static gad_status load(const char *folder, const char *file, bool needed, void (*read)(reader *r, gad_vit_config *c),
                       gad_vit_config *config, gad_error *err)
{
    char *path = gad_file_join(folder, file);
    json_t *root = NULL;
    gad_status status = path ? GAD_OK : gad_error_memory(err, operation, strlen(folder));
    if (!status && (needed || gad_file_exists(path)))
        status = gad_json_load(path, &root, err);
    if (!status && root && !json_is_object(root))
        status = gad_error_set(err, GAD_E_FORMAT, operation, NULL, "%s: not a JSON object", path);
    if (!status) {
        reader r = {.root = root, .name = path, .err = err};
        read(&r, config);
        status = r.status;
    }
    json_decref(root);
    gad_memory_free(path);
    return status;
}

gad_status gad_vit_config_load(const char *folder, gad_vit_config *config, gad_error *err)
{
    gad_vit_config c = {0};
    gad_status status = load(folder, "config.json", true, read_network, &c, err);
    if (!status)
        status = load(folder, "preprocessor_config.json", false, read_pixels, &c, err);
    if (!status)
        *config = c;
    return status;
}
