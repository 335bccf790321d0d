#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/str.h"
#include "cli/access.h"
#include "cli/help.h"
#include "cli/verbs.h"

enum { TEXT_SIZE = 1 << 20 };

static struct buf out = BUF_INIT(TEXT_SIZE), problems = BUF_INIT(TEXT_SIZE);
static char home[] = "/tmp/guidepost-test-verbs.XXXXXX";
static char before[1024];

/* Nothing of the machine that runs the tests counts: an empty home, an empty folder, no variables. */
static int start(void **state) {
    (void)state;
    static const char *const VARIABLES[] = {"GUIDEPOST_SERVER", "GUIDEPOST_TOKEN_FILE", "GUIDEPOST_API_KEY",
                                            "XDG_CONFIG_HOME"};
    for (size_t i = 0; i < sizeof VARIABLES / sizeof *VARIABLES; i++) {
        (void)unsetenv(VARIABLES[i]);
    }
    return getcwd(before, sizeof before) && mkdtemp(home) && chdir(home) == 0 && setenv("HOME", home, 1) == 0 ? 0 : -1;
}

static int stop(void **state) {
    (void)state;
    buf_finish(&out);
    buf_finish(&problems);
    return chdir(before) == 0 && file_remove_tree(home) ? 0 : -1;
}

static void write_file(const char *path, const char *text) {
    assert_int_equal(file_write_atomic(path, text, strlen(text), 0600, false, NULL), 0);
}

static int redirect(FILE *stream, int to) {
    (void)fflush(stream);
    int old = dup(fileno(stream));
    assert_true(old >= 0 && dup2(to, fileno(stream)) >= 0);
    return old;
}

static void restore(FILE *stream, int old) {
    (void)fflush(stream);
    assert_true(dup2(old, fileno(stream)) >= 0);
    (void)close(old);
}

/* Runs a line of words and keeps what it printed. */
static int run(const char *line) {
    const char *args[16];
    char copy[256], *rest = copy;
    size_t count = 0;
    (void)snprintf(copy, sizeof copy, "%s", line);
    while (*rest) {
        args[count++] = rest;
        rest += strcspn(rest, " ");
        if (*rest) {
            *rest++ = '\0';
        }
    }
    FILE *files[] = {fopen("out", "w+"), fopen("problems", "w+")};
    int old_out = redirect(stdout, fileno(files[0])), old_problems = redirect(stderr, fileno(files[1]));
    int exit_code = verbs_run(args, count);
    restore(stdout, old_out);
    restore(stderr, old_problems);
    (void)fclose(files[0]);
    (void)fclose(files[1]);
    buf_clear(&out);
    buf_clear(&problems);
    assert_int_equal(file_read("out", TEXT_SIZE, &out, NULL), 0);
    assert_int_equal(file_read("problems", TEXT_SIZE, &problems, NULL), 0);
    return exit_code;
}

/* --- the table ---------------------------------------------------------------------------------------------------- */

static void the_table_is_sorted_and_complete(void **state) {
    (void)state;
    size_t count;
    const struct verb *verbs = verb_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || strcmp(verbs[i - 1].name, verbs[i].name) < 0);
        assert_ptr_equal(verb_find(verbs[i].name), &verbs[i]);
        assert_non_null(verbs[i].run);
        assert_true(*verb_help(&verbs[i]) != '\0');
        assert_null(strpbrk(verb_help(&verbs[i]), "'\""));
        assert_true((verbs[i].options & OPTION_BIT(HELP)) != 0);
    }
}

static void each_word_of_the_chat_is_a_verb(void **state) {
    (void)state;
    size_t count;
    const struct command_entry *commands = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        const struct verb *verb = verb_find(commands[i].name);
        assert_non_null(verb);
        assert_true(verb->command == commands[i].id || commands[i].id == COMMAND_HELP);
    }
}

static void each_option_belongs_to_a_verb(void **state) {
    (void)state;
    size_t count;
    const struct verb *verbs = verb_table(&count);
    option_set used = OPTION_BIT(VERSION);
    for (size_t i = 0; i < count; i++) {
        used |= verbs[i].options;
    }
    assert_int_equal(used, ((option_set)1 << OPTION_COUNT) - 1);
}

/* --- what is printed, and the exit codes -------------------------------------------------------------------------- */

static void without_words_there_is_a_short_overview(void **state) {
    (void)state;
    assert_int_equal(run(""), 0);
    size_t lines = 0;
    for (const char *c = out.data; *c; c++) {
        lines += *c == '\n';
    }
    assert_int_equal(lines, 12);
    assert_non_null(strstr(out.data, "guidepost demo"));
    assert_string_equal(problems.data, "");
}

static void wrong_command_lines_say_what_to_write_and_end_with_2(void **state) {
    (void)state;
    static const struct {
        const char *line, *text;
    } CASES[] = {
        {"stauts", "guidepost: There is no verb 'stauts'; did you mean: status\n"},
        {"frobnicate", "guidepost: There is no verb 'frobnicate'. See: guidepost help\n"},
        {"help frobnicate", "guidepost: There is no verb 'frobnicate'. See: guidepost help\n"},
        {"--json status", "guidepost: guidepost has no option --json. See: guidepost help\n"},
        {"--help status", "guidepost: Options come behind the verb, as in: guidepost status --json\n"},
        {"status --wait", "guidepost: status has no option --wait. See: guidepost help status\n"},
        {"wait", "guidepost: Which deployment? Write: guidepost wait D311\n"},
        {"wait Q1", "guidepost: Which deployment? Write: guidepost wait D311\n"},
        {"log", "guidepost: Which deployment? Write: guidepost log D311 [step] [target]\n"},
        {"retry D311",
         "guidepost: D311 is a deployment, and retry is for a question; write: retry Q42 [targets] [-- note]\n"},
        {"completion ksh", "guidepost: There is no completion for 'ksh'; write: guidepost completion bash|zsh|fish\n"},
        {"docs", "guidepost: Which page? Write: guidepost docs states\n"},
        {"config show",
         "guidepost: That is no use of config; write: guidepost config check [file], config import ansible|ssh [file], "
         "config docs or config schema\n"},
        {"serve now", "guidepost: serve takes no 'now'. See: guidepost help serve\n"},
        {"up --log-level loud",
         "guidepost: 'loud' is no level of the log; write: --log-level debug, info, warn or error\n"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        assert_int_equal(run(CASES[i].line), 2);
        assert_string_equal(problems.data, CASES[i].text);
        assert_string_equal(out.data, "");
    }
}

static void help_of_a_verb_lists_its_options_and_no_others(void **state) {
    (void)state;
    assert_int_equal(run("help wait"), 0);
    assert_true(str_starts(out.data, "Usage: guidepost wait D311 [options]\n"));
    assert_non_null(strstr(out.data, "--timeout TIME"));
    assert_null(strstr(out.data, "--listen"));
    assert_int_equal(run("wait --help"), 0);
    assert_true(str_starts(out.data, "Usage: guidepost wait D311 [options]\n"));
}

static void the_version_is_printed(void **state) {
    (void)state;
    assert_int_equal(run("--version"), 0);
    assert_string_equal(out.data, "guidepost " GUIDEPOST_VERSION "\n");
}

static void the_reference_has_each_verb_option_and_error(void **state) {
    (void)state;
    size_t count;
    const struct verb *verbs = verb_table(&count);
    struct buf text = BUF_INIT(TEXT_SIZE), wanted = BUF_INIT(256);
    help_write_reference(&text);
    assert_false(text.overflow);
    for (size_t i = 0; i < count; i++) {
        buf_clear(&wanted);
        buf_printf(&wanted, "| `%s", verbs[i].name);
        assert_non_null(strstr(text.data, wanted.data));
    }
    for (int code = 1; code <= ERR_IO; code++) {
        buf_clear(&wanted);
        buf_printf(&wanted, " `%s`", err_word(code));
        assert_non_null(strstr(strstr(text.data, "| Exit code"), wanted.data));
    }
    buf_finish(&wanted);
    buf_finish(&text);
}

static void completion_knows_each_verb_in_each_shell(void **state) {
    (void)state;
    static const char *const SHELLS[] = {"bash", "zsh", "fish"};
    size_t count;
    const struct verb *verbs = verb_table(&count);
    for (size_t s = 0; s < sizeof SHELLS / sizeof *SHELLS; s++) {
        struct buf text = BUF_INIT(TEXT_SIZE);
        assert_int_equal(help_write_completion(SHELLS[s], &text, NULL), 0);
        for (size_t i = 0; i < count; i++) {
            assert_non_null(strstr(text.data, verbs[i].name));
        }
        assert_non_null(strstr(text.data, "allow-warnings"));
        buf_finish(&text);
    }
}

static void config_check_prints_places_and_ends_with_1(void **state) {
    (void)state;
    write_file("bad.yaml", "projects:\n  webshop:\n    setps: []\n");
    assert_int_equal(run("config check bad.yaml"), 1);
    assert_true(str_starts(out.data, "bad.yaml:"));
    assert_non_null(strstr(out.data, "error: "));
    assert_int_equal(run("config check bad.yaml --json"), 1);
    assert_true(str_starts(out.data, "{\"ok\":false,\"problems\":[{\"file\":\"bad.yaml\",\"line\":"));
    assert_int_equal(run("config check absent.yaml"), 1);
    assert_int_equal(unlink("bad.yaml"), 0);
}

static void a_server_that_is_not_there_ends_with_7(void **state) {
    (void)state;
    assert_int_equal(run("status --server http://127.0.0.1:1"), 7);
    assert_true(str_starts(problems.data, "guidepost: No guidepost answers at http://127.0.0.1:1 ("));
    assert_int_equal(run("deploy webshop 1.4.2 to production --server unix:nowhere"), 7);
    assert_int_equal(run("healthcheck --server http://127.0.0.1:1"), 1);
}

/* --- which server, which token -------------------------------------------------------------------------------------
 * */

static struct access find(struct arena *arena, const char *server, const char *token_file, const char *state_dir) {
    struct options options = {0};
    const enum option_id ids[] = {OPTION_SERVER, OPTION_TOKEN_FILE, OPTION_STATE_DIR};
    const char *values[] = {server, token_file, state_dir};
    struct access access = {0};
    for (size_t i = 0; i < 3; i++) {
        options.given[ids[i]] = (struct option_values){&values[i], values[i] ? 1 : 0};
    }
    assert_int_equal(access_find(&options, arena, &access, NULL), 0);
    return access;
}

static void the_nearest_server_and_token_count(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    assert_int_equal(file_make_dirs(".guidepost", 0700, NULL), 0);
    assert_int_equal(file_make_dirs("other", 0700, NULL), 0);
    assert_int_equal(file_make_dirs(".config/guidepost", 0700, NULL), 0);
    write_file(".guidepost/address", "http://127.0.0.1:1001\n");
    write_file(".guidepost/local.token", "local\n");
    write_file("other/address", "unix:/run/other\n");
    write_file("one", "  one  \n");
    write_file("two", "two");

    struct access access = find(arena, NULL, NULL, NULL);
    assert_string_equal(access.server, "http://127.0.0.1:1001");
    assert_string_equal(access.token, "local");
    access = find(arena, NULL, NULL, "other");
    assert_string_equal(access.server, "unix:/run/other");
    assert_null(access.token);

    write_file(".config/guidepost/cli.yaml", "# mine\nserver: \"http://mine\" # here\ntoken_file: two # and there\n");
    access = find(arena, NULL, NULL, NULL);
    assert_string_equal(access.server, "http://mine");
    assert_string_equal(access.token, "two");

    assert_int_equal(setenv("GUIDEPOST_SERVER", "http://env", 1), 0);
    assert_int_equal(setenv("GUIDEPOST_API_KEY", "key", 1), 0);
    access = find(arena, NULL, NULL, NULL);
    assert_string_equal(access.server, "http://env");
    assert_string_equal(access.token, "key");
    assert_int_equal(setenv("GUIDEPOST_TOKEN_FILE", "one", 1), 0);
    assert_string_equal(find(arena, NULL, NULL, NULL).token, "one");
    access = find(arena, "http://flag", "two", NULL);
    assert_string_equal(access.server, "http://flag");
    assert_string_equal(access.token, "two");

    assert_int_equal(unsetenv("GUIDEPOST_SERVER") + unsetenv("GUIDEPOST_API_KEY") + unsetenv("GUIDEPOST_TOKEN_FILE"),
                     0);
    arena_destroy(arena);
}

static void a_local_token_is_not_sent_to_a_server_named_otherwise(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    assert_int_equal(file_make_dirs(".guidepost", 0700, NULL), 0);
    (void)unlink(".config/guidepost/cli.yaml");
    write_file(".guidepost/address", "http://127.0.0.1:1001\n");
    write_file(".guidepost/local.token", "local\n");
    assert_string_equal(find(arena, NULL, NULL, NULL).token, "local");
    assert_null(find(arena, "http://elsewhere", NULL, NULL).token);
    assert_null(find(arena, "http://elsewhere", NULL, ".guidepost").token);
    arena_destroy(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted_and_complete),
        cmocka_unit_test(each_word_of_the_chat_is_a_verb),
        cmocka_unit_test(each_option_belongs_to_a_verb),
        cmocka_unit_test(without_words_there_is_a_short_overview),
        cmocka_unit_test(wrong_command_lines_say_what_to_write_and_end_with_2),
        cmocka_unit_test(help_of_a_verb_lists_its_options_and_no_others),
        cmocka_unit_test(the_version_is_printed),
        cmocka_unit_test(the_reference_has_each_verb_option_and_error),
        cmocka_unit_test(completion_knows_each_verb_in_each_shell),
        cmocka_unit_test(config_check_prints_places_and_ends_with_1),
        cmocka_unit_test(a_server_that_is_not_there_ends_with_7),
        cmocka_unit_test(the_nearest_server_and_token_count),
        cmocka_unit_test(a_local_token_is_not_sent_to_a_server_named_otherwise),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
