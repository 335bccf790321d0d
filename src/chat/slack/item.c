#include "item.h"

#include <string.h>

#include "base/limits.h"
#include "base/mem.h"

static const struct method methods[] = {
#define X(id, name, token, body, per_minute, scopes, repeat) \
    {name, METHOD_TOKEN_##token, METHOD_##body, per_minute, METHOD_##repeat},
    CALL_METHODS(X)
#undef X
};

static const struct pacing_rate channel_rate = {.interval_ms = 1000, .burst = LIMIT_SLACK_BURST};
static const struct pacing_rate edit_rate = {.interval_ms = LIMIT_SLACK_EDIT_MS, .burst = 1};

const struct method *item_method(enum call_method method) {
    return &methods[method];
}

const char *item_name(const struct item *item) {
    return item->method != NULL ? item->method->name : "response_url";
}

bool item_is_json(const struct item *item) {
    return item->method == NULL || item->method->form == METHOD_JSON;
}

void item_destroy(struct item *item) {
    if (item->url != NULL) {
        explicit_bzero(item->url, strlen(item->url));
    }
    mem_free(item->url);
    mem_free(item->body);
    mem_free(item);
}

/* --- lists -------------------------------------------------------------------------------------------------------- */

void item_insert(struct item **list, struct item *item) {
    struct item **place = list;
    while (*place != NULL && ((*place)->priority > item->priority ||
                              ((*place)->priority == item->priority && (*place)->number < item->number))) {
        place = &(*place)->next;
    }
    item->next = *place;
    *place = item;
}

void item_take_out(struct item **list, const struct item *item) {
    while (*list != item) {
        list = &(*list)->next;
    }
    *list = item->next;
}

struct item *item_find(struct item *list, uint64_t key_meter) {
    while (list != NULL && (key_meter == 0 || list->key_meter != key_meter)) {
        list = list->next;
    }
    return list;
}

/* --- pace --------------------------------------------------------------------------------------------------------- */

int64_t item_due_ms(const struct item *item, struct pacing *pacing, bool paced, int64_t now_ms) {
    const struct pacing_rate method_rate = pacing_per_minute(item->method != NULL ? item->method->per_minute : 1);
    const struct {
        uint64_t meter;
        const struct pacing_rate *rate;
    } meters[] = {
        {item->method_meter, &method_rate}, {item->channel_meter, &channel_rate}, {item->key_meter, &edit_rate}};
    int64_t due_ms = item->not_before_ms;
    for (size_t i = 0; i < sizeof meters / sizeof meters[0]; i++) {
        if (meters[i].meter != 0) {
            int64_t when_ms = pacing_when(pacing, meters[i].meter, paced ? meters[i].rate : NULL, now_ms);
            due_ms = when_ms > due_ms ? when_ms : due_ms;
        }
    }
    return due_ms;
}

void item_take_meters(const struct item *item, struct pacing *pacing, int64_t now_ms) {
    if (item->method_meter != 0) {
        const struct pacing_rate rate = pacing_per_minute(item->method->per_minute);
        pacing_take(pacing, item->method_meter, &rate, now_ms);
    }
    if (item->channel_meter != 0) {
        pacing_take(pacing, item->channel_meter, &channel_rate, now_ms);
    }
    if (item->key_meter != 0) {
        pacing_take(pacing, item->key_meter, &edit_rate, now_ms);
    }
}
