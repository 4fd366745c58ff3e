/* answer_decision: Yes or No in the text of an answer. In: the text and the boxes found in it. Out: the decision and its
 * place. Knows nothing of tags, coordinates or truth. */
#ifndef GAD_TASK_ANSWER_DECISION_H
#define GAD_TASK_ANSWER_DECISION_H
#include "task/answer.h"
#include "task/answer_object.h"

/* Looks for, in this order: the first Yes or No in free text or under a key that decides ("anomaly": "Yes", "is_normal":
 * false), also in an object with a box; the first value of an object that says only Yes or No; any word Yes or No outside
 * boxes. *where is set when one is found; *in_object whether it stands in an object. */
gad_answer_decision gad_answer_decision_find(const char *text, size_t length, const gad_answer_objects *found,
                                             size_t *where, bool *in_object);
#endif
