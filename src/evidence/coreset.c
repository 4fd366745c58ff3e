/* coreset: see coreset.h */
#include "evidence/coreset.h"

#include "base/error.h"
#include "base/half.h"
#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <omp.h>
#include <string.h>

enum { PROJECTED = 32, MAX_THREADS = 256 };
static const char operation[] = "choose a coreset";

/* [width, PROJECTED] of random signs: distances are kept up to a factor. */
static void fill_projection(int64_t width, float *projection)
{
    gad_rng rng = gad_rng_make(0, 0);
    for (int64_t i = 0; i < width * PROJECTED; i++)
        projection[i] = gad_rng_uniform(&rng) < 0.5 ? -1.0f : 1.0f;
}

static void project(const uint16_t *rows, int64_t count, int64_t width, const float *projection, float *out)
{
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++) {
        float *to = out + i * PROJECTED;
        memset(to, 0, PROJECTED * sizeof *to);
        for (int64_t c = 0; c < width; c++) {
            const float value = gad_half_from_bf16(rows[i * width + c]);
            for (int k = 0; k < PROJECTED; k++)
                to[k] += value * projection[c * PROJECTED + k];
        }
    }
}

/* Lowers the distances of rows first..last-1 to those from row `taken`, and returns the row that is farthest. */
static int64_t take(const float *projected, int64_t first, int64_t last, int64_t taken, float *distance)
{
    const float *centre = projected + taken * PROJECTED;
    int64_t farthest = first;
    for (int64_t i = first; i < last; i++) {
        const float *row = projected + i * PROJECTED;
        float sum = 0;
#pragma omp simd reduction(+ : sum)
        for (int k = 0; k < PROJECTED; k++)
            sum += (row[k] - centre[k]) * (row[k] - centre[k]);
        distance[i] = sum < distance[i] ? sum : distance[i];
        farthest = distance[i] > distance[farthest] ? i : farthest;
    }
    return farthest;
}

static void choose(const float *projected, int64_t count, int64_t most, float *distance, int64_t *kept)
{
    int64_t best[MAX_THREADS];
    int64_t next = 0;
    const int threads = omp_get_max_threads() < MAX_THREADS ? omp_get_max_threads() : MAX_THREADS;
    for (int64_t i = 0; i < count; i++)
        distance[i] = INFINITY;
#pragma omp parallel num_threads(threads)
    {
        const int64_t me = omp_get_thread_num(), team = omp_get_num_threads();
        for (int64_t n = 0; n < most; n++) {
            best[me] = take(projected, count * me / team, count * (me + 1) / team, next, distance);
#pragma omp barrier
#pragma omp single
            {
                kept[n] = next;
                next = best[0];
                for (int64_t t = 1; t < team; t++)
                    next = distance[best[t]] > distance[next] ? best[t] : next;
            }
        }
    }
}

static void sort_ascending(int64_t *kept, int64_t count, int64_t most, float *marks)
{
    memset(marks, 0, (size_t)count * sizeof *marks);
    for (int64_t n = 0; n < most; n++)
        marks[kept[n]] = 1;
    for (int64_t i = 0, n = 0; i < count && n < most; i++)
        if (marks[i] > 0)
            kept[n++] = i;
}

gad_status gad_coreset_choose(const uint16_t *rows, int64_t count, int64_t width, int64_t most, int64_t *kept,
                              gad_error *err)
{
    if (most < 1 || most >= count || width < 1)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "%lld of %lld rows", (long long)most, (long long)count);
    float *projection = gad_memory_alloc((size_t)width, PROJECTED * sizeof *projection);
    float *projected = gad_memory_alloc((size_t)count, PROJECTED * sizeof *projected);
    float *distance = gad_memory_alloc((size_t)count, sizeof *distance);
    const bool ready = projection && projected && distance;
    if (ready) {
        fill_projection(width, projection);
        project(rows, count, width, projection, projected);
        choose(projected, count, most, distance, kept);
        sort_ascending(kept, count, most, distance);
    }
    gad_memory_free(projection);
    gad_memory_free(projected);
    gad_memory_free(distance);
    return ready ? GAD_OK : gad_error_memory(err, operation, (size_t)count * PROJECTED * sizeof(float));
}
