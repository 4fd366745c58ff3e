/* test_cuda: every op of the CUDA filling, its kernels built for the processor, against the fp64 reference, with fp32 and
 * with bf16 activations. Without arguments the whole test; otherwise: part of a case's name [bf16]. */
#include "base/file.h"
#include "base/memory.h"
#include "op/judge.h"
#include "support/support.h"

#include <ctype.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

gad_cuda_opener gad_cuda_open;
/* op/cuda/grid_host.cuh: how often a kernel of this name was launched */
int grid_host_launched(const char *name);

typedef judge_cases (*case_list)(void);
static const case_list lists[] = {judge_cases_linear, judge_cases_rowwise, judge_cases_attention, judge_cases_conv, NULL};

static void open_cuda(gad_device *device, gad_dtype dtype)
{
    gad_error err;
    ASSERT_OK(gad_cuda_open(device, 0, &err), &err);
    device->dtype = device->kept = dtype;
}

/* Cases whose name contains `filter`, under sanitizers every sixth of them; faults. */
static int compare(gad_dtype dtype, const char *filter)
{
    gad_device device;
    int faults = 0;
    char name[256];
    open_cuda(&device, dtype);
    for (int i = 0; lists[i]; i++) {
        const judge_cases cases = lists[i]();
        for (size_t n = 0; n < cases.count; n += support_is_short() ? 6 : 1)
            if (strstr(judge_name(&cases.list[n], name), filter))
                faults += judge_compare(&cases.list[n], &device, 1, false);
    }
    gad_device_close(&device);
    return faults;
}

static void test_fp32(void **state)
{
    (void)state;
    assert_int_equal(compare(GAD_F32, ""), 0);
}

static void test_bf16(void **state)
{
    (void)state;
    assert_int_equal(compare(GAD_BF16, ""), 0);
}

/* One row by hand, of probabilities 1/8, 1/2, 1/4 and 1/8; tests/device/test_draw.c has all settings. */
static void test_draw(void **state)
{
    (void)state;
    static const float logits[] = {0, 2, 1, 0};
    static const double at[] = {0.124, 0.126, 0.624, 0.626, 0.874, 0.876};
    static const int32_t id[] = {0, 1, 1, 2, 2, 3};
    const float ln2 = 0.693147181f;
    gad_device device;
    gad_drawn drawn;
    open_cuda(&device, GAD_F32);
    gad_tensor z = device.ops->take_exact(&device, 1, 4);
    device.ops->fill(&device, z, logits);
    for (int i = 0; i < 6; i++) {
        const gad_draw draw = {
            .temperature = 1 / (double)ln2, .top_p = 1, .penalty = 1, .at = at[i], .told = 1 / (double)ln2};
        device.ops->draw(&device, &drawn, z, &draw);
        assert_int_equal(gad_device_check(&device, NULL), GAD_OK);
        assert_int_equal(drawn.id, id[i]);
        assert_true(fabs(exp(drawn.logp) - (id[i] == 1 ? 0.5 : id[i] == 2 ? 0.25 : 0.125)) < 1e-6);
    }
    gad_device_close(&device);
}

/* ---- every kernel has run ---- */

/* Kernels of a source file that no launch so far has had; `__global__` stands before the name, which ends in _kernel. */
static int unlaunched(const char *path)
{
    gad_error err;
    size_t size_bytes = 0;
    char *text = NULL;
    ASSERT_OK(gad_file_read(path, 1 << 20, &text, &size_bytes, &err), &err);
    char *at = text;
    int count = 0;
    while ((at = strstr(at, "static __global__")) != NULL) {
        char *end = strstr(at, "_kernel("), name[64] = "";
        assert_non_null(end);
        char *from = end;
        while (from > at && (isalnum((unsigned char)from[-1]) || from[-1] == '_'))
            from--;
        snprintf(name, sizeof name, "%.*s_kernel", (int)(end - from), from);
        if (!grid_host_launched(name)) {
            print_error("%s of %s was never launched\n", name, path);
            count++;
        }
        at = end;
    }
    gad_memory_free(text);
    return count;
}

/* Runs last: the tests before launch what the table calls. */
static void test_every_kernel_has_run(void **state)
{
    (void)state;
    SKIP_IF_SHORT("test_every_kernel_has_run");
    DIR *folder = opendir(GAD_SOURCE_DIR "/src/op/cuda");
    assert_non_null(folder);
    int count = 0, files = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char path[512];
        if (!strstr(entry->d_name, ".cu") || !strncmp(entry->d_name, "grid", 4))
            continue;
        snprintf(path, sizeof path, "%s/%s", GAD_SOURCE_DIR "/src/op/cuda", entry->d_name);
        count += unlaunched(path);
        files++;
    }
    closedir(folder);
    assert_true(files > 10);
    assert_int_equal(count, 0);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return compare(argc > 2 && !strcmp(argv[2], "bf16") ? GAD_BF16 : GAD_F32, argv[1]) != 0;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fp32), cmocka_unit_test(test_bf16),
                                       cmocka_unit_test(test_draw), cmocka_unit_test(test_every_kernel_has_run)};
    return cmocka_run_group_tests_name("op/cuda", tests, NULL, NULL);
}
