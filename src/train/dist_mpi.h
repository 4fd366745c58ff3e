/* dist_mpi: the MPI half of dist.h. Only dist.c calls it. */
#ifndef GAD_TRAIN_DIST_MPI_H
#define GAD_TRAIN_DIST_MPI_H
#include "train/dist.h"

gad_status gad_dist_mpi_open(gad_dist *dist, gad_error *err);
void gad_dist_mpi_close(gad_dist *dist);
gad_status gad_dist_mpi_sum(void *x, gad_dtype dtype, int64_t n, gad_error *err);
gad_status gad_dist_mpi_agree(const gad_dist *dist, gad_status mine, gad_error *err);
#endif
