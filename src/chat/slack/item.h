#ifndef GP_CHAT_SLACK_ITEM_H
#define GP_CHAT_SLACK_ITEM_H

/* A call on its way, the lists that it waits in, and when its pace lets it go. */

#include "calls.h"
#include "pacing.h"
#include "verdict.h"

enum method_token { METHOD_TOKEN_APP, METHOD_TOKEN_BOT };
enum method_form { METHOD_FORM, METHOD_JSON };
enum method_repeat { METHOD_AGAIN, METHOD_ONCE };

struct method {
    const char *name;
    enum method_token token;
    enum method_form form;
    int per_minute;
    enum method_repeat repeat;
};

struct item {
    struct calls *calls; /* borrowed */
    struct item *next;
    const struct method *method; /* NULL for a response_url */
    char *url;                   /* owned; a response_url is a secret */
    char *body;                  /* owned */
    size_t body_size;
    bool urgent, once;
    enum call_priority priority;
    uint64_t number;
    uint64_t method_meter, channel_meter, key_meter; /* 0 = none; the key is known by its meter */
    int64_t deadline_ms, not_before_ms;              /* monotonic */
    unsigned faults;
    bool maybe;                                        /* an attempt whose end is not known may have done it */
    char error[sizeof((struct verdict *)NULL)->error]; /* of the last attempt */
    call_done *done;
    bool (*still)(void *user);
    void *user;
};

const struct method *item_method(enum call_method method);
const char *item_name(const struct item *item);
bool item_is_json(const struct item *item);
void item_destroy(struct item *item); /* it is in no list */

/* By priority, then by age. */
void item_insert(struct item **list, struct item *item);
void item_take_out(struct item **list, const struct item *item);
struct item *item_find(struct item *list, uint64_t key_meter); /* or NULL */

/* When its pace lets it go; that it goes. */
int64_t item_due_ms(const struct item *item, struct pacing *pacing, bool paced, int64_t now_ms);
void item_take_meters(const struct item *item, struct pacing *pacing, int64_t now_ms);

#endif
