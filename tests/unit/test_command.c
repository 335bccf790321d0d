#include "fakes/arena_test.h"

#include <stdio.h>

#include "base/limits.h"
#include "core/command.h"

static struct command parsed(const char *line) {
    struct command command;
    struct err err = {0};
    int rc = command_parse(line, arena, &command, &err);
    if (rc < 0) {
        print_error("%s\n  -> %s\n", line, err.text);
    }
    assert_int_equal(rc, 0);
    return command;
}

/* A parsed command in one line, so that a table of cases can be compared as text. */
static const char *words(const struct command *c) {
    struct buf out = BUF_INIT(64 << 10);
    buf_adds(&out, command_entry(c->id)->name);
    const struct {
        const char *key, *value;
    } texts[] = {{"project", c->project}, {"version", c->version}, {"environment", c->environment},
                 {"step", c->step},       {"target", c->target},   {"topic", c->topic},
                 {"from", c->from},       {"note", c->note}};
    const struct {
        const char *key;
        const struct plan_names *names;
    } lists[] = {{"on", &c->on}, {"without", &c->without}, {"skip", &c->skip}, {"targets", &c->targets}};
    if (c->question) {
        buf_printf(&out, " Q%llu", (unsigned long long)c->question);
    }
    if (c->deployment) {
        buf_printf(&out, " D%llu", (unsigned long long)c->deployment);
    }
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (texts[i].value) {
            buf_printf(&out, " %s=[%s]", texts[i].key, texts[i].value);
        }
    }
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (size_t j = 0; j < lists[i].names->count; j++) {
            buf_printf(&out, "%s%s%s", j == 0 ? " " : "+", j == 0 ? lists[i].key : "", j == 0 ? ":" : "");
            buf_adds(&out, lists[i].names->items[j]);
        }
    }
    for (size_t i = 0; i < c->input_count; i++) {
        buf_printf(&out, " {%s=%s}", c->inputs[i].key, c->inputs[i].value);
    }
    buf_adds(&out, c->guided == 1 ? " guided" : c->guided == 0 ? " unguided" : "");
    buf_adds(&out, c->dry_run ? " dry" : "");
    buf_adds(&out, c->rerun_unknown ? " rerun-unknown" : "");
    buf_adds(&out, c->unknown_worked ? " unknown-worked" : "");
    buf_adds(&out, c->with_excluded ? " with-excluded" : "");
    const char *text = arena_strdup(arena, out.data);
    buf_finish(&out);
    return text;
}

struct pair {
    const char *line, *expected;
};

static void check_parsed(const struct pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct command command = parsed(pairs[i].line);
        assert_string_equal(words(&command), pairs[i].expected);
    }
}

static void check_refused(const struct pair *pairs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct command command;
        struct err err = {0};
        int rc = command_parse(pairs[i].line, arena, &command, &err);
        if (rc >= 0) {
            print_error("accepted: %s\n", pairs[i].line);
        }
        assert_true(rc < 0);
        assert_int_equal(rc, -(int)err.code);
        assert_string_equal(err.text, pairs[i].expected);
    }
}

#define CHECK(check, ...)                           \
    do {                                            \
        const struct pair pairs[] = {__VA_ARGS__};  \
        check(pairs, sizeof pairs / sizeof *pairs); \
    } while (0)

#define WEBSHOP "deploy project=[webshop] version=[1.4.2] environment=[production]"

static void deploy_takes_its_parts_in_any_order_after_the_environment(void **state) {
    (void)state;
    CHECK(
        check_parsed, {"deploy webshop 1.4.2 to production", WEBSHOP}, {"Deploy webshop 1.4.2 TO production", WEBSHOP},
        {"  deploy   webshop\t1.4.2\nto production  ", WEBSHOP},
        {"deploy webshop 1.4.2 to production on web-1,web-2 without web-3 skip \"Smoke test\" guided key=value "
         "--dry-run",
         WEBSHOP " on:web-1+web-2 without:web-3 skip:Smoke test {key=value} guided dry"},
        {"deploy webshop 1.4.2 to production on web-1 web-2, web-3 ,web-4", WEBSHOP " on:web-1+web-2+web-3+web-4"},
        {"deploy webshop 1.4.2 to production a=1 unguided skip Install skip 'Smoke test', Tidy on web-1",
         WEBSHOP " on:web-1 skip:Install+Smoke test+Tidy {a=1} unguided"},
        {"deploy webshop 1.4.2 to production on web-1 on web-2 web-1", WEBSHOP " on:web-1+web-2"},
        {"deploy webshop 1.4.2 to production note=\"two words, and more\" list=a,b empty=",
         WEBSHOP " {note=two words, and more} {list=a,b} {empty=}"},
        {"deploy webshop 1.4.2 to production on \"web-1,web-2\" \"without\"", WEBSHOP " on:web-1+web-2+without"},
        {"deploy webshop 1.4.2 to production skip \"a=b\" '--all'", WEBSHOP " skip:a=b+--all"},
        {"deploy webshop 1.4.2 to production --dry-run on web-1 --skip Install", WEBSHOP " on:web-1 skip:Install dry"});
}

static void what_comes_after_a_deployment_is_said_in_plain_words(void **state) {
    (void)state;
    CHECK(check_parsed, {"resume D311", "resume D311"}, {"resume 311 rerun-unknown", "resume D311 rerun-unknown"},
          {"resume D311 Unknown-Worked", "resume D311 unknown-worked"}, {"again D311", "again D311"},
          {"again D311 with excluded", "again D311 with-excluded"}, {"catch up D311", "catch D311"},
          {"catch up webshop in production", "catch project=[webshop] environment=[production]"},
          {"rollback webshop in production", "rollback project=[webshop] environment=[production]"},
          {"promote webshop from staging to production",
           "promote project=[webshop] environment=[production] from=[staging]"},
          {"freeze production", "freeze environment=[production]"},
          {"freeze production -- release week: ask Carol",
           "freeze environment=[production] note=[release week: ask Carol]"},
          {"unfreeze production --note over", "unfreeze environment=[production] note=[over]"});
    CHECK(check_refused,
          {"resume", "The number of the deployment is missing; write: resume D311 [rerun-unknown|unknown-worked]"},
          {"resume webshop",
           "'webshop' is not the number of a deployment; write: resume D311 [rerun-unknown|unknown-worked]"},
          {"resume Q42",
           "Q42 is a question, and resume is for a deployment; write: resume D311 [rerun-unknown|unknown-worked]"},
          {"resume D311 again", "resume takes no 'again'; write: resume D311 [rerun-unknown|unknown-worked]"},
          {"resume D311 -- now", "resume takes no note; write: resume D311 [rerun-unknown|unknown-worked]"},
          {"again D311 with all", "The word 'excluded' is missing; write: again D311 [with excluded]"},
          {"catch D311", "The word 'up' is missing; write: catch up <project> in <environment>"},
          {"catch up webshop", "The word 'in' is missing; write: catch up <project> in <environment>"},
          {"rollback webshop production", "The word 'in' is missing; write: rollback <project> in <environment>"},
          {"rollback", "The project is missing; write: rollback <project> in <environment>"},
          {"promote webshop to production",
           "The word 'from' is missing; write: promote <project> from <environment> to <environment>"},
          {"freeze", "The environment is missing; write: freeze <environment> [-- reason]"},
          {"freeze a/b", "'a/b' is not the name of an environment; write: freeze <environment> [-- reason]"});
}

static void a_deploy_in_another_order_is_refused_and_shown_as_it_should_be(void **state) {
    (void)state;
#define MISSING "Between the version and the environment the word 'to' is missing; write: "
    CHECK(check_refused, {"deploy webshop production 1.4.2", MISSING "deploy webshop 1.4.2 to production"},
          {"deploy webshop 1.4.2 production", MISSING "deploy webshop 1.4.2 to production"},
          {"deploy webshop production v1.4.2", MISSING "deploy webshop v1.4.2 to production"},
          {"deploy webshop 1.4.2 in production", MISSING "deploy webshop 1.4.2 to production"},
          {"deploy webshop production 1.4.2 on web-1 skip \"Smoke test\" guided",
           MISSING "deploy webshop 1.4.2 to production on web-1 skip \"Smoke test\" guided"},
          {"deploy webshop main production", MISSING "deploy webshop main to production"});
}

static void an_incomplete_deploy_is_shown_what_is_missing(void **state) {
    (void)state;
    CHECK(check_refused, {"deploy", "The project is missing; write: deploy <project> <version> to <environment>"},
          {"deploy webshop", "The version is missing; write: deploy webshop <version> to <environment>"},
          {"deploy webshop 1.4.2", "The environment is missing; write: deploy webshop 1.4.2 to <environment>"},
          {"deploy webshop 1.4.2 to", "The environment is missing; write: deploy webshop 1.4.2 to <environment>"},
          {"deploy webshop to production", "The version is missing; write: deploy webshop <version> to production"},
          {"deploy to production", "The project is missing; write: deploy <project> <version> to production"});
}

static void a_clause_that_cannot_be_read_is_refused(void **state) {
    (void)state;
#define USAGE                                                                                              \
    "write: deploy <project> <version> to <environment> [on <targets>] [without <targets>] [skip <step>] " \
    "[guided|unguided] [key=value]... [--dry-run]"
#define HEAD "deploy webshop 1.4.2 to production "
    CHECK(check_refused, {HEAD "on", "After 'on' comes a name; " USAGE},
          {HEAD "on guided", "After 'on' comes a name; " USAGE},
          {HEAD "on web-1 skip", "After 'skip' comes a name; " USAGE},
          {HEAD "web-1", "'web-1' is not understood here; " USAGE},
          {HEAD "on web/1", "'web/1' is not the name of a target; " USAGE},
          {HEAD "guided unguided", "A deployment is guided or unguided, not both; write: one of guided, unguided"},
          {HEAD "a=1 a=2", "'a' is given twice; write: a=value once"},
          {HEAD "a/b=1", "'a/b=1' is not an input; write: key=value, or key=\"a longer value\""},
          {HEAD "--force", "deploy has no option '--force'; " USAGE}, {HEAD "--skip", "--skip needs a value; " USAGE},
          {HEAD "--dry-run=yes", "--dry-run takes no value; write: --dry-run"},
          {HEAD "-- now", "deploy takes no note; " USAGE},
          {HEAD "skip \"Smoke test", "A quote is opened and not closed; write for example: skip \"Smoke test\""},
          {"deploy \"web shop\" 1.4.2 to production", "'web shop' is not the name of a project; " USAGE},
          {"deploy webshop 1/2 to production", "'1/2' is not the name of a version; " USAGE},
          {"deploy webshop 1.4.2 to ../etc", "'../etc' is not the name of an environment; " USAGE});
}

static void an_answer_takes_a_question_targets_and_a_note(void **state) {
    (void)state;
    CHECK(check_parsed, {"retry Q42 web-3 -- note", "retry Q42 note=[note] targets:web-3"}, {"retry 42", "retry Q42"},
          {"retry q42", "retry Q42"}, {"retry Interruptions-42", "retry Q42"}, {"RETRY", "retry"},
          {"retry web-3", "retry targets:web-3"}, {"ignore 42 web-1,web-2", "ignore Q42 targets:web-1+web-2"},
          {"exclude Q42 web-1 web-2 -- broken disk", "exclude Q42 note=[broken disk] targets:web-1+web-2"},
          {"fail Q42 --   it's over -- really, \"so\"  ", "fail Q42 note=[it's over -- really, \"so\"]"},
          {"retry 42 --", "retry Q42"}, {"retry -- why", "retry note=[why]"},
          {"retry Q42 --note \"a word\" --target web-1", "retry Q42 note=[a word] targets:web-1"});
    assert_int_equal(parsed("retry 1").guidance, GUIDANCE_RETRY);
    assert_int_equal(parsed("ignore 1").guidance, GUIDANCE_IGNORE);
    assert_int_equal(parsed("exclude 1").guidance, GUIDANCE_EXCLUDE);
    assert_int_equal(parsed("fail 1").guidance, GUIDANCE_FAIL);
    assert_int_equal(parsed("take 1").guidance, GUIDANCE_NONE);
}

static void an_approval_is_answered_with_words_of_its_own(void **state) {
    (void)state;
    CHECK(check_parsed, {"proceed Q42", "proceed Q42"}, {"Abort 42 -- not tonight", "abort Q42 note=[not tonight]"},
          {"proceed", "proceed"}, {"proceed --note 'the window is open'", "proceed note=[the window is open]"});
    CHECK(
        check_refused,
        {"proceed Q42 web-1", "proceed approves the whole step, so it takes no targets; write: proceed Q42 [-- note]"},
        {"abort Q42 --target web-1",
         "abort ends the whole deployment, so it takes no targets; write: abort Q42 [-- note]"},
        {"abort D311", "D311 is a deployment, and abort is for a question; write: abort Q42 [-- note]"});
    assert_int_equal(parsed("proceed 1").guidance, GUIDANCE_PROCEED);
    assert_int_equal(parsed("abort 1").guidance, GUIDANCE_ABORT);
    assert_int_equal(command_entry(COMMAND_PROCEED)->permission, PERMISSION_APPROVE);
    assert_int_equal(command_entry(COMMAND_ABORT)->permission, PERMISSION_APPROVE);
}

static void each_answer_has_its_command(void **state) {
    (void)state;
    for (unsigned bit = GUIDANCE_RETRY; bit <= GUIDANCE_ABORT; bit <<= 1) {
        const struct command_entry *entry = command_entry(command_answering((enum guidance)bit));
        assert_string_equal(entry->name, guidance_word((enum guidance)bit));
    }
    assert_int_equal(command_answering(GUIDANCE_NONE), COMMAND_NONE);
}

static void a_number_of_the_wrong_kind_is_refused_and_kept_for_the_caller(void **state) {
    (void)state;
    CHECK(check_refused,
          {"retry D311", "D311 is a deployment, and retry is for a question; write: retry Q42 [targets] [-- note]"},
          {"show Deployments-311", "D311 is a deployment, and show is for a question; write: show Q42"},
          {"retry 0", "'0' is not the number of a question; write: retry Q42 [targets] [-- note]"},
          {"retry Q99999999999999999999999",
           "'Q99999999999999999999999' is not the number of a question; write: retry Q42 [targets] [-- note]"},
          {"cancel Q42", "Q42 is a question, and cancel is for a deployment; write: cancel D311 [-- reason]"},
          {"cancel D0", "'D0' is not the number of a deployment; write: cancel D311 [-- reason]"},
          {"cancel webshop", "cancel takes no 'webshop'; write: cancel D311 [-- reason]"},
          {"fail Q42 web-1", "fail ends the whole deployment, so it takes no targets; write: fail Q42 [-- note]"},
          {"retry Q42 web-1 a/b", "'a/b' is not the name of a target; write: retry Q42 [targets] [-- note]"});
    struct command command;
    assert_true(command_parse("retry D311", arena, &command, NULL) < 0);
    assert_int_equal(command.id, COMMAND_RETRY);
    assert_int_equal(command.deployment, 311);
    assert_true(command_parse("cancel Q42", arena, &command, NULL) < 0);
    assert_int_equal(command.question, 42);
}

static void the_other_commands_are_read(void **state) {
    (void)state;
    CHECK(check_parsed, {"cancel D311 -- wrong version", "cancel D311 note=[wrong version]"}, {"cancel", "cancel"},
          {"check Q42", "check Q42"}, {"help", "help"}, {"help Deploy", "help topic=[Deploy]"},
          {"history webshop production", "history project=[webshop] environment=[production]"},
          {"log 311 \"Smoke test\" web-1", "log D311 step=[Smoke test] target=[web-1]"}, {"log D311", "log D311"},
          {"pending", "pending"}, {"show 42", "show Q42"}, {"status", "status"}, {"status D311", "status D311"},
          {"status webshop", "status topic=[webshop]"}, {"take 42", "take Q42"}, {"take", "take"},
          {"versions webshop", "versions topic=[webshop]"}, {"who Q42", "who Q42"}, {"whoami", "whoami"});
    CHECK(check_refused, {"history", "The project is missing; write: history <project> [environment]"},
          {"pending now", "pending takes no 'now'; write: pending"},
          {"log Q42", "Q42 is a question, and log is for a deployment; write: log D311 [step] [target]"},
          {"take Q42 -- looking", "take takes no note; write: take Q42"},
          {"status webshop production", "status takes no 'production'; write: status [D311 | project]"});
}

static void an_unknown_verb_gets_a_hint(void **state) {
    (void)state;
    CHECK(check_refused, {"", "That is no command; to see what can be said, write: help"},
          {" \xE2\x80\x8B ", "That is no command; to see what can be said, write: help"},
          {"-- note", "That is no command; to see what can be said, write: help"},
          {"rety Q42", "There is no command 'rety'; did you mean: retry"},
          {"xyzzy", "There is no command 'xyzzy'; to see them all, write: help"});
}

static void what_phones_and_chat_clients_make_of_text_is_undone(void **state) {
    (void)state;
    CHECK(check_parsed,
          {"deploy webshop 1.4.2 to production skip \xE2\x80\x9CSmoke test\xE2\x80\x9D", WEBSHOP " skip:Smoke test"},
          {"deploy webshop 1.4.2 to production skip \xE2\x80\x98Smoke\xC2\xA0test\xE2\x80\x99",
           WEBSHOP " skip:Smoke test"},
          {"deploy\xC2\xA0webshop 1.4.2 to\xC2\xA0production \xE2\x80\x94"
           "dry-run",
           WEBSHOP " dry"},
          {"\xEF\xBB\xBF"
           "deploy web\xE2\x80\x8Bshop 1.4.2 to production",
           WEBSHOP},
          {"retry Q42 \xE2\x80\x94 it\xE2\x80\x99s fine", "retry Q42 note=[it\xE2\x80\x99s fine]"},
          {"retry Q42 \xE2\x80\x93 ok", "retry Q42 note=[ok]"},
          {"deploy <https://webshop.example|webshop> 1.4.2 to production", WEBSHOP},
          {"deploy webshop 1.4.2 to production url=<https://x.example/a,b>", WEBSHOP " {url=https://x.example/a,b}"},
          {"retry Q42 -- see <https://x.example|x>", "retry Q42 note=[see <https://x.example|x>]"},
          {"deploy webshop 1.4.2 to production a=don\xE2\x80\x99t", WEBSHOP " {a=don't}"},
          {"deploy webshop 1.4.2 to production skip \"a \xE2\x80\x93 b\"", WEBSHOP " skip:a \xE2\x80\x93 b"});
}

static void text_that_is_no_text_or_too_much_is_refused(void **state) {
    (void)state;
    struct command command;
    struct err err = {0};
    assert_int_equal(command_parse("retry \xFF\xFE", arena, &command, &err), -ERR_INVALID);
    assert_non_null(strstr(err.text, "UTF-8"));

    char long_line[LIMIT_COMMAND_BYTES + 2];
    memset(long_line, 'a', sizeof long_line - 1);
    long_line[sizeof long_line - 1] = '\0';
    assert_int_equal(command_parse(long_line, arena, &command, &err), -ERR_TOO_BIG);
    assert_string_equal(err.text, "That is too long: a command has at most 4000 bytes");

    struct buf many = BUF_INIT(LIMIT_COMMAND_BYTES);
    buf_adds(&many, "retry");
    for (size_t i = 1; i < LIMIT_COMMAND_WORDS; i++) {
        buf_adds(&many, " a");
    }
    assert_int_equal(command_parse(many.data, arena, &command, &err), 0);
    buf_adds(&many, " a");
    assert_int_equal(command_parse(many.data, arena, &command, &err), -ERR_TOO_BIG);
    buf_finish(&many);

    char note[LIMIT_NOTE_BYTES + 64] = "retry -- ";
    memset(note + strlen(note), 'n', LIMIT_NOTE_BYTES);
    assert_int_equal(command_parse(note, arena, &command, &err), 0);
    assert_int_equal(strlen(command.note), LIMIT_NOTE_BYTES);
    note[strlen(note)] = 'n';
    assert_int_equal(command_parse(note, arena, &command, &err), -ERR_TOO_BIG);
}

static void what_is_shown_again_is_short_and_harmless(void **state) {
    (void)state;
    struct command command;
    struct err err = {0};
    char line[400] = "";
    memset(line, 'x', 300);
    assert_int_equal(command_parse(line, arena, &command, &err), -ERR_INVALID);
    assert_non_null(strstr(err.text, "xxx...'; to see them all"));
    assert_true(strlen(err.text) < 120);
    assert_int_equal(command_parse("retry Q42 a\xE2\x80\xAE"
                                   "b",
                                   arena, &command, &err),
                     -ERR_INVALID);
    assert_null(strstr(err.text, "\xE2\x80\xAE"));
    assert_int_equal(command_parse("deploy a b 1 on \xE2\x80\xAE", arena, &command, &err), -ERR_INVALID);
    assert_null(strstr(err.text, "\xE2\x80\xAE"));
}

static void words_of_a_shell_are_understood(void **state) {
    (void)state;
    const struct {
        const char *words[24];
        const char *expected;
    } cases[] = {
        {{"deploy", "webshop", "1.4.2", "to", "production", "--target", "web-1", "--target=web-2", "--exclude-target",
          "web-3", "--skip", "Smoke test", "--input", "A=b c", "--guided-failure", "true", "--dry-run"},
         WEBSHOP " on:web-1+web-2 without:web-3 skip:Smoke test {A=b c} guided dry"},
        {{"deploy", "webshop", "1.4.2", "to", "production", "on", "web-1,web-2", "skip", "Tidy, then rest"},
         WEBSHOP " on:web-1+web-2 skip:Tidy, then rest"},
        {{"deploy", "webshop", "1.4.2", "to", "production", "--guided-failure=false"}, WEBSHOP " unguided"},
        {{"deploy", "webshop", "1.4.2", "to", "production", "--guided-failure=default"}, WEBSHOP},
        {{"retry", "Q42", "--note", "it's fine"}, "retry Q42 note=[it's fine]"},
        {{"retry", "Q42", "web-1", "--", "two", "words"}, "retry Q42 note=[two words] targets:web-1"},
        {{"log", "D311", "Smoke test"}, "log D311 step=[Smoke test]"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t count = 0;
        while (cases[i].words[count]) {
            count++;
        }
        struct command command;
        struct err err = {0};
        assert_int_equal(command_parse_words(cases[i].words, count, arena, &command, &err), 0);
        assert_string_equal(words(&command), cases[i].expected);
    }
    struct command command;
    struct err err = {0};
    const char *const bad[] = {"deploy", "webshop", "1.4.2", "to", "production", "--guided-failure", "maybe"};
    assert_int_equal(command_parse_words(bad, 7, arena, &command, &err), -ERR_INVALID);
    assert_string_equal(err.text,
                        "'maybe' is not a choice for --guided-failure; write: --guided-failure true, false or default");
    assert_int_equal(command_parse_words(bad, 0, arena, &command, &err), -ERR_INVALID);
}

static void the_table_is_sorted_and_each_row_has_its_id(void **state) {
    (void)state;
    size_t count;
    const struct command_entry *table = command_table(&count);
    assert_int_equal(count, COMMAND_COUNT - 1);
    for (size_t i = 0; i < count; i++) {
        assert_ptr_equal(command_entry(table[i].id), &table[i]);
        assert_true(i == 0 || strcmp(table[i - 1].name, table[i].name) < 0);
        assert_true(table[i].permission == 0 || permission_word(table[i].permission));
    }
}

/* The forms that refusals show must themselves be accepted, once the placeholders are filled. */
static void every_usage_without_its_optional_parts_is_accepted(void **state) {
    (void)state;
    size_t count;
    const struct command_entry *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        char line[256];
        size_t length = strcspn(table[i].usage, "[");
        snprintf(line, sizeof line, "%s %.*s", table[i].name, (int)length, table[i].usage);
        for (char *at = line; *at; at++) {
            *at = *at == '<' || *at == '>' ? ' ' : *at;
        }
        assert_int_equal(parsed(line).id, table[i].id);
    }
}

static void help_shows_all_commands_or_one(void **state) {
    (void)state;
    struct buf out = BUF_INIT(64 << 10);
    struct err err = {0};
    assert_int_equal(command_help(NULL, &out, &err), 0);
    size_t count;
    const struct command_entry *table = command_table(&count);
    for (size_t i = 0; i < count; i++) {
        assert_non_null(strstr(out.data, table[i].name));
        assert_non_null(strstr(out.data, table[i].help));
    }
    assert_non_null(strstr(out.data, "fail answers a question"));
    assert_non_null(strstr(out.data, "cancel stops a deployment at any time"));
    assert_non_null(strstr(out.data, "abort refuses an approval"));
    buf_clear(&out);
    assert_int_equal(command_help("Cancel", &out, &err), 0);
    assert_string_equal(out.data,
                        "cancel D311 [-- reason]\n    Stop a deployment at any time.\n    Permission: cancel\n");
    assert_int_equal(command_help("cancle", &out, &err), -ERR_NOT_FOUND);
    assert_string_equal(err.text, "There is no such command; did you mean: help cancel");
    assert_int_equal(command_help("xyzzy", &out, &err), -ERR_NOT_FOUND);
    buf_finish(&out);
}

static void the_reference_is_a_table_of_markdown(void **state) {
    (void)state;
    struct buf out = BUF_INIT(64 << 10);
    command_write_reference(&out);
    assert_non_null(strstr(out.data, "| `status [D311 \\| project]` | Show what runs and what waits. | view |\n"));
    assert_non_null(strstr(out.data, "| `whoami` |"));
    assert_non_null(strstr(out.data, "| everybody |"));
    buf_finish(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(deploy_takes_its_parts_in_any_order_after_the_environment),
        cmocka_unit_test(what_comes_after_a_deployment_is_said_in_plain_words),
        cmocka_unit_test(a_deploy_in_another_order_is_refused_and_shown_as_it_should_be),
        cmocka_unit_test(an_incomplete_deploy_is_shown_what_is_missing),
        cmocka_unit_test(a_clause_that_cannot_be_read_is_refused),
        cmocka_unit_test(an_answer_takes_a_question_targets_and_a_note),
        cmocka_unit_test(an_approval_is_answered_with_words_of_its_own),
        cmocka_unit_test(each_answer_has_its_command),
        cmocka_unit_test(a_number_of_the_wrong_kind_is_refused_and_kept_for_the_caller),
        cmocka_unit_test(the_other_commands_are_read),
        cmocka_unit_test(an_unknown_verb_gets_a_hint),
        cmocka_unit_test(what_phones_and_chat_clients_make_of_text_is_undone),
        cmocka_unit_test(text_that_is_no_text_or_too_much_is_refused),
        cmocka_unit_test(what_is_shown_again_is_short_and_harmless),
        cmocka_unit_test(words_of_a_shell_are_understood),
        cmocka_unit_test(the_table_is_sorted_and_each_row_has_its_id),
        cmocka_unit_test(every_usage_without_its_optional_parts_is_accepted),
        cmocka_unit_test(help_shows_all_commands_or_one),
        cmocka_unit_test(the_reference_is_a_table_of_markdown),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
