/* corpus: the texts that a small model of ours reads and writes, for making its vocabulary: questions and answers of
 * synthetic samples. In: a wording, a count. Out: texts handed to a callback. Knows nothing of tokenizers. */
#ifndef GAD_TRAIN_CORPUS_H
#define GAD_TRAIN_CORPUS_H
#include "gad.h"
#include "task/question.h"

gad_status gad_corpus_make(const gad_question_template *wording, int64_t count, uint64_t seed,
                           gad_status (*take)(void *user, const char *text, size_t length, gad_error *err), void *user,
                           const gad_progress *progress, gad_error *err);
#endif
