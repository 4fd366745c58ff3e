/* bank: the memory of good parts: the descriptors of their cells, and how far a part is from them. In: descriptors of good
 * parts; a part's. Out: the distance of each cell to its like, the part's score. Knows nothing of pictures, files or
 * decisions. PatchCore (arXiv 2106.08265), AnomalyDINO (arXiv 2405.14529). */
#ifndef GAD_EVIDENCE_BANK_H
#define GAD_EVIDENCE_BANK_H
#include "features/descriptor.h"
#include "op/op.h"

typedef struct gad_bank_part {
    char *name;           /* what the user calls it: a file's name */
    int64_t first, count; /* its rows */
    int64_t cols;         /* cells across its picture; 0: not known, it was read from a file */
} gad_bank_part;

typedef struct gad_bank {
    int64_t width, count, capacity;
    gad_descriptor_levels levels; /* that a row is made of; none: not known, it was read from a file */
    uint16_t *rows;               /* bf16 [count, width], each of length 1, those of a part together */
    bool mapped;                  /* the rows are a file's and stay as they are */
    float *whole;                 /* [parts, width]: each part as one row of length 1 */
    gad_bank_part *part;
    int64_t parts;
} gad_bank;

void gad_bank_free(gad_bank *bank);

/* Remember a good part: the `views` (turned, mirrored; the picture as it is comes first) are descriptors of one width. */
gad_status gad_bank_add(gad_bank *bank, const char *name, const gad_descriptors *view, int views, gad_error *err);
/* A bank of its own of some parts, in the order given. */
gad_status gad_bank_copy(const gad_bank *bank, const int64_t *part, int64_t count, gad_bank *copy, gad_error *err);
/* Forget a part and its rows. */
gad_status gad_bank_remove(gad_bank *bank, int64_t part, gad_error *err);
/* Keep at most `most` rows, those of coreset.h. */
gad_status gad_bank_thin(gad_bank *bank, int64_t most, gad_error *err);

/* distance[i] = 1 - the largest cosine of query row i, [queries, width] fp32, with a row of the bank; rows of part `except`
 * do not count (-1: all do). 1 where nothing counts. */
gad_status gad_bank_compare(const gad_bank *bank, gad_device *device, const float *query, int64_t queries, int64_t except,
                            float *distance, gad_error *err);
/* The score of a part: the mean of the largest hundredth of its distances, one cell at least, less half of their median:
 * what stands out counts more than what lies a little off everywhere (light, focus). Negative ones are of cells that are
 * not looked at. `distance` is reordered; *ground (NULL: not wanted) is what was taken off. */
double gad_bank_score(float *distance, int64_t cells, double *ground);
/* The mean of the largest hundredth, one at least; `value` is reordered. */
double gad_bank_top(float *value, int64_t count);
/* 1 - the largest cosine of a part as a whole with a good part as a whole, except that one (-1: none); *nearest (NULL: not
 * wanted) is that good part. */
double gad_bank_unfamiliar(const gad_bank *bank, const float *whole, int64_t except, int64_t *nearest);
#endif
