/* class_folders: the folders of a dataset that are its classes. In: an import and the entry of its dataset. Out: names, or
 * an error that says what was expected and found. */
#ifndef GAD_DATA_CLASS_FOLDERS_H
#define GAD_DATA_CLASS_FOLDERS_H
#include "data/catalog_entry.h"

/* The class folders that are there, in byte order. None at all is an error that names what was expected, what was found,
 * and which dataset it looks like. */
gad_status gad_class_folders_list(gad_import *import, const gad_catalog_entry *entry, gad_file_names *classes,
                                  gad_error *err);
/* Reads each of them; the first failure ends it. `user` is handed on. */
gad_status gad_class_folders_each(gad_import *import, const gad_catalog_entry *entry,
                                  gad_status (*read)(gad_import *import, const char *class_name, const void *user,
                                                     gad_error *err),
                                  const void *user, gad_error *err);
#endif
