/* ask: see ask.h */
#include "generate/ask.h"

#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "task/pointer.h"
#include "task/question.h"

static const char operation[] = "inspect the part";

void gad_asked_free(gad_asked *asked)
{
    gad_decoded_free(&asked->decoded);
    gad_answer_free(&asked->answer);
    *asked = (gad_asked){.score = -1};
}

/* p(Yes) after the turn and `count` ids of an answer. */
static gad_status score_after(gad_engine *engine, const gad_engine_turn *turn, const int32_t *id, size_t count,
                              const gad_cancel *cancel, double *score, gad_error *err)
{
    gad_prompt prompt;
    int32_t *ids = NULL;
    gad_status status = gad_engine_extend(turn, id, count, &prompt, &ids, err);
    if (!status)
        status = gad_decode_yes(&engine->timeline, engine->tokenizer, &prompt, cancel, score, err);
    gad_memory_free(ids);
    return status;
}

gad_status gad_ask_fast(gad_engine *engine, const gad_engine_turn *turn, const gad_cancel *cancel, double *score,
                        gad_error *err)
{
    const char *prefix = gad_question_forced_prefix();
    gad_tokenizer_ids forced = {0};
    gad_status status = gad_tokenizer_encode(engine->tokenizer, prefix, strlen(prefix), GAD_TOKENIZER_WORDS, &forced, err);
    if (!status)
        status = score_after(engine, turn, forced.id, forced.count, cancel, score, err);
    gad_tokenizer_ids_free(&forced);
    return status;
}

/* What marks mean in this turn. The first region always means something, so that no Yes is without a place. */
typedef struct meaning {
    const char *object;
    gad_model_box box[GAD_DIFFERENCE_REGIONS];
    int count;
    gad_string held; /* the end of the text so far, when it is an article that a name may follow */
    void (*on_text)(void *user, const char *piece);
    void *user;
} meaning;

static meaning meaning_of(const gad_engine_turn *turn, const char *object, const gad_box_frame *frame,
                          const gad_decode_settings *settings)
{
    meaning m = {.object = object,
                 .count = turn->heat && !turn->region_count ? 1 : turn->region_count,
                 .on_text = settings->on_text,
                 .user = settings->user};
    for (int i = 0; i < m.count; i++) {
        gad_box box = gad_difference_box(&turn->region[i], frame->width_px, frame->height_px);
        m.box[i] = gad_box_to_model(frame, box);
    }
    return m;
}

static void tell_held(meaning *m)
{
    if (m->held.length && !gad_pointer_expand(&m->held, m->object, m->box, m->count, NULL))
        m->on_text(m->user, gad_string_text(&m->held));
    gad_string_free(&m->held);
}

/* A mark is one token, so a piece holds all of it; an article waits for what follows. */
static void tell_piece(void *user, const char *piece)
{
    meaning *m = user;
    gad_string_add(&m->held, piece);
    const char *last = strrchr(gad_string_text(&m->held), ' ');
    size_t n = m->held.length;
    bool waits = last && (!strcmp(last, " a") || !strcmp(last, " an"));
    if (last && !last[1] && n >= 2)
        waits = !strcmp(last - 1, "a ") || (n >= 3 && !strcmp(last - 2, "an "));
    if (!waits)
        tell_held(m);
}

/* How many of the answer's ids come before the byte of its text, marks expanded, where the decision word stands. */
static gad_status ids_before(const gad_engine *engine, const gad_decoded *decoded, const meaning *m, size_t byte,
                             size_t *count, gad_error *err)
{
    gad_tokenizer_stream stream = {0};
    gad_string text = {0};
    size_t n = 0, length = 0;
    gad_status status = GAD_OK;
    while (n < decoded->ids.count && !status) {
        gad_tokenizer_stream_push(engine->tokenizer, &stream, decoded->ids.id[n], true, &text);
        status = text.failed ? gad_error_memory(err, operation, text.length)
                             : gad_pointer_expand(&text, m->object, m->box, m->count, err);
        length = text.length;
        if (length > byte)
            break;
        n++;
    }
    *count = n;
    gad_string_free(&text);
    return status;
}

gad_status gad_ask_reasoned(gad_engine *engine, const gad_engine_turn *turn, const char *object,
                            const gad_decode_settings *settings, gad_rng *rng, const gad_box_frame *frame, gad_asked *asked,
                            gad_error *err)
{
    gad_asked a = {.score = -1};
    meaning shown = meaning_of(turn, object, frame, settings);
    gad_decode_settings own = *settings;
    if (own.on_text) {
        own.on_text = tell_piece;
        own.user = &shown;
    }
    gad_status status = gad_decode(&engine->timeline, engine->tokenizer, &turn->prompt, NULL, &own, rng, &a.decoded, err);
    if (own.on_text)
        tell_held(&shown);
    if (status)
        return status;
    status = gad_pointer_expand(&a.decoded.text, object, shown.box, shown.count, err);
    if (!status)
        status = gad_answer_read(gad_string_text(&a.decoded.text), a.decoded.text.length, frame, &a.answer, err);
    size_t count = 0;
    if (!status && a.answer.decision_begin != (size_t)-1) {
        status = ids_before(engine, &a.decoded, &shown, a.answer.decision_begin, &count, err);
        if (!status)
            status = score_after(engine, turn, a.decoded.ids.id, count, settings->cancel, &a.score, err);
    }
    if (status)
        gad_asked_free(&a);
    else
        *asked = a;
    return status;
}
