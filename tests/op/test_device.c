/* test_device: a device is opened by its name, and a name that means none says what to use. */
#include "op/op.h"
#include "support/support.h"

#include <string.h>

static void test_names(void **state)
{
    (void)state;
    gad_device device;
    gad_error err;
    ASSERT_OK(gad_device_open(&device, "cpu", 1, &err), &err);
    assert_string_equal(device.ops->name, "cpu");
    assert_int_equal(device.memory_bytes, 0);
    gad_device_close(&device);
    static const char *const wrong[] = {"", "gpu", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda:99999999999", "CPU"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(gad_device_open(&device, wrong[i], 1, &err), GAD_E_ARGUMENT);
        assert_non_null(strstr(err.hint, "cuda:N"));
    }
}

/* Every machine has one of the two; a plugin that is missing or finds nothing says what to install. */
static void test_cuda_or_not(void **state)
{
    (void)state;
    gad_device device;
    gad_error err;
    const gad_status status = gad_device_open(&device, "cuda", 1, &err);
    if (status) {
        assert_true(err.cause[0] && strstr(err.hint, "--device cpu"));
    } else {
        assert_true(device.label[0] && device.memory_bytes > 0);
        gad_device_close(&device);
    }
    ASSERT_OK(gad_device_open(&device, "auto", 2, &err), &err);
    assert_string_equal(device.ops->name, status ? "cpu" : "cuda");
    gad_device_close(&device);
    assert_true(gad_device_open(&device, "cuda:4095", 1, &err) != GAD_OK);
}

/* What lasts starts as zeros, and parameters of the host's memory are placed without a copy. */
static void test_lasting_memory(void **state)
{
    (void)state;
    gad_device device;
    gad_error err;
    ASSERT_OK(gad_device_open(&device, "cpu", 1, &err), &err);
    const gad_ops *op = device.ops;
    gad_tensor x = op->allocate_exact(&device, 3, 5);
    assert_int_equal(x.dtype, GAD_F32);
    for (int i = 0; i < 15; i++)
        assert_true(((float *)x.data)[i] == 0);
    gad_weight host = {x.data, GAD_F32, 3, 5, NULL}, placed = op->place(&device, host);
    assert_ptr_equal(placed.data, host.data);
    op->fetch(&device, host, placed);
    op->unplace(&device, placed);
    op->release(&device, x);
    op->release(&device, gad_tensor_none());
    x = op->allocate_exact(&device, INT64_MAX / 2, 8);
    assert_null(x.data);
    assert_int_equal(gad_device_check(&device, &err), GAD_E_MEMORY);
    gad_device_close(&device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_cuda_or_not),
        cmocka_unit_test(test_lasting_memory),
    };
    return cmocka_run_group_tests_name("op/device", tests, NULL, NULL);
}
