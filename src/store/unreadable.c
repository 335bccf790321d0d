#include "unreadable.h"

#include <inttypes.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "store/records.h"

struct unreadable_entry {
    uint64_t deployment;
    char *why; /* owned */
};

struct unreadable_list {
    struct unreadable_entry entries[LIMIT_UNREADABLE];
    size_t count;
};

struct unreadable_list *unreadable_list_create(void) {
    return mem_alloc(sizeof(struct unreadable_list));
}

void unreadable_list_destroy(struct unreadable_list *list) {
    if (list != NULL) {
        for (size_t i = 0; i < list->count; i++) {
            mem_free(list->entries[i].why);
        }
        mem_free(list);
    }
}

static size_t find(const struct unreadable_list *list, uint64_t deployment) {
    size_t i = 0;
    while (i < list->count && list->entries[i].deployment != deployment) {
        i++;
    }
    return i;
}

void unreadable_list_note(struct unreadable_list *list, uint64_t deployment, const char *why) {
    size_t at = find(list, deployment);
    if (at < list->count) {
        mem_free(list->entries[at].why);
        list->entries[at] = list->entries[--list->count];
    }
    if (why != NULL && list->count < LIMIT_UNREADABLE) {
        list->entries[list->count++] = (struct unreadable_entry){deployment, mem_strdup(why)};
    }
    metric_set(METRIC_UNREADABLE, (double)list->count, NULL, NULL, NULL);
}

const char *store_why_unreadable(struct store *store, uint64_t deployment) {
    const struct unreadable_list *list = store_unreadable(store);
    size_t at = find(list, deployment);
    return at < list->count ? list->entries[at].why : NULL;
}

void store_write_unreadable(struct store *store, struct buf *out) {
    const struct unreadable_list *list = store_unreadable(store);
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "set aside: %s\n", list->entries[i].why);
    }
}
