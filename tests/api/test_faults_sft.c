/* faults_sft: see faults_train.h. Through the public headers only. */
#include <omp.h>

#include "api/faults.h"
#include "api/faults_train.h"
#include "support/support.h"

static void test_sft(void **state)
{
    (void)state;
    faults_train_sweep("sft", gad_train_sft);
}

int main(void)
{
    faults_install();
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sft)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
