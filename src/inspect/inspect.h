/* inspect: one inspection: question -> answer -> findings -> heat map -> boxes in original pixels -> decision. In: an
 * engine, pictures or a finished question, settings. Out: an inspection (gad.h). What asks about parts asks here: the
 * program, the benchmark, a server. Knows nothing of files or truth. */
#ifndef GAD_INSPECT_INSPECT_H
#define GAD_INSPECT_INSPECT_H
#include "inspect/turn.h"

/* A question that is written: texts and images of one user turn in order, the last image the one to inspect. */
typedef struct gad_inspect_request {
    const gad_turn_part *part;
    size_t part_count;
    const char *object;      /* the product as the question names it; NULL: not at all */
    bool choice;             /* it asks for one of several options: no decision is looked for */
    const char *prompt_hash; /* of the wording; NULL: unknown */
} gad_inspect_request;

/* The result is the caller's (gad_inspection_clear). */
gad_status gad_inspect_ask(gad_engine *engine, const gad_inspect_request *request, const gad_inspect_settings *settings,
                           gad_inspection *result, gad_error *err);
/* The question of the settings about the last of these pictures, the others good parts (none, one or more, best first).
 * `seen`: a product's inspection of the picture, whose hints are given when the settings ask for them; NULL: none. */
gad_status gad_inspect_pictures(gad_engine *engine, const gad_turn_part *picture, int count, const gad_inspection *seen,
                                const gad_inspect_settings *settings, gad_inspection *result, gad_error *err);
/* The error of hints for a model that has its own evidence. */
gad_status gad_inspect_refuse_hints(gad_error *err);
#endif
