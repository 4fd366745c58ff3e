/* example_maker: pictures and the truth about them as an example: prompt, answer, patch rows, mask. In: decoded images,
 * boxes, reasoning text. Out: an example in the ids and coordinates of one model, by the same code that asks the model
 * later. Knows nothing of datasets or losses. */
#ifndef GAD_TRAIN_EXAMPLE_MAKER_H
#define GAD_TRAIN_EXAMPLE_MAKER_H
#include "gad_train.h"
#include "task/question.h"
#include "text/chat.h"
#include "train/example.h"

/* The model's side. */
typedef struct gad_example_maker {
    const gad_tokenizer *tokenizer;
    const gad_chat *chat;
    const gad_preprocess *preprocess;
    gad_box_convention convention;
    gad_question_template wording;
    gad_example_layout input;
    bool compares;       /* the model has an evidence head */
    int64_t mask_side;   /* cells of a mask along a token: gad_config_map_side */
    bool knows;          /* the question names the defect kinds that may occur */
    bool reasons;        /* false: answers without <think> text */
    bool reasoning_only; /* decisions and boxes are left as they are */
    double fast_share;   /* of samples whose answer does not reason all the same, so that fast answers are learnt too */
    bool points;         /* boxes are written as region tokens of regions (task/pointer.h) */
    int32_t decides;     /* with region tokens: the id that the decision comes after, <answer> */
    int32_t first_region_token; /* the id of the first region's mark, the others follow */
} gad_example_maker;

typedef struct gad_example_truth {
    gad_box box; /* original pixels */
    const char *label;
} gad_example_truth;

/* One sample. All memory is borrowed. */
typedef struct gad_example_content {
    const gad_image *image; /* [count], references first */
    int count;
    const unsigned char *mask; /* of the last image, one byte a pixel; NULL: not known */
    bool anomalous;
    const gad_example_truth *box;
    size_t box_count;
    const char *class_name, *think; /* may be NULL */
    const char *const *knowledge;   /* defect kinds that may occur */
    size_t knowledge_count;
} gad_example_content;

/* Does the tokenizer have region tokens? Fills `points` and the ids. */
void gad_example_maker_find_region_tokens(gad_example_maker *maker);

gad_status gad_example_maker_run(const gad_example_maker *maker, const gad_example_content *content, gad_example *example,
                                 gad_error *err);
/* Once an example's shown regions are known: its answer anew, with an account of what was measured of these
 * (task/account.h) in place of the text it came with, and the regions that lie on true boxes. Where none does, the decision
 * alone is learnt. `user` is the maker. */
gad_status gad_example_maker_retell(const void *user, gad_example *example, gad_error *err);

#endif
