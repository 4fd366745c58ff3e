/* dist_mpi: what the plugin gad_mpi.so gives to dist.c. The plugin alone is linked with MPI; dist.c loads it when a
 * launcher started this process. It calls nothing of gad. */
#ifndef GAD_TRAIN_DIST_MPI_H
#define GAD_TRAIN_DIST_MPI_H
#include <stdbool.h>
#include <stdint.h>

/* Functions return NULL, or what MPI says of a failure, valid until the next call. */
typedef struct gad_dist_mpi {
    int version; /* GAD_DIST_MPI_VERSION of the header it was built with */
    const char *(*open)(int *rank, int *size);
    void (*close)(void);
    /* x, of doubles or floats, becomes its sum over all ranks */
    const char *(*sum)(void *x, bool is_double, int64_t n);
    const char *(*minimum)(int mine, int *least);
} gad_dist_mpi;

enum { GAD_DIST_MPI_VERSION = 1 };
/* The name under which the plugin exports its table. */
#define GAD_DIST_MPI_SYMBOL "gad_dist_mpi_table"
#endif
