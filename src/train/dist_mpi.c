/* dist_mpi: see dist_mpi.h. A rank that dies takes the job with it (the launcher's default); a rank that fails in good
 * order is noticed at the next gad_dist_mpi_agree. */
#include "train/dist_mpi.h"

#ifdef GAD_HAVE_MPI
#include <mpi.h>

#include "base/error.h"

static const char operation[] = "train on several processes";

/* Numbers of one collective call: MPI counts are int, and pieces bound its scratch memory. */
enum { PIECE = 16 << 20 };

static gad_status failure(int code, gad_error *err)
{
    char text[MPI_MAX_ERROR_STRING];
    int length = 0;
    MPI_Error_string(code, text, &length);
    return gad_error_set(err, GAD_E_NETWORK, operation, NULL, "MPI: %.*s", length, text);
}

gad_status gad_dist_mpi_open(gad_dist *dist, gad_error *err)
{
    int ready = 0, provided = 0, code = MPI_Initialized(&ready);
    if (!code && !ready)
        code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    if (code)
        return failure(code, err);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, &dist->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &dist->size);
    dist->mpi = true;
    return GAD_OK;
}

void gad_dist_mpi_close(gad_dist *dist)
{
    int done = 0;
    (void)dist;
    MPI_Finalized(&done);
    if (!done)
        MPI_Finalize();
}

gad_status gad_dist_mpi_sum(void *x, gad_dtype dtype, int64_t n, gad_error *err)
{
    for (int64_t from = 0; from < n; from += PIECE) {
        int count = (int)(n - from < PIECE ? n - from : PIECE);
        void *at = (char *)x + (size_t)from * gad_dtype_bytes(dtype);
        int code =
            MPI_Allreduce(MPI_IN_PLACE, at, count, dtype == GAD_F64 ? MPI_DOUBLE : MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        if (code)
            return failure(code, err);
    }
    return GAD_OK;
}

gad_status gad_dist_mpi_agree(const gad_dist *dist, gad_status mine, gad_error *err)
{
    int bad = mine ? dist->rank : dist->size, first = dist->size;
    int code = MPI_Allreduce(&bad, &first, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD);
    if (code)
        return failure(code, err);
    if (mine || first == dist->size)
        return mine;
    return gad_error_set(err, GAD_E_CANCELLED, operation, "its own message says why", "rank %d failed", first);
}
#endif
