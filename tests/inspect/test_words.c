/* words: what a model of ours says of drawn pairs against what was measured of them: broken words, statements without a
 * measurement, boxes and verdicts that do not belong together, labels. GAD_WORDS_MODEL=DIR [GAD_WORDS_COUNT=1000]
 * [GAD_WORDS_KINDS=dent,..] counts for any model; without, the shipped one answers a few. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "inspect/ask.h"
#include "support/support.h"
#include "synth/synth.h"
#include "task/account.h"

enum { SIDE = 256, MOST_TOKENS = 256 };

typedef struct counts {
    int answers, yes, right, cut, broken, unmeasured, empty;
    int apart, against; /* reasoning and answer: name other regions, conclude otherwise */
    int boxes, matched, named, right_name;
    char first[3][200]; /* broken, unmeasured, apart */
} counts;

static void keep(char first[200], const char *word, const char *text)
{
    if (!first[0])
        snprintf(first, 200, "%s: %s", word, text);
}

/* Do reasoning and answer name the same regions? A good part's reasoning names one. */
static bool same_marks(const char *raw)
{
    const char *answer = strstr(raw, "<answer>");
    for (int i = 0; answer && i < GAD_POINTER_TOKENS; i++) {
        const char *said = strstr(raw, gad_pointer_mark(i));
        bool before = said && said < answer, after = strstr(answer, gad_pointer_mark(i)) != NULL;
        if (strstr(answer, "Yes") && before != after)
            return false;
    }
    return answer && (!strstr(answer, "No") || !strstr(answer, "bbox"));
}

/* Does the reasoning conclude what is answered? By the last words of the grammar's accounts of good parts. */
static bool same_verdict(const char *raw)
{
    static const char *const good[] = {"is normal.",        "no defect.",    "range of good parts.",
                                       "the part is good.", "answer is no.", "differ as much."};
    const char *answer = strstr(raw, "</think>");
    bool concludes = false;
    for (size_t i = 0; answer && i < sizeof good / sizeof *good; i++) {
        const char *said = strstr(raw, good[i]);
        concludes = concludes || (said && said < answer);
    }
    return answer && concludes != (strstr(answer, "<answer>Yes") != NULL);
}

static void join_labels(const gad_answer *answer, gad_string *labels)
{
    for (size_t i = 0; i < answer->count; i++)
        gad_string_addf(labels, "%s ", answer->boxes[i].label);
}

static void count_labels(const gad_answer *answer, const gad_synth_pair *pair, counts *c)
{
    for (size_t i = 0; i < answer->count; i++) {
        const gad_synth_box *best = NULL;
        double most = 0.1;
        for (int k = 0; k < pair->count; k++) {
            double iou = gad_box_iou(answer->boxes[i].box, pair->boxes[k].box);
            best = iou >= most ? &pair->boxes[k] : best;
            most = iou >= most ? iou : most;
        }
        bool named = best && strcmp(answer->boxes[i].label, "anomaly") != 0;
        c->boxes++;
        c->matched += best != NULL;
        c->named += named;
        c->right_name += named && !strcmp(answer->boxes[i].label, best->label);
    }
}

static void count(const gad_turn *turn, const gad_asked *asked, const char *raw, const gad_synth_pair *pair, counts *c)
{
    const gad_answer *answer = &asked->answer;
    gad_string labels = {0}, think = {0};
    int regions = turn->region_count ? turn->region_count : 1;
    gad_string_append(&think, gad_string_text(&asked->decoded.text) + answer->think_begin, answer->think_length);
    join_labels(answer, &labels);
    gad_account_faults f =
        gad_account_check(gad_string_text(&think), turn->words, regions, pair->class_text, gad_string_text(&labels));
    bool yes = answer->decision == GAD_ANSWER_YES, apart = !same_marks(raw), empty = yes && !answer->count;
    for (size_t i = 0; i < answer->count; i++)
        empty = empty || !answer->boxes[i].valid;
    c->answers++;
    c->yes += yes;
    c->right += yes == (pair->count > 0);
    c->cut += asked->decoded.finish == GAD_FINISH_LENGTH;
    c->broken += f.broken > 0;
    c->unmeasured += f.unmeasured > 0;
    c->empty += empty;
    c->apart += apart;
    c->against += !same_verdict(raw);
    if (f.broken)
        keep(c->first[0], f.first, gad_string_text(&think));
    else if (f.unmeasured)
        keep(c->first[1], f.first, gad_string_text(&think));
    if (apart)
        keep(c->first[2], "apart", raw);
    count_labels(answer, pair, c);
    gad_string_free(&labels);
    gad_string_free(&think);
}

static void ask(gad_engine *engine, const gad_synth_pair *pair, uint64_t n, counts *c)
{
    gad_error err;
    char question[160];
    gad_turn turn;
    gad_asked asked;
    gad_string raw = {0};
    gad_image image[2];
    gad_turn_part part[3] = {0};
    gad_rng rng = gad_rng_make(n, 0);
    for (int i = 0; i < 2; i++) {
        image[i] = (gad_image){.width = SIDE, .height = SIDE, .channels = 3, .pixels = i ? pair->test : pair->reference[0]};
        part[i] = (gad_turn_part){.image = &image[i], .hash = gad_image_hash(&image[i])};
    }
    snprintf(question, sizeof question, "Is the last %s anomalous? ", pair->class_text);
    part[2].text = question;
    ASSERT_OK(gad_turn_make(engine, part, 3, &turn, &err), &err);
    gad_box_frame frame = gad_box_frame_make(engine->convention, GAD_BOX_XY, SIDE, SIDE, SIDE, SIDE);
    gad_decode_settings decode = {.sampling = engine->sampling, .max_tokens = MOST_TOKENS};
    ASSERT_OK(gad_ask_reasoned(engine, &turn, pair->class_text, &decode, &rng, &frame, &asked, &err), &err);
    ASSERT_OK(gad_tokenizer_decode(engine->tokenizer, asked.decoded.ids.id, asked.decoded.ids.count, true, &raw, &err),
              &err);
    if (getenv("GAD_WORDS_SHOW"))
        print_message("%s\n", gad_string_text(&asked.decoded.text));
    count(&turn, &asked, gad_string_text(&raw), pair, c);
    gad_string_free(&raw);
    gad_asked_free(&asked);
    gad_turn_free(engine, &turn);
}

static counts count_answers(gad_engine *engine, int answers, const char *kinds)
{
    gad_error err;
    counts c = {0};
    gad_synth_settings settings = gad_synth_default();
    gad_synth_work *work;
    gad_synth_pair pair = {0};
    settings.width = settings.height = SIDE;
    settings.class_seed = 101; /* a world that was never trained on, nor measured on */
    settings.same_piece = 0.8;
    settings.brief = true;
    ASSERT_OK(gad_synth_parse_kinds(kinds, &settings.kinds, &err), &err);
    ASSERT_OK(gad_synth_work_new(&settings, &work, &err), &err);
    for (int i = 0; i < answers; i++) {
        ASSERT_OK(gad_synth_make(work, 4711, (uint64_t)i, &pair, &err), &err);
        ask(engine, &pair, (uint64_t)i, &c);
    }
    gad_synth_free(&pair);
    gad_synth_work_free(work);
    return c;
}

static void print(const counts *c)
{
    print_message("%d answers, %d Yes, %d right, %d cut off\n", c->answers, c->yes, c->right, c->cut);
    print_message(
        "with a broken word %d, an unmeasured statement %d, an empty box %d, regions apart %d, another verdict %d\n",
        c->broken, c->unmeasured, c->empty, c->apart, c->against);
    print_message("boxes %d, on a defect %d, named %d, rightly %d\n", c->boxes, c->matched, c->named, c->right_name);
    for (int i = 0; i < 3; i++)
        print_message("  %s\n", c->first[i]);
}

static void test_words(void **state)
{
    (void)state;
    gad_error err;
    gad_engine *engine;
    const char *model = getenv("GAD_WORDS_MODEL"), *number = getenv("GAD_WORDS_COUNT"), *kinds = getenv("GAD_WORDS_KINDS");
    gad_engine_options options = {.model = model ? model : support_source("models/gad-s"),
                                  .compute.threads = model ? 1 : 2,
                                  .image_size = "original"};
    SKIP_IF_SHORT("words");
    ASSERT_OK(gad_engine_open(&options, &engine, &err), &err);
    if (!model && !engine->model.config.evidence.words) {
        gad_engine_free(engine);
        SKIP_TEST("words", "the shipped model is not shown measured words");
    }
    counts c = count_answers(engine, number ? atoi(number) : 20, kinds ? kinds : "all");
    gad_engine_free(engine);
    print(&c);
    if (!model)
        assert_true(c.empty == 0 && c.cut == 0 && c.broken <= 1 && c.unmeasured == 0 && c.against <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_words)};
    return cmocka_run_group_tests_name("words", tests, NULL, NULL);
}
