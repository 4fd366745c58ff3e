/* source_lines: examples from a JSON lines file (docs/formats.md "Training samples"): one object a line with the paths of
 * images, the truth, and reasoning text. In: a path. Out: a counted source that reads images when they are asked for. */
#ifndef GAD_TRAIN_SOURCE_LINES_H
#define GAD_TRAIN_SOURCE_LINES_H
#include "train/lesson.h"

typedef struct gad_source_lines gad_source_lines;

/* Reads and checks all lines (not the images); image paths are relative to the file's folder. */
gad_status gad_source_lines_open(const gad_lesson_maker *maker, const char *path, gad_source_lines **lines, gad_error *err);
void gad_source_lines_free(gad_source_lines *lines);
gad_source gad_source_lines_source(gad_source_lines *lines);
#endif
