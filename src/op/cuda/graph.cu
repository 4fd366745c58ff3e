/* graph: decoding steps as CUDA graphs: the launches of a step are gathered and given to the device at once, so that it
 * need not wait for the processor between them. Only with GAD_CUDA_GRAPHS=1 in the environment. */
#include "op/cuda/cuda.cuh"

enum { FIRST_CALLS = 2 }; /* which load code and choose algorithms */

void gad_cuda_record(gad_device *device)
{
    gad_cuda *cuda = gad_cuda_of(device);
    if (!gad_cuda_well(device) || !cuda->graph.wanted || cuda->graph.calls++ < FIRST_CALLS)
        return;
    gad_cuda_make_room(device);
    cuda->graph.recording = gad_cuda_keep(device, gad_runtime_record(cuda->stream), "gather a step", 0);
}

void gad_cuda_play(gad_device *device)
{
    gad_cuda *cuda = gad_cuda_of(device);
    if (!cuda->graph.recording)
        return;
    cuda->graph.recording = false;
    gad_cuda_keep(device, gad_runtime_play(cuda->stream, &cuda->graph.kept), "run a step as a graph", 0);
    while (cuda->graph.lates)
        gad_runtime_give(cuda->graph.late[--cuda->graph.lates]);
}

void gad_cuda_graph_free(gad_cuda *cuda)
{
    gad_runtime_kept_free(cuda->graph.kept);
}
