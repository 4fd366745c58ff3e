/* dist: see dist.h. The part without MPI; with it, dist_mpi.c does the work. */
#include "train/dist.h"

#include <stdlib.h>

#include "base/error.h"
#include "train/dist_mpi.h"

/* Whether a launcher started this process as one of several. */
static bool is_launched(void)
{
    return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK") || getenv("PMI_RANK");
}

#ifdef GAD_HAVE_MPI
gad_status gad_dist_open(gad_dist *dist, gad_error *err)
{
    *dist = (gad_dist){.size = 1};
    return is_launched() ? gad_dist_mpi_open(dist, err) : GAD_OK;
}

void gad_dist_close(gad_dist *dist)
{
    if (dist->mpi)
        gad_dist_mpi_close(dist);
    *dist = (gad_dist){.size = 1};
}

gad_status gad_dist_sum(const gad_dist *dist, void *x, gad_dtype dtype, int64_t n, gad_error *err)
{
    return dist->size > 1 ? gad_dist_mpi_sum(x, dtype, n, err) : GAD_OK;
}

gad_status gad_dist_agree(const gad_dist *dist, gad_status mine, gad_error *err)
{
    return dist->size > 1 ? gad_dist_mpi_agree(dist, mine, err) : mine;
}
#else
gad_status gad_dist_open(gad_dist *dist, gad_error *err)
{
    *dist = (gad_dist){.size = 1};
    if (is_launched())
        return gad_error_set(err, GAD_E_UNSUPPORTED, "start training", "build with -DGAD_MPI=ON and Open MPI installed",
                             "started as one of several processes, but this build has no MPI");
    return GAD_OK;
}

void gad_dist_close(gad_dist *dist)
{
    *dist = (gad_dist){.size = 1};
}

gad_status gad_dist_sum(const gad_dist *dist, void *x, gad_dtype dtype, int64_t n, gad_error *err)
{
    (void)dist, (void)x, (void)dtype, (void)n, (void)err;
    return GAD_OK;
}

gad_status gad_dist_agree(const gad_dist *dist, gad_status mine, gad_error *err)
{
    (void)dist, (void)err;
    return mine;
}
#endif
