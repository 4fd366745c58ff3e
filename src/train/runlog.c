/* runlog: see runlog.h. The page is in runlog_plot.c. */
#include "train/runlog.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/file_resume.h"
#include "base/log.h"
#include "base/string.h"

static const char operation[] = "write training log";

/* Somebody else's file is neither cut nor added to. Of a line that was torn at once there is less than its beginning. */
static gad_status check_own(FILE *file, const char *path, gad_error *err)
{
    static const char beginning[] = "{\"step\":";
    char found[sizeof beginning]; /* and a digit */
    size_t length = fread(found, 1, sizeof found, file), common = length < sizeof found ? length : sizeof found - 1;
    if (ferror(file))
        return gad_error_system(err, operation, path, errno);
    if (memcmp(found, beginning, common) || (length > common && (found[common] < '0' || found[common] > '9')))
        return gad_error_set(err, GAD_E_ARGUMENT, operation, "move it away, or choose another --out",
                             "%s is no training log of gad", path);
    return fseek(file, 0, SEEK_END) ? gad_error_system(err, operation, path, errno) : GAD_OK; /* from reading to writing */
}

gad_status gad_runlog_open(const char *path, const gad_log *sink, gad_runlog *runlog, gad_error *err)
{
    *runlog = (gad_runlog){.sink = sink};
    if (!path)
        return GAD_OK;
    gad_status status = gad_file_check_regular(path, err);
    if (status)
        return status;
    runlog->file = fopen(path, "a+e");
    if (!runlog->file)
        return gad_error_system(err, operation, path, errno);
    status = check_own(runlog->file, path, err);
    if (!status && !gad_file_resume_cut(fileno(runlog->file)))
        status = gad_error_system(err, operation, path, errno);
    if (status)
        gad_runlog_close(runlog);
    return status;
}

void gad_runlog_close(gad_runlog *runlog)
{
    if (runlog->file)
        fclose(runlog->file);
    *runlog = (gad_runlog){0};
}

static gad_status put_line(gad_runlog *runlog, gad_string *line, gad_error *err)
{
    gad_status status = GAD_OK;
    gad_string_add(line, "\n");
    if (line->failed)
        status = gad_error_memory(err, operation, line->capacity);
    else if (runlog->file && (fwrite(line->data, 1, line->length, runlog->file) != line->length || fflush(runlog->file)))
        status = gad_error_system(err, operation, "the log file", errno);
    gad_string_free(line);
    return status;
}

gad_status gad_runlog_step(gad_runlog *runlog, int64_t step, int64_t steps, const gad_metrics *metrics, double left_s,
                           gad_error *err)
{
    gad_string line = {0}, text = {0};
    gad_string_addf(&line, "{\"step\":%lld", (long long)step);
    gad_string_addf(&text, "step %lld/%lld", (long long)step, (long long)steps);
    for (int i = 0; i < metrics->count; i++) {
        double value = gad_metrics_value(metrics, metrics->item[i].name);
        if (!isfinite(value))
            continue;
        gad_string_addf(&line, ",\"%s\":%.9g", metrics->item[i].name, value);
        gad_string_addf(&text, " %s %.4g", metrics->item[i].name, value);
    }
    gad_string_add(&line, "}");
    if (left_s >= 0)
        gad_string_addf(&text, " left_s %.0f", left_s);
    gad_log_info(runlog->sink, "%s", gad_string_text(&text));
    gad_string_free(&text);
    return put_line(runlog, &line, err);
}

gad_status gad_runlog_text(gad_runlog *runlog, int64_t step, const char *event, const char *text, double value,
                           gad_error *err)
{
    gad_string line = {0};
    gad_string_addf(&line, "{\"step\":%lld,\"event\":\"%s\",\"value\":%.9g,\"text\":", (long long)step, event,
                    isfinite(value) ? value : 0);
    gad_string_add_json(&line, text);
    gad_string_add(&line, "}");
    return put_line(runlog, &line, err);
}
