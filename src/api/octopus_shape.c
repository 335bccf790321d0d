#include "octopus_shape.h"

#include <stdarg.h>
#include <string.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"

enum { PAGE = 30, PAGE_MOST = 1000 };

/* --- words -------------------------------------------------------------------------------------------------------- */

const char *octopus_name(const char *kind, const char *text) {
    size_t size = strlen(kind);
    return str_starts_nocase(text, kind) && text[size] == '-' ? text + size + 1 : text;
}

bool octopus_list_has(const char *list, const char *kind, const char *name) {
    if (str_empty(list)) {
        return true;
    }
    for (const char *item = list; item != NULL; item = strchr(item, ',')) {
        item += *item == ',';
        size_t size = strcspn(item, ","), kind_size = strlen(kind);
        bool prefixed = size > kind_size && strncasecmp(item, kind, kind_size) == 0 && item[kind_size] == '-';
        size_t from = prefixed ? kind_size + 1 : 0;
        bool whole = size == strlen(name) && strncasecmp(item, name, size) == 0;
        if (whole || (size - from == strlen(name) && strncasecmp(item + from, name, size - from) == 0)) {
            return true;
        }
    }
    return false;
}

bool octopus_flag(const char *text, bool fallback) {
    return str_empty(text) ? fallback : str_equal_nocase(text, "true");
}

void octopus_add_text(struct json_out *out, const char *key, const char *format, ...) {
    struct buf text = BUF_INIT(LIMIT_MESSAGE_BYTES);
    va_list args;
    va_start(args, format);
    buf_vprintf(&text, format, args);
    va_end(args);
    json_add_string(out, key, text.data);
    buf_finish(&text);
}

void octopus_add_id(struct json_out *out, const char *key, const char *kind, uint64_t id) {
    octopus_add_text(out, key, "%s-%llu", kind, (unsigned long long)id);
}

void octopus_add_name(struct json_out *out, const char *key, const char *kind, const char *name) {
    if (str_empty(name)) {
        json_add_null(out, key);
    } else {
        octopus_add_text(out, key, "%s-%s", kind, name);
    }
}

void octopus_add_time(struct json_out *out, const char *key, int64_t ms) {
    struct buf text = BUF_INIT(64);
    clock_iso(&text, ms);
    json_add_string(out, key, ms == 0 ? NULL : text.data);
    buf_finish(&text);
}

void octopus_add_words(struct json_out *out, const char *key, const char *kind, const char *const *names,
                       size_t count) {
    json_array_begin(out, key);
    for (size_t i = 0; i < count; i++) {
        if (kind == NULL) {
            json_add_string(out, NULL, names[i]);
        } else {
            octopus_add_name(out, NULL, kind, names[i]);
        }
    }
    json_array_end(out);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

bool octopus_page_read(struct call *call, struct octopus_page *ret_page) {
    uint64_t skip = 0, take = 0;
    if (!call_number(call, "skip", 0, INT32_MAX, &skip) || !call_number(call, "take", PAGE, PAGE_MOST, &take)) {
        return false;
    }
    *ret_page = (struct octopus_page){(size_t)skip, take == 0 ? PAGE : (size_t)take};
    return true;
}

/* RFC 3986: what is not unreserved is written as %XX. */
static void add_escaped(struct buf *out, const char *text) {
    for (const char *c = text; *c != '\0'; c++) {
        bool plain =
            (*c >= '0' && *c <= '9') || ((*c | 0x20) >= 'a' && (*c | 0x20) <= 'z') || strchr("-._~,", *c) != NULL;
        if (plain) {
            buf_addc(out, *c);
        } else {
            buf_printf(out, "%%%02X", (unsigned char)*c);
        }
    }
}

static void add_page_link(struct call *call, const struct octopus_list *list, const char *key, uint64_t skip,
                          uint64_t take) {
    struct buf link = BUF_INIT(LIMIT_HTTP_HEADER_BYTES);
    buf_printf(&link, OCTOPUS_HOME "%s?skip=%llu&take=%llu", list->path, (unsigned long long)skip,
               (unsigned long long)take);
    for (const char *name = list->parameters; *name != '\0';) {
        size_t size = strcspn(name, ",");
        const char *parameter = arena_strndup(call->arena, name, size);
        const char *value = web_query(call->request, parameter);
        if (!str_empty(value)) {
            buf_printf(&link, "&%s=", parameter);
            add_escaped(&link, value);
        }
        name += size + (name[size] == ',');
    }
    json_add_string(&call->out, key, link.data);
    buf_finish(&link);
}

void octopus_list_begin(struct call *call, const struct octopus_list *list, const struct octopus_page *page,
                        uint64_t total) {
    uint64_t pages = (total + page->take - 1) / page->take;
    json_object_begin(&call->out, NULL);
    json_add_string(&call->out, "ItemType", list->item_type);
    json_add_int(&call->out, "TotalResults", (int64_t)total);
    json_add_int(&call->out, "ItemsPerPage", (int64_t)page->take);
    json_add_int(&call->out, "NumberOfPages", pages == 0 ? 1 : (int64_t)pages);
    json_add_int(&call->out, "LastPageNumber", pages == 0 ? 0 : (int64_t)pages - 1);
    json_array_begin(&call->out, "Items");
}

void octopus_list_end(struct call *call, const struct octopus_list *list, const struct octopus_page *page,
                      uint64_t total) {
    uint64_t last = total == 0 ? 0 : (total - 1) / page->take * page->take;
    json_array_end(&call->out);
    json_object_begin(&call->out, "Links");
    add_page_link(call, list, "Self", page->skip, page->take);
    octopus_add_text(&call->out, "Template", OCTOPUS_HOME "%s{?skip,take%s%s}", list->path,
                     list->parameters[0] == '\0' ? "" : ",", list->parameters);
    add_page_link(call, list, "Page.All", 0, INT32_MAX);
    add_page_link(call, list, "Page.Current", page->skip, page->take);
    if (page->skip + page->take < total) {
        add_page_link(call, list, "Page.Next", page->skip + page->take, page->take);
    }
    add_page_link(call, list, "Page.Last", last, page->take);
    json_object_end(&call->out);
    json_object_end(&call->out);
}
