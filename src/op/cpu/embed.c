/* embed: table rows by token id, and the gradient back into the table. */
#include "op/cpu/cpu.h"

void gad_cpu_embed(gad_device *device, gad_tensor y, gad_weight table, const int32_t *ids)
{
    if (!gad_cpu_well(device))
        return;
    for (int64_t t = 0; t < y.rows; t++)
        if (ids[t] >= 0)
            gad_cpu_weight_row(gad_cpu_row(y, t), &table, ids[t], 0, y.cols);
}

/* Threads share the channels, not the rows, so repeated ids need no care and the order of summation is the rows'. */
void gad_cpu_embed_back(gad_device *device, gad_tensor dtable, gad_tensor dy, const int32_t *ids)
{
    if (!gad_cpu_well(device))
        return;
    const int64_t block = 64, blocks = (dy.cols + block - 1) / block;
#pragma omp parallel for schedule(static) num_threads(gad_cpu_threads(device, dy.rows *dy.cols))
    for (int64_t b = 0; b < blocks; b++) {
        int64_t end = (b + 1) * block < dy.cols ? (b + 1) * block : dy.cols;
        for (int64_t t = 0; t < dy.rows; t++) {
            if (ids[t] < 0)
                continue;
            float *to = gad_cpu_row(dtable, ids[t]);
            const float *from = gad_cpu_row(dy, t);
            for (int64_t c = b * block; c < end; c++)
                to[c] += from[c];
        }
    }
}
