/* mask: addresses and texts without their secrets. */
#include "base/mask.h"
#include "support/support.h"

#include <string.h>

static void test_url(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"http://h:8000/v1", "http://h:8000/v1"},
        {"https://user:pass@h/v1", "https://***@h/v1"},
        {"https://token@h", "https://***@h"},
        {"https://h/v1/chat?api-version=2024-06-01&key=abc", "https://h/v1/chat?api-version=2024-06-01&key=***"},
        {"https://h?sig=a%2Fb=&x", "https://h?sig=***&x"},
        {"https://h/p?a=1&&b=2#key=f", "https://h/p?a=***&&b=***"},
        {"https://h/a@b", "https://h/a@b"},
        {"no address", "no address"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        gad_string out = {0};
        gad_mask_url(cases[i][0], &out);
        assert_string_equal(gad_string_text(&out), cases[i][1]);
        gad_string_free(&out);
    }
}

static void test_text(void **state)
{
    (void)state;
    static const struct {
        const char *text, *secret, *masked;
    } cases[] = {
        {"Bearer sk-1234 and sk-1234", "sk-1234", "Bearer ******* and *******"},
        {"\"sk\\/12\"", "sk/12", "\"******\""},
        {"ssk-1", "sk-1", "s****"},
        {"sk-123", "sk-1234", "sk-123"},
        {"abc abc", "abc", "abc abc"}, /* too short to be told from words */
        {"nothing", NULL, "nothing"},
        {"aaaaa", "aaaa", "****a"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[64];
        strcpy(text, cases[i].text);
        gad_mask_text(text, strlen(text), cases[i].secret);
        assert_string_equal(text, cases[i].masked);
    }
    char text[] = "you sent hunter22 and k-9876, version 2024-06-01";
    gad_mask_text_of_url(text, strlen(text), "https://me:hunter22@h/v1?api-version=2024-06-01&key=k-9876");
    assert_string_equal(text, "you sent ******** and ******, version 2024-06-01");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_url), cmocka_unit_test(test_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
