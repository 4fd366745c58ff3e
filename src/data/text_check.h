/* text_check: may a teacher's answer be kept? In: the answer, the truth. Out: yes, or the reason why not. The rules are
 * numbered as in docs/spec/datasets.md section 7.2. Knows nothing of requests or stores. */
#ifndef GAD_DATA_TEXT_CHECK_H
#define GAD_DATA_TEXT_CHECK_H
#include "data/sample.h"
#include "gad_data.h"
#include "task/box.h"

gad_text_check_rule gad_text_check_default(void);
/* "check:iou=0.9,quoted=0.5,words=20-400,v1" */
void gad_text_check_text(const gad_text_check_rule *rule, char *text, size_t size_bytes);

/* `frame` says in which coordinates the answer speaks. Accepted: *reason empty, *think the trimmed reasoning (the
 * caller's, gad_memory_free). Refused: *think NULL, reason filled. Fails only for lack of memory. */
gad_status gad_text_check(const gad_text_check_rule *rule, const gad_sample *truth, const gad_box_frame *frame,
                          const char *answer, char **think, char *reason, size_t reason_bytes, gad_error *err);
#endif
