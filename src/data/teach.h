/* teach: gives samples their reasoning text. In: a store with boxes and references. Out: the same with text. Two teachers:
 * the grammar (no model needed), and any server that speaks OpenAI's protocol. Every answer is stored as it comes, so that
 * a crash loses none and none is asked for twice. */
#ifndef GAD_DATA_TEACH_H
#define GAD_DATA_TEACH_H
#include "data/store.h"
#include "data/text_check.h"

typedef gad_data_reason_settings gad_teach_settings;

/* Whether a sample has a text that the grammar must not replace: an accepted one of a model or of a person. */
bool gad_teach_keeps(const gad_sample *sample);

typedef gad_data_reasoned gad_teach_report;

gad_status gad_teach_template(gad_store *store, const gad_teach_settings *settings, gad_teach_report *report,
                              gad_error *err);
gad_status gad_teach_server(gad_store *store, const gad_teach_settings *settings, gad_teach_report *report, gad_error *err);

/* The grammar's text for one sample; `change` has three numbers per box (mean colour change, 0..1 scale) or is NULL.
 * *text is the caller's (gad_memory_free). */
gad_status gad_teach_write(const gad_sample *sample, const float *change, uint64_t seed, bool brief, char **text,
                           gad_error *err);
#endif
