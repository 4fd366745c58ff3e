/* model_endpoint: any server that speaks the OpenAI chat-completions protocol, behind the model interface. Several requests
 * are in flight; retries, back-off and rate limits are the HTTP client's. Knows neither truth nor scores. */
#ifndef GAD_BENCH_MODEL_ENDPOINT_H
#define GAD_BENCH_MODEL_ENDPOINT_H
#include "bench/model.h"
#include "gad_bench.h"

/* `answers`: max_tokens; the seed is sent. Copies what it needs. Nothing is sent before the first request. */
gad_status gad_model_endpoint_open(const gad_bench_endpoint *options, const gad_bench_answers *answers,
                                   gad_bench_model *model, gad_error *err);
#endif
