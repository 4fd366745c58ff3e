/* cmocka: as much of cmocka's words as the tests of the op table use, for a machine that it is not installed for. A test
 * runs to its end or ends the program. */
#ifndef GAD_TESTS_ARM64_CMOCKA_H
#define GAD_TESTS_ARM64_CMOCKA_H
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

#define cmocka_unit_test(function)                                                                                         \
    {                                                                                                                      \
#function, function                                                                                                \
    }
#define print_message printf
#define print_error(...) fprintf(stderr, __VA_ARGS__)
#define require(condition, text)                                                                                           \
    do {                                                                                                                   \
        if (!(condition)) {                                                                                                \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, text);                                                      \
            exit(1);                                                                                                       \
        }                                                                                                                  \
    } while (0)
#define assert_true(x) require(x, #x)
#define assert_false(x) require(!(x), "not " #x)
#define assert_non_null(x) require((x) != NULL, #x)
#define assert_null(x) require((x) == NULL, #x)
#define assert_int_equal(a, b) require((long long)(a) == (long long)(b), #a " is " #b)
#define assert_int_not_equal(a, b) require((long long)(a) != (long long)(b), #a " is not " #b)
#define assert_string_equal(a, b) require(!strcmp(a, b), #a " is " #b)
#define assert_memory_equal(a, b, size) require(!memcmp(a, b, size), #a " is " #b)
#define assert_ptr_equal(a, b) require((a) == (b), #a " is " #b)
#define skip() return
#define fail() exit(1)
#define fail_msg(...) (fprintf(stderr, __VA_ARGS__), exit(1))
#define _fail(file, line) exit(1)

static inline int run_tests(const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *state = NULL;
        printf("[ RUN      ] %s\n", tests[i].name);
        fflush(stdout);
        tests[i].run(&state);
        printf("[       OK ] %s\n", tests[i].name);
    }
    return 0;
}
#define cmocka_run_group_tests_name(name, tests, setup, teardown) run_tests(tests, sizeof(tests) / sizeof *(tests))
#endif
