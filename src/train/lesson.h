/* lesson: pictures and the truth about them as an example: prompt, answer, patch rows, mask. In: decoded images, boxes,
 * reasoning text. Out: an example in the ids and coordinates of one model, by the same code that asks the model later.
 * Knows nothing of datasets or losses. */
#ifndef GAD_TRAIN_LESSON_H
#define GAD_TRAIN_LESSON_H
#include "task/question.h"
#include "text/chat.h"
#include "train/example.h"

/* How references and the image to inspect reach the tower. */
typedef enum gad_lesson_input {
    GAD_LESSON_PAIR,     /* references, then the image: as Anomaly-R1 */
    GAD_LESSON_CLIP,     /* one clip of two frames, reference and image: half the tokens */
    GAD_LESSON_PAIR_CLIP /* both */
} gad_lesson_input;

/* The model's side. */
typedef struct gad_lesson_maker {
    const gad_tokenizer *tokenizer;
    const gad_chat *chat;
    const gad_preprocess *preprocess;
    gad_box_convention convention;
    gad_question_template wording;
    gad_lesson_input input;
    int64_t mask_side;  /* cells of a mask along a token: gad_config_map_side */
    bool reasons;       /* false: answers without <think> text */
    double fast_share;  /* of samples whose answer does not reason all the same, so that fast answers are learnt too */
    bool points;        /* boxes are written as marks of regions (task/pointer.h) */
    int32_t decides;    /* with marks: the id that the decision comes after, <answer> */
    int32_t first_mark; /* the id of the first region's mark, the others follow */
} gad_lesson_maker;

typedef struct gad_lesson_box {
    gad_box box; /* original pixels */
    const char *label;
} gad_lesson_box;

/* One sample. All memory is borrowed. */
typedef struct gad_lesson {
    const gad_image *image; /* [count], references first */
    int count;
    const unsigned char *mask; /* of the last image, one byte a pixel; NULL: not known */
    bool anomalous;
    const gad_lesson_box *box;
    size_t box_count;
    const char *class_name, *think; /* may be NULL */
    const char *const *knowledge;   /* defect kinds that may occur */
    size_t knowledge_count;
} gad_lesson;

/* Does the tokenizer have marks? Fills `points` and the ids. */
void gad_lesson_find_marks(gad_lesson_maker *maker);

gad_status gad_lesson_make(const gad_lesson_maker *maker, const gad_lesson *lesson, gad_example *example, gad_error *err);

/* The text that asks for a wrong answer, appended to the question: for contrastive sampling (training.md section 4). */
const char *gad_lesson_adversarial(bool anomalous);
#endif
