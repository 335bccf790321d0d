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
    size_t failing;             /* calls that people were told of */
    char trouble[CALL_ID_SIZE]; /* the call that failed last */
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

/* No try was made after all. */
static void making_withdrawn(struct making *making, int64_t pause_ms) {
    struct commit *commit = making_commit(making);
    commit_withdraw_call(commit, &making->call, clock_wall_ms() + pause_ms);
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
    commit_delay_call(commit, &making->call, now_ms + (pause_ms > least_ms ? pause_ms : least_ms));
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
        timer_start(making->escalation->timer, LOOK_AGAIN_MS);
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
        timer_start(escalation->timer, LOOK_AGAIN_MS);
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
    making->next = escalation->makings;
    making->link = &escalation->makings;
    if (making->next != NULL) {
        making->next->link = &making->next;
    }
    escalation->makings = making;
    store_load_question(escalation->options.store, call->card, making_loaded, making);
}

/* Whether there is room for it, and it is not made already. What has failed before must not hold up the others. */
static bool may_make(const struct escalation *escalation, const struct call *call) {
    size_t count = 0, again = 0;
    for (const struct making *making = escalation->makings; making != NULL; making = making->next) {
        count++;
        again += making->call.tries > making->call.begun;
        if (making->call.card == call->card && making->call.rung == call->rung && making->call.kind == call->kind &&
            making->call.deployment == call->deployment) {
            return false;
        }
    }
    return count < LIMIT_CALLS_AT_ONCE && (call->tries == 0 || again < LIMIT_CALLS_AGAIN);
}

static void calls_listed(const struct call *calls, size_t count, const struct err *err, void *user) {
    struct escalation *escalation = user;
    int64_t now_ms = clock_wall_ms(), wait_ms = err == NULL ? INT64_MAX : LOOK_AGAIN_MS;
    escalation->looking = false;
    escalation->failing = 0;
    for (size_t i = 0; i < count && escalation->leads; i++) {
        escalation->failing += calls[i].tries >= LIMIT_CALL_TOLD;
        if (!may_make(escalation, &calls[i])) {
            continue;
        }
        if (calls[i].due_ms <= now_ms || calls[i].begun) {
            making_create(escalation, &calls[i]);
        } else if (calls[i].due_ms - now_ms < wait_ms) {
            wait_ms = calls[i].due_ms - now_ms;
        }
    }
    metric_set(METRIC_CALLS_FAILING, (double)escalation->failing, NULL, NULL, NULL);
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
    escalation->http =
        http_create(options->loop, &(struct http_options){.ca_file = options->config(options->user)->ca_file});
    escalation->timer = loop_timer(options->loop, escalation_look, escalation);
    return escalation;
}

void escalation_lead(struct escalation *escalation, bool leads) {
    escalation->leads = leads;
    if (leads) {
        timer_start(escalation->timer, 0);
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
