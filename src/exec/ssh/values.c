#include "values.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

static const char name_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

/* What is safe as part of a path on the target. */
static bool is_name(const char *text, size_t size) {
    return size > 0 && text[0] != '.' && strspn(text, name_bytes) >= size;
}

/* <installation>/<deployment>/<run> */
static bool is_run(const char *run) {
    const char *first = strchr(run, '/');
    const char *second = first ? strchr(first + 1, '/') : NULL;

    return second && is_name(run, (size_t)(first - run)) && is_name(first + 1, (size_t)(second - first - 1)) &&
           is_name(second + 1, strlen(second + 1));
}

/* What a shell may not let anybody set. */
static bool is_readonly(const char *pair) {
    static const char *const names[] = {"UID=", "EUID=", "PPID=", "SHELLOPTS=", "BASHOPTS=", "BASH_VERSINFO="};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strncmp(pair, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* A name that any shell exports. */
static bool is_variable(const char *pair) {
    size_t size = strcspn(pair, "=");

    for (size_t i = 0; i < size; i++) {
        if (!isalpha((unsigned char)pair[i]) && pair[i] != '_' && (i == 0 || !isdigit((unsigned char)pair[i]))) {
            return false;
        }
    }
    return size > 0;
}

const char *values_refusal(const struct instructions *in) {
    if (!in->ssh.destination || in->ssh.destination[0] == '-') {
        return "there is no destination, or it begins with -";
    }
    if (in->user) {
        return "the user of a step over ssh is that of its connection";
    }
    if (in->ssh.known_hosts && strpbrk(in->ssh.known_hosts, "\"\n")) {
        return "the path of known_hosts has a quotation mark or a newline";
    }
    if (in->ssh.work && strcmp(in->ssh.work, "probe") == 0) {
        return NULL;
    }
    if (!in->script && (!in->ssh.work || strcmp(in->ssh.work, "start") == 0)) {
        return "there is no script";
    }
    if (!in->ssh.run || !is_run(in->ssh.run)) {
        return "the name of the run on the target is not <installation>/<deployment>/<run>";
    }
    if (in->target_lock && !is_name(in->target_lock, strlen(in->target_lock))) {
        return "the name of the target's lock has other bytes than letters, digits, dot, dash and underscore";
    }
    for (size_t i = 0; i < in->env_count; i++) {
        if (!is_variable(in->env[i])) {
            return "an environment variable has a name that a shell does not take";
        }
        if (is_readonly(in->env[i])) {
            return "an environment variable has a name that a shell keeps for itself, such as UID";
        }
    }
    return NULL;
}

/* A space is taken off at either end of a line by `read`; a byte beyond ASCII means different things to different shells. */
static bool is_plain(const char *value, size_t at, size_t size) {
    unsigned char byte = (unsigned char)value[at];

    return byte == ' ' ? at > 0 && at + 1 < size : byte > ' ' && byte < 127 && byte != '\\';
}

static void value_write(struct outbox *outbox, const char *key, const char *value) {
    size_t size = strlen(value), from = 0;

    outbox_print(outbox, "value %s ", key);
    for (size_t at = 0; at < size; at++) {
        if (!is_plain(value, at, size)) {
            outbox_add(outbox, value + from, at - from);
            outbox_print(outbox, "\\0%03o", (unsigned)(unsigned char)value[at]);
            from = at + 1;
        }
    }
    outbox_add(outbox, value + from, size - from);
    outbox_add(outbox, "\n", 1);
}

void values_write(struct outbox *outbox, const struct instructions *in) {
    value_write(outbox, "script", in->script);
    value_write(outbox, "work-dir", in->work_dir ? in->work_dir : "");
    value_write(outbox, "target-lock", in->target_lock ? in->target_lock : "");
    outbox_print(outbox, "value timeout-ms %" PRId64 "\nvalue quiet-ms %" PRId64 "\nvalue kill-ms %" PRId64 "\n",
                 in->timeout_ms, in->quiet_ms, in->kill_ms);
    for (size_t i = 0; i < in->env_count; i++) {
        value_write(outbox, "env", in->env[i]);
    }
    outbox_print(outbox, "value end\n");
}
