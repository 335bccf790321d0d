#include "blocks.h"

#include <string.h>

#include "base/limits.h"
#include "base/str.h"
#include "block.h"

enum { REPLY_UNITS = 2900 /* in one block */, REPLY_BLOCKS = 4 };

/* As much as goes into one block, up to the end of a line if there is one. */
static size_t reply_part(const char *data, size_t size, enum text_kind kind) {
    size_t part = text_fit(data, size, kind, REPLY_UNITS);
    const char *line = part < size ? memrchr(data, '\n', part) : NULL;
    return line != NULL && line > data ? (size_t)(line - data) : part;
}

/* Harmless text as sections, or as it is laid out. */
static void write_parts(const char *data, size_t size, enum text_kind kind, struct json_out *out) {
    for (size_t blocks = 0; size > 0 && blocks < REPLY_BLOCKS; blocks++) {
        size_t part = reply_part(data, size, kind);
        if (kind == TEXT_PLAIN) {
            block_write_output(data, part, out);
        } else {
            struct buf copy = BUF_INIT(LIMIT_SLACK_SECTION * 4);
            struct text text;
            buf_add(&copy, data, part);
            text_begin(&text, TEXT_MRKDWN, LIMIT_SLACK_SECTION);
            text_add(&text, copy.data);
            block_write_section(&text, out);
            buf_finish(&copy);
        }
        part += part < size && data[part] == '\n';
        data += part;
        size -= part;
    }
    if (size > 0) {
        struct text text;
        text_begin(&text, TEXT_MRKDWN, LIMIT_SLACK_CONTEXT);
        text_markup(&text, "There is more than a message can hold.");
        block_write_context(&text, out);
    }
}

/* The first line says what it is of, the end of the output is what counts. */
static void write_output(const char *text, struct json_out *out) {
    const char *line = strchr(text, '\n');
    size_t head = line == NULL ? strlen(text) : (size_t)(line - text);
    struct buf tail = BUF_INIT(REPLY_BLOCKS * REPLY_UNITS * 4);
    write_parts(text, head, TEXT_MRKDWN, out);
    text_tail(text + head, (REPLY_BLOCKS - 1) * REPLY_UNITS, &tail);
    size_t blank = strspn(tail.data, "\n");
    write_parts(tail.data + blank, tail.size - blank, TEXT_PLAIN, out);
    buf_finish(&tail);
}

void blocks_reply(const struct operation_reply *reply, enum command_id command, struct json_out *out) {
    struct buf shown = BUF_INIT(strlen(reply->text) * 3 + LIMIT_NAME_BYTES);
    if (reply->err != NULL) {
        bool refused = reply->err->code == ERR_DENIED || reply->err->code == ERR_UNAUTHENTICATED;
        buf_adds(&shown, refused ? ":lock: " : ":warning: ");
    }
    str_show(&shown, reply->text, strlen(reply->text));
    text_write_message(reply->text, LIMIT_SLACK_TEXT, out, "text");
    json_array_begin(out, "blocks");
    if (reply->err == NULL && command == COMMAND_LOG) {
        write_output(shown.data, out);
    } else {
        write_parts(shown.data, shown.size, reply->err == NULL && command == COMMAND_HELP ? TEXT_PLAIN : TEXT_MRKDWN,
                    out);
    }
    json_array_end(out);
    buf_finish(&shown);
}
