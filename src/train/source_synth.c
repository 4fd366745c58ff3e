/* source_synth: see source_synth.h */
#include "train/source_synth.h"

#include "base/error.h"

gad_status gad_source_synth_open(const gad_example_maker *maker, const gad_synth_settings *settings, uint64_t seed,
                                 gad_source_synth *synth, gad_error *err)
{
    *synth = (gad_source_synth){.maker = maker, .seed = seed};
    gad_status status = gad_synth_check(settings, err);
    return status ? status : gad_synth_work_new(settings, &synth->work, err);
}

void gad_source_synth_close(gad_source_synth *synth)
{
    gad_synth_free(&synth->pair);
    gad_synth_work_free(synth->work);
    *synth = (gad_source_synth){0};
}

static gad_status get(void *user, int64_t index, gad_example *example, gad_error *err)
{
    gad_source_synth *s = user;
    gad_synth_pair *pair = &s->pair;
    gad_status status = gad_synth_make(s->work, s->seed, (uint64_t)index, pair, err);
    if (status)
        return status;
    gad_image image[GAD_SYNTH_REFERENCES + 1];
    gad_example_truth box[GAD_SYNTH_BOXES];
    for (int i = 0; i <= pair->references; i++)
        image[i] = (gad_image){.width = pair->width,
                               .height = pair->height,
                               .channels = 3,
                               .pixels = i < pair->references ? pair->reference[i] : pair->test};
    for (int i = 0; i < pair->count; i++) {
        const gad_synth_box *b = &pair->boxes[i];
        box[i] = (gad_example_truth){.box = b->box, .label = b->label};
    }
    gad_example_content content = {.image = image,
                                   .count = pair->references + 1,
                                   .mask = pair->mask,
                                   .anomalous = pair->count > 0,
                                   .box = box,
                                   .box_count = (size_t)pair->count,
                                   .class_name = pair->class_text,
                                   .think = pair->think};
    return gad_example_maker_run(s->maker, &content, example, err);
}

gad_source gad_source_synth_source(gad_source_synth *synth)
{
    return (gad_source){0, get, synth};
}
