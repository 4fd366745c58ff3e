/* model_engine: our own engine behind the benchmark's interface: a checkpoint folder, with or without an adapter. */
#ifndef GAD_BENCH_MODEL_ENGINE_H
#define GAD_BENCH_MODEL_ENGINE_H
#include "bench/model.h"
#include "generate/engine.h"

typedef struct gad_model_engine_settings {
    int64_t max_tokens;
    bool fast;   /* the forced answer only: no reasoning; boxes only from a difference module */
    bool sample; /* draw as the checkpoint's generation settings say; else greedy */
    uint64_t seed;
} gad_model_engine_settings;

/* `engine` is borrowed and must outlive the model; `options` say in the run's record how it was opened. */
gad_status gad_model_engine(gad_engine *engine, const gad_engine_options *options,
                            const gad_model_engine_settings *settings, gad_bench_model *model, gad_error *err);
#endif
