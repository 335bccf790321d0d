#include "calls.h"

#include <assert.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "item.h"
#include "net/http.h"
#include "pacing.h"
#include "request.h"
#include "verdict.h"

enum { JITTER_MS = 250, RESPONSE_WINDOW_MS = 30 * 60 * 1000 };

static const struct pacing_rate response_rate = {.interval_ms = RESPONSE_WINDOW_MS, .burst = LIMIT_SLACK_RESPONSES};

struct calls {
    struct loop *loop; /* borrowed */
    struct http *http; /* owned */
    struct http *old;  /* owned: what was on its way when the authorities were renewed; or NULL */
    struct pacing *pacing;
    char *api_url, *app_token, *bot_token; /* owned; a token may be NULL */
    bool unpaced, closing;
    struct item *waiting; /* owned; the next to go first */
    struct item *flying;  /* owned; http has them */
    struct item *ended;   /* owned; their callbacks are due; the first to be called first */
    size_t waiting_count, flying_count;
    uint64_t number;
    unsigned depth;     /* > 0 while a callback runs */
    struct timer *soon; /* of the loop; NULL = not asked for */
    struct timer *timer;
};

static void plan_pump(struct calls *calls);

/* It waits for its turn. */
static void wait_turn(struct item *item) {
    item_insert(&item->calls->waiting, item);
    item->calls->waiting_count++;
}

/* The call is over; it is in no list any more. */
static void finish(struct item *item, const struct call_reply *reply) {
    struct calls *calls = item->calls;
    if (item->done != NULL) {
        calls->depth++;
        item->done(reply, item->user);
        calls->depth--;
    } else if (!reply->ok && !calls->closing) {
        log_info("a call to Slack failed", LOG_STR("method", item_name(item)), LOG_STR("error", reply->error),
                 LOG_STR("detail", reply->detail), LOG_END);
    }
    item_destroy(item);
}

static void finish_word(struct item *item, const char *error) {
    finish(item, &(struct call_reply){.error = error, .maybe = item->maybe, .detail = ""});
}

/* Its callback comes at the end of the turn. It is in no list. */
static void end(struct item *item, const char *error) {
    size_t size = strlen(error);
    assert(size < sizeof item->error);
    memmove(item->error, error, size + 1);
    struct item **place = &item->calls->ended;
    while (*place != NULL) {
        place = &(*place)->next;
    }
    item->next = NULL;
    *place = item;
    plan_pump(item->calls);
}

/* Going out. */

static void replied(const struct http_reply *http_reply, void *user);

/* When nothing stands in its way; INT64_MAX while another of its key is under way. */
static int64_t due_ms(const struct item *item, int64_t now_ms) {
    const struct calls *calls = item->calls;
    bool waits = item_find(calls->flying, item->key_meter) != NULL;
    return waits ? INT64_MAX : item_due_ms(item, calls->pacing, !calls->unpaced && !item->urgent, now_ms);
}

static void fly(struct item *item, int64_t now_ms) {
    struct calls *calls = item->calls;
    item_take_meters(item, calls->pacing, now_ms);
    item->next = calls->flying;
    calls->flying = item;
    calls->flying_count++;

    const struct method *method = item->method;
    int64_t left_ms = item->deadline_ms - now_ms;
    struct request request = {.url = item->url,
                              .json = item_is_json(item),
                              .body = item->body,
                              .body_size = item->body_size,
                              .timeout_ms = left_ms < LIMIT_REQUEST_MS ? left_ms : LIMIT_REQUEST_MS};
    if (method != NULL) {
        request.url = calls->api_url;
        request.method = method->name;
        request.token = method->token == METHOD_TOKEN_APP ? calls->app_token : calls->bot_token;
    }
    request_send(calls->http, &request, replied, item);
}

/* Lets out who is due, and ends who is too late. Tells when to look again; INT64_MAX = never. */
static int64_t scan(struct calls *calls, int64_t now_ms) {
    int64_t next_ms = INT64_MAX;
    for (struct item **link = &calls->waiting; *link != NULL;) {
        struct item *item = *link;
        bool late = now_ms >= item->deadline_ms;
        bool room = calls->flying_count < LIMIT_SLACK_IN_FLIGHT || item->urgent;
        int64_t when_ms = late || !room ? item->deadline_ms : due_ms(item, now_ms);
        if (!late && when_ms > now_ms) {
            when_ms = when_ms < item->deadline_ms ? when_ms : item->deadline_ms;
            next_ms = when_ms < next_ms ? when_ms : next_ms;
            link = &item->next;
            continue;
        }
        *link = item->next;
        calls->waiting_count--;
        if (late) {
            end(item, item->error[0] != '\0' ? item->error : "deadline");
        } else if (item->still != NULL && !item->still(item->user)) {
            end(item, "unwanted");
        } else {
            fly(item, now_ms);
        }
    }
    return next_ms;
}

/* Something has changed, or the time has come for a call. */
static void pump(void *user) {
    struct calls *calls = user;
    calls->soon = NULL;
    int64_t now_ms = clock_monotonic_ms(), next_ms = scan(calls, now_ms);
    if (next_ms < INT64_MAX) {
        timer_start(calls->timer, next_ms - now_ms);
    } else {
        timer_stop(calls->timer);
    }
    struct item *ended = calls->ended;
    calls->ended = NULL;
    while (ended != NULL) {
        struct item *item = ended;
        ended = item->next;
        finish_word(item, item->error);
    }
}

static void plan_pump(struct calls *calls) {
    if (calls->soon == NULL && !calls->closing) {
        calls->soon = loop_soon(calls->loop, pump, calls);
    }
}

static void time_came(void *user) {
    plan_pump(user);
}

/* Coming back. */

static uint64_t random_number(void) {
    uint64_t random = 0;
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    return random;
}

static bool may_be_repeated(const struct item *item, const struct verdict *verdict) {
    bool again = item->method != NULL && item->method->repeat == METHOD_AGAIN;
    bool fault = verdict->kind == VERDICT_FAULT && !item->once;
    return verdict->kind == VERDICT_LIMITED || (fault && (again || !verdict->maybe));
}

/* When the next attempt may be. A limit holds the channel if it is of a channel, or else the method. */
static int64_t next_attempt_ms(struct item *item, const struct verdict *verdict, int64_t now_ms) {
    if (verdict->kind != VERDICT_LIMITED) {
        int64_t pause_ms = pacing_pause_ms(++item->faults, random_number());
        return now_ms + (pause_ms > verdict->retry_after_ms ? pause_ms : verdict->retry_after_ms);
    }
    int64_t until_ms = now_ms + verdict->retry_after_ms + (int64_t)(random_number() % JITTER_MS);
    uint64_t meter = item->channel_meter != 0 ? item->channel_meter : item->method_meter;
    if (meter != 0) {
        pacing_hold(item->calls->pacing, meter, until_ms, now_ms);
    }
    log_info("Slack limits the rate", LOG_STR("method", item_name(item)), LOG_INT("pause_ms", verdict->retry_after_ms),
             LOG_END);
    return until_ms;
}

/* True if it waits for another attempt, or has made room for a later call. */
static bool repeat(struct item *item, const struct verdict *verdict) {
    int64_t now_ms = clock_monotonic_ms();
    if (item->calls->closing || !may_be_repeated(item, verdict)) {
        return false;
    }
    item->not_before_ms = next_attempt_ms(item, verdict, now_ms);
    memcpy(item->error, verdict->error, sizeof item->error);
    struct item *later = item_find(item->calls->waiting, item->key_meter);
    if (later != NULL) {
        later->not_before_ms = item->not_before_ms;
        later->faults = item->faults;
        end(item, "replaced");
        return true;
    }
    if (item->not_before_ms >= item->deadline_ms) {
        return false;
    }
    wait_turn(item);
    return true;
}

static void finish_judged(struct item *item, const struct verdict *verdict, const char *scopes) {
    struct call_reply reply = {.maybe = item->maybe,
                               .fatal = verdict->fatal,
                               .detail = verdict->detail,
                               .scopes = scopes,
                               .body = verdict->body};
    if (verdict->kind == VERDICT_OK) {
        reply.ok = true;
    } else {
        reply.error = item->calls->closing ? "closed" : verdict->error;
    }
    finish(item, &reply);
}

static void replied(const struct http_reply *http_reply, void *user) {
    struct item *item = user;
    struct calls *calls = item->calls;
    item_take_out(&calls->flying, item);
    calls->flying_count--;
    plan_pump(calls);

    struct verdict verdict;
    verdict_read(&verdict, http_reply, http_reply_header(http_reply, "Retry-After"), item->method == NULL);
    const char *name = item_name(item);
    metric_add(METRIC_CHAT_CALLS, 1, "slack", name, verdict_word(verdict.kind));
    if (verdict.kind == VERDICT_FAULT) {
        log_debug("a call to Slack failed", LOG_STR("method", name), LOG_STR("error", verdict.error),
                  LOG_STR("detail", verdict.detail), LOG_END);
    }
    bool open = verdict.kind == VERDICT_FAULT || verdict.kind == VERDICT_LIMITED;
    item->maybe = open && (item->maybe || verdict.maybe);
    if (!repeat(item, &verdict)) {
        finish_judged(item, &verdict, http_reply_header(http_reply, "X-OAuth-Scopes"));
    }
    json_free(verdict.body);
}

/* Coming in. */

/* Takes the place of one that waits with the same key. */
static void replace(struct item *item) {
    struct calls *calls = item->calls;
    struct item *old = item_find(calls->waiting, item->key_meter);
    if (old != NULL) {
        item_take_out(&calls->waiting, old);
        calls->waiting_count--;
        item->number = old->number;
        item->priority = old->priority > item->priority ? old->priority : item->priority;
        item->not_before_ms = old->not_before_ms;
        item->faults = old->faults;
        end(old, "replaced");
    }
}

static struct item *create_item(struct calls *calls, const struct call *call, call_done *done, void *user) {
    struct item *item = mem_alloc(sizeof *item);
    item->calls = calls;
    item->done = done;
    item->user = user;
    item->priority = call->priority;
    item->once = call->once;
    item->still = call->still;
    item->number = calls->number++;
    int64_t deadline_ms = call->deadline_ms > 0 ? call->deadline_ms : LIMIT_SLACK_CALL_MS;
    item->deadline_ms = clock_monotonic_ms() + deadline_ms;
    return item;
}

static void admit(struct item *item) {
    struct calls *calls = item->calls;
    replace(item);
    if (calls->waiting_count < LIMIT_SLACK_WAITING || item->urgent) {
        wait_turn(item);
        plan_pump(calls);
    } else {
        end(item, "full");
    }
}

void calls_send(struct calls *calls, const struct call *call, call_done *done, void *user) {
    if (calls->closing) {
        return;
    }
    struct call copy = *call;
    bool urgent = call->method == CALL_VIEWS_OPEN;
    if (urgent && call->deadline_ms == 0) {
        copy.deadline_ms = LIMIT_SLACK_TRIGGER_MS;
    }
    struct item *item = create_item(calls, &copy, done, user);
    item->method = item_method(call->method);
    item->urgent = urgent;
    item->method_meter = pacing_meter("method", item->method->name);
    if (call->method == CALL_CHAT_POST_MESSAGE && call->channel != NULL) {
        item->channel_meter = pacing_meter("channel", call->channel);
    }
    if (call->key != NULL) {
        item->key_meter = pacing_meter(item->method->name, call->key);
    }
    item->body = request_body(call, item_is_json(item), &item->body_size);
    admit(item);
}

void calls_respond(struct calls *calls, const char *response_url, const char *json, call_done *done, void *user) {
    if (calls->closing) {
        return;
    }
    int64_t now_ms = clock_monotonic_ms();
    const struct call call = {.json = json, .priority = CALL_REPLY};
    struct item *item = create_item(calls, &call, done, user);
    item->url = mem_strdup(response_url);
    item->body = request_body(&call, item_is_json(item), &item->body_size);
    uint64_t meter = pacing_meter("response_url", response_url);
    if (pacing_when(calls->pacing, meter, &response_rate, now_ms) > now_ms) {
        end(item, "used_up");
    } else {
        pacing_take(calls->pacing, meter, &response_rate, now_ms);
        admit(item);
    }
}

/* Life. */

static char *copy_token(const char *token) {
    if (token != NULL) {
        log_mask(token);
    }
    return mem_strdup(token);
}

static void wipe_token(char *token) {
    if (token != NULL) {
        explicit_bzero(token, strlen(token));
    }
    mem_free(token);
}

struct calls *calls_create(struct loop *loop, const struct calls_options *options) {
    struct calls *calls = mem_alloc(sizeof *calls);
    calls->loop = loop;
    calls->http = http_create(loop, &(struct http_options){.ca_file = options->ca_file});
    calls->pacing = pacing_create();
    calls->timer = loop_timer(loop, time_came, calls);
    calls->api_url = mem_strdup(options->api_url != NULL ? options->api_url : "https://slack.com/api");
    calls->app_token = copy_token(options->app_token);
    calls->bot_token = copy_token(options->bot_token);
    calls->unpaced = options->unpaced;
    return calls;
}

void calls_renew(struct calls *calls, const char *app_token, const char *bot_token, const char *ca_file) {
    assert(calls->depth == 0);
    struct http *older = calls->old;
    calls->old = calls->http;
    calls->http = http_create(calls->loop, &(struct http_options){.ca_file = ca_file});
    wipe_token(calls->app_token);
    wipe_token(calls->bot_token);
    calls->app_token = copy_token(app_token);
    calls->bot_token = copy_token(bot_token);
    http_destroy(older);
}

void calls_destroy(struct calls *calls) {
    if (calls == NULL) {
        return;
    }
    assert(calls->depth == 0);
    calls->closing = true;
    http_destroy(calls->old);
    http_destroy(calls->http);
    assert(calls->flying == NULL);
    while (calls->ended != NULL) {
        struct item *item = calls->ended;
        calls->ended = item->next;
        finish_word(item, item->error);
    }
    while (calls->waiting != NULL) {
        struct item *item = calls->waiting;
        calls->waiting = item->next;
        finish_word(item, "closed");
    }
    if (calls->soon != NULL) {
        loop_cancel_soon(calls->soon);
    }
    timer_destroy(calls->timer);
    pacing_destroy(calls->pacing);
    wipe_token(calls->app_token);
    wipe_token(calls->bot_token);
    mem_free(calls->api_url);
    mem_free(calls);
}
