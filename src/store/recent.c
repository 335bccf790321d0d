#include "store/recent.h"

#include "base/limits.h"
#include "base/mem.h"
#include "recent_list.h"

struct recent_list {
    struct deployment_record *records[LIMIT_RECENT]; /* owned; a ring; NULL = free */
    size_t next;
};

struct recent_list *recent_list_create(void) {
    return mem_alloc(sizeof(struct recent_list));
}

void recent_list_destroy(struct recent_list *list) {
    for (size_t i = 0; list != NULL && i < LIMIT_RECENT; i++) {
        deployment_record_free(list->records[i]);
    }
    mem_free(list);
}

static bool is_worth_it(const struct deployment_record *record) {
    return record->deployment->question_count > 0 && arena_used(record->arena) <= LIMIT_RECENT_BYTES;
}

/* Where the one of this deployment is, or else the next place. */
static struct deployment_record **place_of(struct recent_list *list, uint64_t deployment) {
    for (size_t i = 0; i < LIMIT_RECENT; i++) {
        if (list->records[i] != NULL && list->records[i]->deployment->id == deployment) {
            return &list->records[i];
        }
    }
    list->next = (list->next + 1) % LIMIT_RECENT;
    return &list->records[list->next];
}

void recent_put(struct store *store, struct deployment_record *record) {
    if (record == NULL || !is_worth_it(record)) {
        deployment_record_free(record);
        return;
    }
    struct deployment_record **place = place_of(store_recent(store), record->deployment->id);
    deployment_record_free(*place);
    *place = record;
}

static bool asks(const struct deployment_record *record, uint64_t question) {
    for (size_t i = 0; record != NULL && i < record->question_count; i++) {
        if (record->questions[i].question.id == question) {
            return record->questions[i].open;
        }
    }
    return false;
}

struct deployment_record *recent_take(struct store *store, uint64_t question) {
    struct recent_list *list = store_recent(store);
    for (size_t i = 0; i < LIMIT_RECENT; i++) {
        struct deployment_record *record = list->records[i];
        if (asks(record, question)) {
            list->records[i] = NULL;
            return record;
        }
    }
    return NULL;
}
