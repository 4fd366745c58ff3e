/* answerer: what says of a part whether it is anomalous: a product, or a model that good parts are shown to. In: the
 * options that name it, of commands that inspect. Out: it, opened, and how to ask. Messages go to stderr. */
#ifndef GAD_CLI_ANSWERER_H
#define GAD_CLI_ANSWERER_H
#include "cli/options_engine.h"
#include "cli/parts.h"
#include "cli/prose.h"

typedef struct answer_options {
    option_list ref;
    gad_engine_options engine;
    gad_inspect_settings s;
    const char *threshold, *product, *features;
    bool quiet, raw;
} answer_options;

answer_options answerer_default(void);

/* On answer_options without `engine`: who answers, and how. */
extern const option_table answerer_who, answerer_how;

typedef struct answerer {
    gad_product *product; /* decides, and an engine explains; NULL: there is an engine, which decides */
    gad_engine *engine;   /* NULL: there is a product alone */
    gad_product *learnt;  /* of the good parts, for the engine's hints; NULL: none are given */
    references refs;
    gad_inspect_settings settings; /* which point to this struct: it stays where it is */
    prose shown;                   /* of the answer that is being written */
    char name[256];                /* of what answers: the product and its network, or the model */
    /* What the threshold is worth, in words: "at most 5 % of good parts are rejected, with 95 % confidence". */
    char guarantee[128];
} answerer;

/* The model that a product is given too explains its parts. An exit code, after a message. */
int answerer_open(const command *c, const answer_options *o, answerer *a);
void answerer_close(answerer *a);
gad_status answerer_ask(const answerer *a, gad_picture *const *good, int good_count, const gad_picture *part,
                        gad_inspection *result, gad_error *err);
/* A terminal shows the whole answer from now on in another line. */
void answerer_end_text(answerer *a, const answer_options *o, bool reasoned);
#endif
