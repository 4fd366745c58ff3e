/* model_engine: our own engine behind the benchmark's interface: a checkpoint folder, with or without an adapter. */
#ifndef GAD_BENCH_MODEL_ENGINE_H
#define GAD_BENCH_MODEL_ENGINE_H
#include "bench/model.h"
#include "gad_bench.h"
#include "generate/engine.h"

/* `engine` is borrowed and must outlive the model; `options` say in the run's record how it was opened. */
gad_status gad_model_engine(gad_engine *engine, const gad_engine_options *options, const gad_bench_answers *answers,
                            gad_bench_model *model, gad_error *err);
#endif
