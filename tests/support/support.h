/* support: what every test needs: skipping by name, paths, a comparator that says what differs. */
#ifndef GAD_TESTS_SUPPORT_H
#define GAD_TESTS_SUPPORT_H
/* cmocka.h needs these four before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "gad.h"
#include <cmocka.h>
#include <stdbool.h>

/* Print "SKIPPED name: why" and skip the running cmocka test. */
#define SKIP_TEST(name, why)                                                                                               \
    do {                                                                                                                   \
        print_message("SKIPPED %s: %s\n", (name), (why));                                                                  \
        skip();                                                                                                            \
    } while (0)

/* True in the sanitizer run (GAD_TEST_SHORT), where a test that trains or sweeps for long would take many minutes. Such a
 * test does less, or skips with SKIP_IF_SHORT; the plain run does all of it. */
bool support_is_short(void);
#define SKIP_IF_SHORT(name)                                                                                                \
    do {                                                                                                                   \
        if (support_is_short())                                                                                            \
            SKIP_TEST(name, "too long under sanitizers; the plain run has it");                                            \
    } while (0)

/* Fails with the whole error text unless status is GAD_OK. */
#define ASSERT_OK(status, err) support_assert_ok((status), (err), __FILE__, __LINE__)
void support_assert_ok(gad_status status, const gad_error *err, const char *file, int line);

/* A path in the source tree, or in this test's scratch folder, in memory that lives until the program ends. */
const char *support_source(const char *relative);
const char *support_scratch(const char *folder, const char *name);

/* How two arrays differ: e = max|a-b| / max|b|, rel_l2, the worst element, count of non-finite numbers in a. */
typedef struct support_difference {
    double e, rel_l2;
    int64_t worst, nonfinite;
} support_difference;
support_difference support_compare(const float *a, const float *b, int64_t n);
/* Fails, naming the tensor, when e > tolerance or a number is not finite. */
void support_assert_close(const char *name, const float *a, const float *b, int64_t n, double tolerance);
#endif
