/*
 * A call goes through four steps: its question is read (nobody is called for what was answered meanwhile), its try is
 * recorded, it is made, and what came of it is recorded: it is over, or due again after a pause that grows.
 */

#include "app/escalation.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "call_queue.h"
#include "config/config.h"
#include "escalation_facts.h"
#include "exec/errand.h"
#include "net/http.h"

enum { LOOK_AGAIN_MS = 1000 };
enum { QUEUE_FRESH, QUEUE_AGAIN, QUEUES }; /* calls that were never tried, and the others */

#define LISTED (INT64_MAX / 2) /* a time that never comes */

struct escalation {
    struct escalation_options options;
    struct http *http;
    struct timer *timer; /* the next is due, or to look again after a failure */
    struct making *makings;
    struct call_queue queues[QUEUES]; /* as they are recorded; nobody but the leader changes them */
    int64_t list_at_ms;               /* when they are read anew: one was added, or may be another than is known */
    bool leads, looking;
    size_t failing;             /* calls that people were told of */
    char trouble[CALL_ID_SIZE]; /* the call that failed last */
};

/* A call that is being made. */
struct making {
    struct making *next, **link;
    struct escalation *escalation;
    struct arena *arena;
    struct call call; /* as it is recorded */
    bool fails;       /* it is one of escalation->failing */
    bool stays;       /* it is due again, as `then` */
    struct call then;
    struct deployment_record *record;
    struct escalation_facts facts;
    struct errand *errand; /* while it runs */
};

static void escalation_look(void *user);

static void call_put(struct escalation *escalation, const struct call *call) {
    call_queue_put(&escalation->queues[call->tries == 0 ? QUEUE_FRESH : QUEUE_AGAIN], call);
}

static void list_again(struct escalation *escalation, int64_t pause_ms) {
    int64_t at_ms = clock_monotonic_ms() + pause_ms;
    escalation->list_at_ms = at_ms < escalation->list_at_ms ? at_ms : escalation->list_at_ms;
    timer_start(escalation->timer, 0);
}

static void making_end(struct making *making) {
    struct escalation *escalation = making->escalation;
    *making->link = making->next;
    if (making->next != NULL) {
        making->next->link = making->link;
    }
    deployment_record_free(making->record);
    arena_destroy(making->arena);
    mem_free(making);
    timer_start(escalation->timer, 0); /* There is room for another. */
}

static struct commit *making_commit(const struct making *making) {
    const struct escalation_options *options = &making->escalation->options;
    struct commit *commit = commit_create(options->store, NULL);
    options->fence(commit, options->user);
    return commit;
}

/* --- what came of it ---------------------------------------------------------------------------------------------- */

/* Recorded, or left as it was: then whoever leads finds it again. */
static void making_recorded(const struct commit_reply *reply, void *user) {
    struct making *making = user;
    struct escalation *escalation = making->escalation;
    if (reply->result != COMMIT_DONE) {
        log_debug("what came of a call could not be recorded", LOG_INT("result", reply->result), LOG_END);
        list_again(escalation, LOOK_AGAIN_MS);
    } else if (escalation->leads) {
        escalation->failing -= making->fails;
        if (making->stays) {
            escalation->failing += making->then.tries >= LIMIT_CALL_TOLD;
            call_put(escalation, &making->then);
        }
    }
    making_end(making);
}

static void making_stays(struct making *making, uint32_t tries, int64_t due_ms) {
    making->stays = true;
    making->then = making->call;
    making->then.tries = tries;
    making->then.begun = false;
    making->then.due_ms = due_ms;
}

static void making_over(struct making *making, const char *what) {
    char id[CALL_ID_SIZE];
    struct commit *commit = making_commit(making);
    log_info("escalation", LOG_STR("call", call_id(id, &making->call)), LOG_STR("result", what), LOG_END);
    commit_end_call(commit, &making->call, what, clock_wall_ms());
    commit_send(commit, making_recorded, making);
}

/* No try was made after all. */
static void making_withdrawn(struct making *making, int64_t pause_ms) {
    struct commit *commit = making_commit(making);
    int64_t due_ms = clock_wall_ms() + pause_ms;
    commit_withdraw_call(commit, &making->call, due_ms);
    making_stays(making, making->call.tries - making->call.begun, due_ms);
    commit_send(commit, making_recorded, making);
}

static int64_t pause_after(uint32_t tries) {
    int64_t pause_ms = LIMIT_CALL_PAUSE_MS;
    for (uint32_t i = 1; i < tries && pause_ms < LIMIT_CALL_PAUSE_MAX_MS; i++) {
        pause_ms *= 4;
    }
    return pause_ms < LIMIT_CALL_PAUSE_MAX_MS ? pause_ms : LIMIT_CALL_PAUSE_MAX_MS;
}

/* Whether people know already that it fails. */
static bool making_is_told(const struct making *making) {
    const struct vigil *vigil = deployment_vigil(making->facts.deployment, making->call.card);
    return vigil != NULL && vigil->calls[making->call.rung][making->call.kind] == CALL_TOLD_FAILS;
}

/* The next try is not made before `least_ms` are over. */
static void making_failed(struct making *making, const char *why, int64_t least_ms) {
    struct escalation *escalation = making->escalation;
    char id[CALL_ID_SIZE];
    uint32_t tries = making->call.tries;
    int64_t now_ms = clock_wall_ms(), pause_ms = pause_after(tries);
    log_warn("an escalation could not be called, trying again", LOG_STR("call", call_id(id, &making->call)),
             LOG_INT("tries", tries), LOG_STR("error", why), LOG_END);
    metric_add(METRIC_CALLS, 1, call_kind_word(making->call.kind), "failed", NULL);
    (void)snprintf(escalation->trouble, sizeof escalation->trouble, "%s", id);
    struct commit *commit = making_commit(making);
    int64_t due_ms = now_ms + (pause_ms > least_ms ? pause_ms : least_ms);
    commit_delay_call(commit, &making->call, due_ms);
    making_stays(making, tries, due_ms);
    if (tries >= LIMIT_CALL_TOLD && !making_is_told(making)) {
        commit_call_fails(commit, &making->call, arena_printf(making->arena, "%u tries failed: %s", tries, why),
                          now_ms);
    }
    commit_send(commit, making_recorded, making);
}

static void making_worked(struct making *making) {
    metric_add(METRIC_CALLS, 1, call_kind_word(making->call.kind), "ok", NULL);
    making_over(making, arena_printf(making->arena, "done by try %u", making->call.tries));
}

/* --- a command ------------------------------------------------------------------------------------------------------ */

/* What the command wrote, without secrets of the deployment that it may have read by itself. */
static const char *command_words(const struct making *making, const struct errand_end *end) {
    const char *output = end->output, *line_end = strchr(output, '\n');
    struct buf masked = BUF_INIT(ERR_TEXT_SIZE * 16);
    escalation_facts_mask(&making->facts);
    if (end->cut) {
        output =
            line_end == NULL ? "" : line_end + 1; /* What is left of a secret could not be told from other words. */
    }
    log_mask_text(&masked, output, strlen(output));
    const char *words = arena_strdup(making->arena, masked.data);
    buf_finish(&masked);
    return words;
}

static void command_ended(const struct errand_end *end, void *user) {
    struct making *making = user;
    struct arena *arena = making->arena;
    making->errand = NULL;
    if (end->err != NULL) {
        making_failed(making, arena_strdup(arena, end->err->text), 0);
    } else if (end->timed_out) {
        making_failed(making, arena_printf(arena, "it ran for %d s and was killed", LIMIT_CALL_RUN_MS / 1000), 0);
    } else if (end->status != 0 || end->signal != 0) {
        making_failed(making,
                      arena_printf(arena, "it ended with %s %d: %s", end->signal != 0 ? "signal" : "exit code",
                                   end->signal != 0 ? end->signal : end->status, command_words(making, end)),
                      0);
    } else {
        making_worked(making);
    }
}

/* The folder is frozen into the plan, by a server that may have had its files elsewhere. */
static const char *command_folder(const struct making *making) {
    const struct escalation_options *options = &making->escalation->options;
    const char *folder = making->facts.deployment->plan->folder;
    return folder != NULL && access(folder, X_OK) == 0 ? folder : options->config(options->user)->folder;
}

static void make_command(struct making *making) {
    size_t count = 0;
    const char *const *env = escalation_facts_env(&making->facts, making->arena, &count);
    making->errand = errand_start(making->escalation->options.loop,
                                  &(struct errand_options){
                                      .script = making->facts.rung->run,
                                      .work_dir = command_folder(making),
                                      .env = env,
                                      .env_count = count,
                                      .limit_ms = LIMIT_CALL_RUN_MS,
                                  },
                                  command_ended, making);
}

/* --- a webhook ------------------------------------------------------------------------------------------------------ */

/* A server may say how long it is not to be asked, in seconds; a date is not looked at. */
static int64_t retry_after(const struct http_reply *reply) {
    const char *text = http_reply_header(reply, "Retry-After");
    int64_t seconds = 0;
    bool said = text != NULL && str_to_i64(text, &seconds, NULL) == 0 && seconds > 0;
    return !said ? 0 : seconds < LIMIT_CALL_PAUSE_MAX_MS / 1000 ? seconds * 1000 : LIMIT_CALL_PAUSE_MAX_MS;
}

static void webhook_replied(const struct http_reply *reply, void *user) {
    struct making *making = user;
    if (!making->escalation->leads) {
        making_end(making); /* Whoever leads finds a try that was begun. */
    } else if (reply->status >= 200 && reply->status < 300) {
        making_worked(making);
    } else if (reply->status != 0) {
        making_failed(making, arena_printf(making->arena, "its server answered %d", reply->status), retry_after(reply));
    } else {
        making_failed(making, arena_strdup(making->arena, reply->err->text), 0);
    }
}

/* "v1=<HMAC-SHA-256 of '<timestamp>.<body>'>"; NULL without a secret. */
static int webhook_sign(const struct making *making, const char *timestamp, const struct buf *body,
                        const char **ret_signature, struct err *err) {
    const struct plan_rung *rung = making->facts.rung;
    const struct config_secret source = {(enum secret_source)rung->webhook_secret_source, rung->webhook_secret_name};
    char *secret = NULL, digest[ID_DIGEST_SIZE];
    *ret_signature = NULL;
    if (source.source == SECRET_NONE) {
        return 0;
    }
    int r = secret_read(&source, &secret, err);
    if (r == 0) {
        const char *text = arena_printf(making->arena, "%s.%s", timestamp, body->data);
        id_hmac(digest, secret, text, strlen(text));
        *ret_signature = arena_printf(making->arena, "v1=%s", digest);
    }
    secret_free(secret);
    return r;
}

static void make_webhook(struct making *making) {
    struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    const char *signature = NULL;
    const char *timestamp = arena_printf(making->arena, "%lld", (long long)(clock_wall_ms() / 1000));
    struct err err;
    escalation_facts_json(&making->facts, &body);
    if (webhook_sign(making, timestamp, &body, &signature, &err) < 0) {
        making_failed(making, arena_strdup(making->arena, err.text), 0);
        buf_finish(&body);
        return;
    }
    const struct http_header_line headers[] = {
        {"Content-Type", "application/json"}, {"User-Agent", "guidepost"},        {"Idempotency-Key", making->facts.id},
        {"Guidepost-Timestamp", timestamp},   {"Guidepost-Signature", signature},
    };
    http_send(making->escalation->http,
              &(struct http_request){
                  .method = "POST",
                  .url = making->facts.rung->webhook,
                  .headers = headers,
                  .header_count = sizeof headers / sizeof headers[0] - (signature == NULL),
                  .body = body.data,
                  .body_size = body.size,
                  .timeout_ms = LIMIT_CALL_SEND_MS,
              },
              webhook_replied, making);
    buf_finish(&body);
}

/* --- from the store to a try -------------------------------------------------------------------------------------- */

static void making_begun(const struct commit_reply *reply, void *user) {
    struct making *making = user;
    const struct escalation_options *options = &making->escalation->options;
    if (reply->result != COMMIT_DONE) {
        list_again(making->escalation, LOOK_AGAIN_MS);
        making_end(making);
        return;
    }
    making->call.begun = true;
    making->call.tries++;
    if (!making->escalation->leads || !options->leads_surely(options->user)) {
        making_withdrawn(making, 0);
    } else if (making->call.kind == CALL_RUN) {
        make_command(making);
    } else {
        make_webhook(making);
    }
}

static void making_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct making *making = user;
    struct escalation *escalation = making->escalation;
    const char *url = escalation->options.config(escalation->options.user)->url;
    making->record = record;
    if (record == NULL && err->code == ERR_IO) {
        /* What this server can't understand another may: the call waits for it. */
        making_withdrawn(making, LIMIT_SWEEP_MS);
    } else if (record == NULL && err->code != ERR_NOT_FOUND) {
        list_again(escalation, LOOK_AGAIN_MS);
        making_end(making);
    } else if (record == NULL || !escalation_facts_read(record, &making->call, url, making->arena, &making->facts)) {
        making_over(making,
                    making->call.tries == 0
                        ? "not called, since it was answered before"
                        : arena_printf(making->arena, "not called any more after %u tries, since it was answered",
                                       making->call.tries));
    } else if (making->facts.parked) {
        making_withdrawn(making, LIMIT_CALL_PAUSE_MAX_MS);
    } else {
        struct commit *commit = making_commit(making);
        commit_begin_call(commit, &making->call);
        commit_send(commit, making_begun, making);
    }
}

static void making_create(struct escalation *escalation, const struct call *call) {
    struct making *making = mem_alloc(sizeof *making);
    *making = (struct making){.escalation = escalation, .arena = arena_create(), .call = *call};
    making->fails = call->tries >= LIMIT_CALL_TOLD;
    making->next = escalation->makings;
    making->link = &escalation->makings;
    if (making->next != NULL) {
        making->next->link = &making->next;
    }
    escalation->makings = making;
    store_load_question(escalation->options.store, call->card, making_loaded, making);
}

/* --- which is made next --------------------------------------------------------------------------------------------- */

/* The queue of which one is due and may be made, or NULL. What has failed before must not hold up the others. */
static struct call_queue *queue_due(struct escalation *escalation, int64_t now_ms) {
    size_t count = 0, again = 0;
    for (const struct making *making = escalation->makings; making != NULL; making = making->next) {
        count++;
        again += making->call.tries > making->call.begun;
    }
    for (size_t i = 0; i < QUEUES && count < LIMIT_CALLS_AT_ONCE; i++) {
        bool room = i == QUEUE_FRESH || again < LIMIT_CALLS_AGAIN;
        if (room && call_queue_due_ms(&escalation->queues[i]) <= now_ms) {
            return &escalation->queues[i];
        }
    }
    return NULL;
}

/* Until there is something to do: the end of what is being made wakes it, too. */
static int64_t time_to_wait(const struct escalation *escalation, int64_t now_ms) {
    int64_t wait_ms = escalation->looking ? INT64_MAX : escalation->list_at_ms - clock_monotonic_ms();
    for (size_t i = 0; i < QUEUES; i++) {
        int64_t due_ms = call_queue_due_ms(&escalation->queues[i]);
        if (due_ms > now_ms && due_ms - now_ms < wait_ms) {
            wait_ms = due_ms - now_ms;
        }
    }
    return wait_ms;
}

static void make_what_is_due(struct escalation *escalation) {
    struct call_queue *queue = NULL;
    int64_t now_ms = clock_wall_ms();
    while ((queue = queue_due(escalation, now_ms)) != NULL) {
        const struct call call = call_queue_take(queue);
        making_create(escalation, &call);
    }
    metric_set(METRIC_CALLS_FAILING, (double)escalation->failing, NULL, NULL, NULL);
    int64_t wait_ms = time_to_wait(escalation, now_ms);
    if (wait_ms < LISTED) {
        timer_start(escalation->timer, wait_ms > 0 ? wait_ms : 0);
    }
}

static struct making *find_making(const struct escalation *escalation, const struct call *call) {
    struct making *making = escalation->makings;
    while (making != NULL && (making->call.card != call->card || making->call.rung != call->rung ||
                              making->call.kind != call->kind || making->call.deployment != call->deployment)) {
        making = making->next;
    }
    return making;
}

static void queues_clear(struct escalation *escalation) {
    for (size_t i = 0; i < QUEUES; i++) {
        call_queue_clear(&escalation->queues[i]);
    }
}

static void calls_listed(const struct call *calls, size_t count, const struct err *err, void *user) {
    struct escalation *escalation = user;
    escalation->looking = false;
    if (err != NULL || !escalation->leads) {
        list_again(escalation, LOOK_AGAIN_MS);
        return;
    }
    queues_clear(escalation);
    escalation->failing = 0;
    for (size_t i = 0; i < count; i++) {
        struct making *making = find_making(escalation, &calls[i]);
        bool fails = calls[i].tries >= LIMIT_CALL_TOLD;
        escalation->failing += fails;
        if (making != NULL) {
            making->fails = fails;
        } else {
            call_put(escalation, &calls[i]);
        }
    }
    make_what_is_due(escalation);
}

static void escalation_look(void *user) {
    struct escalation *escalation = user;
    if (!escalation->leads) {
        return;
    }
    if (!escalation->looking && escalation->list_at_ms <= clock_monotonic_ms()) {
        escalation->looking = true;
        escalation->list_at_ms = LISTED;
        store_list_calls(escalation->options.store, calls_listed, escalation);
    }
    make_what_is_due(escalation);
}

/* --- the outside ---------------------------------------------------------------------------------------------------- */

struct escalation *escalation_create(const struct escalation_options *options) {
    struct escalation *escalation = mem_alloc(sizeof *escalation);
    escalation->options = *options;
    escalation->http =
        http_create(options->loop, &(struct http_options){.ca_file = options->config(options->user)->ca_file});
    escalation->timer = loop_timer(options->loop, escalation_look, escalation);
    return escalation;
}

void escalation_lead(struct escalation *escalation, bool leads) {
    escalation->leads = leads;
    queues_clear(escalation);
    escalation->list_at_ms = LISTED;
    if (leads) {
        list_again(escalation, 0);
    } else {
        timer_stop(escalation->timer);
        escalation->failing = 0;
        metric_set(METRIC_CALLS_FAILING, 0, NULL, NULL, NULL);
    }
}

void escalation_write_health(const struct escalation *escalation, struct buf *out) {
    if (escalation->failing > 0) {
        buf_printf(out, "escalation: %zu call%s fail%s, lately %s\n", escalation->failing,
                   escalation->failing == 1 ? "" : "s", escalation->failing == 1 ? "s" : "", escalation->trouble);
    } else if (escalation->leads) {
        buf_adds(out, "escalation: ok\n");
    }
}

void escalation_due(struct escalation *escalation) {
    if (escalation->leads) {
        list_again(escalation, 0);
    }
}

void escalation_destroy(struct escalation *escalation) {
    if (escalation == NULL) {
        return;
    }
    escalation->leads = false;
    http_destroy(escalation->http);
    while (escalation->makings != NULL) {
        errand_destroy(escalation->makings->errand);
        making_end(escalation->makings);
    }
    queues_clear(escalation);
    timer_destroy(escalation->timer);
    mem_free(escalation);
}
