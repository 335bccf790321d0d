/*
 * A call goes through four steps: its question is read (nobody is called for what was answered meanwhile), its try is
 * recorded, it is made, and what came of it is recorded: it is over, or due again after a pause that grows.
 */

#include "app/escalation.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "config/config.h"
#include "escalation_facts.h"
#include "exec/errand.h"
#include "net/http.h"

enum { LOOK_AGAIN_MS = 1000 };

struct escalation {
    struct escalation_options options;
    struct http *http;
    struct timer *timer; /* the next is due, or to look again after a failure */
    struct making *makings;
    bool leads, looking, again;
};

/* A call that is being made. */
struct making {
    struct making *next, **link;
    struct escalation *escalation;
    struct arena *arena;
    struct call call; /* as it is recorded */
    struct deployment_record *record;
    struct escalation_facts facts;
    struct errand *errand; /* while it runs */
};

static void escalation_look(void *user);

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
    if (reply->result != COMMIT_DONE) {
        log_debug("what came of a call could not be recorded", LOG_INT("result", reply->result), LOG_END);
        timer_start(making->escalation->timer, LOOK_AGAIN_MS);
    }
    making_end(making);
}

static void making_over(struct making *making, const char *what) {
    char id[CALL_ID_SIZE];
    struct commit *commit = making_commit(making);
    log_info("escalation", LOG_STR("call", call_id(id, &making->call)), LOG_STR("result", what), LOG_END);
    commit_end_call(commit, &making->call, what, clock_wall_ms());
    commit_send(commit, making_recorded, making);
}

static int64_t pause_before(uint32_t tries) {
    int64_t pause_ms = LIMIT_CALL_PAUSE_MS;
    for (uint32_t i = 1; i < tries; i++) {
        pause_ms *= 4;
    }
    return pause_ms;
}

static void making_failed(struct making *making, const char *why) {
    char id[CALL_ID_SIZE];
    uint32_t tries = making->call.tries;
    if (tries >= LIMIT_CALL_TRIES) {
        making_over(making, arena_printf(making->arena, "given up after %u tries: %s", tries, why));
        return;
    }
    log_warn("an escalation could not be called, trying again", LOG_STR("call", call_id(id, &making->call)),
             LOG_INT("tries", tries), LOG_STR("error", why), LOG_END);
    struct commit *commit = making_commit(making);
    commit_delay_call(commit, &making->call, clock_wall_ms() + pause_before(tries));
    commit_send(commit, making_recorded, making);
}

static void making_worked(struct making *making) {
    making_over(making, arena_printf(making->arena, "done by try %u", making->call.tries));
}

/* --- a command ------------------------------------------------------------------------------------------------------ */

static void command_ended(const struct errand_end *end, void *user) {
    struct making *making = user;
    making->errand = NULL;
    if (end->err != NULL) {
        making_failed(making, arena_strdup(making->arena, end->err->text));
    } else if (end->timed_out) {
        making_failed(making, arena_printf(making->arena, "it ran for %d s and was killed", LIMIT_CALL_RUN_MS / 1000));
    } else if (end->status != 0 || end->signal != 0) {
        making_failed(making,
                      arena_printf(making->arena, "it ended with %s %d: %s", end->signal != 0 ? "signal" : "exit code",
                                   end->signal != 0 ? end->signal : end->status, end->output));
    } else {
        making_worked(making);
    }
}

static void make_command(struct making *making) {
    size_t count = 0;
    const char *const *env = escalation_facts_env(&making->facts, making->arena, &count);
    making->errand = errand_start(making->escalation->options.loop,
                                  &(struct errand_options){
                                      .script = making->facts.rung->run,
                                      .work_dir = making->facts.deployment->plan->folder,
                                      .env = env,
                                      .env_count = count,
                                      .limit_ms = LIMIT_CALL_RUN_MS,
                                  },
                                  command_ended, making);
}

/* --- a webhook ------------------------------------------------------------------------------------------------------ */

static void webhook_replied(const struct http_reply *reply, void *user) {
    struct making *making = user;
    if (!making->escalation->leads) {
        making_end(making); /* Whoever leads finds a try that was begun. */
    } else if (reply->status >= 200 && reply->status < 300) {
        making_worked(making);
    } else if (reply->status != 0) {
        making_failed(making, arena_printf(making->arena, "its server answered %d", reply->status));
    } else {
        making_failed(making, arena_strdup(making->arena, reply->err->text));
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
        making_failed(making, arena_strdup(making->arena, err.text));
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
        timer_start(making->escalation->timer, LOOK_AGAIN_MS);
        making_end(making);
        return;
    }
    making->call.begun = true;
    making->call.tries++;
    if (!making->escalation->leads || !options->leads_surely(options->user)) {
        making_end(making);
    } else if (making->call.kind == CALL_RUN) {
        make_command(making);
    } else {
        make_webhook(making);
    }
}

static void making_loaded(struct deployment_record *record, const struct err *err, void *user) {
    struct making *making = user;
    struct escalation *escalation = making->escalation;
    const char *url = escalation->options.url(escalation->options.user);
    making->record = record;
    if (record == NULL && err->code == ERR_IO) {
        /* What this server can't understand another may: the call waits for it. */
        struct commit *commit = making_commit(making);
        commit_delay_call(commit, &making->call, clock_wall_ms() + LIMIT_SWEEP_MS);
        commit_send(commit, making_recorded, making);
    } else if (record == NULL && err->code != ERR_NOT_FOUND) {
        timer_start(escalation->timer, LOOK_AGAIN_MS);
        making_end(making);
    } else if (record == NULL || !escalation_facts_read(record, &making->call, url, making->arena, &making->facts)) {
        making_over(making, "not called, since it was answered before");
    } else if (making->call.begun && making->call.tries >= LIMIT_CALL_TRIES) {
        making_over(making, arena_printf(making->arena, "given up after %u tries", making->call.tries));
    } else {
        struct commit *commit = making_commit(making);
        commit_begin_call(commit, &making->call);
        commit_send(commit, making_begun, making);
    }
}

static void making_create(struct escalation *escalation, const struct call *call) {
    struct making *making = mem_alloc(sizeof *making);
    *making = (struct making){.escalation = escalation, .arena = arena_create(), .call = *call};
    making->next = escalation->makings;
    making->link = &escalation->makings;
    if (making->next != NULL) {
        making->next->link = &making->next;
    }
    escalation->makings = making;
    store_load_question(escalation->options.store, call->card, making_loaded, making);
}

static bool is_made(const struct escalation *escalation, const struct call *call, size_t *ret_count) {
    bool found = false;
    *ret_count = 0;
    for (const struct making *making = escalation->makings; making != NULL; making = making->next) {
        ++*ret_count;
        found = found || (making->call.card == call->card && making->call.rung == call->rung &&
                          making->call.kind == call->kind && making->call.deployment == call->deployment);
    }
    return found;
}

static void calls_listed(const struct call *calls, size_t count, const struct err *err, void *user) {
    struct escalation *escalation = user;
    int64_t now_ms = clock_wall_ms(), wait_ms = err == NULL ? INT64_MAX : LOOK_AGAIN_MS;
    escalation->looking = false;
    for (size_t i = 0; i < count && escalation->leads; i++) {
        size_t under_way = 0;
        bool made = is_made(escalation, &calls[i], &under_way);
        if (made || under_way >= LIMIT_CALLS_AT_ONCE) {
            continue;
        }
        if (calls[i].due_ms <= now_ms || calls[i].begun) {
            making_create(escalation, &calls[i]);
        } else if (calls[i].due_ms - now_ms < wait_ms) {
            wait_ms = calls[i].due_ms - now_ms;
        }
    }
    if (escalation->again) {
        escalation->again = false;
        wait_ms = 0;
    }
    if (escalation->leads && wait_ms < INT64_MAX) {
        timer_start(escalation->timer, wait_ms);
    }
}

static void escalation_look(void *user) {
    struct escalation *escalation = user;
    if (!escalation->leads) {
        return;
    }
    escalation->again = escalation->looking;
    if (!escalation->looking) {
        escalation->looking = true;
        store_list_calls(escalation->options.store, calls_listed, escalation);
    }
}

/* --- the outside ---------------------------------------------------------------------------------------------------- */

struct escalation *escalation_create(const struct escalation_options *options) {
    struct escalation *escalation = mem_alloc(sizeof *escalation);
    escalation->options = *options;
    escalation->http = http_create(options->loop, NULL);
    escalation->timer = loop_timer(options->loop, escalation_look, escalation);
    return escalation;
}

void escalation_lead(struct escalation *escalation, bool leads) {
    escalation->leads = leads;
    if (leads) {
        timer_start(escalation->timer, 0);
    } else {
        timer_stop(escalation->timer);
    }
}

void escalation_due(struct escalation *escalation) {
    if (escalation->leads) {
        timer_start(escalation->timer, 0);
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
    timer_destroy(escalation->timer);
    mem_free(escalation);
}
