/* sha256: the examples of FIPS 180-4 and the cases of RFC 4231. */
#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "support/support.h"

static void expect(const char *bytes, size_t length, const char *wanted)
{
    uint8_t digest[GAD_SHA256_BYTES];
    char text[GAD_SHA256_TEXT];
    gad_sha256(bytes, length, digest);
    for (int i = 0; i < GAD_SHA256_BYTES; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    assert_string_equal(text, wanted);
}

static void test_digests(void **state)
{
    (void)state;
    static char million[1000000];
    memset(million, 'a', sizeof million);
    expect("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
           "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    expect(million, sizeof million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_signatures(void **state)
{
    (void)state;
    char text[GAD_SHA256_TEXT], key[131], data[50];
    memset(key, 0x0b, 20);
    gad_sha256_hmac(key, 20, "Hi There", 8, text);
    assert_string_equal(text, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    gad_sha256_hmac("Jefe", 4, "what do ya want for nothing?", 28, text);
    assert_string_equal(text, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    gad_sha256_hmac(key, 20, data, sizeof data, text);
    assert_string_equal(text, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    gad_sha256_hmac(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, text);
    assert_string_equal(text, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_digests), cmocka_unit_test(test_signatures)};
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
