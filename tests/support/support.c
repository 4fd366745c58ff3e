/* support: see support.h */
#include "support/support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool support_is_short(void)
{
    return getenv("GAD_TEST_SHORT") != NULL;
}

void support_assert_ok(gad_status status, const gad_error *err, const char *file, int line)
{
    if (status == GAD_OK)
        return;
    print_error("%s:%d: %s: %s: %s (%s)\n", file, line, gad_status_name(status), err->operation, err->cause, err->hint);
    _fail(file, line);
}

/* The same path again is the same text. */
static const char *keep(const char *folder, const char *name)
{
    static char **pool;
    static size_t count;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    for (size_t i = 0; i < count; i++)
        if (strcmp(pool[i], path) == 0)
            return pool[i];
    char **grown = realloc(pool, (count + 1) * sizeof *pool), *copy = strdup(path);
    if (!grown || !copy)
        abort();
    pool = grown;
    return pool[count++] = copy;
}

const char *support_source(const char *relative)
{
    return keep(GAD_SOURCE_DIR, relative);
}

const char *support_scratch(const char *folder, const char *name)
{
    return keep(folder, name);
}

support_difference support_compare(const float *a, const float *b, int64_t n)
{
    support_difference d = {0};
    double largest = 0, scale = 0, difference2 = 0, norm2 = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(a[i]))
            d.nonfinite++;
        double gap = fabs((double)a[i] - (double)b[i]);
        if (gap > largest) {
            largest = gap;
            d.worst = i;
        }
        scale = fmax(scale, fabs((double)b[i]));
        difference2 += gap * gap;
        norm2 += (double)b[i] * (double)b[i];
    }
    d.e = largest == 0 ? 0 : largest / (scale > 0 ? scale : 1);
    d.rel_l2 = difference2 == 0 ? 0 : sqrt(difference2 / (norm2 > 0 ? norm2 : 1));
    return d;
}

void support_assert_close(const char *name, const float *a, const float *b, int64_t n, double tolerance)
{
    support_difference d = support_compare(a, b, n);
    if (d.e <= tolerance && !d.nonfinite)
        return;
    print_error("%s: e %.3g (tolerance %.3g), rel L2 %.3g, %lld not finite, worst at %lld: %.9g against %.9g\n", name, d.e,
                tolerance, d.rel_l2, (long long)d.nonfinite, (long long)d.worst, (double)a[d.worst], (double)b[d.worst]);
    fail();
}
