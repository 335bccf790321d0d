#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/id.h"

static void random_names_differ(void **state) {
    (void)state;
    enum { COUNT = 200 };
    char names[COUNT][ID_RANDOM_SIZE];
    for (size_t i = 0; i < COUNT; i++) {
        id_random(names[i]);
        assert_int_equal(strlen(names[i]), 32);
        assert_int_equal(strspn(names[i], "0123456789abcdef"), 32);
        for (size_t j = 0; j < i; j++) {
            assert_string_not_equal(names[i], names[j]);
        }
    }
}

/* The examples of FIPS 180-4. */
static void digests_are_those_of_the_standard(void **state) {
    (void)state;
    char digest[ID_DIGEST_SIZE];
    id_digest(digest, "abc", 3);
    assert_string_equal(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    id_digest(digest, NULL, 0);
    assert_string_equal(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    id_digest(digest, two_blocks, strlen(two_blocks));
    assert_string_equal(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* RFC 4231, test cases 2 and 6; and the empty ones. */
static void macs_are_those_of_the_standard(void **state) {
    (void)state;
    char mac[ID_DIGEST_SIZE];
    const char *data = "what do ya want for nothing?";
    id_hmac(mac, "Jefe", data, strlen(data));
    assert_string_equal(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    char key[132] = {0};
    memset(key, 0xAA, 131);
    data = "Test Using Larger Than Block-Size Key - Hash Key First";
    id_hmac(mac, key, data, strlen(data));
    assert_string_equal(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    id_hmac(mac, "", NULL, 0);
    assert_string_equal(mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void the_boot_has_a_name_of_full_length(void **state) {
    (void)state;
    char first[ID_BOOT_SIZE];
    char second[ID_BOOT_SIZE];
    id_boot(first);
    id_boot(second);
    assert_string_equal(first, second);
    assert_int_equal(strlen(first), ID_BOOT_SIZE - 1);
    assert_null(strchr(first, '\n'));
}

static void the_numbers_that_people_write_are_read(void **state) {
    (void)state;
    static const struct {
        char letter;
        const char *text;
        uint64_t id; /* 0: refused */
    } cases[] = {
        {'D', "D311", 311},
        {'D', "d311", 311},
        {'D', "311", 311},
        {'D', "0311", 311},
        {'D', "Deployments-311", 311},
        {'D', "deployments-311", 311},
        {'D', "18446744073709551615", UINT64_MAX},
        {'Q', "Q42", 42},
        {'Q', "q42", 42},
        {'Q', "Interruptions-42", 42},
        {'Q', "Deployments-42", 0},
        {'Q', "D42", 0},
        {'D', "Q42", 0},
        {'D', "Interruptions-42", 0},
        {'D', "", 0},
        {'D', "D", 0},
        {'D', "D0", 0},
        {'D', "0", 0},
        {'D', "DD1", 0},
        {'D', "D-1", 0},
        {'D', "D+1", 0},
        {'D', "D 1", 0},
        {'D', " D1", 0},
        {'D', "D1 ", 0},
        {'D', "D1x", 0},
        {'D', "D0x1", 0},
        {'D', "Deployments-", 0},
        {'D', "Deployments-D1", 0},
        {'D', "D18446744073709551616", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t id = 0;
        assert_int_equal(id_parse(cases[i].letter, cases[i].text, &id), cases[i].id != 0);
        assert_int_equal(id, cases[i].id);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_names_differ),
        cmocka_unit_test(digests_are_those_of_the_standard),
        cmocka_unit_test(macs_are_those_of_the_standard),
        cmocka_unit_test(the_boot_has_a_name_of_full_length),
        cmocka_unit_test(the_numbers_that_people_write_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
