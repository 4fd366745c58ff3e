/* head_result: what the evidence head says of the test images: heat maps, their regions, region tokens. In: anomaly logits.
 * Out: host tables, with room of their own for finding regions. Knows nothing of weights or devices. */
#ifndef GAD_EVIDENCE_HEAD_RESULT_H
#define GAD_EVIDENCE_HEAD_RESULT_H
#include "evidence/head_input.h"
#include "evidence/region_tokens.h"

typedef struct gad_head_scratch {
    float *raster; /* [cells of tests]: a heat map row by row */
    float *sorted; /* [cells of tests] */
    int32_t *cell; /* [2 * cells of tests] */
    float *plane;  /* two pictures in sRGB */
} gad_head_scratch;

typedef struct gad_head_result {
    gad_arena arena;
    float *logit;       /* [cells of tests] of the heat maps, less the input's level */
    gad_region *region; /* [pairs][GAD_REGIONS_MAX] */
    int *region_count;  /* [pairs] */
    float *trust;       /* [pairs] how much the comparison of pixels counts beside a memory; 1: there is none */
    /* [pairs][GAD_REGIONS_MAX] what was measured of each, in px of the picture that the model sees; where nothing stands
     * out, of the first, the strongest place */
    gad_measurement *measurement;
    gad_words *words;
    float *region_tokens; /* [tests, gad_config_region_width] */
    gad_status status;    /* of reading: memory may have run out */
    gad_head_scratch scratch;
} gad_head_result;

/* Memory for what an input leads to. */
gad_status gad_head_result_make(const gad_evidence_config *config, const gad_head_input *input, gad_head_result *result,
                                gad_error *err);
/* Everything from the logits in result->logit as the module said them. */
void gad_head_result_read(const gad_evidence_config *config, const gad_head_input *input, gad_head_result *result);
void gad_head_result_free(gad_head_result *result);
#endif
