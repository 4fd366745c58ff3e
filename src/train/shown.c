/* shown: see shown.h */
#include "train/shown.h"

gad_status gad_shown_find(const gad_step *step, gad_example *example, gad_error *err)
{
    gad_difference_region region[GAD_DIFFERENCE_REGIONS];
    if (!example->points)
        return GAD_OK;
    gad_segment prompt = gad_example_segment(example);
    prompt.count = example->prompt_count;
    prompt.weight = NULL;
    gad_status status = gad_step_regions(step, &prompt, region, &example->shown_count, err);
    if (example->shown_count > GAD_POINTER_MARKS)
        example->shown_count = GAD_POINTER_MARKS; /* the last region has no mark */
    for (int i = 0; i < example->shown_count && !status; i++) {
        gad_box box = gad_difference_box(&region[i], example->frame.width_px, example->frame.height_px);
        example->shown[i] = gad_box_to_model(&example->frame, box);
    }
    return status;
}
