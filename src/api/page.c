#include "page.h"

#include <stdio.h>
#include <string.h>

#include "api/assets.h"
#include "base/file.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/str.h"
#include "config/config.h"

enum { TAG_SIZE = 72 };

static const char *content_type(const char *path) {
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".html", "text/html; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".mjs", "text/javascript; charset=utf-8"},
        {".json", "application/json"},
        {".webmanifest", "application/manifest+json"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
    };
    size_t size = strlen(path);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        size_t ending = strlen(types[i].ending);
        if (size > ending && str_equal(path + size - ending, types[i].ending)) {
            return types[i].type;
        }
    }
    return "text/plain; charset=utf-8";
}

/* Browsers ask each time, and hear "not modified" when the tag is the same: a new version of the program is seen at
 * once. */
static void send(struct call *call, const char *type, const char *tag, const void *bytes, size_t size) {
    char quoted[TAG_SIZE];
    (void)snprintf(quoted, sizeof quoted, "\"%s\"", tag);
    const struct web_header_line lines[] = {{"Content-Type", type}, {"ETag", quoted}, {"Cache-Control", "no-cache"}};
    const char *known = web_header(call->request, "If-None-Match");
    bool same = known != NULL && strstr(known, quoted) != NULL;
    call_answer_bytes(call, same ? 304 : 200, lines, sizeof lines / sizeof lines[0], bytes, same ? 0 : size);
}

bool page_path_is_plain(const char *path) {
    if (path[0] != '/') {
        return false;
    }
    for (const char *part = path; *part == '/';) {
        size_t size = strcspn(++part, "/");
        if (size == 0 || part[0] == '.' || strcspn(part, "\\") < size) {
            return false;
        }
        part += size;
    }
    return true;
}

static void send_from_folder(struct call *call, const char *path) {
    struct buf content = BUF_INIT(LIMIT_HTTP_RESPONSE_BYTES);
    char tag[ID_DIGEST_SIZE];
    struct err err;
    if (!page_path_is_plain(path) || file_read(arena_printf(call->arena, "%s%s", call->api->web_dir, path),
                                               LIMIT_HTTP_RESPONSE_BYTES, &content, &err) < 0) {
        call_refuse(call, ERR_NOT_FOUND, "There is nothing at %.200s.", path);
    } else {
        id_digest(tag, content.data, content.size);
        send(call, content_type(path), tag, content.data, content.size);
    }
    buf_finish(&content);
}

static void send_file(struct call *call, const char *path) {
    if (call->api->web_dir != NULL) {
        send_from_folder(call, path);
        return;
    }
    for (size_t i = 0; i < assets_count; i++) {
        if (str_equal(assets[i].path, path)) {
            send(call, assets[i].content_type, assets[i].tag, assets[i].bytes, assets[i].size);
            return;
        }
    }
    call_refuse(call, ERR_NOT_FOUND, "There is nothing at %.200s.", path);
}

/* It tells what keys there are, and nothing of this server's configuration. */
void page_schema(struct call *call) {
    struct buf schema = BUF_INIT(LIMIT_HTTP_RESPONSE_BYTES);
    char tag[ID_DIGEST_SIZE];
    config_write_schema(&schema);
    id_digest(tag, schema.data, schema.size);
    send(call, "application/schema+json", tag, schema.data, schema.size);
    buf_finish(&schema);
}

void page_index(struct call *call) {
    send_file(call, "/index.html");
}

void page_file(struct call *call) {
    send_file(call, call->path);
}
