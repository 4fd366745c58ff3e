/* parts: what inspect and calibrate share: image files named on the command line, and the good parts that are shown beside
 * an inspected one. Messages go to stderr. */
#ifndef GAD_CLI_PARTS_H
#define GAD_CLI_PARTS_H
#include "cli/options.h"
#include "gad_product.h"

/* Files in the order they will be inspected. */
typedef struct paths {
    char **item;
    size_t count;
} paths;

/* A file as it is; the images in a folder, by name. False with a message when there are none. */
bool parts_paths_add(const char *path, paths *list);
/* The same with the images in the folders of a folder, but for hidden ones and links. */
bool parts_paths_add_below(const char *path, paths *list);
void parts_paths_free(paths *list);

/* What could not be read of a series that goes on without it: as gad_learn_settings.on_unread and its user. */
typedef struct unread {
    const char *command_name; /* NULL: none is said */
    int64_t count;
} unread;
void parts_unread_say(void *user, const char *path, const gad_error *why);
/* EXIT_FAILED, with how many were left out, or EXIT_DONE where none was. */
int parts_unread_end(const unread *left_out);

/* The good parts: loaded once. When any came from a folder, one is chosen for each part; otherwise all are shown. */
typedef struct references {
    paths path;
    gad_picture **picture;
    gad_gallery *gallery; /* NULL: show all */
    unread left_out;      /* of those in folders */
} references;

/* An exit code, with a message when it is not EXIT_DONE. Of a folder what cannot be read is left out, as long as a good
 * part remains. */
int parts_references_load(const option_list *given, const gad_engine *engine, references *r);
void parts_references_free(references *r);
/* The good parts to show with this one. */
gad_status parts_references_for(references *r, const gad_picture *part, gad_picture *const **good,
                                const char *const **good_path, int *good_count, gad_error *err);

#endif
