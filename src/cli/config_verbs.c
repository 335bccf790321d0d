#include "config_verbs.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "app/inventories.h"
#include "base/file.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/str.h"
#include "config/config.h"
#include "config_online.h"

int config_find_path(const struct options *options, const char **ret_path, struct err *err) {
    static const char *const PLACES[] = {"guidepost.yaml", "/etc/guidepost"};
    const char *given = option_value(options, OPTION_CONFIG);
    if (given) {
        *ret_path = given;
        return 0;
    }
    for (size_t i = 0; i < sizeof PLACES / sizeof *PLACES; i++) {
        if (access(PLACES[i], R_OK) == 0) {
            *ret_path = PLACES[i];
            return 0;
        }
    }
    return err_set(err, ERR_NOT_FOUND,
                   "There is neither ./guidepost.yaml nor /etc/guidepost. Name a configuration with --config, or begin "
                   "with: guidepost demo");
}

/* Lines "error: ..." as an array of what is behind. */
static void write_errors(const char *lines, struct json_out *json) {
    static const char mark[] = "error: ";
    for (size_t size; *lines != '\0'; lines += size + (lines[size] == '\n')) {
        lines += str_starts(lines, mark) ? sizeof mark - 1 : 0;
        size = strcspn(lines, "\n");
        json_add_bytes(json, NULL, lines, size);
    }
}

/* troubles: of inventories, a line each. online: what was found there, as the text of an array; "" = nothing was asked. */
static void write_problems(const struct config_problems *problems, bool ok, const char *troubles, const char *online,
                           struct buf *out) {
    struct json_out json = {.buf = out};
    json_object_begin(&json, NULL);
    json_add_bool(&json, "ok", ok);
    json_array_begin(&json, "problems");
    for (size_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        json_object_begin(&json, NULL);
        json_add_string(&json, "file", problem->file);
        json_add_int(&json, "line", problem->line);
        json_add_int(&json, "column", problem->column);
        json_add_string(&json, "level", problem->warning ? "warning" : "error");
        json_add_string(&json, "text", problem->text);
        json_object_end(&json);
    }
    json_array_end(&json);
    json_array_begin(&json, "inventories");
    write_errors(troubles, &json);
    json_array_end(&json);
    if (*online != '\0') {
        json_add_raw(&json, "online", online);
    }
    json_object_end(&json);
    buf_addc(out, '\n');
}

static void say_right(const struct terminal *terminal, const char *path, const struct config *config) {
    terminal_say(terminal, "%s is right: %zu project%s, %zu environment%s, %zu target%s.", path, config->project_count,
                 config->project_count == 1 ? "" : "s", config->environment_count,
                 config->environment_count == 1 ? "" : "s", config->target_count, config->target_count == 1 ? "" : "s");
}

/* For people: what is known is said at once. */
static bool check_in_words(const struct terminal *terminal, const char *path, const struct config *config,
                           const struct config_problems *problems, const char *troubles, bool online) {
    struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
    config_problems_write(problems, &text);
    buf_printf(&text, "%s", troubles);
    terminal_write(terminal, stdout, TERMINAL_PLAIN, text.data);
    buf_finish(&text);
    if (config != NULL && *troubles == '\0') {
        say_right(terminal, path, config);
    }
    return config != NULL && (!online || config_online_check(config, terminal, NULL));
}

static bool check_in_json(const struct terminal *terminal, const struct config *config,
                          const struct config_problems *problems, const char *troubles, bool online) {
    struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES), found = BUF_INIT(LIMIT_CONFIG_BYTES);
    bool ok = config != NULL && *troubles == '\0';
    if (config != NULL && online) {
        struct json_out json = {.buf = &found};
        json_array_begin(&json, NULL);
        ok = config_online_check(config, terminal, &json) && ok;
        json_array_end(&json);
    }
    write_problems(problems, ok, troubles, found.data, &text);
    terminal_write(terminal, stdout, TERMINAL_PLAIN, text.data);
    buf_finish(&text);
    buf_finish(&found);
    return ok;
}

static void take_config(struct config *config, void *user) {
    struct config **now = user;
    config_unref(*now);
    *now = config;
}

/* Asks the inventories too: what they list is part of the configuration. A line in `troubles` for each that can't be read. */
static void add_inventories(struct config **config, struct buf *troubles) {
    struct config *now = NULL;
    log_set_level(LOG_ERROR); /* What is wrong is said here. */
    struct loop *loop = loop_create();
    struct inventories *inventories =
        inventories_create(&(struct inventories_options){.loop = loop, .changed = take_config, .user = &now});
    take_config(inventories_use(inventories, *config), &now);
    inventories_wait(inventories);
    (void)inventories_write_troubles(inventories, troubles);
    inventories_destroy(inventories);
    (void)loop_destroy(loop);
    take_config(now, config);
}

static int import(struct invocation *invocation, const char *kind, const char *path) {
    struct buf text = BUF_INIT(8 * LIMIT_CONFIG_BYTES), out = BUF_INIT(8 * LIMIT_CONFIG_BYTES);
    struct err err;
    int r = file_read(path, 8 * LIMIT_CONFIG_BYTES, &text, &err);
    if (r == 0 && str_equal(kind, "ssh")) {
        config_import_ssh(text.data, &out);
    } else if (r == 0) {
        r = config_import_ansible(text.data, text.size, &out, &err);
    }
    (void)fputs(out.data, stdout);
    buf_finish(&text);
    buf_finish(&out);
    return r < 0 ? terminal_fail(&invocation->terminal, &err) : 0;
}

static int check(const struct invocation *invocation, const char *path) {
    const struct terminal *terminal = &invocation->terminal;
    bool online = option_given(&invocation->options, OPTION_ONLINE);
    struct config_problems problems = {0};
    struct config *config = config_load(path, &problems);
    struct buf troubles = BUF_INIT(LIMIT_MESSAGE_BYTES);
    if (config != NULL && config->inventory_count > 0) {
        add_inventories(&config, &troubles);
    }
    bool ok = option_given(&invocation->options, OPTION_JSON)
                  ? check_in_json(terminal, config, &problems, troubles.data, online)
                  : check_in_words(terminal, path, config, &problems, troubles.data, online);
    ok = ok && troubles.size == 0;
    buf_finish(&troubles);
    config_problems_finish(&problems);
    config_unref(config);
    return ok ? 0 : 1;
}

static int print(void (*write)(struct buf *out)) {
    struct buf text = BUF_INIT(LIMIT_CONFIG_BYTES);
    write(&text);
    (void)fputs(text.data, stdout);
    buf_finish(&text);
    return 0;
}

int config_verb_run(struct invocation *invocation) {
    const struct options *options = &invocation->options;
    const char *what = options->word_count > 0 ? options->words[0] : "";
    const char *path = NULL;
    struct err err;
    if (str_equal(what, "docs") && options->word_count == 1) {
        return print(config_write_reference);
    }
    if (str_equal(what, "schema") && options->word_count == 1) {
        return print(config_write_schema);
    }
    const char *kind = options->word_count > 1 ? options->words[1] : "";
    if (str_equal(what, "import") && options->word_count <= 3 &&
        (str_equal(kind, "ansible") || str_equal(kind, "ssh"))) {
        return import(invocation, kind, options->word_count == 3 ? options->words[2] : "/dev/stdin");
    }
    if (!str_equal(what, "check") || options->word_count > 2) {
        (void)err_set(
            &err, ERR_INVALID,
            "That is no use of config; write: guidepost config check [file], config import ansible|ssh [file], "
            "config docs or config schema");
        return terminal_fail(&invocation->terminal, &err);
    }
    if (options->word_count == 2) {
        path = options->words[1];
    } else if (config_find_path(options, &path, &err) < 0) {
        return terminal_fail(&invocation->terminal, &err);
    }
    return check(invocation, path);
}
