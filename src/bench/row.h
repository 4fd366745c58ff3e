/* row: the raw answers of a run as append-only files (rows.jsonl, heat maps in maps.f32; rows.2-of-4.jsonl and so on of
 * processes that share the work). In: one answer at a time. Out: after a crash, every answer that was appended; at most the
 * line being written is lost. Knows nothing of how answers are scored. */
#ifndef GAD_BENCH_ROW_H
#define GAD_BENCH_ROW_H
#include "base/arena.h"
#include "base/share.h"
#include "bench/item.h"
#include "gad_data.h"

/* Unknown numbers are -1, unknown times and scores NaN, absent strings NULL. */
typedef struct gad_row {
    const char *id;
    bool answered;      /* false: the request failed; it is asked again on resume */
    const char *text;   /* the raw answer, byte for byte */
    const char *error;  /* why the request failed */
    const char *finish; /* "stop", "length": as the model reports it */
    int64_t prompt_tokens, answer_tokens, attempts;
    double score;                      /* continuous anomaly score, higher is more anomalous */
    double latency_s, first_s;         /* whole answer; first token */
    int64_t input_width, input_height; /* inspected image as the model's processor resized it */
    gad_share part;                    /* whose files it stands in */
    int64_t map_offset;                /* of the heat map in the part's map file, bytes; -1: none */
    int64_t map_width, map_height;
} gad_row;

/* Whether the answer stopped at a token limit. */
bool gad_row_cut(const gad_row *row);

/* The latest row of each item of a run. */
typedef struct gad_rows {
    gad_row *of; /* [items->count]; id NULL: not asked yet */
    size_t count;
    gad_arena arena;
    int64_t answered, failed; /* items by their latest row */
    int64_t superseded;       /* rows that a later row of the same item replaced */
    int64_t repeated;         /* of these: an answer that was asked for again */
    bool torn;                /* the last line of a file was cut off and left out */
} gad_rows;

/* Read rows without changing the files. Of the rows in several files an answer counts before a failure. An absent file is
 * an empty one. A row of an unknown id, or a malformed line that is not the last, is GAD_E_FORMAT. Rows whose heat map is
 * not in the map file count as not asked. */
gad_status gad_row_read(const char *folder, gad_items *items, gad_rows *rows, gad_error *err);
void gad_row_free(gad_rows *rows);

/* Appending to a part's files. One process at a time: a second one gets GAD_E_ARGUMENT. */
typedef struct gad_row_writer {
    int rows, maps; /* descriptors */
    int64_t map_bytes;
    double synced_s;
    char *path;
} gad_row_writer;

/* Opens or makes the files of `folder` and cuts off a torn last line. */
gad_status gad_row_open(gad_row_writer *writer, const char *folder, const gad_share *part, gad_error *err);
/* `map` [map_height, map_width] or NULL; the row's map_offset is set here. The line goes out in one write; data is synced
 * to the disk when half a second has passed since the last time, and on close. */
gad_status gad_row_append(gad_row_writer *writer, const gad_row *row, const float *map, gad_error *err);
gad_status gad_row_close(gad_row_writer *writer, gad_error *err);

/* The heat map of a row, in memory of the caller's (gad_memory_free). */
gad_status gad_row_map(const char *folder, const gad_row *row, float **map, gad_error *err);
#endif
