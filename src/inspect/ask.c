/* ask: see ask.h */
#include "inspect/ask.h"

#include <math.h>
#include <string.h>
#include <strings.h>

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
static gad_status score_after(gad_engine *engine, const gad_turn *turn, const int32_t *id, size_t count,
                              const gad_cancel *cancel, double *score, gad_error *err)
{
    gad_prompt prompt;
    int32_t *ids = NULL;
    gad_status status = gad_engine_extend(&turn->asked, id, count, &prompt, &ids, err);
    if (!status)
        status = gad_decode_yes(&engine->timeline, engine->tokenizer, &prompt, cancel, score, err);
    gad_memory_free(ids);
    return status;
}

gad_status gad_ask_fast(gad_engine *engine, const gad_turn *turn, const gad_cancel *cancel, double *score, gad_error *err)
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
static gad_pointer_meaning meaning_of(const gad_engine *engine, const gad_turn *turn, const char *object,
                                      const gad_box_frame *frame)
{
    int count = turn->heat && !turn->region_count ? 1 : turn->region_count;
    gad_box box[GAD_REGIONS_MAX];
    float loudest[GAD_PLACES];
    for (int i = 0; i < count; i++)
        box[i] = gad_regions_box(&turn->region[i], frame->width_px, frame->height_px);
    for (int p = 0; p < GAD_PLACES; p++)
        loudest[p] = -INFINITY;
    for (int64_t i = 0; turn->heat && i < turn->heat_rows * turn->heat_cols; i++) {
        double x = (double)(i % turn->heat_cols), y = (double)(i / turn->heat_cols);
        int p = gad_place_of(&(gad_box){x, y, x + 1, y + 1}, (double)turn->heat_cols, (double)turn->heat_rows);
        loudest[p] = fmaxf(loudest[p], turn->heat[i]);
    }
    gad_pointer_meaning meaning = gad_pointer_mean(frame, object, box, count, turn->heat ? loudest : NULL);
    meaning.words = turn->heat && engine->model.config.evidence.words ? turn->words : NULL;
    return meaning;
}

/* An answer that is told while it is written. */
typedef struct telling {
    gad_pointer_meaning meaning;
    gad_string held; /* the end of the text so far, when it is an article that a name may follow */
    void (*on_text)(void *user, const char *piece);
    void *user;
} telling;

static void tell_held(telling *t)
{
    if (t->held.length && !gad_pointer_expand(&t->held, &t->meaning, NULL))
        t->on_text(t->user, gad_string_text(&t->held));
    gad_string_free(&t->held);
}

/* A mark is one token, so a piece holds all of it; an article waits for what follows. */
static void tell_piece(void *user, const char *piece)
{
    telling *t = user;
    gad_string_add(&t->held, piece);
    const char *text = gad_string_text(&t->held), *last = strrchr(text, ' ');
    size_t n = t->held.length;
    const char *word = last ? last + 1 : text;
    bool waits = !strcasecmp(word, "a") || !strcasecmp(word, "an");
    if (last && !last[1])
        waits = (n >= 2 && !strcasecmp(last - 1, "a ")) || (n >= 3 && !strcasecmp(last - 2, "an "));
    const char *brace = strrchr(text, '{'); /* of a mark that is not whole yet */
    if (!waits && !(t->meaning.words && brace && !strchr(brace, '}')))
        tell_held(t);
}

/* How many of the answer's ids come before the byte of its text, marks expanded, where the decision word stands. */
static gad_status ids_before(const gad_engine *engine, const gad_decoded *decoded, gad_pointer_meaning meaning, size_t byte,
                             size_t *count, gad_error *err)
{
    gad_tokenizer_stream stream = {0};
    gad_string text = {0};
    size_t n = 0, length = 0;
    gad_status status = GAD_OK;
    while (n < decoded->ids.count && !status) {
        gad_tokenizer_stream_push(engine->tokenizer, &stream, decoded->ids.id[n], true, &text);
        status = text.failed ? gad_error_memory(err, operation, text.length) : gad_pointer_expand(&text, &meaning, err);
        length = text.length;
        if (length > byte)
            break;
        n++;
    }
    *count = n;
    gad_string_free(&text);
    return status;
}

gad_status gad_ask_reasoned(gad_engine *engine, const gad_turn *turn, const char *object,
                            const gad_decode_settings *settings, gad_rng *rng, const gad_box_frame *frame, gad_asked *asked,
                            gad_error *err)
{
    gad_asked a = {.score = -1};
    const gad_pointer_meaning meaning = meaning_of(engine, turn, object, frame);
    telling told = {.meaning = meaning, .on_text = settings->on_text, .user = settings->user};
    gad_pointer_meaning whole = meaning;
    gad_decode_settings own = *settings;
    if (own.on_text) {
        own.on_text = tell_piece;
        own.user = &told;
    }
    gad_status status =
        gad_decode(&engine->timeline, engine->tokenizer, &turn->asked.prompt, NULL, &own, rng, &a.decoded, err);
    if (own.on_text)
        tell_held(&told);
    if (status)
        return status;
    status = gad_pointer_expand(&a.decoded.text, &whole, err);
    if (!status)
        status = gad_answer_read_cut(gad_string_text(&a.decoded.text), a.decoded.text.length,
                                     a.decoded.finish == GAD_FINISH_LENGTH, frame, &a.answer, err);
    size_t count = 0;
    if (!status && a.answer.decision_begin != (size_t)-1) {
        status = ids_before(engine, &a.decoded, meaning, a.answer.decision_begin, &count, err);
        if (!status)
            status = score_after(engine, turn, a.decoded.ids.id, count, settings->cancel, &a.score, err);
    }
    if (status)
        gad_asked_free(&a);
    else
        *asked = a;
    return status;
}
