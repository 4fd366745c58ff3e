/* dist_mpi: see dist_mpi.h. A rank that dies takes the job with it (the launcher's default); a rank that fails in good
 * order is noticed at the next gad_dist_agree. */
#include "train/dist_mpi.h"

#include <mpi.h>
#include <stddef.h>

/* Numbers of one collective call: MPI counts are int, and pieces bound its scratch memory. */
enum { PIECE = 16 << 20 };

static const char *failure(int code)
{
    static char text[MPI_MAX_ERROR_STRING + 1];
    int length = 0;
    if (!code)
        return NULL;
    MPI_Error_string(code, text, &length);
    text[length] = 0;
    return text;
}

static const char *open_mpi(int *rank, int *size)
{
    int ready = 0, provided = 0, code = MPI_Initialized(&ready);
    if (!code && !ready)
        code = MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
    if (code)
        return failure(code);
    MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN);
    MPI_Comm_rank(MPI_COMM_WORLD, rank);
    MPI_Comm_size(MPI_COMM_WORLD, size);
    return NULL;
}

static void close_mpi(void)
{
    int done = 0;
    MPI_Finalized(&done);
    if (!done)
        MPI_Finalize();
}

static const char *sum(void *x, bool is_double, int64_t n)
{
    for (int64_t from = 0; from < n; from += PIECE) {
        int count = (int)(n - from < PIECE ? n - from : PIECE);
        void *at = is_double ? (void *)((double *)x + from) : (void *)((float *)x + from);
        int code = MPI_Allreduce(MPI_IN_PLACE, at, count, is_double ? MPI_DOUBLE : MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        if (code)
            return failure(code);
    }
    return NULL;
}

static const char *minimum(int mine, int *least)
{
    return failure(MPI_Allreduce(&mine, least, 1, MPI_INT, MPI_MIN, MPI_COMM_WORLD));
}

extern const gad_dist_mpi gad_dist_mpi_table __attribute__((visibility("default")));
const gad_dist_mpi gad_dist_mpi_table = {
    .version = GAD_DIST_MPI_VERSION, .open = open_mpi, .close = close_mpi, .sum = sum, .minimum = minimum};
