/* shown: see shown.h */
#include "train/shown.h"

gad_status gad_shown_find(const gad_step *step, gad_example *example, gad_error *err)
{
    gad_region region[GAD_REGIONS_MAX];
    gad_words words[GAD_REGIONS_MAX];
    if (!example->points)
        return GAD_OK;
    gad_segment prompt = gad_example_segment(example);
    prompt.count = example->prompt_count;
    prompt.weight = NULL;
    gad_status status = gad_step_regions(step, &prompt, region, words, &example->shown_count, err);
    if (example->shown_count > GAD_POINTER_TOKENS)
        example->shown_count = GAD_POINTER_TOKENS; /* the last region has no mark */
    for (int i = 0; i < example->shown_count && !status; i++) {
        example->shown[i] = gad_regions_box(&region[i], example->frame.width_px, example->frame.height_px);
        example->words[i] = words[i];
    }
    return status;
}

void gad_shown_match(const gad_example *e, int region[GAD_POINTER_TOKENS])
{
    static const double least = 0.1; /* the lower of the benchmark's two thresholds */
    bool taken[GAD_POINTER_TOKENS] = {false};
    for (int i = 0; i < GAD_POINTER_TOKENS; i++) {
        region[i] = -1;
        double best = least;
        for (int k = 0; i < (int)e->truth.count && k < e->shown_count; k++) {
            double iou = gad_box_iou(e->truth.boxes[i], e->shown[k]);
            if (taken[k] || iou < best)
                continue;
            best = iou;
            region[i] = k;
        }
        if (region[i] >= 0)
            taken[region[i]] = true;
    }
}

void gad_shown_name(gad_example *e)
{
    int region[GAD_POINTER_TOKENS];
    bool learns = true;
    gad_shown_match(e, region);
    for (int64_t i = e->prompt_count; e->points && i < e->count; i++) {
        int mark = e->ids[i] - e->first_region_token;
        bool is_mark = mark >= 0 && mark < GAD_POINTER_TOKENS;
        if (is_mark && region[mark] >= 0)
            e->ids[i] = e->first_region_token + region[mark];
        else if (is_mark)
            e->weight[i] = 0;
        learns = learns && (i < e->decision || !is_mark || region[mark] >= 0);
        if (!learns)
            e->weight[i] = 0;
    }
}
