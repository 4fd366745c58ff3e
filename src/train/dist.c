/* dist: see dist.h. MPI does the work, behind the plugin of dist_mpi.h. */
#include "train/dist.h"

#include <limits.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/installed.h"
#include "base/library.h"
#include "train/dist_mpi.h"

static const char operation[] = "train on several processes";

/* Whether a launcher started this process as one of several. */
static bool is_launched(void)
{
    return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMIX_RANK") || getenv("PMI_RANK");
}

static gad_status load_plugin(const gad_dist_mpi **mpi, gad_error *err)
{
    /* in a build folder; beside the library; from the program, which stands in another folder than libraries */
    static const char *const places[] = {"gad_mpi.so", "gad/gad_mpi.so", "../" GAD_LIBRARY_FOLDER "/gad/gad_mpi.so", NULL};
    char path[PATH_MAX];
    void *library = NULL;
    if (!gad_installed_find(places, path, sizeof path))
        return gad_error_set(err, GAD_E_UNSUPPORTED, operation, "install the package gad-mpi, or build where Open MPI is",
                             "started as one of several processes, but the plugin gad_mpi.so is not installed");
    const gad_dist_mpi *found = NULL;
    gad_status status = gad_library_open(path, "install Open MPI", &library, err);
    if (!status)
        status = gad_library_find(library, GAD_DIST_MPI_SYMBOL, &found, err);
    if (!status && found->version != GAD_DIST_MPI_VERSION)
        status = gad_error_set(err, GAD_E_UNSUPPORTED, operation, "install the plugin that belongs to this gad",
                               "%s: is of another version", path);
    if (!status)
        *mpi = found;
    return status;
}

static gad_status check(const char *failure, gad_error *err)
{
    return failure ? gad_error_set(err, GAD_E_NETWORK, operation, NULL, "MPI: %s", failure) : GAD_OK;
}

gad_status gad_dist_open(gad_dist *dist, gad_error *err)
{
    *dist = (gad_dist){.size = 1};
    if (!is_launched())
        return GAD_OK;
    const gad_dist_mpi *mpi = NULL;
    gad_status status = load_plugin(&mpi, err);
    if (!status)
        status = check(mpi->open(&dist->rank, &dist->size), err);
    if (!status)
        dist->mpi = mpi;
    return status;
}

void gad_dist_close(gad_dist *dist)
{
    if (dist->mpi)
        dist->mpi->close();
    *dist = (gad_dist){.size = 1};
}

gad_status gad_dist_sum(const gad_dist *dist, void *x, gad_dtype dtype, int64_t n, gad_error *err)
{
    return dist->size > 1 ? check(dist->mpi->sum(x, dtype == GAD_F64, n), err) : GAD_OK;
}

gad_status gad_dist_agree(const gad_dist *dist, gad_status mine, gad_error *err)
{
    if (dist->size <= 1)
        return mine;
    int first = dist->size;
    gad_status status = check(dist->mpi->minimum(mine ? dist->rank : dist->size, &first), err);
    if (status || mine || first == dist->size)
        return status ? status : mine;
    return gad_error_set(err, GAD_E_CANCELLED, operation, "its own message says why", "rank %d failed", first);
}
