/* table: the filling's table, and the plugin's one entry. */
#include "op/cuda/cuda.cuh"
#include "op/cuda/library.cuh"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void free_cuda(gad_device *device)
{
    gad_cuda *cuda = gad_cuda_of(device);
    gad_runtime_wait(cuda->stream);
    gad_cuda_graph_free(cuda);
    gad_cuda_ranks_free(cuda);
    gad_cuda_library_free(cuda);
    gad_cuda_memory_free(cuda);
    free(cuda);
}

static gad_ops make_table(void)
{
    gad_ops ops = {};
    ops.name = "cuda";
    ops.take = gad_cuda_take;
    ops.take_exact = gad_cuda_take_exact;
    ops.mark = gad_cuda_mark;
    ops.rewind = gad_cuda_rewind;
    ops.upload = gad_cuda_upload;
    ops.download = gad_cuda_download;
    ops.fill = gad_cuda_fill;
    ops.allocate = gad_cuda_allocate;
    ops.allocate_exact = gad_cuda_allocate_exact;
    ops.release = gad_cuda_release;
    ops.place = gad_cuda_place;
    ops.unplace = gad_cuda_unplace;
    ops.fetch = gad_cuda_fetch;
    ops.linear = gad_cuda_linear;
    ops.linear_dx = gad_cuda_linear_dx;
    ops.linear_dw = gad_cuda_linear_dw;
    ops.linear_db = gad_cuda_linear_db;
    ops.linear_parts = gad_cuda_linear_parts;
    ops.linear_swiglu = gad_cuda_linear_swiglu;
    ops.rmsnorm = gad_cuda_rmsnorm;
    ops.rmsnorm_back = gad_cuda_rmsnorm_back;
    ops.layernorm = gad_cuda_layernorm;
    ops.layernorm_back = gad_cuda_layernorm_back;
    ops.attention = gad_cuda_attention;
    ops.attention_back = gad_cuda_attention_back;
    ops.swiglu = gad_cuda_swiglu;
    ops.swiglu_back = gad_cuda_swiglu_back;
    ops.gelu = gad_cuda_gelu;
    ops.gelu_back = gad_cuda_gelu_back;
    ops.rope = gad_cuda_rope;
    ops.embed = gad_cuda_embed;
    ops.embed_back = gad_cuda_embed_back;
    ops.rows = gad_cuda_rows;
    ops.rows_mix = gad_cuda_rows_mix;
    ops.rows_mix_back = gad_cuda_rows_mix_back;
    ops.unfold = gad_cuda_unfold;
    ops.expand_depthwise = gad_cuda_expand_depthwise;
    ops.axpby = gad_cuda_axpby;
    ops.zero = gad_cuda_zero;
    ops.logprob = gad_cuda_logprob;
    ops.logprob_back = gad_cuda_logprob_back;
    ops.draw = gad_cuda_draw;
    ops.sum_squares = gad_cuda_sum_squares;
    ops.adamw = gad_cuda_adamw;
    ops.record = gad_cuda_record;
    ops.play = gad_cuda_play;
    ops.meet = gad_cuda_meet;
    ops.join = gad_cuda_join;
    ops.sum_ranks = gad_cuda_sum_ranks;
    ops.finish = gad_cuda_finish;
    ops.free = free_cuda;
    return ops;
}

static const gad_ops table = make_table();

/* What failed before there was a device. */
static gad_status refuse(gad_error *err, int error, const char *cause, const char *hint)
{
    const gad_status code = error && gad_runtime_lacks_memory(error) ? GAD_E_MEMORY : GAD_E_UNSUPPORTED;
    const char *text = error ? gad_runtime_text(error) : "";
    if (!err)
        return code;
    err->code = code;
    snprintf(err->operation, sizeof err->operation, "open the CUDA device");
    snprintf(err->cause, sizeof err->cause, "%s%s%s", cause, error ? ": " : "", text);
    snprintf(err->hint, sizeof err->hint, "%s", hint);
    return code;
}

static bool says_yes(const char *variable)
{
    const char *text = getenv(variable);
    return text && !strcmp(text, "1");
}

gad_status gad_cuda_open(gad_device *device, int index, gad_error *err)
{
    int count = 0;
    int error = gad_runtime_count(&count);
    if (error || !count)
        return refuse(err, error, "no CUDA device", "check what nvidia-smi lists, or use --device cpu");
    if (index < 0 || index >= count)
        return refuse(err, 0, "there is no CUDA device of this number", "count from 0 as nvidia-smi does");
    gad_cuda *cuda = (gad_cuda *)calloc(1, sizeof *cuda);
    if (!cuda)
        return refuse(err, 0, "no memory", "");
    cuda->index = index;
    error = gad_runtime_open(index, &cuda->card);
    const bool old = !error && cuda->card.generation < 80;
    cuda->graph.wanted = says_yes("GAD_CUDA_GRAPHS");
    /* what runs there was made for it: code of one generation alone; in a graph the order is the graph's */
    cuda->early = cuda->card.generation >= 90 && !cuda->graph.wanted;
    error = error || old ? error : gad_cuda_memory_open(cuda);
    if (error || old) {
        const gad_status status =
            old ? refuse(err, 0, "the CUDA device is older than compute capability 8.0", "use --device cpu")
                : refuse(err, error, "the CUDA device does not start", "check what nvidia-smi says of it");
        gad_cuda_memory_free(cuda);
        free(cuda);
        return status;
    }
    *device = gad_device{};
    device->ops = &table;
    device->dtype = device->kept = GAD_BF16;
    device->products = GAD_F32; /* factors are taken as they are: bf16 already, where activations are */
    device->threads = 1;
    snprintf(device->label, sizeof device->label, "%s", cuda->card.name);
    device->memory_bytes = cuda->card.free_bytes;
    device->state = cuda;
    return GAD_OK;
}
