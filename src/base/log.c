#include "base/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/str.h"

enum { FIELDS_MAX = 32, VALUE_MAX = 4 << 10, LINE_MAX_BYTES = 1 << 20 };

/* A byte of a value is at most six in JSON, "\u001b"; so no line is cut. */
static_assert((FIELDS_MAX + 1) * (VALUE_MAX * 6 + 200) < LINE_MAX_BYTES, "a full line fits");

static const struct {
    const char *word;
    const char *journal; /* sd-daemon(3) */
} levels[] = {
    [LOG_DEBUG] = {"debug", "<7>"},
    [LOG_INFO] = {"info", "<6>"},
    [LOG_WARN] = {"warn", "<4>"},
    [LOG_ERROR] = {"error", "<3>"},
};

static enum log_level lowest = LOG_INFO;
static enum { FORM_UNDECIDED, FORM_PLAIN, FORM_JSON } form;

void log_set_level(enum log_level level) {
    lowest = level;
}

void log_set_json(bool json) {
    form = json ? FORM_JSON : FORM_PLAIN;
}

/* The variable is inherited by processes whose standard error goes elsewhere, so systemd puts the file into it. */
static bool is_journal(void) {
    const char *journal = getenv("JOURNAL_STREAM");
    struct stat status;
    if (journal == NULL || fstat(STDERR_FILENO, &status) != 0) {
        return false;
    }
    char own[64];
    (void)snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)status.st_dev, (uintmax_t)status.st_ino);
    return str_equal(journal, own);
}

/* Masks before it cuts: half a secret would not be found. */
static void masked(struct buf *out, const char *text) {
    size_t size = strlen(text);
    struct buf whole = BUF_INIT(size);
    log_mask_text(&whole, text, size);
    buf_add(out, whole.data, str_utf8_cut(whole.data, whole.size, VALUE_MAX));
    buf_finish(&whole);
}

static void write_json(struct buf *line, enum log_level level, const struct buf *message,
                       const struct log_field *fields) {
    struct json_out out = {.buf = line};
    struct buf text = BUF_INIT(VALUE_MAX);
    clock_iso(&text, clock_wall_ms());
    json_object_begin(&out, NULL);
    json_add_string(&out, "ts", text.data);
    json_add_string(&out, "level", levels[level].word);
    json_add_bytes(&out, "msg", message->data, message->size);
    for (size_t i = 0; i < FIELDS_MAX && fields[i].key != NULL; i++) {
        const struct log_field *field = &fields[i];
        if (field->is_number) {
            json_add_int(&out, field->key, field->number);
        } else if (field->text == NULL) {
            json_add_null(&out, field->key);
        } else {
            buf_clear(&text);
            masked(&text, field->text);
            json_add_bytes(&out, field->key, text.data, text.size);
        }
    }
    json_object_end(&out);
    buf_finish(&text);
}

/* Text for a terminal, on one line; in quotes if it would not be seen where it ends. */
static void add_plain(struct buf *line, const struct buf *text, bool value) {
    struct buf shown = BUF_INIT(VALUE_MAX * 3);
    str_show(&shown, text->data, text->size);
    if (value && (shown.size == 0 || strpbrk(shown.data, " \t\n\"=\\") != NULL)) {
        str_json(line, shown.data, shown.size);
    } else {
        for (size_t i = 0; i < shown.size; i++) {
            buf_addc(line, shown.data[i] == '\n' ? ' ' : shown.data[i]);
        }
    }
    buf_finish(&shown);
}

static void write_plain(struct buf *line, enum log_level level, const struct buf *message,
                        const struct log_field *fields) {
    struct buf text = BUF_INIT(VALUE_MAX);
    clock_iso(&text, clock_wall_ms());
    buf_printf(line, "%.10s %.12sZ %-5s ", text.data, text.data + strlen("2026-01-05T"), levels[level].word);
    add_plain(line, message, false);
    for (size_t i = 0; i < FIELDS_MAX && fields[i].key != NULL; i++) {
        const struct log_field *field = &fields[i];
        buf_printf(line, " %s=", field->key);
        if (field->is_number) {
            buf_printf(line, "%" PRId64, field->number);
        } else if (field->text != NULL) {
            buf_clear(&text);
            masked(&text, field->text);
            add_plain(line, &text, true);
        }
    }
    buf_finish(&text);
}

/* A line that cannot be written is lost: there is nobody else to tell. */
static void write_line(const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(STDERR_FILENO, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return;
        }
        data += written;
        size -= (size_t)written;
    }
}

void log_event(enum log_level level, const char *message, const struct log_field *fields) {
    if (level < lowest) {
        return;
    }
    if (form == FORM_UNDECIDED) {
        log_set_json(!isatty(STDERR_FILENO));
    }
    int saved = errno; /* so that a caller can log first and look at errno then */
    struct buf line = BUF_INIT(LINE_MAX_BYTES);
    struct buf text = BUF_INIT(VALUE_MAX);
    masked(&text, message);
    if (is_journal()) {
        buf_adds(&line, levels[level].journal);
    }
    if (form == FORM_JSON) {
        write_json(&line, level, &text, fields);
    } else {
        write_plain(&line, level, &text, fields);
    }
    buf_addc(&line, '\n');
    write_line(line.data, line.size);
    buf_finish(&text);
    buf_finish(&line);
    errno = saved;
}
