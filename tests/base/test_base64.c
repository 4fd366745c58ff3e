/* base64: published vectors, every length, and text that must be refused. */
#include "base/base64.h"
#include "base/rng.h"
#include "support/support.h"

#include <string.h>

/* The vectors of RFC 4648, every length, and what must be refused. */
static void test_base64(void **state)
{
    (void)state;
    static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
    static const char *const coded[] = {"", "Zg==", "Zm8=", "Zm9v", "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};
    gad_string a = {0}, b = {0};
    for (int i = 0; i < 7; i++) {
        gad_string_clear(&a);
        gad_string_clear(&b);
        gad_base64_encode(plain[i], strlen(plain[i]), &a);
        assert_string_equal(gad_string_text(&a), coded[i]);
        assert_true(gad_base64_decode(coded[i], strlen(coded[i]), &b));
        assert_string_equal(gad_string_text(&b), plain[i]);
    }
    unsigned char bytes[9000];
    gad_rng rng = gad_rng_make(1, 1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)gad_rng_u32(&rng);
    for (size_t n = 3000; n <= sizeof bytes; n += 997) {
        gad_string_clear(&a);
        gad_string_clear(&b);
        gad_base64_encode(bytes, n, &a);
        assert_true(gad_base64_decode(a.data, a.length, &b));
        assert_int_equal(b.length, n);
        assert_memory_equal(b.data, bytes, n);
    }
    static const char *const bad[] = {"Z", "Zg=", "Zg===", "Zm9v=", "Zh==", "Zm9=", "Zg==Zg==", "Z-8=", "=", "Zm=v"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(gad_base64_decode(bad[i], strlen(bad[i]), &b));
    gad_string_clear(&b);
    assert_true(gad_base64_decode("Zm\n9v Yg", 8, &b)); /* white space, no padding */
    assert_string_equal(b.data, "foob");
    gad_string_free(&a);
    gad_string_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_base64)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
