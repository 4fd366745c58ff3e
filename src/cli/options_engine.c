/* options_engine: see options_engine.h */
#include "cli/options_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/parts.h"
#include "cli/terminal.h"

#define AT(field) offsetof(engine_options, field)
static const option model[] = {
    {.name = "model",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(model),
     .help = "checkpoint folder, .gguf file, or the name of an installed model (default: $GAD_MODEL, or gad-s)"},
    {.name = "mmproj", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(mmproj), .help = OPTIONS_ENGINE_MMPROJ_HELP},
    {.name = "adapter", .argument = "DIR", .kind = OPTION_STRING, .offset = AT(adapter), .help = "PEFT LoRA adapter"},
    {.name = "merge-adapter", .kind = OPTION_FLAG, .offset = AT(merge), .help = "add the adapter into the weights first"},
    {.name = "image-size",
     .argument = "SIZE",
     .kind = OPTION_STRING,
     .offset = AT(image_size),
     .fallback = "canvas",
     .help = "canvas (shorter side 448, as training and benchmark), original, or the longest side in pixels"},
    {.name = "max-pixels",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(max_pixels),
     .fallback = "1003520",
     .help = "bound on an image's pixels as the model sees it; 0: the checkpoint's own"},
};
#undef AT
const option_table options_engine_model = {model, OPTIONS_COUNT(model)};

#define AT(field) offsetof(compute_options, field)
static const option compute[] = {
    {.name = "quant",
     .argument = "KIND",
     .kind = OPTION_CHOICE,
     .offset = AT(quant),
     .choices = OPTIONS_ENGINE_QUANT,
     .fallback = "none",
     .help = OPTIONS_ENGINE_QUANT_HELP},
    {.name = "precision",
     .argument = "KIND",
     .kind = OPTION_CHOICE,
     .offset = AT(precision),
     .choices = "checkpoint|fp32|bf16",
     .fallback = "checkpoint",
     .help = "what other matrices multiply with: as the checkpoint is stored, or one of the two; sums are fp32"},
    {.name = "half-cache",
     .kind = OPTION_FLAG,
     .offset = AT(half_cache),
     .help = "keep keys and values of the text so far in 16 bits"},
    OPTIONS_ENGINE_DEVICE(AT(device)),
    {.name = "threads",
     .argument = "N",
     .kind = OPTION_INT,
     .offset = AT(threads),
     .maximum = 1024,
     .fallback = "0",
     .help = "0: all processors"},
    {.name = "cpu",
     .argument = "LEVEL",
     .kind = OPTION_CHOICE,
     .offset = AT(cpu),
#if defined(__aarch64__)
     .choices = "best|neonbf16|neoni8mm|neondot|neon|portable",
#else
     .choices = "best|avx512bf16|avx512vnni|avx512|avxvnni|avx2|portable",
#endif
     .fallback = "best",
     .help = "newest instructions to use"},
};
#undef AT
const option_table options_engine_compute = {compute, OPTIONS_COUNT(compute)};

gad_quantise options_engine_quantise(const char *quant)
{
    return !strcmp(quant, "none") ? GAD_QUANTISE_NONE : !strcmp(quant, "q4") ? GAD_QUANTISE_Q4 : GAD_QUANTISE_Q8;
}

gad_quantise options_engine_quantise_vision(const char *quant)
{
    return !strcmp(quant, "q8-all") ? GAD_QUANTISE_Q8 : GAD_QUANTISE_NONE;
}

gad_precision options_engine_precision(const char *precision)
{
    return !strcmp(precision, "fp32")   ? GAD_PRECISION_FP32
           : !strcmp(precision, "bf16") ? GAD_PRECISION_BF16
                                        : GAD_PRECISION_CHECKPOINT;
}

gad_hints options_engine_hints(const char *evidence)
{
    return !strcmp(evidence, "text")    ? GAD_HINTS_TEXT
           : !strcmp(evidence, "image") ? GAD_HINTS_IMAGE
           : !strcmp(evidence, "both")  ? GAD_HINTS_BOTH
                                        : GAD_HINTS_NONE;
}

const char *options_engine_cpu_level(const char *cpu)
{
    return strcmp(cpu, "best") ? cpu : NULL;
}

const char *options_engine_folder(const char *name)
{
    static char path[4096];
    const char *named = name ? name : getenv("GAD_MODEL");
    gad_error err;
    return gad_model_locate(named && *named ? named : NULL, path, sizeof path, &err) ? name : path;
}

gad_engine_options options_engine_public(const engine_options *o, const gad_log *log)
{
    return (gad_engine_options){.model = options_engine_folder(o->model),
                                .mmproj = o->mmproj,
                                .adapter = o->adapter,
                                .merge_adapter = o->merge,
                                .quantise = options_engine_quantise(o->compute.quant),
                                .quantise_vision = options_engine_quantise_vision(o->compute.quant),
                                .precision = options_engine_precision(o->compute.precision),
                                .half_cache = o->compute.half_cache,
                                .threads = (int)o->compute.threads,
                                .device = o->compute.device,
                                .image_size = o->image_size,
                                .max_pixels = o->max_pixels,
                                .cpu_level = options_engine_cpu_level(o->compute.cpu),
                                .log = log};
}

int options_engine_open(const command *c, const engine_options *o, const gad_log *log, gad_engine **engine)
{
    gad_error err;
    gad_engine_options options = options_engine_public(o, log);
    if (!options.model) {
        fprintf(stderr, "gad %s: which model? Give --model DIR or set GAD_MODEL\n", c->name);
        return EXIT_USAGE;
    }
    return gad_engine_open(&options, engine, &err) ? terminal_fail(&err) : EXIT_DONE;
}
