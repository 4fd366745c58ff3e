/* options_engine: see options_engine.h */
#include "cli/options_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/parts.h"
#include "cli/terminal.h"

#define AT(field) offsetof(gad_engine_options, field)
static const option model[] = {
    {.name = "model",
     .argument = "DIR",
     .kind = OPTION_STRING,
     .offset = AT(model),
     .help = "checkpoint folder, .gguf file, or the name of an installed model (default: $GAD_MODEL, or gad-s)"},
    {.name = "mmproj", .argument = "FILE", .kind = OPTION_STRING, .offset = AT(mmproj), .help = OPTIONS_ENGINE_MMPROJ_HELP},
    {.name = "adapter", .argument = "DIR", .kind = OPTION_STRING, .offset = AT(adapter), .help = "PEFT LoRA adapter"},
    {.name = "merge-adapter",
     .kind = OPTION_FLAG,
     .offset = AT(merge_adapter),
     .help = "add the adapter into the weights first"},
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
    {.name = "pixels-alone",
     .kind = OPTION_FLAG,
     .offset = AT(pixels_alone),
     .help = "a model that compares pixels does not remember the good parts by their features too"},
};
#undef AT
const option_table options_engine_model = {model, OPTIONS_COUNT(model)};

#define AT(field) offsetof(gad_compute, field)
static const option compute[] = {
    OPTIONS_ENGINE_QUANT(AT(quantise)),
    {.name = "precision",
     .argument = "KIND",
     .kind = OPTION_ENUM,
     .offset = AT(precision),
     .choices = CHOICES(GAD_PRECISION_WORDS),
     .fallback = "checkpoint",
     .help = "what other matrices multiply with: as the checkpoint is stored, or one of the two; sums are fp32"},
    {.name = "cache",
     .argument = "KIND",
     .kind = OPTION_ENUM,
     .offset = AT(cache),
     .choices = CHOICES(GAD_CACHE_WORDS),
     .fallback = "fp32",
     .help = "what keys and values of the text so far are kept in, on the CPU"},
    OPTIONS_ENGINE_DEVICE(AT(device)),
    OPTIONS_ENGINE_THREADS(AT(threads)),
    {.name = "cpu",
     .argument = "LEVEL",
     .kind = OPTION_CHOICE,
     .offset = AT(cpu_level),
#if defined(__aarch64__)
     .choices = CHOICES("best", "neonbf16", "neoni8mm", "neondot", "neon", "portable"),
#else
     .choices = CHOICES("best", "avx512bf16", "avx512vnni", "avx512", "avxvnni", "avx2", "portable"),
#endif
     .fallback = "best",
     .help = "newest instructions to use"},
};
#undef AT
const option_table options_engine_compute = {compute, OPTIONS_COUNT(compute)};

const char *options_engine_folder(const char *name)
{
    static char path[4096];
    const char *named = name ? name : getenv("GAD_MODEL");
    gad_error err;
    return gad_model_locate(named && *named ? named : NULL, path, sizeof path, &err) ? name : path;
}

int options_engine_open(const command *c, const gad_engine_options *options, const gad_log *log, gad_engine **engine)
{
    gad_error err;
    gad_engine_options all = *options;
    all.model = options_engine_folder(options->model);
    all.log = log;
    if (!all.model) {
        fprintf(stderr, "gad %s: which model? Give --model DIR or set GAD_MODEL\n", c->name);
        return EXIT_USAGE;
    }
    return gad_engine_open(&all, engine, &err) ? terminal_fail(&err) : EXIT_DONE;
}
