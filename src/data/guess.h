/* guess: what a folder that is not the wanted dataset could be. In: an import, what was expected. Out: one sentence of
 * advice. Looks at names only; changes nothing. */
#ifndef GAD_DATA_GUESS_H
#define GAD_DATA_GUESS_H
#include "data/catalog_entry.h"

/* The dataset of the import's catalogue whose classes are among the names, with at least `least` (0 to 1) of its classes
 * there; NULL when none is. */
const gad_catalog_entry *gad_guess_by_classes(const gad_import *import, const gad_file_names *names, double least);
/* Share of the entry's classes that are among the names; 0 when it has no list of classes. */
double gad_guess_share(const gad_catalog_entry *entry, const gad_file_names *names);
/* Refuse the import's folder: the advice where there is one, else `hint`. The format follows "FOLDER: not TITLE: ". */
__attribute__((format(printf, 5, 6))) void gad_guess_fill_refusal(const gad_import *import, const gad_catalog_entry *wanted,
                                                                  const char *hint, gad_error *err, const char *format,
                                                                  ...);
#define gad_guess_refuse(import, wanted, hint, err, ...)                                                                   \
    (gad_guess_fill_refusal((import), (wanted), (hint), (err), __VA_ARGS__), (gad_status)GAD_E_FORMAT)
#endif
