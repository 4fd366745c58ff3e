/* contact: a contact sheet of samples: reference, sample with its boxes, type and text below. In: a store. Out: one image
 * for people's eyes. */
#ifndef GAD_DATA_CONTACT_H
#define GAD_DATA_CONTACT_H
#include "data/store.h"

typedef struct gad_contact_settings {
    gad_store_filter filter; /* with a limit and, usually, a random order */
    int columns, tile_px;
} gad_contact_settings;
/* *shown: how many samples are on it; those that could not be read are left out and named in the log. */
gad_status gad_contact_save(gad_store *store, const gad_contact_settings *settings, const char *path, const gad_log *log,
                            int64_t *shown, gad_error *err);
#endif
