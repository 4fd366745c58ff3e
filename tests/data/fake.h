/* fake: tiny datasets in the exact folder layouts of the real ones, so that adapters are tested without any download. */
#ifndef GAD_TESTS_DATA_FAKE_H
#define GAD_TESTS_DATA_FAKE_H
#include "data/catalog.h"

enum { FAKE_WIDTH = 60, FAKE_HEIGHT = 40 };

/* Start an empty folder below the test's scratch; all paths below are relative to it. Returns its path. */
const char *fake_root(const char *name);
/* An image unlike all others (its pixels depend on the path). */
void fake_image(const char *path);
void fake_image_sized(const char *path, int width, int height);
/* A mask with one rectangle [x1,y1,x2,y2) of `value`; x2 <= x1: empty. */
void fake_mask(const char *path, int x1, int y1, int x2, int y2, int value);
void fake_mask_sized(const char *path, int width, int height, int x1, int y1, int x2, int y2, int value);
__attribute__((format(printf, 2, 3))) void fake_text(const char *path, const char *format, ...);

/* Import the current root into a new store (or the one given) and fail the test when that fails. */
void fake_import(gad_store *store, const char *adapter, gad_import_report *report);
gad_store *fake_store(const char *name);
/* One sample by id; fails when it is not there. */
void fake_get(gad_store *store, const char *id, gad_sample *sample);
/* One box of a sample; `label` NULL: any. */
void fake_assert_box(const gad_sample *sample, size_t index, int x1, int y1, int x2, int y2, const char *label);
int64_t fake_count(gad_store *store, const char *class_name, const char *split, int label);

/* The layouts: small, complete trees. What is awkward about each is in it. */
void fake_mvtec_class(const char *class_name, const char *extension, const char *mask_suffix, const char *type);
#endif
