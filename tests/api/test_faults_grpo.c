/* faults_grpo: see faults_train.h. Through the public headers only. */
#include <omp.h>

#include "api/faults.h"
#include "api/faults_train.h"
#include "support/support.h"

static void test_grpo(void **state)
{
    (void)state;
    faults_train_sweep("grpo", gad_train_grpo);
}

int main(void)
{
    faults_install();
    omp_set_num_threads(1);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_grpo)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
