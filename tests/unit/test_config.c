/*
 * The files of a configuration. Those of tests/config/bad and tests/config/semantic (wrong in ways that no schema can
 * say) are each refused with the text of NAME.expected, and those of tests/config/good are accepted, with the warnings
 * of NAME.expected where there is one. UPDATE_EXPECTED=1 writes these files anew: read the difference before you commit
 * it. The tests run in the root of the project.
 */

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/str.h"
#include "config/config.h"
#include "core/permission.h"

static char root[4096];

static void read_text(const char *path, struct buf *out) {
    FILE *file = fopen(path, "r");
    char part[4096];
    buf_clear(out);
    if (file == NULL) {
        return;
    }
    for (size_t size = fread(part, 1, sizeof part, file); size > 0; size = fread(part, 1, sizeof part, file)) {
        buf_add(out, part, size);
    }
    (void)fclose(file);
}

static void write_text(const char *path, const char *text, size_t size) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

/* Loads one file or folder and compares what is said about it with the file beside it. */
static bool as_expected(const char *name, bool good) {
    struct buf expected_path = BUF_INIT(500), expected = BUF_INIT(1 << 20), found = BUF_INIT(1 << 20);
    size_t stem = str_equal(name + strlen(name) - 5, ".yaml") ? strlen(name) - 5 : strlen(name);
    buf_printf(&expected_path, "%.*s.expected", (int)stem, name);
    struct config_problems problems;
    struct config *config = config_load(name, &problems);
    config_problems_write(&problems, &found);
    config_problems_finish(&problems);
    bool right = (config != NULL) == good;
    config_unref(config);
    if (getenv("UPDATE_EXPECTED") != NULL && found.size > 0) {
        write_text(expected_path.data, found.data, found.size);
    }
    read_text(expected_path.data, &expected);
    right = right && str_equal(expected.data, found.data);
    if (!right) {
        print_error("%s is not %s as expected; found:\n%sexpected:\n%s", name, good ? "accepted" : "refused",
                    found.data, expected.data);
    }
    buf_finish(&expected_path);
    buf_finish(&expected);
    buf_finish(&found);
    return right;
}

static void check_folder(const char *folder, bool good, size_t at_least) {
    assert_int_equal(chdir(folder), 0);
    DIR *directory = opendir(".");
    assert_non_null(directory);
    size_t seen = 0, wrong = 0;
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        struct stat status;
        bool is_folder = stat(entry->d_name, &status) == 0 && S_ISDIR(status.st_mode);
        if (entry->d_name[0] != '.' && (is_folder || strstr(entry->d_name, ".yaml") != NULL)) {
            seen++;
            wrong += !as_expected(entry->d_name, good);
        }
    }
    (void)closedir(directory);
    assert_int_equal(chdir(root), 0);
    assert_int_equal(wrong, 0);
    assert_true(seen >= at_least);
}

static void every_bad_file_is_refused_with_its_expected_problems(void **state) {
    (void)state;
    check_folder("tests/config/bad", false, 31);
    check_folder("tests/config/semantic", false, 8);
}

static void every_good_file_is_accepted_with_its_expected_warnings(void **state) {
    (void)state;
    check_folder("tests/config/good", true, 4);
}

static void what_is_shipped_loads_without_a_word(void **state) {
    (void)state;
    static const char *const paths[] = {"config/guidepost.example.yaml", "config/minimal.yaml", "config/demo",
                                        "config/demo/guidepost.yaml"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct config_problems problems;
        struct config *config = config_load(paths[i], &problems);
        assert_non_null(config);
        assert_int_equal(problems.count, 0);
        config_problems_finish(&problems);
        config_unref(config);
    }
}

static void the_first_configuration_fits_on_twenty_lines(void **state) {
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    read_text("config/minimal.yaml", &text);
    size_t lines = 0;
    for (const char *line = text.data; line != NULL && *line != '\0'; line = strchr(line, '\n')) {
        line += *line == '\n';
        lines += *line != '#' && *line != '\n' && *line != '\0';
    }
    assert_in_range(lines, 10, 20);
    buf_finish(&text);
}

/* Compares a generated text with the file that is checked in; UPDATE_EXPECTED=1 writes it. */
static void assert_generated(const char *path, void (*write)(struct buf *)) {
    struct buf generated = BUF_INIT(1 << 20), stored = BUF_INIT(1 << 20);
    write(&generated);
    assert_false(generated.overflow);
    if (getenv("UPDATE_EXPECTED") != NULL) {
        write_text(path, generated.data, generated.size);
    }
    read_text(path, &stored);
    assert_string_equal(stored.data, generated.data);
    buf_finish(&generated);
    buf_finish(&stored);
}

static void the_reference_and_the_schema_are_those_of_the_table(void **state) {
    (void)state;
    assert_generated("docs/CONFIG.md", config_write_reference);
    assert_generated("config/guidepost.schema.json", config_write_schema);
}

static void the_example_has_every_key_of_the_reference(void **state) {
    (void)state;
    struct buf reference = BUF_INIT(1 << 20), example = BUF_INIT(1 << 20), key = BUF_INIT(100);
    config_write_reference(&reference);
    read_text("config/guidepost.example.yaml", &example);
    size_t keys = 0;
    for (const char *row = strstr(reference.data, "\n| `"); row != NULL; row = strstr(row + 1, "\n| `")) {
        size_t length = strcspn(row + 4, "`");
        buf_clear(&key);
        buf_printf(&key, "%.*s:", (int)length, row + 4);
        const char *hit = strstr(example.data, key.data);
        while (hit != NULL && hit[-1] != '\n' && hit[-1] != ' ') { /* the end of a longer key */
            hit = strstr(hit + 1, key.data);
        }
        if (hit == NULL) {
            fail_msg("the example does not show '%s'", key.data);
        }
        keys++;
    }
    assert_true(keys > 80);
    buf_finish(&reference);
    buf_finish(&example);
    buf_finish(&key);
}

static void a_folder_is_read_in_the_order_of_its_names(void **state) {
    (void)state;
    struct config_problems problems;
    struct config *config = config_load("tests/config/good/folder/", &problems);
    assert_non_null(config);
    config_problems_finish(&problems);
    assert_string_equal(config->time_zone, "Europe/Berlin");
    assert_string_equal(config->url, "https://deploy.example.org");
    assert_int_equal(config->project_count, 2);
    assert_string_equal(config->projects[1].name, "other");
    assert_int_equal(config->permission_count, 2);
    assert_int_equal(config->permissions[1].allow, PERMISSION_DEPLOY);
    assert_string_equal(config_find_environment(config, "production")->room, "deploys");
    assert_non_null(strstr(config->people[0].token.name, "/tests/config/good/folder/alice.token"));
    assert_true(config->folder[0] == '/');
    config_unref(config);
}

static void a_missing_file_is_told_by_its_name(void **state) {
    (void)state;
    struct config_problems problems;
    assert_null(config_load("/nonexistent/guidepost.yaml", &problems));
    assert_int_equal(problems.errors, 1);
    assert_string_equal(problems.items[0].file, "/nonexistent/guidepost.yaml");
    assert_int_equal(problems.items[0].line, 0);
    config_problems_finish(&problems);
}

static void a_file_larger_than_the_limit_is_refused(void **state) {
    (void)state;
    struct buf text = BUF_INIT(4 << 20);
    while (text.size <= LIMIT_CONFIG_BYTES) {
        buf_adds(&text, "# a comment that makes the file longer and longer and longer and longer and longer\n");
    }
    struct config_problems problems;
    assert_null(config_load_text("large.yaml", text.data, text.size, &problems));
    assert_non_null(strstr(problems.items[0].text, "larger than 1048576 bytes"));
    config_problems_finish(&problems);
    buf_finish(&text);
}

int main(void) {
    if (getcwd(root, sizeof root) == NULL) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_bad_file_is_refused_with_its_expected_problems),
        cmocka_unit_test(every_good_file_is_accepted_with_its_expected_warnings),
        cmocka_unit_test(what_is_shipped_loads_without_a_word),
        cmocka_unit_test(the_first_configuration_fits_on_twenty_lines),
        cmocka_unit_test(the_reference_and_the_schema_are_those_of_the_table),
        cmocka_unit_test(the_example_has_every_key_of_the_reference),
        cmocka_unit_test(a_folder_is_read_in_the_order_of_its_names),
        cmocka_unit_test(a_missing_file_is_told_by_its_name),
        cmocka_unit_test(a_file_larger_than_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
