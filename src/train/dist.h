/* dist: the processes that train together. In: numbers of this process. Out: their sums over all of them. One process
 * alone, or the ranks of an MPI job (mpirun -n 4 gad train ...); nobody else needs to know which. */
#ifndef GAD_TRAIN_DIST_H
#define GAD_TRAIN_DIST_H
#include "gad.h"
#include "op/tensor.h"

typedef struct gad_dist {
    int rank, size;
    const struct gad_dist_mpi *mpi; /* the plugin of an MPI job that this process belongs to; NULL: none */
} gad_dist;

/* Join the job this process was started in; without one, it is rank 0 of 1. Call it once, before threads start. */
gad_status gad_dist_open(gad_dist *dist, gad_error *err);
void gad_dist_close(gad_dist *dist);
/* x becomes its sum over all ranks, in the same order on each, so that all get the same bits. */
gad_status gad_dist_sum(const gad_dist *dist, void *x, gad_dtype dtype, int64_t n, gad_error *err);
/* Every rank calls it with its own status; when one has failed all learn it here instead of waiting for it forever:
 * ranks that were well get GAD_E_CANCELLED, naming the first that was not. */
gad_status gad_dist_agree(const gad_dist *dist, gad_status mine, gad_error *err);
#endif
