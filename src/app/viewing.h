#ifndef GP_APP_VIEWING_H
#define GP_APP_VIEWING_H

/* What the operations that only look have in common: who may view what, and lists by the page. Private to operation_*.c. */

#include "store/pages.h"
#include "task.h"

bool viewing_may(const struct task *task, const char *project, const char *environment);
/* Of the project that the command names, if it names one. */
bool viewing_may_row(const struct task *task, const struct version_row *row);

/* False if the task is over: the deployment could not be read, or others may see it. Else it is the task's. */
bool viewing_came(struct task *task, struct deployment_record *record, const struct err *err);

/* The page becomes the task's state. `fits` says what is on the list and gets the task; it is asked only if something may not
 * be on it, which is so if `some` is true, or the actor may not view everything. */
struct viewing {
    struct head *heads; /* without names */
    size_t count;
    uint64_t total; /* of the whole list */
};
void viewing_list(struct task *task, const struct page_wish *wish, bool some,
                  bool (*fits)(const struct head *head, void *task), records_done *done);
/* The deployment of that number, or NULL. */
struct deployment_record *viewing_find(struct deployment_record *const *records, size_t count, uint64_t id);

/* "D311 shop 1.4 to production: paused ..." */
void viewing_say(struct task *task, const struct deployment *d);

#endif
