/* corpus: see corpus.h */
#include "train/corpus.h"

#include "base/error.h"
#include "base/progress.h"
#include "synth/synth.h"
#include "task/answer.h"

static const char operation[] = "write texts for a vocabulary";
/* Small pictures: only their truth is used. */
enum { SIDE_PX = 64 };

static gad_status write_one(const gad_question_template *wording, const gad_synth_pair *pair, gad_string *text,
                            gad_error *err)
{
    gad_answer_item item[GAD_SYNTH_BOXES];
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_REL1000, GAD_BOX_XY, pair->width, pair->height, 0, 0);
    gad_question question = {.class_name = pair->class_text, .references = 1, .convention = GAD_BOX_REL1000};
    for (int i = 0; i < pair->count; i++) {
        const gad_synth_box *b = &pair->boxes[i];
        item[i] = (gad_answer_item){gad_box_to_model(&frame, b->box), b->label};
    }
    gad_status status = gad_question_build(wording, &question, text, err);
    gad_string_add(text, "\n");
    if (!status)
        status = gad_answer_write(pair->think, pair->count > 0, item, (size_t)pair->count, text, err);
    return !status && text->failed ? gad_error_memory(err, operation, text->capacity) : status;
}

gad_status gad_corpus_make(const gad_question_template *wording, int64_t count, uint64_t seed,
                           gad_status (*take)(void *user, const char *text, size_t length, gad_error *err), void *user,
                           const gad_progress *progress, gad_error *err)
{
    gad_synth_settings settings = gad_synth_default();
    gad_synth_work *work = NULL;
    gad_synth_pair pair = {0};
    gad_progress_meter meter = gad_progress_start(progress, "texts", count);
    settings.width = settings.height = SIDE_PX;
    settings.brief = true;
    gad_status status = gad_synth_work_new(&settings, &work, err);
    for (int64_t i = 0; i < count && !status; i++) {
        gad_string text = {0};
        status = gad_synth_make(work, seed, (uint64_t)i, &pair, err);
        if (!status)
            status = write_one(wording, &pair, &text, err);
        if (!status)
            status = take(user, text.data, text.length, err);
        gad_string_free(&text);
        if (!status && !gad_progress_update(&meter, i + 1))
            status = gad_error_set(err, GAD_E_CANCELLED, operation, NULL, "stopped by the caller");
    }
    gad_synth_free(&pair);
    gad_synth_work_free(work);
    return status;
}
