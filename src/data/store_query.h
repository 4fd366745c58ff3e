/* store_query: questions about many samples at once, each with its SQL, its values and its columns in one table. In: a
 * question and its values. Out: rows of text and numbers, one at a time. Knows nothing of who asks. */
#ifndef GAD_DATA_STORE_QUERY_H
#define GAD_DATA_STORE_QUERY_H
#include "data/store.h"

/* Behind each: its values, and the columns of its rows. A value NULL means any where the comment says so. */
typedef enum gad_store_query {
    GAD_STORE_DATASETS,     /* name or NULL -> name, root, title, license, citation, home */
    GAD_STORE_CATALOGUE,    /* -> name, title, license, citation, home, samples, samples of a benchmark */
    GAD_STORE_TOTALS,       /* -> dataset, images, normal, anomalous, classes, types, boxes, references, texts, problems */
    GAD_STORE_CLASSES,      /* dataset or NULL, class or NULL -> dataset, class */
    GAD_STORE_LABELS,       /* -> every label of a box, sorted */
    GAD_STORE_LABEL_NUMBER, /* label -> its place in GAD_STORE_LABELS, from 1 */
    GAD_STORE_CLASS_LABELS, /* dataset, class -> labels of its boxes, sorted */
    GAD_STORE_IMAGE,        /* dataset, class, image, view -> id, split */
    GAD_STORE_REPLIES,      /* row of a sample, teacher -> how many answers it has of this one */
    GAD_STORE_FREE_CLASSES, /* -> dataset, class: with samples that are neither benchmark nor reference */
    GAD_STORE_FREE_GROUPS,  /* -> dataset, class, group, highest label: of such samples */
    GAD_STORE_GROUPS,       /* -> dataset, class, group, highest label */
    GAD_STORE_TRAINING_FILES, /* -> path, id: one row a file of train and val */
    GAD_STORE_HELD_FILES,     /* -> path, id: one row a file of benchmark and reference */
    /* What a check may find wrong: what, why; the first gives the file whose being there makes it right besides. */
    GAD_STORE_REFERENCE_MISSING,
    GAD_STORE_REFERENCE_BAD,
    GAD_STORE_BOX_OUTSIDE,
    GAD_STORE_LABEL_WRONG,
    GAD_STORE_GROUP_TORN,
    GAD_STORE_LEAK,
    GAD_STORE_DUPLICATE,
    GAD_STORE_PROBLEMS,
    /* Changes, without rows; the second pair leaves what is in the split test there. */
    GAD_STORE_RESTORE_SPLITS, /* of all but benchmark and reference: what the dataset came with */
    GAD_STORE_SET_SPLIT,      /* split, dataset, class, group or NULL for samples without one */
    GAD_STORE_SET_FREE_SPLIT, /* the same, but not of benchmark and reference */
    GAD_STORE_SET_SPLIT_KEEP,
    GAD_STORE_SET_FREE_SPLIT_KEEP,
    GAD_STORE_QUERIES
} gad_store_query;

enum { GAD_STORE_VALUES = 4 };

typedef struct gad_store_rows gad_store_rows;

/* Prepare the question; it can be asked many times. */
gad_status gad_store_query_open(gad_store *store, gad_store_query query, gad_store_rows **rows, gad_error *err);
/* Ask it with these values (text, also of numbers); forgets the rows of an earlier answer. */
void gad_store_query_ask(gad_store_rows *rows, const char *const values[GAD_STORE_VALUES]);
/* *found false at the end. A change is made by the first step. */
gad_status gad_store_query_next(gad_store_rows *rows, bool *found, gad_error *err);
/* "" for NULL; lives until the next step. */
const char *gad_store_query_text(const gad_store_rows *rows, int column);
int64_t gad_store_query_number(const gad_store_rows *rows, int column);
void gad_store_query_close(gad_store_rows *rows);
#endif
