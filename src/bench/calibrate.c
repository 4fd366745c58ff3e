/* calibrate: see calibrate.h */
#include "bench/calibrate.h"

#include "base/error.h"
#include "base/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char operation[] = "calibrate a threshold";

static int rising(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* P(Binomial(n, p) = k) */
static double binomial_mass(int64_t n, int64_t k, double p)
{
    double a = (double)n, b = (double)k;
    return exp(lgamma(a + 1) - lgamma(b + 1) - lgamma(a - b + 1) + b * log(p) + (a - b) * log1p(-p));
}

/* The largest number of normals above the threshold that still supports the confidence: P(Binomial(n, rate) <= m) is at
 * most 1 - confidence. -1 when not even m = 0 does. `risk` is that probability for the m returned (or for 0). */
static int64_t allowed_above(int64_t n, double rate, double confidence, double *risk)
{
    double sum = binomial_mass(n, 0, rate);
    *risk = sum;
    if (sum > 1 - confidence)
        return -1;
    int64_t m = 0;
    for (; m + 1 < n; m++) {
        double next = sum + binomial_mass(n, m + 1, rate);
        if (next > 1 - confidence)
            break;
        sum = next;
    }
    *risk = sum;
    return m;
}

gad_status gad_calibrate_threshold(double *scores, size_t count, double rate, double confidence,
                                   gad_calibration *calibration, gad_error *err)
{
    if (!(rate > 0 && rate < 1) || !(confidence > 0 && confidence < 1))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, NULL, "rate %g and confidence %g must lie between 0 and 1",
                             rate, confidence);
    if (!count)
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "give images of normal parts", "no scores of normal images");
    for (size_t i = 0; i < count; i++)
        if (!isfinite(scores[i]))
            return gad_error_set(err, GAD_E_FORMAT, operation, NULL, "a score is not a finite number");
    qsort(scores, count, sizeof *scores, rising);
    double risk;
    int64_t n = (int64_t)count, above = allowed_above(n, rate, confidence, &risk);
    gad_calibration c = {.rate = rate, .confidence = confidence, .normals = n, .supported = above >= 0};
    c.allowed = above > 0 ? above : 0;
    double highest = scores[n - 1 - c.allowed]; /* of the scores that stay normal */
    while (c.allowed > 0 && scores[n - c.allowed] == highest)
        c.allowed--; /* ties stay normal as well */
    c.threshold = nextafter(highest, INFINITY);
    c.reached = 1 - risk;
    c.rate_supported = 1 - exp(log1p(-confidence) / (double)n);
    c.normals_needed = (int64_t)ceil(log1p(-confidence) / log1p(-rate) - 1e-9);
    *calibration = c;
    return GAD_OK;
}

gad_status gad_calibrate_write(const gad_calibration *c, const char *model, const char *settings, const char *path,
                               gad_error *err)
{
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:I, s:I, s:f, s:b, s:f, s:I, s:s}", "schema", "gad-threshold/1", "model",
                  model, "settings", settings, "threshold", c->threshold, "rate", c->rate, "confidence", c->confidence,
                  "normals", (json_int_t)c->normals, "normals_above", (json_int_t)c->allowed, "confidence_reached",
                  c->reached, "supported", c->supported, "rate_supported", c->rate_supported, "normals_needed",
                  (json_int_t)c->normals_needed, "rule", "anomalous if score >= threshold");
    if (!root)
        return gad_error_set(err, GAD_E_ARGUMENT, "write a threshold file", NULL,
                             "%s: model name or settings are not UTF-8", path);
    gad_status status = gad_json_write(path, root, err);
    json_decref(root);
    return status;
}

static gad_status read_numbers(const json_t *root, const char *path, gad_calibration *c, gad_error *err)
{
    gad_status status = gad_json_get_number(root, "threshold", path, NAN, &c->threshold, err);
    if (!status)
        status = gad_json_get_number(root, "rate", path, NAN, &c->rate, err);
    if (!status)
        status = gad_json_get_number(root, "confidence", path, NAN, &c->confidence, err);
    if (!status)
        status = gad_json_get_number(root, "confidence_reached", path, NAN, &c->reached, err);
    if (!status)
        status = gad_json_get_number(root, "rate_supported", path, NAN, &c->rate_supported, err);
    if (!status)
        status = gad_json_get_bool(root, "supported", path, false, &c->supported, err);
    if (!status)
        status = gad_json_get_int(root, "normals", path, 0, &c->normals, err);
    if (!status)
        status = gad_json_get_int(root, "normals_above", path, 0, &c->allowed, err);
    if (!status)
        status = gad_json_get_int(root, "normals_needed", path, 0, &c->normals_needed, err);
    return status;
}

gad_status gad_calibrate_read(const char *path, const char *model, gad_calibration *calibration, gad_error *err)
{
    json_t *root = NULL;
    gad_calibration c = {0};
    const char *schema = NULL, *made_with = NULL;
    gad_status status = gad_json_load(path, &root, err);
    if (status)
        return status;
    status = gad_json_get_string(root, "schema", path, "", &schema, err);
    if (!status && strcmp(schema, "gad-threshold/1") != 0)
        status = gad_error_set(err, GAD_E_FORMAT, "read a threshold file", "make one with: gad calibrate",
                               "%s: not a threshold file (schema \"%s\")", path, schema);
    if (!status)
        status = read_numbers(root, path, &c, err);
    if (!status && !isfinite(c.threshold))
        status = gad_error_set(err, GAD_E_FORMAT, "read a threshold file", NULL, "%s: no \"threshold\"", path);
    if (!status)
        status = gad_json_get_string(root, "model", path, "", &made_with, err);
    if (!status && model && strcmp(made_with, model) != 0)
        status = gad_error_set(err, GAD_E_ARGUMENT, "read a threshold file", "calibrate again with this model",
                               "%s was made with model %s, not %s", path, made_with, model);
    if (!status)
        *calibration = c;
    json_decref(root);
    return status;
}
