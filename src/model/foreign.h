/* foreign: checkpoints that are not ours, named for what they are. In: a folder or file, or the settings in it. Out: one
 * sentence what it is and one what to do. Knows nothing of how ours are read. */
#ifndef GAD_MODEL_FOREIGN_H
#define GAD_MODEL_FOREIGN_H
#include "base/json.h"

/* A checkpoint without config.json, or a file: GAD_OK when nothing is known of it. */
gad_status gad_foreign_check_path(const char *path, gad_error *err);
/* A config.json: refuses families and weights that are known and not read; GAD_OK otherwise. `name` is the file's. */
gad_status gad_foreign_check_config(const json_t *root, const char *name, gad_error *err);
#endif
