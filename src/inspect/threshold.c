/* threshold: see threshold.h */
#include "inspect/threshold.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "inspect/hints.h"
#include "task/question.h"

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

double gad_threshold_rate(int64_t n, int64_t above, double confidence)
{
    double low = 0, high = 1;
    if (n < 1 || above >= n)
        return 1;
    for (int i = 0; i < 60; i++) { /* halved until nothing is left of a double */
        const double rate = (low + high) / 2;
        double sum = 0;
        for (int64_t k = 0; k <= above; k++)
            sum += binomial_mass(n, k, rate);
        *(sum > 1 - confidence ? &low : &high) = rate;
    }
    return high;
}

gad_status gad_threshold_compute(double *scores, size_t count, double rate, double confidence, gad_threshold *threshold,
                                 gad_error *err)
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
    gad_threshold c = {.rate = rate, .confidence = confidence, .normals = n, .supported = above >= 0};
    c.normals_above = above > 0 ? above : 0;
    double highest = scores[n - 1 - c.normals_above]; /* of the scores that stay normal */
    while (c.normals_above > 0 && scores[n - c.normals_above] == highest)
        c.normals_above--; /* ties stay normal as well */
    c.value = nextafter(highest, INFINITY);
    c.reached = 1 - risk;
    c.rate_supported = 1 - exp(log1p(-confidence) / (double)n);
    c.normals_needed = (int64_t)ceil(log1p(-confidence) / log1p(-rate) - 1e-9);
    *threshold = c;
    return GAD_OK;
}

/* ---- what a threshold was made with -------------------------------------------------------------------------------- */

static const char *const member_names[GAD_THRESHOLD_MEMBERS] = {"model",     "mode",    "references", "class",
                                                                "knowledge", "wording", "size",       "weights"};

static void name_references(const gad_hash *good, int good_count, bool choose, char text[96])
{
    gad_hash all = {0};
    char hash[33];
    for (int i = 0; i < good_count; i++)
        all = gad_hash_combine(all, good[i]);
    gad_hash_text(all, hash);
    if (good_count)
        snprintf(text, 96, "%s%d pictures, %s", choose ? "one of " : "", good_count, hash);
    else
        snprintf(text, 96, "none");
}

gad_status gad_threshold_basis_fill(const gad_engine *engine, const gad_hash *good, int good_count, bool choose,
                                    const gad_inspect_settings *s, gad_threshold_basis *basis, gad_error *err)
{
    static const char *const weights[] = {[GAD_QUANTISE_NONE] = "as stored",
                                          [GAD_QUANTISE_Q8] = "int8",
                                          [GAD_QUANTISE_Q4] = "int4",
                                          [GAD_QUANTISE_Q8_ALL] = "int8, vision too"};
    gad_question_template wording = {0};
    gad_threshold_basis b = {0};
    gad_status status = gad_question_template_choose(s->prompt_file ? s->prompt_file : engine->question, &wording, err);
    if (status)
        return status;
    snprintf(b.member[GAD_THRESHOLD_MODEL], sizeof *b.member, "%s", engine->hash);
    snprintf(b.member[GAD_THRESHOLD_MODE], sizeof *b.member, "%s", s->reason == GAD_REASON_ALWAYS ? "reasoned" : "fast");
    name_references(good, good_count, choose, b.member[GAD_THRESHOLD_REFERENCES]);
    snprintf(b.member[GAD_THRESHOLD_CLASS], sizeof *b.member, "%s", s->class_name ? s->class_name : "product");
    snprintf(b.member[GAD_THRESHOLD_KNOWLEDGE], sizeof *b.member, "%s",
             s->knowledge && *s->knowledge ? s->knowledge : "none");
    snprintf(b.member[GAD_THRESHOLD_WORDING], sizeof *b.member, "%s%s%s", wording.hash,
             s->hints == GAD_HINTS_NONE ? "" : ", evidence ", s->hints == GAD_HINTS_NONE ? "" : gad_hints_name(s->hints));
    snprintf(b.member[GAD_THRESHOLD_SIZE], sizeof *b.member, "%lld to %lld pixels",
             (long long)engine->preprocess.min_pixels, (long long)engine->preprocess.max_pixels);
    snprintf(b.member[GAD_THRESHOLD_WEIGHTS], sizeof *b.member, "%s", weights[engine->quantised]);
    gad_question_template_free(&wording);
    *basis = b;
    return GAD_OK;
}

static gad_status compare(const char *path, const gad_threshold_basis *made, const gad_threshold_basis *now, gad_error *err)
{
    for (int i = GAD_THRESHOLD_MEMBERS; i-- > 0;) /* the model last: how weights are stored changes its hash too */
        if (*made->member[i] && *now->member[i] && strcmp(made->member[i], now->member[i]) != 0)
            return gad_error_set(
                err, GAD_E_ARGUMENT, "use the threshold",
                i == GAD_THRESHOLD_MODE ? "a threshold of fast answers is for --reason never or rejects, one of reasoned "
                                          "answers (gad calibrate --reasoned) for --reason always"
                                        : "calibrate again with the options and good parts that you inspect with",
                "%s was made with another %s: %s, not %s", path, member_names[i], made->member[i], now->member[i]);
    return GAD_OK;
}

gad_status gad_threshold_check(double value, gad_error *err)
{
    if (value >= 0 && value <= nextafter(1, 2))
        return GAD_OK;
    return gad_error_set(err, GAD_E_ARGUMENT, "use the threshold", "scores lie between 0 and 1",
                         "a threshold of %g makes no sense", value);
}

/* ---- the file ------------------------------------------------------------------------------------------------------ */

gad_status gad_threshold_write(const gad_threshold *t, const char *settings, const char *path, gad_error *err)
{
    json_t *made = json_object();
    for (int i = GAD_THRESHOLD_MODE; i < GAD_THRESHOLD_MEMBERS; i++)
        if (*t->basis.member[i])
            json_object_set_new(made, member_names[i], json_string(t->basis.member[i]));
    json_t *root = json_pack(
        "{s:s, s:s, s:o, s:s, s:f, s:f, s:f, s:I, s:I, s:f, s:b, s:f, s:I, s:s}", "schema", "gad-threshold/1", "model",
        t->basis.member[GAD_THRESHOLD_MODEL], "made_with", made, "settings", settings, "threshold", t->value, "rate",
        t->rate, "confidence", t->confidence, "normals", (json_int_t)t->normals, "normals_above",
        (json_int_t)t->normals_above, "confidence_reached", t->reached, "supported", t->supported, "rate_supported",
        t->rate_supported, "normals_needed", (json_int_t)t->normals_needed, "rule", "anomalous if score >= threshold");
    if (!root)
        return gad_error_set(err, GAD_E_ARGUMENT, "write a threshold file", NULL,
                             "%s: model name or settings are not UTF-8", path);
    gad_status status = gad_json_write(path, root, err);
    json_decref(root);
    return status;
}

static gad_status read_numbers(const json_t *root, const char *path, gad_threshold *t, gad_error *err)
{
    gad_status status = gad_json_get_number(root, "threshold", path, NAN, &t->value, err);
    if (!status)
        status = gad_json_get_number(root, "rate", path, NAN, &t->rate, err);
    if (!status)
        status = gad_json_get_number(root, "confidence", path, NAN, &t->confidence, err);
    if (!status)
        status = gad_json_get_number(root, "confidence_reached", path, NAN, &t->reached, err);
    if (!status)
        status = gad_json_get_number(root, "rate_supported", path, NAN, &t->rate_supported, err);
    if (!status)
        status = gad_json_get_bool(root, "supported", path, false, &t->supported, err);
    if (!status)
        status = gad_json_get_int(root, "normals", path, 0, &t->normals, err);
    if (!status)
        status = gad_json_get_int(root, "normals_above", path, 0, &t->normals_above, err);
    if (!status)
        status = gad_json_get_int(root, "normals_needed", path, 0, &t->normals_needed, err);
    return status;
}

/* Files from before "made_with" say only the model, and were of fast answers. */
static gad_status read_basis(const json_t *root, const char *path, gad_threshold *t, gad_error *err)
{
    const json_t *made = json_object_get(root, "made_with");
    gad_status status = GAD_OK;
    for (int i = 0; i < GAD_THRESHOLD_MEMBERS && !status; i++) {
        const char *text = "", *fallback = i == GAD_THRESHOLD_MODE ? "fast" : "";
        status = gad_json_get_string(i == GAD_THRESHOLD_MODEL ? root : made, member_names[i], path, fallback, &text, err);
        snprintf(t->basis.member[i], sizeof *t->basis.member, "%s", text);
    }
    t->reasoned = !strcmp(t->basis.member[GAD_THRESHOLD_MODE], "reasoned");
    return status;
}

gad_status gad_threshold_read(const char *path, const gad_threshold_basis *now, gad_threshold *threshold, gad_error *err)
{
    json_t *root = NULL;
    gad_threshold t = {0};
    const char *schema = NULL;
    gad_status status = gad_json_load(path, &root, err);
    if (status)
        return status;
    status = gad_json_get_string(root, "schema", path, "", &schema, err);
    if (!status && strcmp(schema, "gad-threshold/1") != 0)
        status = gad_error_set(err, GAD_E_FORMAT, "read a threshold file", "make one with: gad calibrate",
                               "%s: not a threshold file (schema \"%s\")", path, schema);
    if (!status)
        status = read_numbers(root, path, &t, err);
    if (!status && !isfinite(t.value))
        status = gad_error_set(err, GAD_E_FORMAT, "read a threshold file", NULL, "%s: no \"threshold\"", path);
    if (!status)
        status = read_basis(root, path, &t, err);
    if (!status && now)
        status = compare(path, &t.basis, now, err);
    if (!status)
        *threshold = t;
    json_decref(root);
    return status;
}

gad_status gad_threshold_find(const gad_engine *engine, gad_threshold *threshold, bool *exists, gad_error *err)
{
    char *path = gad_file_join(engine->folder, "threshold.json");
    if (!path)
        return gad_error_memory(err, "read a threshold", strlen(engine->folder));
    *exists = gad_file_exists(path);
    gad_status status = *exists ? gad_threshold_read(path, NULL, threshold, err) : GAD_OK;
    if (!status && *exists && strcmp(threshold->basis.member[GAD_THRESHOLD_MODEL], engine->hash) != 0) {
        gad_log_warning(engine->log, "%s was made for other weights and is left aside; make one with: gad calibrate", path);
        *exists = false;
    }
    gad_memory_free(path);
    return status;
}

void gad_threshold_describe(const gad_threshold *t, char *text, size_t size_bytes)
{
    const bool known = t->normals > 0 && t->normals >= t->normals_needed;
    if (t->supported || known)
        snprintf(text, size_bytes, "at most %.3g %% of good parts are rejected, with %.3g %% confidence",
                 100 * (t->supported ? t->rate : t->rate_supported), 100 * (t->supported ? t->reached : t->confidence));
    else if (t->normals_needed)
        snprintf(text, size_bytes, "no guarantee: %lld good parts, %lld are needed for %.3g %%", (long long)t->normals,
                 (long long)t->normals_needed, 100 * t->rate);
    else
        snprintf(text, size_bytes, "no guarantee");
}
