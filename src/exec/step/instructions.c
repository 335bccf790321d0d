#include "instructions.h"

#include "process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

enum kind { KIND_TEXT, KIND_NUMBER, KIND_ENV, KIND_SECRET, KIND_OPTION, KIND_END };

/* One row a key. A text has at most `max` bytes, a number lies between `min` and `max`. */
static const struct key {
    const char *name;
    enum kind kind;
    size_t offset; /* of the member that takes the value */
    int64_t min;
    int64_t max;
} keys[] = {
    {"target-lock", KIND_TEXT, offsetof(struct instructions, target_lock), 0, 4095},
    {"script", KIND_TEXT, offsetof(struct instructions, script), 0, LIMIT_SCRIPT_BYTES},
    {"work-dir", KIND_TEXT, offsetof(struct instructions, work_dir), 0, 4095},
    {"user", KIND_TEXT, offsetof(struct instructions, user), 0, 255},
    {"env", KIND_ENV, 0, 0, INSTRUCTIONS_VALUE_BYTES - 1},
    {"secret", KIND_SECRET, 0, 0, LIMIT_SECRET_BYTES},
    {"timeout-ms", KIND_NUMBER, offsetof(struct instructions, timeout_ms), 0, INT64_C(1000000000000)},
    {"quiet-ms", KIND_NUMBER, offsetof(struct instructions, quiet_ms), 0, INT64_C(1000000000000)},
    {"kill-ms", KIND_NUMBER, offsetof(struct instructions, kill_ms), 0, INT64_C(1000000000000)},
    {"segment-bytes", KIND_NUMBER, offsetof(struct instructions, segment_bytes), 1, INSTRUCTIONS_SEGMENT_BYTES},
    {"head-segments", KIND_NUMBER, offsetof(struct instructions, head_segments), 0, INSTRUCTIONS_SEGMENTS},
    {"tail-segments", KIND_NUMBER, offsetof(struct instructions, tail_segments), 1, INSTRUCTIONS_SEGMENTS},
    {"work", KIND_TEXT, offsetof(struct instructions, ssh.work), 0, 16},
    {"ssh-destination", KIND_TEXT, offsetof(struct instructions, ssh.destination), 0, 1023},
    {"ssh-run", KIND_TEXT, offsetof(struct instructions, ssh.run), 0, 255},
    {"ssh-program", KIND_TEXT, offsetof(struct instructions, ssh.program), 0, 4095},
    {"ssh-config", KIND_TEXT, offsetof(struct instructions, ssh.config), 0, 4095},
    {"ssh-known-hosts", KIND_TEXT, offsetof(struct instructions, ssh.known_hosts), 0, 4095},
    {"ssh-control", KIND_TEXT, offsetof(struct instructions, ssh.control), 0, 4095},
    {"ssh-option", KIND_OPTION, 0, 0, 4095},
    {"end", KIND_END, 0, 0, 0},
};

enum { KEY_COUNT = sizeof keys / sizeof keys[0], KEY_BYTES = 16, DIGITS = 13 };

static const char *record_next(char **cursor, const char *end, const struct key **ret_key, char **ret_value,
                               size_t *ret_size);
static const char *value_take(struct instructions *in, const struct key *key, char *value, size_t size);

const char *instructions_parse(struct instructions *ret, char *text, size_t size) {
    bool seen[KEY_COUNT] = {false};
    const char *end = text + size;

    memset(ret, 0, sizeof *ret);
    ret->kill_ms = LIMIT_KILL_MS;
    ret->segment_bytes = LIMIT_OUTPUT_SEGMENT;
    ret->head_segments = LIMIT_OUTPUT_SEGMENTS_HEAD;
    ret->tail_segments = LIMIT_OUTPUT_SEGMENTS_TAIL;

    for (;;) {
        const struct key *key;
        char *value;
        size_t value_size;
        const char *problem = record_next(&text, end, &key, &value, &value_size);
        if (problem) {
            return problem;
        }
        if (key->kind != KIND_ENV && key->kind != KIND_SECRET && key->kind != KIND_OPTION) {
            if (seen[key - keys]) {
                return "an instruction is given twice";
            }
            seen[key - keys] = true;
        }
        if (key->kind == KIND_END) {
            break;
        }
        problem = value_take(ret, key, value, value_size);
        if (problem) {
            return problem;
        }
    }
    if (text != end) {
        return "something follows the end of the instructions";
    }
    return ret->script || ret->ssh.destination ? NULL : "there is no script";
}

ssize_t instructions_read(int signal_fd, char *text) {
    struct pollfd watched[] = {{.fd = 0, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};
    ssize_t size = 0;

    while (size <= INSTRUCTIONS_BYTES) {
        (void)poll(watched, 2, -1);
        if (process_canceled(signal_fd, 0)) {
            return -ECANCELED;
        }
        ssize_t count = watched[0].revents ? read(0, text + size, (size_t)(INSTRUCTIONS_BYTES + 1 - size)) : -1;
        if (count == 0) {
            return size;
        }
        if (count < 0 && watched[0].revents && errno != EINTR && errno != EAGAIN) {
            return -errno;
        }
        size += count > 0 ? count : 0;
    }
    return -E2BIG;
}

static bool decimal_parse(const char *text, size_t size, int64_t *ret) {
    int64_t number = 0;

    if (size == 0 || size > DIGITS) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9') {
            return false;
        }
        number = number * 10 + (text[i] - '0');
    }
    *ret = number;
    return true;
}

static const struct key *key_find(const char *name, size_t size) {
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strlen(keys[i].name) == size && memcmp(keys[i].name, name, size) == 0) {
            return &keys[i];
        }
    }
    return NULL;
}

/*
 * Takes one record and ends its value with a zero byte, in the place of its newline. When the worker dies while it
 * writes, the text ends anywhere: that is why a complete text closes with an end record.
 */
static const char *record_next(char **cursor, const char *end, const struct key **ret_key, char **ret_value,
                               size_t *ret_size) {
    char *at = *cursor;
    size_t left = (size_t)(end - at);
    size_t head = left < KEY_BYTES + DIGITS + 2 ? left : KEY_BYTES + DIGITS + 2;
    char *newline = head ? memchr(at, '\n', head) : NULL;
    char *space = newline ? memchr(at, ' ', (size_t)(newline - at)) : NULL;
    int64_t size;

    if (!space) {
        return left == 0 ? "the instructions are cut off" : "an instruction does not begin with a key and a size";
    }
    if (!decimal_parse(space + 1, (size_t)(newline - space - 1), &size)) {
        return "the size of an instruction is no number";
    }
    const struct key *key = key_find(at, (size_t)(space - at));
    if (!key) {
        return "an instruction is unknown";
    }
    if (size > (key->kind == KIND_NUMBER ? DIGITS : key->max)) {
        return "an instruction is too long";
    }
    char *value = newline + 1;
    if (size >= end - value) {
        return "the instructions are cut off";
    }
    if (value[size] != '\n') {
        return "an instruction is longer than its size";
    }
    value[size] = '\0';
    *ret_key = key;
    *ret_value = value;
    *ret_size = (size_t)size;
    *cursor = value + size + 1;
    return NULL;
}

static const char *secret_take(struct instructions *in, const char *value, size_t size) {
    if (in->secret_count == LIMIT_SECRETS || in->secret_bytes + size > INSTRUCTIONS_SECRET_BYTES) {
        return "there are too many secrets";
    }
    in->secrets[in->secret_count++] = (struct instructions_secret){.bytes = value, .size = size};
    in->secret_bytes += size;
    return NULL;
}

static const char *value_take(struct instructions *in, const struct key *key, char *value, size_t size) {
    char *member = (char *)in + key->offset;
    int64_t number;

    if (key->kind == KIND_SECRET) {
        return secret_take(in, value, size);
    }
    if (memchr(value, '\0', size)) {
        return "an instruction has a zero byte";
    }
    if (key->kind == KIND_ENV) {
        if (value[0] == '=' || !strchr(value, '=')) {
            return "an environment variable is not NAME=value";
        }
        if (in->env_count == INSTRUCTIONS_ENV) {
            return "there are too many environment variables";
        }
        in->env[in->env_count++] = value;
        return NULL;
    }
    if (key->kind == KIND_OPTION) {
        if (value[0] == '=' || !strchr(value, '=') || in->ssh.option_count == INSTRUCTIONS_SSH_OPTIONS) {
            return "an option of ssh is not Keyword=value, or there are too many";
        }
        in->ssh.options[in->ssh.option_count++] = value;
        return NULL;
    }
    if (key->kind == KIND_TEXT) {
        if (size == 0) {
            return "an instruction is empty";
        }
        memcpy(member, &value, sizeof value);
        return NULL;
    }
    if (!decimal_parse(value, size, &number) || number < key->min || number > key->max) {
        return "a number in the instructions is out of range";
    }
    memcpy(member, &number, sizeof number);
    return NULL;
}
