/* share: see share.h */
#include "base/share.h"

#include "base/error.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

bool gad_share_has(const gad_share *share, int64_t item)
{
    return gad_share_is_whole(share) || item % share->count == share->index;
}

void gad_share_name(const gad_share *share, const char *name, const char *extension, char *to, size_t size)
{
    if (gad_share_is_whole(share))
        snprintf(to, size, "%s.%s", name, extension);
    else
        snprintf(to, size, "%s.%lld-of-%lld.%s", name, (long long)share->index + 1, (long long)share->count, extension);
}

/* A number of the environment; -1 when it is absent or none. */
static int64_t environment(const char *name)
{
    const char *text = getenv(name);
    char *end;
    if (!text || !*text)
        return -1;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    return errno || *end || value < 0 ? -1 : value;
}

static gad_share of_job(void)
{
    /* Open MPI, MPICH and Intel MPI, srun (whose batch script alone has no step) */
    static const char *const names[][2] = {{"OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"},
                                           {"PMI_RANK", "PMI_SIZE"},
                                           {"SLURM_PROCID", "SLURM_STEP_NUM_TASKS"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const gad_share share = {environment(names[i][0]), environment(names[i][1])};
        if (share.index >= 0 && share.index < share.count)
            return share;
    }
    return (gad_share){0};
}

gad_status gad_share_read(const char *text, gad_share *share, gad_error *err)
{
    long long k, n;
    char more;
    if (!text) {
        *share = of_job();
        return GAD_OK;
    }
    if (sscanf(text, "%lld/%lld%c", &k, &n, &more) != 2 || k < 1 || k > n)
        return gad_error_set(err, GAD_E_ARGUMENT, "read a share", "give K/N, such as 1/4 for the first of four processes",
                             "\"%s\" is no share", text);
    *share = (gad_share){k - 1, n};
    return GAD_OK;
}
