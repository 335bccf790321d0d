#ifndef GP_STORE_PAGES_H
#define GP_STORE_PAGES_H

/*
 * Long lists by the page. A page costs what is on it, as long as everything belongs to the list; where only some does,
 * the heads of all are looked at, a few hundred at a time, and no deployment is read whole.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/deployment.h"
#include "store/store.h"

/* As much of a deployment as it takes to say which list it belongs to. */
struct head {
    uint64_t deployment;
    uint64_t question; /* of a list of questions; else the same number again */
    int64_t asked_ms;  /* of a question */
    const char *project, *environment;
    enum deployment_state state;
    bool asks; /* a question of it is open; of deployments only if that was wished for */
};

enum page_of {
    PAGE_LIVE,        /* deployments that are not over, by number */
    PAGE_DEPLOYMENTS, /* all, by number */
    PAGE_QUESTIONS,   /* open questions, in the order in which they were asked */
};

struct page_wish {
    enum page_of of;
    bool newest_first;
    bool asks; /* look also which deployments ask: that costs a look at all that a running one has asked */
    size_t skip, take;
    bool (*fits)(const struct head *head, void *user); /* what belongs to the list; NULL = everything */
};

/* Heads of the page, in its order, without those of what is gone meanwhile; how many the whole list has. Borrowed until
 * the callback returns; `user` is also that of `fits`. */
typedef void page_done(const struct head *heads, size_t count, uint64_t total, const struct err *err, void *user);
void store_read_page(struct store *store, const struct page_wish *wish, page_done *done, void *user);

#endif
