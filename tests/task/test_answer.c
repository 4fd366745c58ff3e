/* answer: the vectors of the benchmark specification, strings that models produce when they go wrong, and the writer. */
#include "base/memory.h"
#include "base/rng.h"
#include "support/support.h"
#include "task/answer.h"

#include <stdio.h>
#include <string.h>

#define T "<think>\nreasoning\n</think>"
#define BOX(a, b, c, d, label) "{'bbox_2d': [" #a ", " #b ", " #c ", " #d "], 'label': '" label "'}"
enum {
    YES = GAD_ANSWER_YES,
    NO = GAD_ANSWER_NO,
    NONE = GAD_ANSWER_NONE,
    TRUNCATED = GAD_ANSWER_TRUNCATED,
    UNTAGGED = GAD_ANSWER_UNTAGGED,
    UNPARSABLE = GAD_ANSWER_UNPARSABLE,
    IMPLIED = GAD_ANSWER_IMPLIED,
    JSON = GAD_ANSWER_JSON,
    FOREIGN = GAD_ANSWER_FOREIGN,
    FLOATS = GAD_ANSWER_FLOATS,
    CLAMPED = GAD_ANSWER_CLAMPED,
    DEGENERATE = GAD_ANSWER_DEGENERATE,
    CONTRADICTION = GAD_ANSWER_CONTRADICTION,
    LOST = GAD_ANSWER_LOST,
    ILL = 1 << 20 /* not well formed */
};

typedef struct expectation {
    const char *text;
    int decision;
    size_t boxes;
    unsigned flags;
    const char *label; /* of the first box */
} expectation;

/* All in a 1000x1000 image in its own pixels. */
static const expectation vectors[] = {
    /* the table of the benchmark specification */
    {T "<answer>Yes. {'bbox_2d': [154, 78, 303, 205], 'label': 'missing cable'}</answer>", YES, 1, 0, "missing cable"},
    {T "<answer>No</answer>", NO, 0, 0, NULL},
    {T "<answer>No.</answer>", NO, 0, 0, NULL},
    {T "<answer>Yes [{\"bbox_2d\": [1, 2, 30, 40], \"label\": \"a\"}]</answer>", YES, 1, JSON, "a"},
    {T "<answer>Yes\n```json\n[{\"bbox_2d\": [1, 2, 30, 40], \"label\": \"a\"}]\n```</answer>", YES, 1, JSON, "a"},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 30, 40], 'label': 'a'}, {'bbox_2d': [5", YES, 1, TRUNCATED | ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': [9, 9, 40, 40], 'label': 'worker's mark'}</answer>", YES, 1, 0, "worker's mark"},
    {T "<answer>Yes. {'bbox_2d': [256, 395, 50, 28], 'label': 'x'}</answer>", YES, 1, DEGENERATE | ILL, "x"},
    {T "<answer>No. {'bbox_2d': [1, 2, 3, 4], 'label': 'x'}</answer>", NO, 0, CONTRADICTION, "x"},
    {"Yes, there is a scratch.", YES, 0, UNTAGGED | ILL, NULL},
    {"<think>the second image shows a scratch near the", NONE, 0, UNPARSABLE | ILL, NULL},
    /* tags */
    {"", NONE, 0, UNTAGGED | UNPARSABLE | ILL, NULL},
    {"   \n", NONE, 0, UNTAGGED | UNPARSABLE | ILL, NULL},
    {"<answer>Yes</answer>", YES, 0, ILL, NULL},
    {T "<answer></answer>", NONE, 0, UNPARSABLE | ILL, NULL},
    {T, NONE, 0, UNTAGGED | UNPARSABLE | ILL, NULL},
    {T "No.", NO, 0, UNTAGGED | ILL, NULL},
    {T "<answer>No", NO, 0, TRUNCATED | ILL, NULL},
    {"<think>a<answer>No</answer>", NO, 0, ILL, NULL},
    {"No anomaly.</think><answer>Yes. " BOX(1, 2, 3, 4, "a") "</answer>", YES, 1, ILL, "a"},
    {T "<answer>No</answer><answer>Yes. " BOX(1, 2, 3, 4, "a") "</answer>", YES, 1, ILL, "a"},
    {"<think>I write <answer>Yes</answer></think><answer>No</answer>", NO, 0, ILL, NULL},
    {"<think><think>a</think></think><answer>No</answer>", NO, 0, ILL, NULL},
    {T "  \n<answer>\nNo\n</answer>\n", NO, 0, 0, NULL},
    {T "<answer>No</answer> I hope this helps.", NO, 0, ILL, NULL},
    {"<answer>Yes</answer>" T, YES, 0, ILL, NULL},
    {"</answer>", NONE, 0, UNTAGGED | UNPARSABLE | ILL, NULL},
    /* decisions */
    {T "<answer>yes. " BOX(1, 2, 3, 4, "a") "</answer>", YES, 1, ILL, "a"},
    {T "<answer>NO!</answer>", NO, 0, ILL, NULL},
    {T "<answer>The answer is No.</answer>", NO, 0, ILL, NULL},
    {T "<answer>Not sure</answer>", NONE, 0, UNPARSABLE | ILL, NULL},
    {T "<answer>Normal, none, know, yesterday</answer>", NONE, 0, UNPARSABLE | ILL, NULL},
    {T "<answer>no_defect</answer>", NONE, 0, UNPARSABLE | ILL, NULL},
    {T "<answer>Noël</answer>", NONE, 0, UNPARSABLE | ILL, NULL},
    {T "<answer>No\xe3\x80\x82</answer>", NO, 0, 0, NULL},
    {T "<answer>" BOX(1, 2, 3, 4, "no cable") "</answer>", YES, 1, IMPLIED | ILL, "no cable"},
    {BOX(1, 2, 3, 4, "a"), NONE, 0, UNTAGGED | UNPARSABLE | ILL, "a"},
    {T "<answer>" BOX(5, 5, 5, 9, "a") "</answer>", NONE, 0, UNPARSABLE | DEGENERATE | ILL, "a"},
    {T "<answer>Yes.</answer>", YES, 0, 0, NULL},
    {T "<answer>{\"anomaly\": true}</answer>", YES, 0, JSON | ILL, NULL},
    {T "<answer>{\"anomaly\": False}</answer>", NO, 0, JSON | ILL, NULL},
    {T "<answer>{\"note\": \"no reflection\", \"answer\": \"Yes.\"}</answer>", YES, 0, JSON | ILL, NULL},
    {T "<answer>{\"reason\": \"Yes, there is\"}</answer>", YES, 0, JSON | ILL, NULL},
    {"{\"answer\": \"Yes\", \"boxes\": [{\"bbox_2d\": [1, 2, 3, 4], \"label\": \"a\"}]}", YES, 1, UNTAGGED | JSON | ILL,
     "a"},
    {"Is it true that no defect exists?", NO, 0, UNTAGGED | ILL, NULL},
    /* boxes */
    {T "<answer>Yes. {'bbox': [1, 2, 3, 4], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {\"box_2d\": [1, 2, 3, 4], \"label\": \"a\"}</answer>", YES, 1, FOREIGN | JSON, "a"},
    {T "<answer>Yes. {'bbox_2d': [1.5, 2, 3e1, 40], 'label': 'a'}</answer>", YES, 1, FLOATS | ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': [1.0, 2.0, 3.0, 4.0], 'label': 'a'}</answer>", YES, 1, FLOATS | ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': [-5, 2, 3, 4], 'label': 'a'}</answer>", YES, 1, CLAMPED | ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': [-1, 2, 3, 4], 'label': 'a'}</answer>", YES, 1, ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': [10, 20, 1001, 40], 'label': 'a'}</answer>", YES, 1, ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': [10, 20, 1002, 40], 'label': 'a'}</answer>", YES, 1, CLAMPED | ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': [2000, 20, 3000, 40], 'label': 'a'}</answer>", YES, 1, CLAMPED | DEGENERATE | ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3], 'label': 'a'}</answer>", YES, 0, LOST | ILL, NULL},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3, 4, 5], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3, x], 'label': 'a'}</answer>", YES, 0, LOST | ILL, NULL},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3, 9e999], 'label': 'a'}</answer>", YES, 0, LOST | ILL, NULL},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3, 4]}</answer>", YES, 1, ILL, ""},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3, 4], 'label': ''}</answer>", YES, 1, ILL, ""},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3, 4], 'label': 7}</answer>", YES, 1, ILL, ""},
    {T "<answer>Yes. {'label': 'a', 'bbox_2d': [1, 2, 3, 4]}</answer>", YES, 1, 0, "a"},
    {T "<answer>Yes.\n{\n 'bbox_2d':\n[1,\n2,3,4,],\n'label' : 'a b',\n}\n,</answer>", YES, 1, 0, "a b"},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3, 4], 'label': \"worker's mark\"}</answer>", YES, 1, JSON, "worker's mark"},
    {T "<answer>Yes. {\"bbox_2d\": [1, 2, 3, 4], \"label\": \"a \\\"b\\\" \\u00e9\\n\"}</answer>", YES, 1, JSON,
     "a \"b\" \xc3\xa9 "},
    {T "<answer>Yes. {'bbox_2d': (1, 2, 3, 4), 'label': 'a'}</answer>", YES, 1, JSON, "a"},
    {T "<answer>Yes. {bbox_2d: [1, 2, 3, 4], label: 'a'}</answer>", YES, 1, JSON, "a"},
    {T "<answer>Yes. [{'bbox_2d': [1, 2, 3, 4], 'label': 'a'}]</answer>", YES, 1, JSON, "a"},
    {T "<answer>Yes. " BOX(1, 2, 3, 4, "a") " " BOX(1, 2, 3, 4, "a") "</answer>", YES, 2, 0, "a"},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3, 4], 'label': 'scr</answer>", YES, 1, TRUNCATED | ILL, "scr"},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 30, 4", YES, 0, TRUNCATED | ILL, NULL},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 30, 4]", YES, 1, TRUNCATED | ILL, ""},
    {T "<answer>Yes. {'bbox", YES, 0, TRUNCATED | ILL, NULL},
    {T "<answer>Yes. {see below} " BOX(1, 2, 3, 4, "a") "</answer>", YES, 1, ILL, "a"},
    {T "<answer>Yes. } ] ' " BOX(1, 2, 3, 4, "a") "</answer>", YES, 1, 0, "a"},
    {T "<answer>Yes. {'x': " BOX(1, 2, 3, 4, "a") "}</answer>", YES, 1, ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': [[1, 2, 3, 4]], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': null, 'label': 'a'}</answer>", YES, 0, ILL, NULL},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 3, 4], 'label': '\xff\x01z'}</answer>", YES, 1, 0, "\xef\xbf\xbd z"},
    {T "<answer>Ja. " BOX(1, 2, 3, 4,
                          "\xc3\x9c"
                          "bergang") "</answer>",
     YES, 1, IMPLIED | ILL,
     "\xc3\x9c"
     "bergang"},
};

/* Shapes that models write instead of bbox_2d: [x1, y1, x2, y2]: read, or flagged; the box is (1, 2, 30, 40). */
static const expectation shapes[] = {
    {T "<answer>Yes. {'bbox_2d': [[1, 2, 30, 40], [5, 6, 7, 8]], 'label': 'a'}</answer>", YES, 2, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': [[1, 2], [30, 40]], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': [(1, 2), (30, 40)], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': [[1, 2], [30, 2], [30, 40], [1, 40]], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': [[[1, 2, 30, 40]]], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {\"bbox_2d\": \"[1, 2, 30, 40]\", \"label\": \"a\"}</answer>", YES, 1, FOREIGN | JSON, "a"},
    {T "<answer>Yes. {'bbox_2d': '1, 2, 30, 40', 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': '(1,2),(30,40)', 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': ['1', '2', '30', '40'], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': [1 2 30 40], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'bbox_2d': [1, 2, 30, 40, 0.93], 'label': 'a'}</answer>", YES, 1, FOREIGN | FLOATS | ILL, "a"},
    {T "<answer>Yes. {'bbox_2d': {'x1': 1, 'y1': 2, 'x2': 30, 'y2': 40}, 'label': 'a'}</answer>", YES, 1, FOREIGN | ILL,
     "a"},
    {T "<answer>Yes. {'xmin': 1, 'ymin': 2, 'xmax': 30, 'ymax': 40, 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {'boxes': [[1, 2, 30, 40]], 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    {T "<answer>Yes. {\"bbox_2d\"\uff1a [1\uff0c2\uff0c30\uff0c40]\uff0c\"label\"\uff1a \"a\uff0cb\"}</answer>", YES, 1,
     FOREIGN | JSON, "a\uff0cb"},
    {T "<answer>Yes\u3002\uff5b\u201cbbox_"
       "2d\u201d\uff1a\uff3b1\u30012\u300130\u300140\uff3d\uff0c\u201clabel\u201d\uff1a\u201ca"
       "\u201d\uff5d</answer>",
     YES, 1, FOREIGN | JSON, "a"},
    {T "<answer>Yes. {'bbox_2d': [\uff11, \uff12, \uff13\uff10, \uff14\uff10], 'label': 'a'}</answer>", YES, 1, 0, "a"},
    {T "<answer>Yes. <|object_ref_start|>no cable<|object_ref_end|><|box_start|>(1,2),(30,40)<|box_end|></answer>", YES, 1,
     FOREIGN | JSON, "no cable"},
    {T "<answer><|object_ref_start|>no cable<|object_ref_end|><|box_start|>(1,2),(30,40)<|box_end|></answer>", YES, 1,
     FOREIGN | JSON | IMPLIED | ILL, "no cable"},
    {T "<answer>Yes. <ref>a</ref><box>[[1, 2, 30, 40]]</box></answer>", YES, 1, FOREIGN | JSON, "a"},
    {T "<answer>Yes. <|ref|>a<|/ref|><|det|>[[1, 2, 30, 40], [5, 6, 7, 8]]<|/det|></answer>", YES, 2, FOREIGN | JSON, "a"},
    {T "<answer>Yes. dent(1,2),(30,40)</answer>", YES, 1, FOREIGN | ILL, ""},
    {T "<answer>Yes: [1, 2, 30, 40]</answer>", YES, 1, FOREIGN | ILL, ""},
    {T "<answer>Yes. {'bbox_2d': '<|box_start|>(1,2),(30,40)<|box_end|>', 'label': 'a'}</answer>", YES, 1, FOREIGN, "a"},
    /* an object that holds the decision and the box */
    {T "<answer>```json\n{\"anomaly\": \"Yes\", \"bbox_2d\": [1, 2, 30, 40], \"label\": \"a\"}\n```</answer>", YES, 1,
     JSON | ILL, "a"},
    {"```json\n{\"anomaly\": \"Yes\", \"bbox_2d\": [1, 2, 30, 40], \"label\": \"a\"}\n```", YES, 1, UNTAGGED | JSON | ILL,
     "a"},
    {"```json\n[{\"is_defective\": true, \"bbox_2d\": [1, 2, 30, 40], \"label\": \"no cable\"}]\n```", YES, 1,
     UNTAGGED | JSON | ILL, "no cable"},
    {"{\"bbox_2d\": [1, 2, 30, 40], \"label\": \"a\", \"is_normal\": false}", YES, 1, UNTAGGED | JSON | ILL, "a"},
    {"{\"occluded\": \"no\", \"anomaly\": \"Yes, a dent\", \"bbox_2d\": [1, 2, 30, 40]}", YES, 1, UNTAGGED | JSON | ILL,
     ""},
    /* numbers that make no box */
    {T "<answer>Yes. {'bbox_2d': [1, 2, 30, 40, 5, 6, 7, 8], 'label': 'a'}</answer>", YES, 0, LOST | ILL, NULL},
    {T "<answer>Yes. {'bbox_2d': '10% from the left', 'label': 'a'}</answer>", YES, 0, LOST | ILL, NULL},
    {T "<answer>Yes. {'area': [1, 2, 30, 40], 'label': 'a'}</answer>", YES, 0, LOST | ILL, NULL},
    {T "<answer>Yes. <loc0001><loc0002><loc0030><loc0040> dent</answer>", YES, 0, LOST | ILL, NULL},
    {T "<answer>Yes. <|box_start|>the left rim<|box_end|></answer>", YES, 0, LOST | ILL, NULL},
    {T "<answer>Yes. {'bbox_2d': [], 'label': 'a'}</answer>", YES, 0, ILL, NULL},
};

/* Decisions in objects, where the key says what a Yes means. */
static const expectation keyed[] = {
    {"{\"normal\": true}", NO, 0, UNTAGGED | JSON | ILL, NULL},
    {"{\"is_normal\": false}", YES, 0, UNTAGGED | JSON | ILL, NULL},
    {"{\"defect_free\": \"yes\"}", NO, 0, UNTAGGED | JSON | ILL, NULL},
    {"{\"has_shadow\": \"No\", \"anomaly\": \"Yes\"}", YES, 0, UNTAGGED | JSON | ILL, NULL},
    {"{\u201canomaly\u201d\uff1a\u201cYes\u201d}", YES, 0, UNTAGGED | JSON | ILL, NULL},
    {"{\"anomaly_type\": \"no cable\"}", NO, 0, UNTAGGED | JSON | ILL, NULL},
};

/* Where the answer stands: what follows the reasoning decides, and unfinished reasoning is none. */
static const expectation bodies[] = {
    {"<think>The form is <answer>No</answer> or <answer>Yes. {...}</answer>.</think>\nYes. " BOX(1, 2, 30, 40, "a"), YES, 1,
     UNTAGGED | ILL, "a"},
    {"Is it <answer>No</answer>?</think> Yes.", YES, 0, UNTAGGED | ILL, NULL},
    {"Is it <answer>No</answer>?</think>", NONE, 0, UNTAGGED | UNPARSABLE | ILL, NULL},
    {"<think>a</think><answer>No</answer><think>b</think><answer>Yes</answer>", YES, 0, ILL, NULL},
    {"<think>The form is <answer>No</answer> for a good part. The rim", NONE, 0, UNPARSABLE | ILL, NULL},
    {"<think>a</think><answer>No</answer><think>Wait, ", NO, 0, TRUNCATED | ILL, NULL},
    {"Let me see.<think>Yes, a dent", NONE, 0, UNPARSABLE | ILL, NULL},
    {"<think>a</think>", NONE, 0, UNTAGGED | UNPARSABLE | ILL, NULL},
};

/* The same texts, stopped at the token limit. */
static const expectation cut_texts[] = {
    {"Okay. First, is there a scratch? No, that is a reflection. Now the edge", NONE, 0,
     UNTAGGED | UNPARSABLE | TRUNCATED | ILL, NULL},
    {"The form is <answer>No</answer> for a good part, or", NONE, 0, UNPARSABLE | ILL, NULL},
    {"The rim is dented.</think>Yes. " BOX(1, 2, 30, 40, "a") ", {'bbox", YES, 1, UNTAGGED | TRUNCATED | ILL, "a"},
    {"The rim is dented. <answer>Yes. " BOX(1, 2, 30, 40, "a"), YES, 1, TRUNCATED | ILL, "a"},
    {T "<answer>No</answer>", NO, 0, 0, NULL},
};

static void check(const expectation *e, bool cut)
{
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_XY, 1000, 1000, 0, 0);
    gad_answer answer;
    gad_error err;
    ASSERT_OK(gad_answer_read_cut(e->text, strlen(e->text), cut, &frame, &answer, &err), &err);
    bool well_formed = !(e->flags & ILL);
    if ((int)answer.decision != e->decision || answer.count != e->boxes || answer.flags != (e->flags & ~(unsigned)ILL) ||
        answer.well_formed != well_formed)
        fail_msg("%s: decision %d, %zu boxes, flags %#x, well formed %d", e->text, answer.decision, answer.count,
                 answer.flags, answer.well_formed);
    assert_int_equal(answer.strict, well_formed && !answer.flags);
    assert_int_equal(answer.count + answer.ignored > 0, e->label != NULL);
    if (e->label)
        assert_string_equal(answer.boxes[0].label, e->label);
    gad_answer_free(&answer);
}

static void test_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        check(&vectors[i], false);
}

static void test_shapes(void **state)
{
    (void)state;
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_XY, 1000, 1000, 0, 0);
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        gad_answer answer;
        gad_error err;
        check(&shapes[i], false);
        ASSERT_OK(gad_answer_read(shapes[i].text, strlen(shapes[i].text), &frame, &answer, &err), &err);
        if (answer.count) {
            gad_box box = answer.boxes[0].box;
            if (box.x1 != 1 || box.y1 != 2 || box.x2 != 30 || box.y2 != 40)
                fail_msg("%s: %g %g %g %g", shapes[i].text, box.x1, box.y1, box.x2, box.y2);
        }
        gad_answer_free(&answer);
    }
    for (size_t i = 0; i < sizeof keyed / sizeof keyed[0]; i++)
        check(&keyed[i], false);
}

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++)
        check(&bodies[i], false);
    for (size_t i = 0; i < sizeof cut_texts / sizeof cut_texts[0]; i++)
        check(&cut_texts[i], true);
}

/* Coordinates that came by name do not follow the order of the model's lists; the others do. */
static void test_named_order(void **state)
{
    (void)state;
    static const char *const texts[] = {T "<answer>Yes. {'x1': 1, 'y1': 2, 'x2': 30, 'y2': 40}</answer>",
                                        T "<answer>Yes. {'box_2d': [[2, 1], [40, 30]]}</answer>"};
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_YX, 1000, 1000, 0, 0);
    for (int i = 0; i < 2; i++) {
        gad_answer answer;
        gad_error err;
        ASSERT_OK(gad_answer_read(texts[i], strlen(texts[i]), &frame, &answer, &err), &err);
        assert_int_equal(answer.count, 1);
        assert_true(answer.boxes[0].box.x1 == 1 && answer.boxes[0].box.y2 == 40);
        gad_answer_free(&answer);
    }
}

/* Reasoning without its opening tag, which stood in the prompt. */
static void test_open_think_in_prompt(void **state)
{
    (void)state;
    const char *text = "The rim is dented.\n</think>\n<answer>Yes</answer>";
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_XY, 1000, 1000, 0, 0);
    gad_answer answer;
    gad_error err;
    ASSERT_OK(gad_answer_read(text, strlen(text), &frame, &answer, &err), &err);
    assert_int_equal(answer.think_length, strlen("The rim is dented."));
    assert_int_equal(answer.think_begin, 0);
    gad_answer_free(&answer);
}

/* Where things stand in the text, and coordinates through a frame. */
static void test_places(void **state)
{
    (void)state;
    const char *text = "<think>\n two words \n</think><answer> Yes. {'bbox_2d': [448, 0, 672, 448], 'label': 'a'}</answer>";
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_CANVAS, GAD_BOX_XY, 1500, 1000, 0, 0);
    gad_answer answer;
    gad_error err;
    ASSERT_OK(gad_answer_read(text, strlen(text), &frame, &answer, &err), &err);
    assert_true(answer.strict);
    assert_int_equal(answer.think_length, 9);
    assert_memory_equal(text + answer.think_begin, "two words", 9);
    assert_memory_equal(text + answer.decision_begin, "Yes.", 4);
    gad_box box = answer.boxes[0].box;
    assert_true(box.x1 == 1000 && box.y1 == 0 && box.x2 == 1500 && box.y2 == 1000);
    gad_answer_free(&answer);
    /* rel1 has no whole numbers: a decimal point is no deviation there */
    text = T "<answer>Yes. {'bbox_2d': [0.1, 0.2, 0.5, 1], 'label': 'a'}</answer>";
    frame = gad_box_frame_make(GAD_BOX_REL1, GAD_BOX_YX, 1500, 1000, 0, 0);
    ASSERT_OK(gad_answer_read(text, strlen(text), &frame, &answer, &err), &err);
    assert_true(answer.strict);
    assert_true(answer.boxes[0].box.x1 == 300 && answer.boxes[0].box.y1 == 100);
    gad_answer_free(&answer);
    for (int i = 0; i < GAD_ANSWER_FLAGS; i++)
        assert_string_not_equal(gad_answer_flag_name(i), "unknown");
    ASSERT_OK(gad_answer_read(NULL, 0, &frame, &answer, &err), &err);
    assert_int_equal(answer.flags, UNTAGGED | UNPARSABLE);
    gad_answer_free(&answer);
}

static void test_write(void **state)
{
    (void)state;
    gad_error err;
    gad_string text = {0};
    const gad_answer_item items[] = {{{{50, 28, 256, 395}}, "Component Swapped"}, {{{222, 33, 515, 395}}, "worker's mark"}};
    ASSERT_OK(gad_answer_write("Look.", true, items, 2, &text, &err), &err);
    assert_string_equal(text.data,
                        "<think>\nLook.\n</think><answer>Yes. {'bbox_2d': [50, 28, 256, 395], 'label': 'Component "
                        "Swapped'}, {'bbox_2d': [222, 33, 515, 395], 'label': 'worker's mark'}</answer>");
    gad_string_clear(&text);
    ASSERT_OK(gad_answer_write("", false, NULL, 0, &text, &err), &err);
    assert_string_equal(text.data, "<think>\n</think><answer>No</answer>");
    assert_int_equal(gad_answer_write("", false, items, 1, &text, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_answer_write("a </think> b", false, NULL, 0, &text, &err), GAD_E_ARGUMENT);
    const gad_answer_item unnamed = {{{1, 2, 3, 4}}, ""}, tagged = {{{1, 2, 3, 4}}, "</answer>"};
    assert_int_equal(gad_answer_write("", true, &unnamed, 1, &text, &err), GAD_E_ARGUMENT);
    assert_int_equal(gad_answer_write("", true, &tagged, 1, &text, &err), GAD_E_ARGUMENT);
    gad_string_free(&text);
}

/* What the writer makes is strict and says the same, for any label and frame. */
static void test_round_trip(void **state)
{
    (void)state;
    static const char *const letters[] = {"a", "'", "\"", "\\", ",", "}", "]", " ", "{", ":", "\xc3\xa9", "No", "\n", ")"};
    gad_rng rng = gad_rng_make(3, 0);
    gad_error err;
    for (int round = 0; round < 5000; round++) {
        gad_box_convention convention = (gad_box_convention)(round % 5);
        gad_box_frame frame = gad_box_frame_make(convention, round / 5 % 2 ? GAD_BOX_YX : GAD_BOX_XY, 640, 480, 616, 476);
        char label[3][64];
        gad_answer_item items[3];
        size_t count = 1 + gad_rng_below(&rng, 3);
        for (size_t i = 0; i < count; i++) {
            strcpy(label[i], "x");
            for (uint32_t n = gad_rng_below(&rng, 8); n; n--)
                strcat(label[i], letters[gad_rng_below(&rng, sizeof letters / sizeof letters[0])]);
            double x = gad_rng_below(&rng, 600), y = gad_rng_below(&rng, 400);
            gad_box box = {x, y, x + 1 + gad_rng_below(&rng, 40), y + 1 + gad_rng_below(&rng, 80)};
            items[i] = (gad_answer_item){gad_box_to_model(&frame, box), label[i]};
        }
        gad_string text = {0};
        gad_answer answer;
        ASSERT_OK(gad_answer_write("t", true, items, count, &text, &err), &err);
        ASSERT_OK(gad_answer_read(text.data, text.length, &frame, &answer, &err), &err);
        for (size_t i = 0; i < count; i++)
            for (char *c = label[i]; *c; c++)
                if (*c == '\n')
                    *c = ' ';
        unsigned expected = 0;
        if (answer.flags != expected || !answer.strict || answer.count != count)
            fail_msg("%s: flags %#x, %zu boxes", text.data, answer.flags, answer.count);
        for (size_t i = 0; i < count; i++) {
            assert_string_equal(answer.boxes[i].label, label[i]);
            for (int k = 0; k < 4; k++)
                assert_true(answer.boxes[i].model.value[k] - items[i].box.value[k] < 1e-9 &&
                            items[i].box.value[k] - answer.boxes[i].model.value[k] < 1e-9);
        }
        gad_answer_free(&answer);
        gad_string_free(&text);
    }
}

/* A hostile text costs no more than its length. */
static void test_long_text(void **state)
{
    (void)state;
    enum { LENGTH = 4 << 20 };
    static const char *const units[] = {"{",      "{'",      "{'a':",  "<answer>", "' ",     "{'bbox_2d':[1,2,3,4],",
                                        "no{",    "[",       "\\",     "[1,",      "(1,2)",  "<ref>",
                                        "<box>[", "{\u201c", "{'x1':", "</think>", "<think>"};
    char *text = gad_memory_alloc(LENGTH, 1);
    assert_non_null(text);
    gad_box_frame frame = gad_box_frame_make(GAD_BOX_ORIG, GAD_BOX_XY, 1000, 1000, 0, 0);
    for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
        size_t unit = strlen(units[u]);
        for (size_t at = 0; at < LENGTH; at++)
            text[at] = units[u][at % unit];
        gad_answer answer;
        gad_error err;
        ASSERT_OK(gad_answer_read(text, LENGTH, &frame, &answer, &err), &err);
        gad_answer_free(&answer);
    }
    gad_memory_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_named_order),
        cmocka_unit_test(test_open_think_in_prompt),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_long_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
