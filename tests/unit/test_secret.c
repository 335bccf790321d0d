/* Secrets of a configuration: files, variables and credentials. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/mem.h"
#include "config/config.h"

static char root[4096];

/* A secret file in the folder of temporary files. */
static void with_secret(const char *content, size_t size, int expected, const char *value) {
    char path[] = "/tmp/guidepost-secret-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, size), (ssize_t)size);
    (void)close(fd);
    const struct config_secret secret = {SECRET_FILE, path};
    char *found = NULL;
    struct err err;
    assert_int_equal(secret_read(&secret, &found, &err), expected);
    if (expected == 0) {
        assert_string_equal(found, value);
    } else {
        assert_null(found);
        assert_true(err.text[0] != '\0');
    }
    secret_free(found);
    (void)unlink(path);
}

static void a_secret_file_is_one_line_of_text(void **state) {
    (void)state;
    with_secret("s3cret\n", 7, 0, "s3cret");
    with_secret("s3cret\r\n", 8, 0, "s3cret");
    with_secret(" two lines\nof it", 16, 0, " two lines\nof it");
    with_secret("", 0, -ERR_INVALID, NULL);
    with_secret("\n", 1, -ERR_INVALID, NULL);
    with_secret("a\0b", 3, -ERR_INVALID, NULL);
    char *large = mem_alloc(LIMIT_SECRET_BYTES + 2);
    memset(large, 'x', LIMIT_SECRET_BYTES + 1);
    with_secret(large, LIMIT_SECRET_BYTES + 1, -ERR_TOO_BIG, NULL);
    large[LIMIT_SECRET_BYTES] = '\n';
    char *expected = mem_strndup(large, LIMIT_SECRET_BYTES);
    with_secret(large, LIMIT_SECRET_BYTES + 1, 0, expected);
    mem_free(expected);
    mem_free(large);
}

static void a_secret_is_not_read_from_a_pipe_or_a_folder(void **state) {
    (void)state;
    char path[] = "/tmp/guidepost-pipe-XXXXXX";
    assert_non_null(mkdtemp(path));
    char *value = NULL;
    const struct config_secret folder = {SECRET_FILE, path};
    assert_int_equal(secret_read(&folder, &value, NULL), -ERR_IO);
    char pipe_path[sizeof path + 5];
    (void)snprintf(pipe_path, sizeof pipe_path, "%s/pipe", path);
    assert_int_equal(mkfifo(pipe_path, 0600), 0);
    const struct config_secret pipe_secret = {SECRET_FILE, pipe_path};
    assert_int_equal(secret_read(&pipe_secret, &value, NULL), -ERR_IO);
    (void)unlink(pipe_path);
    (void)rmdir(path);
}

static void secrets_come_from_variables_and_credentials(void **state) {
    (void)state;
    char *value = NULL;
    const struct config_secret variable = {SECRET_ENV, "GUIDEPOST_TEST_SECRET"};
    const struct config_secret credential = {SECRET_CREDENTIAL, "minimal.yaml"};
    const struct config_secret none = {SECRET_NONE, NULL};
    assert_int_equal(secret_read(&none, &value, NULL), -ERR_NOT_FOUND);
    (void)unsetenv("GUIDEPOST_TEST_SECRET");
    assert_int_equal(secret_read(&variable, &value, NULL), -ERR_NOT_FOUND);
    (void)setenv("GUIDEPOST_TEST_SECRET", "from the environment", 1);
    assert_int_equal(secret_read(&variable, &value, NULL), 0);
    assert_string_equal(value, "from the environment");
    secret_free(value);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(secret_read(&credential, &value, NULL), -ERR_NOT_FOUND);
    struct buf folder = BUF_INIT(5000);
    buf_printf(&folder, "%s/config", root);
    (void)setenv("CREDENTIALS_DIRECTORY", folder.data, 1);
    assert_int_equal(secret_read(&credential, &value, NULL), 0);
    assert_non_null(strstr(value, "webshop"));
    secret_free(value);
    (void)unsetenv("CREDENTIALS_DIRECTORY");
    buf_finish(&folder);
}

int main(void) {
    if (getcwd(root, sizeof root) == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_file_is_one_line_of_text),
        cmocka_unit_test(a_secret_is_not_read_from_a_pipe_or_a_folder),
        cmocka_unit_test(secrets_come_from_variables_and_credentials),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
