/* The completion scripts of three shells, from the tables of verbs and options. Names and helps hold no quote. */

#include "help.h"

#include "base/str.h"

static bool takes(const struct verb *verb, size_t id) {
    return (verb->options >> id & 1) != 0;
}

static bool is_path(const struct option *option) {
    return str_equal(option->value, "FILE") || str_equal(option->value, "DIR");
}

/* --config|--state-dir|...: options whose value is a path. */
static void write_paths(const char *between, struct buf *out) {
    bool first = true;
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        if (is_path(option_entry((enum option_id)id))) {
            buf_printf(out, "%s--%s", first ? "" : between, option_entry((enum option_id)id)->name);
            first = false;
        }
    }
}

static void write_bash(const struct verb *verbs, size_t count, struct buf *out) {
    buf_adds(out, "# bash completion for guidepost. Load it by: source <(guidepost completion bash)\n"
                  "_guidepost() {\n"
                  "    local word=${COMP_WORDS[COMP_CWORD]} words=\n"
                  "    case ${COMP_WORDS[COMP_CWORD - 1]} in\n"
                  "        ");
    write_paths(" | ", out);
    buf_adds(out, ")\n"
                  "            COMPREPLY=($(compgen -f -- \"$word\"))\n"
                  "            return ;;\n"
                  "    esac\n"
                  "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
                  "        words='");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : " ", verbs[i].name);
    }
    buf_adds(out, "'\n"
                  "    else\n"
                  "        case ${COMP_WORDS[1]} in\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "            %s) words='", verbs[i].name);
        for (size_t id = 0; id < OPTION_COUNT; id++) {
            if (takes(&verbs[i], id)) {
                buf_printf(out, " --%s", option_entry((enum option_id)id)->name);
            }
        }
        buf_adds(out, "' ;;\n");
    }
    buf_adds(out, "        esac\n"
                  "    fi\n"
                  "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
                  "}\n"
                  "complete -F _guidepost guidepost\n");
}

/* In a specification of _arguments brackets hold the help and colons divide. */
static void write_zsh_help(const char *help, struct buf *out) {
    for (; *help; help++) {
        buf_adds(out, *help == ':' || *help == '[' || *help == ']' ? "\\" : "");
        buf_addc(out, *help);
    }
}

static void write_zsh(const struct verb *verbs, size_t count, struct buf *out) {
    buf_adds(out, "#compdef guidepost\n"
                  "# zsh completion for guidepost. Put it as _guidepost into a folder of $fpath.\n"
                  "_guidepost() {\n"
                  "    local -a verbs=(\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "        '%s:", verbs[i].name);
        write_zsh_help(verb_help(&verbs[i]), out);
        buf_adds(out, "'\n");
    }
    buf_adds(out, "    )\n"
                  "    if ((CURRENT == 2)); then\n"
                  "        _describe verb verbs\n"
                  "        return\n"
                  "    fi\n"
                  "    case $words[2] in\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "        %s) _arguments", verbs[i].name);
        for (size_t id = 0; id < OPTION_COUNT; id++) {
            const struct option *option = option_entry((enum option_id)id);
            if (takes(&verbs[i], id)) {
                buf_printf(out, " '*--%s%s[", option->name, option->value ? "=" : "");
                write_zsh_help(option->help, out);
                buf_printf(out, "]%s%s%s'", option->value ? ":" : "", option->value ? option->value : "",
                           is_path(option) ? ":_files"
                           : option->value ? ": "
                                           : "");
            }
        }
        buf_adds(out, " ;;\n");
    }
    buf_adds(out, "    esac\n"
                  "}\n"
                  "_guidepost \"$@\"\n");
}

static void write_fish(const struct verb *verbs, size_t count, struct buf *out) {
    buf_adds(out, "# fish completion for guidepost. Load it by: guidepost completion fish | source\n"
                  "complete -c guidepost -f\n");
    for (size_t i = 0; i < count; i++) {
        buf_printf(out, "complete -c guidepost -n __fish_use_subcommand -a %s -d '%s'\n", verbs[i].name,
                   verb_help(&verbs[i]));
    }
    for (size_t id = 0; id < OPTION_COUNT; id++) {
        const struct option *option = option_entry((enum option_id)id);
        struct buf users = BUF_INIT(1024);
        for (size_t i = 0; i < count; i++) {
            if (takes(&verbs[i], id)) {
                buf_printf(&users, " %s", verbs[i].name);
            }
        }
        if (users.size > 0) {
            buf_printf(out, "complete -c guidepost -n '__fish_seen_subcommand_from%s' -l %s%s -d '%s'\n", users.data,
                       option->name,
                       is_path(option) ? " -r -F"
                       : option->value ? " -x"
                                       : "",
                       option->help);
        }
        buf_finish(&users);
    }
}

int help_write_completion(const char *shell, struct buf *out, struct err *err) {
    static const struct {
        const char *name;
        void (*write)(const struct verb *verbs, size_t count, struct buf *out);
    } SHELLS[] = {{"bash", write_bash}, {"fish", write_fish}, {"zsh", write_zsh}};
    size_t count;
    const struct verb *verbs = verb_table(&count);
    for (size_t i = 0; i < sizeof SHELLS / sizeof *SHELLS; i++) {
        if (str_equal(SHELLS[i].name, shell)) {
            SHELLS[i].write(verbs, count, out);
            return 0;
        }
    }
    return err_set(err, ERR_INVALID, "There is no completion for '%s'; write: guidepost completion bash|zsh|fish",
                   shell);
}
