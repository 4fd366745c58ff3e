/* linear: y = alpha x w^T + bias, and its gradients. */
#include "op/cpu/cpu.h"

#include <omp.h>

static float dot(const float *a, const float *b, int64_t n)
{
    float sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += a[i] * b[i];
    return sum;
}

void gad_cpu_linear(gad_device *device, gad_tensor y, gad_tensor x, gad_weight w, gad_tensor bias, float alpha, bool add)
{
    size_t mark = gad_cpu_mark(device);
    const float *shift = gad_cpu_vector(device, bias);
    float *row = gad_cpu_scratch(device, (size_t)(device->threads * w.cols), sizeof(float));
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(device->threads)
        for (int64_t o = 0; o < w.rows; o++) {
            float *mine = row + omp_get_thread_num() * w.cols;
            gad_cpu_weight_row(mine, &w, o, 0, w.cols);
            for (int64_t t = 0; t < x.rows; t++) {
                float value = alpha * dot(gad_cpu_row(x, t), mine, w.cols) + (shift ? shift[o] : 0);
                float *to = gad_cpu_row(y, t) + o;
                *to = add ? *to + value : value;
            }
        }
    }
    gad_cpu_rewind(device, mark);
}

void gad_cpu_linear_dx(gad_device *device, gad_tensor dx, gad_tensor dy, gad_weight w, float alpha, bool add)
{
    size_t mark = gad_cpu_mark(device);
    const int64_t block = 64, blocks = (w.cols + block - 1) / block;
    if (gad_cpu_well(device)) {
#pragma omp parallel for schedule(static) num_threads(device->threads)
        for (int64_t b = 0; b < blocks; b++) {
            int64_t from = b * block, n = from + block < w.cols ? block : w.cols - from;
            float row[64];
            if (!add)
                for (int64_t t = 0; t < dx.rows; t++)
                    for (int64_t c = 0; c < n; c++)
                        gad_cpu_row(dx, t)[from + c] = 0;
            for (int64_t o = 0; o < w.rows; o++) {
                gad_cpu_weight_row(row, &w, o, from, n);
                for (int64_t t = 0; t < dx.rows; t++) {
                    float d = alpha * gad_cpu_row(dy, t)[o];
                    for (int64_t c = 0; c < n; c++)
                        gad_cpu_row(dx, t)[from + c] += d * row[c];
                }
            }
        }
    }
    gad_cpu_rewind(device, mark);
}

void gad_cpu_linear_dw(gad_device *device, gad_tensor dw, gad_tensor dy, gad_tensor x, float alpha)
{
    if (!gad_cpu_well(device))
        return;
#pragma omp parallel for schedule(static) num_threads(device->threads)
    for (int64_t o = 0; o < dw.rows; o++)
        for (int64_t t = 0; t < x.rows; t++) {
            float d = alpha * gad_cpu_row(dy, t)[o];
            for (int64_t c = 0; c < x.cols; c++)
                gad_cpu_row(dw, o)[c] += d * gad_cpu_row(x, t)[c];
        }
}

void gad_cpu_linear_db(gad_device *device, gad_tensor db, gad_tensor dy)
{
    if (!gad_cpu_well(device))
        return;
    for (int64_t t = 0; t < dy.rows; t++)
        for (int64_t o = 0; o < dy.cols; o++)
            gad_cpu_row(db, 0)[o] += gad_cpu_row(dy, t)[o];
}
