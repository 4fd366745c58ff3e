/* options_engine: the options that say which model runs, and how, for the commands that run one, on structs of their own
 * within a command's settings. */
#ifndef GAD_CLI_OPTIONS_ENGINE_H
#define GAD_CLI_OPTIONS_ENGINE_H
#include "cli/options.h"
#include "gad.h"

/* How any model is computed. */
typedef struct compute_options {
    const char *quant, *precision, *device, *cpu;
    bool half_cache;
    int64_t threads;
} compute_options;

/* A checkpoint as it is opened. */
typedef struct engine_options {
    const char *model, *mmproj, *adapter;
    bool merge;
    const char *image_size;
    int64_t max_pixels;
    compute_options compute;
} engine_options;

extern const option_table options_engine_compute; /* on compute_options */
extern const option_table options_engine_model;   /* on engine_options, without `compute` */

/* --quant: its kinds, and what they make of the language model's and the vision tower's weights. */
#define OPTIONS_ENGINE_QUANT "none|q8|q8-all|q4"
#define OPTIONS_ENGINE_QUANT_HELP                                                                                          \
    "weights in 8 bits, of the language model or of the vision tower as well, or the language model's in 4"
#define OPTIONS_ENGINE_MMPROJ_HELP "vision tower of a .gguf model (default: the one file beside it with mmproj in its name)"
gad_quantise options_engine_quantise(const char *quant);
gad_quantise options_engine_quantise_vision(const char *quant);
gad_precision options_engine_precision(const char *precision);
/* --device, on a field that is a text. */
#define OPTIONS_ENGINE_DEVICE(at)                                                                                          \
    {                                                                                                                      \
        .name = "device", .argument = "NAME", .kind = OPTION_STRING, .offset = (at), .fallback = "cpu",                    \
        .help = "cpu, cuda, cuda:N, or auto: the first CUDA device if there is one"                                        \
    }
/* --evidence, on a field that is a text, and what it means. */
#define OPTIONS_ENGINE_EVIDENCE(at)                                                                                        \
    {                                                                                                                      \
        .name = "evidence", .argument = "KIND", .kind = OPTION_CHOICE, .offset = (at), .choices = "none|text|image|both",  \
        .fallback = "none",                                                                                                \
        .help = "for a model that does not compare by itself: what a comparison with the good parts finds, as hints in "   \
                "the question: text with regions and measurements, a heat map as a further image, or both"                 \
    }
gad_hints options_engine_hints(const char *evidence);
/* The level that --cpu names; NULL for "best". */
const char *options_engine_cpu_level(const char *cpu);

/* The folder that `name` means: of $GAD_MODEL for NULL, then as gad_model_locate says; NULL when there is none. Valid
 * until the next call. */
const char *options_engine_folder(const char *name);
gad_engine_options options_engine_public(const engine_options *o, const gad_log *log);
/* Open it; without --model the one that $GAD_MODEL names, or that ships. An exit code, with a message of the command. */
int options_engine_open(const command *c, const engine_options *o, const gad_log *log, gad_engine **engine);
#endif
