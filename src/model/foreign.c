/* foreign: see foreign.h */
#include "model/foreign.h"

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"

#include <string.h>
#include <strings.h>

static const char operation[] = "read model configuration";
static const char elsewhere[] = "serve it with an OpenAI-compatible server and measure it with gad bench run --endpoint";

/* ---- by the kind of file ---- */

static const struct {
    const char *extension, *what, *advice;
} FILES[] = {
    {"gguf", "a GGUF file of llama.cpp", "name the file itself: --model FILE.gguf --mmproj MMPROJ.gguf"},
    {"bin", "PyTorch .bin weights",
     "save it as safetensors: save_pretrained(folder, safe_serialization=True) in transformers"},
    {"pth", "a PyTorch checkpoint",
     "save it as safetensors: save_pretrained(folder, safe_serialization=True) in transformers"},
    {"pt", "a PyTorch checkpoint",
     "save it as safetensors: save_pretrained(folder, safe_serialization=True) in transformers"},
    {"ckpt", "a PyTorch Lightning checkpoint", "save the model in it as safetensors with save_pretrained in transformers"},
    {"onnx", "an ONNX model", elsewhere},
    {"engine", "a TensorRT engine", elsewhere},
    {"h5", "a Keras or TensorFlow model", elsewhere},
    {"safetensors", "a single safetensors file", "give the folder that holds it, with config.json and the tokenizer"},
};

static gad_status refuse_file(const char *path, const char *name, bool in_folder, gad_error *err)
{
    for (size_t i = 0; i < sizeof FILES / sizeof *FILES; i++)
        if (gad_file_has_extension(name, FILES[i].extension))
            return in_folder ? gad_error_set(err, GAD_E_UNSUPPORTED, operation, FILES[i].advice, "%s: holds %s (%s)", path,
                                             FILES[i].what, name)
                             : gad_error_set(err, GAD_E_UNSUPPORTED, operation, FILES[i].advice, "%s: is %s", path,
                                             FILES[i].what);
    return GAD_OK;
}

gad_status gad_foreign_check_path(const char *path, gad_error *err)
{
    gad_file_names names = {0};
    gad_status status = GAD_OK;
    if (!gad_file_is_directory(path))
        return gad_file_exists(path) ? refuse_file(path, path, false, err) : GAD_OK;
    if ((status = gad_file_list(path, &names, err)))
        return status == GAD_E_MEMORY ? status : GAD_OK;
    for (size_t i = 0; i < names.count && !status; i++)
        if (strcmp(names.name[i], "training_args.bin") != 0 && !gad_file_has_extension(names.name[i], "safetensors"))
            status = refuse_file(path, names.name[i], true, err);
    gad_file_names_free(&names);
    return status;
}

/* ---- by config.json ---- */

static const struct {
    const char *type, *what, *advice;
} FAMILIES[] = {
    {"qwen2_vl", "Qwen2-VL, the generation before Qwen2.5-VL", "take the Qwen2.5-VL checkpoint of that size"},
    {"qwen3_vl_moe", "Qwen3-VL with a mixture of experts", "take a dense Qwen3-VL checkpoint (2B, 4B, 8B, 32B)"},
    {"qwen3_5_moe", "a mixture of experts", "take a dense Qwen3-VL checkpoint (2B, 4B, 8B, 32B)"},
    {"qwen2_5_omni", "Qwen2.5-Omni, which also hears", "take a Qwen2.5-VL checkpoint"},
    {"qwen3_omni_moe", "Qwen3-Omni, which also hears", "take a Qwen3-VL checkpoint"},
    {"internvl", "InternVL", elsewhere},
    {"internvl_chat", "InternVL", elsewhere},
    {"llava", "LLaVA", elsewhere},
    {"llava_next", "LLaVA-NeXT", elsewhere},
    {"llava_onevision", "LLaVA-OneVision", elsewhere},
    {"llava_qwen", "LLaVA-OneVision", elsewhere},
    {"minicpmv", "MiniCPM-V", elsewhere},
    {"gemma3", "Gemma 3", elsewhere},
    {"gemma3n", "Gemma 3n", elsewhere},
    {"mllama", "Llama 3.2 Vision", elsewhere},
    {"llama4", "Llama 4", elsewhere},
    {"phi4mm", "Phi-4 multimodal", elsewhere},
    {"phi3_v", "Phi-3 Vision", elsewhere},
    {"idefics3", "Idefics3", elsewhere},
    {"smolvlm", "SmolVLM", elsewhere},
    {"glm4v", "GLM-4V", elsewhere},
    {"kimi_vl", "Kimi-VL", elsewhere},
    {"deepseek_vl_v2", "DeepSeek-VL2", elsewhere},
    {"qwen2", "Qwen2 or Qwen2.5, a language model without pictures", "take a Qwen2.5-VL checkpoint"},
    {"qwen3", "Qwen3, a language model without pictures", "take a Qwen3-VL checkpoint"},
    {"llama", "a language model without pictures", "take a Qwen2.5-VL or Qwen3-VL checkpoint"},
};

/* Weights that are packed in a way that is not read. */
static gad_status check_quantisation(const json_t *root, const char *name, gad_error *err)
{
    static const struct {
        const char *method, *what;
    } methods[] = {{"fp8", "FP8 weights"},
                   {"fbgemm_fp8", "FP8 weights"},
                   {"awq", "AWQ weights (4 bits)"},
                   {"gptq", "GPTQ weights"},
                   {"bitsandbytes", "bitsandbytes weights"},
                   {"compressed-tensors", "weights of compressed-tensors (often FP8 or INT4)"},
                   {"mxfp4", "MXFP4 weights"},
                   {"quanto", "quanto weights"},
                   {"hqq", "HQQ weights"}};
    const json_t *settings = json_object_get(root, "quantization_config");
    const char *method = json_string_value(json_object_get(settings, "quant_method")), *what = NULL;
    if (!json_is_object(settings))
        return GAD_OK;
    for (size_t i = 0; i < sizeof methods / sizeof *methods && method; i++)
        if (strcasecmp(methods[i].method, method) == 0)
            what = methods[i].what;
    return gad_error_set(err, GAD_E_UNSUPPORTED, operation,
                         "take the checkpoint of the same name without that ending (BF16); gad has --quant of its own",
                         "%s: holds %s", name, what ? what : "quantised weights");
}

gad_status gad_foreign_check_config(const json_t *root, const char *name, gad_error *err)
{
    const char *type = json_string_value(json_object_get(root, "model_type"));
    for (size_t i = 0; i < sizeof FAMILIES / sizeof *FAMILIES && type; i++)
        if (strcmp(FAMILIES[i].type, type) == 0)
            return gad_error_set(err, GAD_E_UNSUPPORTED, operation, FAMILIES[i].advice, "%s: is %s", name,
                                 FAMILIES[i].what);
    size_t length = type ? strlen(type) : 0;
    if (length > 4 && strcmp(type + length - 4, "_moe") == 0)
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "take a dense Qwen3-VL checkpoint (2B, 4B, 8B, 32B)",
                             "%s: is %s, a mixture of experts", name, type);
    return check_quantisation(root, name, err);
}
