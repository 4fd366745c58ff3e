/* options_engine: the options that say which model runs, and how it is computed, for the commands that run one. */
#ifndef GAD_CLI_OPTIONS_ENGINE_H
#define GAD_CLI_OPTIONS_ENGINE_H
#include "cli/options.h"
#include "gad.h"

extern const option_table options_engine_compute; /* on a gad_compute */
extern const option_table options_engine_model;   /* on a gad_engine_options, without its `compute` */

#define OPTIONS_ENGINE_MMPROJ_HELP "vision tower of a .gguf model (default: the one file beside it with mmproj in its name)"
#define OPTIONS_ENGINE_QUANT(at)                                                                                           \
    {                                                                                                                      \
        .name = "quant", .argument = "KIND", .kind = OPTION_ENUM, .offset = (at), .choices = CHOICES(GAD_QUANTISE_WORDS),  \
        .fallback = "none",                                                                                                \
        .help = "weights in 8 bits, of the language model or of the vision tower as well, or the language model's in 4"    \
    }
#define OPTIONS_ENGINE_DEVICE(at)                                                                                          \
    {                                                                                                                      \
        .name = "device", .argument = "NAME", .kind = OPTION_STRING, .offset = (at), .fallback = "cpu",                    \
        .help = "cpu, cuda, cuda:N, or auto: the first CUDA device if there is one"                                        \
    }
#define OPTIONS_ENGINE_THREADS(at)                                                                                         \
    {                                                                                                                      \
        .name = "threads", .argument = "N", .kind = OPTION_SHORT, .offset = (at), .maximum = 1024, .fallback = "0",        \
        .help = "0: all processors"                                                                                        \
    }
#define OPTIONS_ENGINE_EVIDENCE(at)                                                                                        \
    {                                                                                                                      \
        .name = "evidence", .argument = "KIND", .kind = OPTION_ENUM, .offset = (at), .choices = CHOICES(GAD_HINTS_WORDS),  \
        .fallback = "none",                                                                                                \
        .help = "for a model that does not compare by itself: what a comparison with the good parts finds, as hints in "   \
                "the question: text with regions and measurements, a heat map as a further image, or both"                 \
    }

/* The folder that `name` means: of $GAD_MODEL for NULL, then as gad_model_locate says; NULL when there is none. Valid
 * until the next call. */
const char *options_engine_folder(const char *name);
/* Open it; without --model the one that $GAD_MODEL names, or that ships. An exit code, with a message of the command. */
int options_engine_open(const command *c, const gad_engine_options *options, const gad_log *log, gad_engine **engine);
#endif
