/* stages: one pass over a golden case, every stage compared with the reference. In: a model, a case. Out: how far each
 * group of stages is off, and which stage failed first. */
#ifndef GAD_TESTS_MODEL_STAGES_H
#define GAD_TESTS_MODEL_STAGES_H
#include "io/tensor_source.h"
#include "model/golden.h"

/* A checkpoint opened for comparison. */
typedef struct stages {
    const char *family;
    gad_model model;
    gad_tensor_source *files;
    gad_device device;
} stages;

stages stages_open(const char *family);
void stages_close(stages *s);

typedef enum stage_group {
    STAGE_PATCH,
    STAGE_POSITION,
    STAGE_VISION,
    STAGE_MERGED,
    STAGE_EMBED,
    STAGE_ROPE,
    STAGE_LAYERS,
    STAGE_NORM,
    STAGE_LOGITS,
    STAGE_GROUPS
} stage_group;
stage_group stages_group(const char *name);
/* e = max|a-b| / max|b| that a stage may have, and why: see stages.c. */
double stages_tolerance(const char *name);

typedef struct stage_report {
    double tolerance; /* of every stage; 0: stages_tolerance */
    int compared, failed;
    char first[96]; /* the first stage over its tolerance, "" if there is none */
    double first_e;
    double worst[STAGE_GROUPS]; /* largest e of each group; -1: nothing compared */
} stage_report;

/* Compares one stage with the case's golden tensor of that name and notes it; false when the case has none. */
bool stages_compare(stage_report *report, const golden_case *golden, const char *name, const float *values, int64_t n);
void stages_print(const char *title, const stage_report *report);

/* One whole pass, from patch rows to logits. A missing comparison counts as a failure: each stage that the case holds must
 * have been seen. `spoil`: see golden_prepare. */
stage_report stages_run(stages *s, const golden_case *golden,
                        void (*spoil)(gad_vision_layout *layout, const gad_vision_config *vision));
/* Each block, merger, norm and head of a case with stages by itself, from the reference's input, so that an error shows
 * where it arises. */
stage_report stages_run_alone(stages *s, const golden_case *golden);
#endif
