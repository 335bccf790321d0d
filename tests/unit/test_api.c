/*
 * The whole API over real sockets and a real redis-server. The leader is played by a few lines, and what people want is
 * carried out by a stand-in for app/operations, which notes what it was asked.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "chat/console.h"
#include "core/permission.h"
#include "fakes/store_rig.h"
#include "store/feed.h"
#include "store/numbering.h"
#include "store/calls.h"
#include "store/records.h"

static const char config_text[] =
    "people:\n"
    "  alice: { token: { env: T_ALICE }, password: { env: T_ALICE_PASSWORD } }\n"
    "  bob: { token: { env: T_BOB } }\n"
    "  carol: { token: { env: T_CAROL } }\n"
    "  dave: { token: { env: T_DAVE } }\n"
    "teams: { oncall: { members: [alice] } }\n"
    "permissions: [{ allow: [deploy, answer, cancel], to: [oncall] }]\n"
    "rooms: { deploys: {} }\n"
    "targets: { web-1: { local: true, tags: [web] }, web-2: { local: true, tags: [web] } }\n"
    "environments: { staging: {}, production: { room: deploys, guided_failure: { enabled: true } } }\n"
    "projects:\n"
    "  shop: { steps: [{ name: Install, targets: [web], run: 'true' }] }\n"
    "  shop-admin: { steps: [{ name: Install, targets: [web], run: 'true' }] }\n";

/* Of an operation that was asked for. */
struct asked {
    size_t count;
    enum command_id id;
    char actor[64], via[16], project[64], version[64], environment[64], note[64], room[64], on[64], event_id[64];
    uint64_t deployment, question;
    enum guidance guidance;
    bool single;
    uint32_t revision;
    int guided;
};

static struct store_rig rig;
static struct arena *arena;
static struct config *config;
static struct api *api;
static uint64_t next_question;
static struct asked asked;
static struct err refusal;   /* what the next operation is refused with; code ERR_NONE = it is done */
static bool hold;            /* the reply does not come */
static operation_done *held; /* of the operation that is held */
static void *held_user;

/* --- what serve.c does -------------------------------------------------------------------------------------------- */

static struct config *the_config(void *user) {
    (void)user;
    return config;
}

static struct api_status the_status(void *user) {
    (void)user;
    return (struct api_status){.leads = true, .banner = "Redis may lose what it has acknowledged."};
}

/* alice may do all, bob may view all, dave may view staging, carol may do nothing. */
static unsigned the_permissions(const struct actor *actor, const char *project, const char *environment, void *user) {
    (void)project;
    (void)user;
    if (actor->everything || str_equal(actor->name, "alice")) {
        return PERMISSION_ALL;
    }
    bool staging = environment == NULL || str_equal(environment, "staging");
    return str_equal(actor->name, "bob") || (str_equal(actor->name, "dave") && staging) ? PERMISSION_VIEW : 0;
}

static void copy(char *out, const char *text) {
    (void)snprintf(out, 64, "%s", text == NULL ? "" : text);
}

struct replying {
    struct operation operation;
    char actor[64];
    operation_done *done;
    void *user;
};

static void reply_now(struct replying *replying) {
    const struct command *command = &replying->operation.command;
    struct operation_reply reply = {
        .err = refusal.code == ERR_NONE ? NULL : &refusal,
        .text = refusal.code == ERR_NONE ? "Done." : refusal.text,
        .json = "{\"more\":1}",
        .deployment = command->deployment == 0 ? 1 : command->deployment,
        .question = command->question,
    };
    replying->done(&reply, replying->user);
    mem_free(replying);
}

static void recorded(enum answer_result result, void *user) {
    if (result != ANSWER_ACCEPTED && refusal.code == ERR_NONE) {
        refusal = (struct err){ERR_CONFLICT, "Q1 was answered by alice 1 s ago: Retry."};
    }
    reply_now(user);
}

static void turn_is_over(void *user) {
    struct replying *replying = user;
    const struct command *command = &replying->operation.command;
    if (refusal.code == ERR_NONE && command->guidance != GUIDANCE_NONE) {
        const struct new_answer answer = {
            .deployment = 1,
            .question = command->question,
            .guidance = command->guidance,
            .actor = replying->actor,
            .via = "api",
            .note = asked.note[0] == '\0' ? NULL : asked.note,
            .generation = config->generation,
            .now_ms = clock_wall_ms(),
        };
        store_answer(rig.store, &answer, recorded, replying);
    } else if (refusal.code == ERR_NONE && command->id == COMMAND_TAKE) {
        store_take(rig.store, 1, command->question, replying->actor, "api", false, recorded, replying);
    } else {
        reply_now(replying);
    }
}

static void operation_came(const struct operation *operation, operation_done *done, void *done_user, void *user) {
    const struct command *command = &operation->command;
    (void)user;
    asked = (struct asked){
        .count = asked.count + 1,
        .id = command->id,
        .deployment = command->deployment,
        .question = command->question,
        .guidance = command->guidance,
        .single = operation->single,
        .revision = operation->card_revision,
        .guided = command->guided,
    };
    copy(asked.actor, operation->actor.name);
    (void)snprintf(asked.via, sizeof asked.via, "%s", operation->actor.via);
    copy(asked.project, command->project);
    copy(asked.version, command->version);
    copy(asked.environment, command->environment);
    copy(asked.note, command->note);
    copy(asked.room, operation->place.room);
    copy(asked.on, command->on.count > 0 ? command->on.items[0] : "");
    copy(asked.event_id, operation->event_id);
    if (hold) {
        held = done;
        held_user = done_user;
        return;
    }
    struct replying *replying = mem_alloc(sizeof *replying);
    *replying = (struct replying){.operation = *operation, .done = done, .user = done_user};
    copy(replying->actor, operation->actor.name);
    (void)loop_soon(rig.loop, turn_is_over, replying);
}

static void open_api(const char *local_token, const char *web_dir) {
    const struct api_options options = {
        .loop = rig.loop,
        .store = rig.store,
        .config = the_config,
        .up = {operation_came, NULL},
        .status = the_status,
        .permissions = the_permissions,
        .local_token = local_token,
        .web_dir = web_dir,
    };
    struct err err = {.text = ""};
    if (api_create(&options, &api, &err) < 0 || api_listen(api, "127.0.0.1:0", NULL, NULL, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static void mark(void *user) {
    *(bool *)user = true;
}

static bool is_marked(void *user) {
    return *(bool *)user;
}

static void close_api(void) {
    bool stopped = false;
    api_stop(api, mark, &stopped);
    rig_until(&rig, is_marked, &stopped);
    api_destroy(api);
    api = NULL;
}

static int set_up(void **state) {
    (void)state;
    struct config_problems problems;
    setenv("T_ALICE", "alice-token", 1);
    setenv("T_ALICE_PASSWORD", "open sesame", 1);
    setenv("T_BOB", "bob-token", 1);
    setenv("T_CAROL", "carol-token", 1);
    setenv("T_DAVE", "dave-token", 1);
    config = config_load_text("/tmp/test.yaml", config_text, sizeof config_text - 1, &problems);
    if (config == NULL) {
        fail_msg("%s", problems.items[0].text);
    }
    config_problems_finish(&problems);
    rig_open(&rig);
    arena = arena_create();
    next_question = 1;
    asked = (struct asked){0};
    refusal = (struct err){.code = ERR_NONE};
    hold = false;
    (void)rig_call(&rig, "SET", "t:config", config->generation);
    open_api("local-token", NULL);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (api != NULL) {
        close_api();
    }
    rig_close(&rig);
    arena_destroy(arena);
    config_unref(config);
    return 0;
}

/* --- a client ----------------------------------------------------------------------------------------------------- */

#define ALICE "X-Octopus-ApiKey: alice-token\r\n"
#define BOB "Authorization: Bearer bob-token\r\n"
#define DAVE "Authorization: Bearer dave-token\r\n"
#define CAROL "Authorization: bearer carol-token\r\n"

struct client {
    int fd;
    struct buf got;
    bool over;
    const char *wanted; /* the text that is waited for; NULL = the end */
};

static void client_open(struct client *client, const char *text, size_t size) {
    const char *colon = strrchr(api_address(api, 0), ':');
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10))};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *client = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    buf_init(&client->got, 32 << 20);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(write(client->fd, text, size), size);
    assert_int_equal(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
}

static void client_close(struct client *client) {
    (void)close(client->fd);
    buf_finish(&client->got);
}

static bool client_has(void *user) {
    struct client *client = user;
    char piece[16384];
    for (;;) {
        ssize_t count = read(client->fd, piece, sizeof piece);
        if (count <= 0) {
            client->over = client->over || count == 0 || errno != EAGAIN;
            break;
        }
        buf_add(&client->got, piece, (size_t)count);
    }
    return client->over || (client->wanted != NULL && strstr(client->got.data, client->wanted) != NULL);
}

struct answer {
    int status;
    const char *head, *body; /* in the arena */
    struct json *json;       /* or NULL; freed by answer_free */
};

static void answer_free(struct answer *answer) {
    json_free(answer->json);
    answer->json = NULL;
}

/* `more` are header lines. Host is ours unless it is among them. */
static struct answer ask(const char *method, const char *target, const char *more, const char *body) {
    struct buf text = BUF_INIT(1 << 20);
    struct client client;
    buf_printf(&text, "%s %s HTTP/1.1\r\nConnection: close\r\n%s", method, target, more);
    if (strstr(more, "Host:") == NULL) {
        buf_printf(&text, "Host: %s\r\n", api_address(api, 0));
    }
    if (body != NULL) {
        buf_printf(&text, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
    } else {
        buf_adds(&text, "\r\n");
    }
    client_open(&client, text.data, text.size);
    buf_finish(&text);
    rig_until(&rig, client_has, &client);
    struct answer answer = {.head = arena_strdup(arena, client.got.data)};
    client_close(&client);
    char *end = strstr(answer.head, "\r\n\r\n");
    assert_non_null(end);
    *end = '\0';
    answer.body = end + 4;
    answer.status = (int)strtol(answer.head + strlen("HTTP/1.1 "), NULL, 10);
    assert_non_null(strcasestr(answer.head, "content-security-policy: default-src 'none'"));
    assert_non_null(strcasestr(answer.head, "x-content-type-options: nosniff"));
    assert_null(strcasestr(answer.head, "access-control"));
    if (strcasestr(answer.head, "json") != NULL &&
        json_parse(answer.body, strlen(answer.body), &answer.json, NULL) < 0) {
        fail_msg("%s", answer.body);
    }
    return answer;
}

static struct answer get(const char *target, const char *more) {
    return ask("GET", target, more, NULL);
}

static void expect(const char *method, const char *target, const char *more, const char *body, int status) {
    struct answer answer = ask(method, target, more, body);
    if (answer.status != status) {
        fail_msg("%s %s: %d %s", method, target, answer.status, answer.body);
    }
    answer_free(&answer);
}

static const char *text_at(const struct answer *answer, const char *path) {
    return json_string(json_path(answer->json, path));
}

static int64_t number_at(const struct answer *answer, const char *path) {
    return json_int(json_path(answer->json, path), -1);
}

static bool flag_at(const struct answer *answer, const char *path) {
    assert_true(json_is_bool(json_path(answer->json, path)));
    return json_bool(json_path(answer->json, path), false);
}

/* --- a deployment, and the leader --------------------------------------------------------------------------------- */

static void created(uint64_t id, size_t ahead, const struct err *err, void *user) {
    (void)ahead;
    assert_null(err);
    *(uint64_t *)user = id;
}

static bool is_set(void *user) {
    return *(uint64_t *)user != 0;
}

static uint64_t create(void) {
    static struct plan_target targets[] = {{.name = "web-1"}, {.name = "web-2"}};
    static uint32_t both[] = {0, 1};
    static struct plan_step steps[] = {
        {.name = "Install",
         .script = "true",
         .max_parallel = 2,
         .guided = {.enabled = true, .max_retries = 10},
         .targets = both,
         .slot_count = 2},
    };
    static const struct plan plan = {.project = "shop",
                                     .environment = "production",
                                     .room = "deploys",
                                     .targets = targets,
                                     .target_count = 2,
                                     .steps = steps,
                                     .step_count = 1};
    const struct new_deployment request = {.plan = &plan,
                                           .version = "1.4.2",
                                           .actor = "alice",
                                           .via = "cli",
                                           .guided_flag = -1,
                                           .now_ms = clock_wall_ms()};
    uint64_t id = 0;
    store_create_deployment(rig.store, &request, created, &id);
    rig_until(&rig, is_set, &id);
    return id;
}

static void loaded(struct deployment_record *record, const struct err *err, void *user) {
    assert_null(err);
    *(struct deployment_record **)user = record;
}

static bool is_loaded(void *user) {
    return *(struct deployment_record **)user != NULL;
}

static struct deployment_record *load(uint64_t id) {
    struct deployment_record *record = NULL;
    store_load_deployment(rig.store, id, loaded, &record);
    rig_until(&rig, is_loaded, &record);
    return record;
}

static void add_effect(struct commit *commit, struct deployment *d, const struct event *event,
                       const struct effect *effect) {
    switch (effect->kind) {
    case EFFECT_ASK:
        commit_ask(commit, d, deployment_question(d, effect->question));
        commit_put_numbering(commit, next_question);
        break;
    case EFFECT_AUDIT:
        commit_audit(commit, d, effect->text, event->actor, event->via, event->note, event->now_ms);
        break;
    case EFFECT_PROBE:
        break;
    case EFFECT_EXCERPT:
        commit_put_excerpt(commit, deployment_question(d, effect->question));
        break;
    case EFFECT_VIGIL:
        commit_put_vigil(commit, deployment_vigil(d, effect->question));
        break;
    case EFFECT_CALL:
        commit_add_calls(commit, d, effect->question, effect->epoch, event->now_ms);
        break;
    case EFFECT_FINISH:
        commit_finish(commit, d);
        break;
    case EFFECT_START:
    case EFFECT_ADOPT:
    case EFFECT_STOP:
    case EFFECT_CLOSE:
    case EFFECT_TIMER:
    case EFFECT_CLOSING:
    case EFFECT_DEPLOYED:
    case EFFECT_UNCONFIRMED:
    case EFFECT_OWED:
    case EFFECT_PAST:
        break;
    }
}

static void lead(uint64_t id, struct event event) {
    struct deployment_record *record = load(id);
    struct deployment *d = record->deployment;
    struct decision decision;
    struct rig_result result = {0};
    struct commit *commit = commit_create(rig.store, NULL);
    const struct run *run = deployment_run(d, event.step, event.slot);
    event.now_ms = clock_wall_ms();
    event.attempt = run->attempt;
    event.epoch = run->epoch;
    event.worker = "w1";
    event.host = "h1";
    deployment_apply(d, &event, &next_question, d->arena, &decision);
    assert_false(decision.ignored);
    for (size_t i = 0; i < decision.count; i++) {
        add_effect(commit, d, &event, &decision.effects[i]);
    }
    for (size_t i = 0; i < decision.touched_count; i++) {
        commit_put_run(commit, d, decision.touched[i].step, decision.touched[i].slot);
    }
    commit_put_deployment(commit, d);
    commit_changed(commit, d->id);
    commit_send(commit, rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    deployment_record_free(record);
}

static void end_run(uint64_t id, size_t slot, int64_t exit_code) {
    lead(id, (struct event){.kind = EVENT_CLAIMED, .slot = slot});
    lead(id,
         (struct event){
             .kind = EVENT_ENDED, .slot = slot, .outcome = {OUTCOME_EXIT, exit_code}, .excerpt = "E: no space left"});
}

/* D1: Install went well on web-1 and failed on web-2: Q1. */
static void pause_one(void) {
    assert_int_equal(create(), 1);
    lead(1, (struct event){.kind = EVENT_ADMITTED});
    end_run(1, 0, 0);
    end_run(1, 1, 100);
}

/* --- the door ----------------------------------------------------------------------------------------------------- */

static void the_door_is_watched_before_anything_else(void **state) {
    (void)state;
    expect("GET", "/livez", "Host: evil.example\r\n", NULL, 403);
    expect("GET", "/api/tasks", "Host: evil.example\r\n" ALICE, NULL, 403);
    expect("GET", "/v1/me", "Origin: http://evil.example\r\n" ALICE, NULL, 403);
    expect("GET", "/v1/events", "Origin: null\r\n" ALICE, NULL, 403);
    expect("GET", "/nothing", "Sec-Fetch-Site: cross-site\r\n", NULL, 403);
    expect("GET", "/livez", "", NULL, 200);
}

static void errors_have_the_shape_of_their_family(void **state) {
    (void)state;
    struct answer answer = get("/v1/nothing", "");
    assert_int_equal(answer.status, 404);
    assert_string_equal(text_at(&answer, "title"), "not_found");
    assert_non_null(strcasestr(answer.head, "application/problem+json"));
    answer_free(&answer);
    answer = get("/api/nothing", "");
    assert_int_equal(answer.status, 404);
    assert_non_null(text_at(&answer, "ErrorMessage"));
    assert_true(json_is_array(json_get(answer.json, "Errors")));
    answer_free(&answer);
    answer = get("/nothing.css", "");
    assert_int_equal(answer.status, 404);
    assert_null(answer.json);
    expect("PUT", "/v1/me", ALICE, NULL, 405);
    expect("POST", "/v1/commands", ALICE, "{\"line\": ", 400);
    expect("POST", "/v1/commands", ALICE, "{\"line\":\"a\",\"line\":\"b\"}", 400);
}

static void strangers_all_hear_the_same(void **state) {
    (void)state;
    static const char *const strangers[] = {"", "X-Octopus-ApiKey: \r\n", "X-Octopus-ApiKey: alice-toke\r\n",
                                            "Authorization: Bearer nobody\r\n",
                                            "Authorization: Basic YWxpY2U6eA==\r\n"};
    const char *first = NULL;
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        struct answer answer = get("/v1/overview", strangers[i]);
        assert_int_equal(answer.status, 401);
        first = first == NULL ? answer.body : first;
        assert_string_equal(answer.body, first);
        answer_free(&answer);
    }
}

static void tokens_say_who_asks(void **state) {
    (void)state;
    struct answer answer = get("/v1/me", ALICE);
    assert_string_equal(text_at(&answer, "name"), "alice");
    assert_string_equal(text_at(&answer, "via"), "api");
    assert_string_equal(json_string(json_first(json_get(answer.json, "teams"))), "oncall");
    answer_free(&answer);
    answer = get("/v1/me", BOB "User-Agent: guidepost/0.1.0\r\n");
    assert_string_equal(text_at(&answer, "via"), "cli");
    assert_int_equal(json_size(json_get(answer.json, "permissions")), 1);
    answer_free(&answer);
    answer = get("/v1/me", "Authorization: Bearer local-token\r\n");
    assert_true(str_starts(text_at(&answer, "name"), "local:"));
    answer_free(&answer);
}

/* --- sessions ----------------------------------------------------------------------------------------------------- */

#define PAGE "Content-Type: application/json\r\nX-Csrf: 1\r\n"

static const char *page_headers(const char *cookie) {
    return arena_printf(arena, PAGE "Origin: http://%s\r\nCookie: %s\r\n", api_address(api, 0), cookie);
}

static const char *cookie_of(const struct answer *answer) {
    const char *line = strcasestr(answer->head, "set-cookie: ");
    assert_non_null(line);
    line += strlen("set-cookie: ");
    return arena_strndup(arena, line, strcspn(line, ";"));
}

static const char *sign_in(const char *body) {
    struct answer answer = ask("POST", "/v1/session", PAGE, body);
    if (answer.status != 200) {
        fail_msg("%s", answer.body);
    }
    assert_non_null(strcasestr(answer.head, "HttpOnly; SameSite=Strict"));
    const char *cookie = cookie_of(&answer);
    answer_free(&answer);
    return cookie;
}

static void a_session_survives_a_restart_and_ends_at_sign_out(void **state) {
    (void)state;
    const char *cookie = sign_in("{\"name\": \"alice\", \"password\": \"open sesame\"}");
    struct answer answer = get("/v1/me", page_headers(cookie));
    assert_string_equal(text_at(&answer, "name"), "alice");
    assert_string_equal(text_at(&answer, "via"), "console");
    answer_free(&answer);
    const char *secret = strchr(cookie, '=') + 1;
    assert_string_equal(rig_call(&rig, "EXISTS", arena_printf(arena, "t:session:%s", secret)), "0");

    char address[64];
    (void)snprintf(address, sizeof address, "%s", api_address(api, 0));
    close_api();
    open_api("local-token", NULL);
    /* The cookie's name has the port in it, which is another one now. */
    const char *again = arena_printf(arena, "guidepost-%s=%s", strrchr(api_address(api, 0), ':') + 1, secret);
    answer = get("/v1/me", page_headers(again));
    assert_int_equal(answer.status, 200);
    answer_free(&answer);
    expect("DELETE", "/v1/session", page_headers(again), NULL, 200);
    expect("GET", "/v1/me", page_headers(again), NULL, 401);
}

static void a_cookie_needs_the_marks_of_the_page(void **state) {
    (void)state;
    const char *cookie = sign_in("{\"token\": \"alice-token\"}");
    const char *bare = arena_printf(arena, "Cookie: %s\r\n", cookie);
    expect("POST", "/v1/commands", page_headers(cookie), "{\"line\": \"status\"}", 200);
    expect("POST", "/v1/commands", bare, "{\"line\": \"status\"}", 403);
    expect("POST", "/api/interruptions/Interruptions-1/submit", bare, "{\"Guidance\": \"Retry\"}", 403);
    expect("POST", "/api/interruptions/Interruptions-1/responsible",
           arena_printf(arena, "%sX-HTTP-Method-Override: PUT\r\n", bare), NULL, 403);
    assert_int_equal(asked.count, 1);
}

static void a_link_signs_the_local_user_in_once(void **state) {
    (void)state;
    char link[128];
    api_make_link(api, link);
    assert_true(str_starts(link, "/login#"));
    const char *body = arena_printf(arena, "{\"link\": \"%s\"}", strchr(link, '#') + 1);
    const char *cookie = sign_in(body);
    struct answer answer = get("/v1/me", page_headers(cookie));
    assert_true(str_starts(text_at(&answer, "name"), "local:"));
    answer_free(&answer);
    expect("POST", "/v1/session", PAGE, body, 401);
}

static void too_many_failures_are_slowed_down(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        expect("POST", "/v1/session", PAGE, "{\"token\": \"wrong\"}", 401);
    }
    expect("POST", "/v1/session", PAGE, "{\"token\": \"alice-token\"}", 429);
    expect("GET", "/v1/me", ALICE, NULL, 200);
}

static void a_session_is_good_while_redis_is_away(void **state) {
    (void)state;
    const char *cookie = sign_in("{\"token\": \"alice-token\"}");
    rig_server_kill(&rig);
    rig_run_ms(&rig, 50);
    expect("GET", "/v1/me", page_headers(cookie), NULL, 200);
    /* Whether this one was ever opened, nobody here can say now. */
    const char *other = arena_printf(arena, "%.*s=unknown", (int)strcspn(cookie, "="), cookie);
    expect("GET", "/v1/me", page_headers(other), NULL, 503);
    struct answer answer = get("/v1/questions", ALICE);
    assert_int_equal(answer.status, 503);
    assert_string_equal(text_at(&answer, "title"), "unavailable");
    answer_free(&answer);
    expect("GET", "/readyz", "", NULL, 503);
    expect("GET", "/livez", "", NULL, 200);
    rig_server_start(&rig);
    rig_ready(&rig);
    expect("GET", "/readyz", "", NULL, 200);
    expect("GET", "/v1/me", page_headers(cookie), NULL, 200);
    expect("GET", "/v1/me", page_headers(other), NULL, 401);
}

/* --- /v1 ---------------------------------------------------------------------------------------------------------- */

static void the_first_page_has_it_all(void **state) {
    (void)state;
    pause_one();
    assert_int_equal(create(), 2);
    struct answer answer = get("/v1/overview", ALICE);
    assert_int_equal(answer.status, 200);
    assert_string_equal(text_at(&answer, "banner"), "Redis may lose what it has acknowledged.");
    const struct json *card = json_first(json_get(answer.json, "questions"));
    assert_int_equal(json_int(json_get(card, "question"), 0), 1);
    const struct json *live = json_get(answer.json, "live");
    assert_int_equal(json_size(live), 2);
    assert_string_equal(json_string(json_get(json_first(live), "state")), "paused");
    const char *waits = json_string(json_get(json_next(json_first(live)), "waits_for"));
    assert_true(str_starts(waits, "waits for D1, "));
    assert_string_equal(json_string(json_first(json_get(answer.json, "rooms"))), "deploys");
    const struct json *project = json_first(json_get(answer.json, "projects"));
    assert_int_equal(json_size(json_get(project, "environments")), 2);
    answer_free(&answer);
}

static void nothing_is_shown_to_who_may_not_view_it(void **state) {
    (void)state;
    pause_one();
    struct answer answer = get("/v1/overview", CAROL);
    assert_int_equal(json_size(json_get(answer.json, "questions")), 0);
    assert_int_equal(json_size(json_get(answer.json, "live")), 0);
    assert_int_equal(json_size(json_get(answer.json, "projects")), 0);
    answer_free(&answer);
    static const char *const refused[] = {
        "/v1/deployments/1",
        "/v1/deployments/1/log?step=0",
        "/v1/deployments/1/audit",
        "/v1/questions/1",
        "/api/deployments/Deployments-1",
        "/api/tasks/1",
        "/api/tasks/1/details",
        "/api/tasks/1/raw",
        "/api/interruptions/1",
        "/api/interruptions/1/responsible",
        "/api/events?regarding=Deployments-1",
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        expect("GET", refused[i], CAROL, NULL, 403);
        expect("GET", refused[i], "", NULL, 401);
    }
    static const char *const empty[] = {"/api/deployments",         "/api/tasks?active=true",
                                        "/api/interruptions",       "/api/interruptions?regarding=Deployments-1",
                                        "/api/interruptions?ids=1", "/api/projects",
                                        "/api/environments",        "/api/machines"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        answer = get(empty[i], CAROL);
        assert_int_equal(json_size(json_get(answer.json, "Items")), 0);
        answer_free(&answer);
    }
}

static void deployments_and_questions_are_shown(void **state) {
    (void)state;
    pause_one();
    struct answer answer = get("/v1/deployments?take=1", BOB);
    assert_int_equal(number_at(&answer, "total"), 1);
    assert_string_equal(json_string(json_get(json_first(json_get(answer.json, "items")), "name")), "D1");
    answer_free(&answer);
    answer = get("/v1/deployments/D1", BOB);
    assert_int_equal(json_size(json_get(answer.json, "steps")), 1);
    answer_free(&answer);
    answer = get("/v1/deployments/1/audit", BOB);
    assert_true(json_size(json_get(answer.json, "entries")) > 3);
    answer_free(&answer);
    answer = get("/v1/questions", BOB);
    assert_string_equal(json_string(json_get(json_first(json_get(answer.json, "items")), "name")), "Q1");
    answer_free(&answer);
    answer = get("/v1/questions/Q1", BOB);
    assert_string_equal(text_at(&answer, "excerpt"), "E: no space left");
    answer_free(&answer);
    expect("GET", "/v1/deployments/7", BOB, NULL, 404);
    expect("GET", "/v1/deployments/x", BOB, NULL, 404);
    expect("GET", "/v1/questions/7", BOB, NULL, 404);
    expect("GET", "/v1/deployments?take=x", BOB, NULL, 400);
    expect("GET", "/v1/deployments/1/log?step=9", BOB, NULL, 404);
    static const char *const positions[] = {
        "x", "1", "-", "1-", "-1", "(1-1", "1-1-1", "1-x", "99999999999999999999-1"};
    for (size_t i = 0; i < sizeof positions / sizeof positions[0]; i++) {
        expect("GET", arena_printf(arena, "/v1/deployments/1/log?after=%s", positions[i]), BOB, NULL, 400);
    }
    expect("GET", "/v1/deployments/1/log?after=1-1", BOB, NULL, 200);
}

static void output_is_read_from_where_one_left_off(void **state) {
    (void)state;
    pause_one();
    const struct log_key key = {1, 0, 1, 1};
    for (int i = 0; i < 2; i++) {
        struct rig_result result = {0};
        log_append(rig.store, &key, i == 0 ? 0 : 13, i == 0 ? "one \033[31mred\n" : "two\n", i == 0 ? 13 : 4, 0,
                   rig_committed, &result);
        assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    }
    struct answer answer = get("/v1/deployments/1/log?step=0&slot=1", BOB);
    const struct json *batches = json_get(answer.json, "batches");
    assert_int_equal(json_size(batches), 2);
    assert_string_equal(json_string(json_get(json_first(batches), "text")), "one red\n");
    const char *first = arena_strdup(arena, json_string(json_get(json_first(batches), "id")));
    const char *next = arena_strdup(arena, text_at(&answer, "next"));
    answer_free(&answer);
    answer = get(arena_printf(arena, "/v1/deployments/1/log?step=0&slot=1&attempt=1&after=%s", first), BOB);
    assert_int_equal(json_size(json_get(answer.json, "batches")), 1);
    answer_free(&answer);
    answer = get(arena_printf(arena, "/v1/deployments/1/log?step=0&slot=1&after=%s", next), BOB);
    assert_int_equal(json_size(json_get(answer.json, "batches")), 0);
    assert_string_equal(text_at(&answer, "next"), next);
    answer_free(&answer);
    answer = get("/api/tasks/ServerTasks-1/raw", BOB);
    assert_non_null(strstr(answer.body, "== Install on web-2, attempt 1\none red\ntwo\n"));
}

static void answers_go_up_as_they_were_given(void **state) {
    (void)state;
    pause_one();
    expect("POST", "/v1/questions/1/answer", ALICE, "{\"guidance\": \"later\"}", 400);
    expect("POST", "/v1/questions/1/answer", ALICE, NULL, 400);
    assert_int_equal(asked.count, 0);
    struct answer answer =
        ask("POST", "/v1/questions/Q1/answer", ALICE "Idempotency-Key: k1\r\n",
            "{\"guidance\": \"retry\", \"note\": \"disk freed\", \"revision\": 3, \"single\": true}");
    assert_int_equal(answer.status, 200);
    assert_string_equal(text_at(&answer, "text"), "Done.");
    assert_int_equal(number_at(&answer, "data.more"), 1);
    answer_free(&answer);
    assert_int_equal(asked.id, COMMAND_RETRY);
    assert_int_equal(asked.guidance, GUIDANCE_RETRY);
    assert_int_equal(asked.question, 1);
    assert_int_equal(asked.revision, 3);
    assert_true(asked.single);
    assert_string_equal(asked.actor, "alice");
    assert_string_equal(asked.note, "disk freed");
    assert_true(str_starts(asked.event_id, "api/alice/k1"));
    /* It was answered: the second is told so. */
    answer = ask("POST", "/v1/questions/1/answer", ALICE, "{\"guidance\": \"fail\"}");
    assert_int_equal(answer.status, 409);
    assert_string_equal(text_at(&answer, "title"), "conflict");
    assert_non_null(strstr(text_at(&answer, "detail"), "answered by alice"));
    answer_free(&answer);
}

static void commands_are_said_in_the_room_and_answered_there(void **state) {
    (void)state;
    struct answer answer = ask("POST", "/v1/commands", ALICE, "{\"line\": \"status\", \"room\": \"deploys\"}");
    assert_true(flag_at(&answer, "ok"));
    assert_int_equal(number_at(&answer, "exit_code"), 0);
    answer_free(&answer);
    assert_string_equal(asked.room, "deploys");
    answer = ask("POST", "/v1/commands", ALICE, "{\"line\": \"retyr Q1\"}");
    assert_int_equal(answer.status, 200);
    assert_false(flag_at(&answer, "ok"));
    assert_string_equal(text_at(&answer, "error"), "invalid");
    assert_int_equal(number_at(&answer, "exit_code"), 2);
    assert_non_null(strstr(text_at(&answer, "text"), "retry"));
    answer_free(&answer);
    answer = ask("POST", "/v1/commands", ALICE, "{\"words\": [\"deploy\", \"shop\", \"1.0\", \"to\", \"staging\"]}");
    assert_true(flag_at(&answer, "ok"));
    answer_free(&answer);
    assert_string_equal(asked.version, "1.0");
    expect("POST", "/v1/commands", ALICE, "{\"line\": \"status\", \"room\": \"nowhere\"}", 404);
    expect("POST", "/v1/commands", ALICE, "{}", 400);
    rig_run_ms(&rig, 50);
    answer = get("/v1/rooms/deploys", BOB);
    const struct json *messages = json_get(answer.json, "messages");
    assert_int_equal(json_size(messages), 2);
    assert_string_equal(json_string(json_get(json_first(messages), "author")), "alice");
    assert_string_equal(json_string(json_get(json_next(json_first(messages)), "text")), "Done.");
    answer_free(&answer);
    expect("GET", "/v1/rooms/nowhere", BOB, NULL, 404);
}

static void cards_in_a_room_are_for_who_may_view_them(void **state) {
    (void)state;
    pause_one();
    struct rig_result result = {0};
    struct commit *commit = commit_create(rig.store, NULL);
    commit_room_put(commit, "deploys", "m1", "{\"author\":\"guidepost\",\"text\":\"x\",\"card\":{\"deployment\":1}}",
                    1000);
    commit_room_put(commit, "deploys", "m2", "{\"author\":\"bob\",\"text\":\"hello\",\"card\":null}", 2000);
    commit_send(commit, rig_committed, &result);
    assert_int_equal(rig_wait(&rig, &result), COMMIT_DONE);
    struct answer answer = get("/v1/rooms/deploys", BOB);
    assert_int_equal(json_size(json_get(answer.json, "messages")), 2);
    answer_free(&answer);
    answer = get("/v1/rooms/deploys", DAVE);
    assert_int_equal(json_size(json_get(answer.json, "messages")), 1);
    answer_free(&answer);
    expect("GET", "/v1/rooms/deploys", CAROL, NULL, 403);
    expect("POST", "/v1/commands", CAROL, "{\"line\": \"status\", \"room\": \"deploys\"}", 403);
}

static void a_wrong_number_is_helped(void **state) {
    (void)state;
    pause_one();
    struct answer answer = ask("POST", "/v1/commands", ALICE, "{\"line\": \"retry D1\"}");
    assert_false(flag_at(&answer, "ok"));
    assert_non_null(strstr(text_at(&answer, "text"), "D1's open question is Q1."));
    answer_free(&answer);
    answer = ask("POST", "/v1/commands", CAROL, "{\"line\": \"retry D1\"}");
    assert_null(strstr(text_at(&answer, "text"), "Q1."));
    answer_free(&answer);
    answer = ask("POST", "/v1/commands", ALICE, "{\"line\": \"retry D99\"}");
    assert_string_equal(text_at(&answer, "error"), "invalid");
    answer_free(&answer);
}

/* --- streams ------------------------------------------------------------------------------------------------------ */

static void stream_open(struct client *client, const char *more) {
    const char *text =
        arena_printf(arena, "GET /v1/events HTTP/1.1\r\nHost: %s\r\n" BOB "%s\r\n", api_address(api, 0), more);
    client_open(client, text, strlen(text));
}

static void stream_wait(struct client *client, const char *wanted) {
    client->wanted = wanted;
    rig_until(&rig, client_has, client);
    assert_false(client->over);
}

static void changes_are_streamed_and_resumed(void **state) {
    (void)state;
    struct client client;
    stream_open(&client, "");
    stream_wait(&client, "event: reset");
    assert_non_null(strcasestr(client.got.data, "text/event-stream"));
    assert_non_null(strcasestr(client.got.data, "x-accel-buffering: no"));
    rig_run_ms(&rig, 100);
    assert_int_equal(create(), 1);
    stream_wait(&client, "event: deployment\ndata: {\"id\":1}\n\n");
    const char *id = strstr(client.got.data, "id: ");
    const char *last = arena_strndup(arena, id + 4, strcspn(id + 4, "\n"));
    client_close(&client);
    assert_int_equal(create(), 2);
    stream_open(&client, arena_printf(arena, "Last-Event-ID: %s\r\n", last));
    stream_wait(&client, "data: {\"id\":2}");
    assert_null(strstr(client.got.data, "{\"id\":1}"));
    client_close(&client);
    stream_open(&client, "Last-Event-ID: 99999999999999-0\r\n");
    stream_wait(&client, "event: reset");
    client_close(&client);
}

static void a_stop_ends_streams_and_forgets_requests(void **state) {
    (void)state;
    struct client stream, request;
    stream_open(&stream, "");
    stream_wait(&stream, "event: reset");
    hold = true;
    const char *text = arena_printf(
        arena, "POST /v1/commands HTTP/1.1\r\nHost: %s\r\n" ALICE "Content-Length: 18\r\n\r\n{\"line\": \"status\"}",
        api_address(api, 0));
    client_open(&request, text, strlen(text));
    held = NULL;
    while (held == NULL) {
        rig_run_ms(&rig, 5);
    }
    close_api();
    /* The reply comes when nobody is there any more. */
    const struct operation_reply reply = {.text = "Late."};
    held(&reply, held_user);
    client_close(&stream);
    client_close(&request);
}

static void a_reply_to_a_client_that_has_gone_does_no_harm(void **state) {
    (void)state;
    struct client client;
    hold = true;
    const char *text = arena_printf(
        arena, "POST /v1/commands HTTP/1.1\r\nHost: %s\r\n" ALICE "Content-Length: 18\r\n\r\n{\"line\": \"status\"}",
        api_address(api, 0));
    client_open(&client, text, strlen(text));
    held = NULL;
    while (held == NULL) {
        rig_run_ms(&rig, 5);
    }
    client_close(&client);
    rig_run_ms(&rig, 50);
    const struct operation_reply reply = {.text = "Late."};
    held(&reply, held_user);
}

/* --- for who watches ---------------------------------------------------------------------------------------------- */

static void metrics_are_for_this_machine_or_who_is_signed_in(void **state) {
    (void)state;
    expect("GET", "/v1/me", ALICE, NULL, 200);
    struct answer answer = get("/metrics", "");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body, "guidepost_http_requests_total{method=\"GET\",route=\"/v1/me\",code=\"200\"}"));
    expect("GET", "/metrics", "X-Forwarded-For: 203.0.113.9\r\n", NULL, 401);
    expect("GET", "/metrics", "X-Forwarded-For: 203.0.113.9\r\n" BOB, NULL, 200);
    answer = get("/readyz?verbose", "");
    assert_string_equal(answer.body, "redis: ok\nleads: yes\nnote: Redis may lose what it has acknowledged.\nok\n");
}

static void files_come_from_the_folder_and_only_from_there(void **state) {
    (void)state;
    char path[128];
    close_api();
    (void)snprintf(path, sizeof path, "%s/index.html", rig.directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs("<!doctype html>hello", file);
    (void)fclose(file);
    open_api("local-token", rig.directory);
    struct answer answer = get("/d/311", "");
    assert_string_equal(answer.body, "<!doctype html>hello");
    const char *tag = strcasestr(answer.head, "etag: ");
    assert_non_null(tag);
    const char *known =
        arena_printf(arena, "If-None-Match: %s\r\n", arena_strndup(arena, tag + 6, strcspn(tag + 6, "\r")));
    answer = get("/", known);
    assert_int_equal(answer.status, 304);
    assert_string_equal(answer.body, "");
    expect("GET", "/%2e%2e/redis.sock", "", NULL, 404);
    expect("GET", "/../etc/passwd", "", NULL, 404);
    expect("GET", "/..%2f..%2fetc/passwd", "", NULL, 404);
    expect("GET", "/", "", NULL, 200);
}

/* --- /api --------------------------------------------------------------------------------------------------------- */

static void clients_find_their_way_from_the_root(void **state) {
    (void)state;
    struct answer answer = get("/api", "");
    assert_string_equal(text_at(&answer, "ApiVersion"), "3.0.0");
    assert_int_equal(strlen(text_at(&answer, "InstallationId")), 36);
    assert_non_null(strstr(text_at(&answer, "Links.Interruptions"), "{?skip,take,regarding,pendingOnly,ids}"));
    answer_free(&answer);
    answer = get("/api/users/me", ALICE);
    assert_string_equal(text_at(&answer, "Id"), "Users-alice");
    const char *spaces = arena_strdup(arena, text_at(&answer, "Links.Spaces"));
    answer_free(&answer);
    answer = get(spaces, ALICE);
    assert_string_equal(json_string(json_path(json_first(answer.json), "Links.SpaceHome")), "/api/Spaces-1");
    answer_free(&answer);
    static const char *const same[] = {"/api/projects", "/api/Spaces-1/projects", "/api/spaces/Spaces-1/projects",
                                       "/api/spaces/default/projects/"};
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) {
        answer = get(same[i], ALICE);
        assert_int_equal(number_at(&answer, "TotalResults"), 2);
        answer_free(&answer);
    }
    expect("GET", "/api/Spaces-2/projects", ALICE, NULL, 404);
    expect("GET", "/api/spaces/Spaces-2", ALICE, NULL, 404);
}

static void lists_have_pages(void **state) {
    (void)state;
    struct answer answer = get("/api/machines?take=1&partialName=WEB", ALICE);
    assert_int_equal(number_at(&answer, "TotalResults"), 2);
    assert_int_equal(number_at(&answer, "ItemsPerPage"), 1);
    assert_int_equal(number_at(&answer, "NumberOfPages"), 2);
    assert_int_equal(json_size(json_get(answer.json, "Items")), 1);
    const struct json *next = json_get(json_get(answer.json, "Links"), "Page.Next");
    const char *target = arena_strdup(arena, json_string(next));
    answer_free(&answer);
    assert_string_equal(target, "/api/Spaces-1/machines?skip=1&take=1&partialName=WEB");
    answer = get(target, ALICE);
    assert_string_equal(json_string(json_get(json_first(json_get(answer.json, "Items")), "Id")), "Machines-web-2");
    assert_null(json_get(json_get(answer.json, "Links"), "Page.Next"));
    answer_free(&answer);
    answer = get("/api/machines?take=2147483647", ALICE);
    assert_int_equal(json_size(json_get(answer.json, "Items")), 2);
    answer_free(&answer);
    answer = get("/api/environments/all", ALICE);
    assert_int_equal(json_size(answer.json), 2);
    answer_free(&answer);
    answer = get("/api/environments/Environments-production", ALICE);
    assert_true(flag_at(&answer, "UseGuidedFailure"));
    answer_free(&answer);
    expect("GET", "/api/projects/shop", ALICE, NULL, 200);
    expect("GET", "/api/projects/Projects-none", ALICE, NULL, 404);
    expect("GET", "/api/projects/shop/deploymentsettings", ALICE, NULL, 200);
    answer = get("/api/teammembership?userId=Users-alice", BOB);
    assert_string_equal(json_string(json_get(json_first(answer.json), "TeamId")), "Teams-oncall");
    answer_free(&answer);
}

static void an_interruption_is_found_in_every_way(void **state) {
    (void)state;
    pause_one();
    static const char *const targets[] = {
        "/api/interruptions",
        "/api/interruptions?pendingOnly=True",
        "/api/interruptions?regarding=&pendingOnly=False",
        "/api/Spaces-1/interruptions?regarding=Deployments-1&pendingOnly=true",
        "/api/interruptions?regarding=ServerTasks-1",
        "/api/interruptions?regarding=Projects-shop",
        "/api/interruptions?regarding=Environments-production&pendingOnly=true",
        "/api/interruptions?ids=Interruptions-1,Interruptions-77",
        "/api/interruptions?skip=0&take=2147483647",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        struct answer answer = get(targets[i], BOB);
        const struct json *item = json_first(json_get(answer.json, "Items"));
        if (!str_equal(json_string(json_get(item, "Id")), "Interruptions-1")) {
            fail_msg("%s: %s", targets[i], answer.body);
        }
        answer_free(&answer);
    }
    static const char *const others[] = {"/api/interruptions?regarding=Deployments-2",
                                         "/api/interruptions?regarding=Projects-other", "/api/interruptions?skip=1"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct answer answer = get(others[i], BOB);
        assert_int_equal(json_size(json_get(answer.json, "Items")), 0);
        answer_free(&answer);
    }
}

static void an_interruption_has_the_shape_that_clients_expect(void **state) {
    (void)state;
    pause_one();
    struct answer answer = get("/api/interruptions/Interruptions-1", ALICE);
    assert_string_equal(text_at(&answer, "Title"), "Deploy shop release 1.4.2 to production requires failure guidance");
    assert_string_equal(text_at(&answer, "Type"), "GuidedFailure");
    assert_string_equal(text_at(&answer, "TaskId"), "ServerTasks-1");
    assert_true(flag_at(&answer, "IsPending"));
    assert_true(flag_at(&answer, "CanTakeResponsibility"));
    assert_false(flag_at(&answer, "HasResponsibility"));
    assert_true(json_is_null(json_path(answer.json, "Form.Values.Guidance")));
    assert_true(json_is_null(json_path(answer.json, "ResponsibleUserId")));
    const struct json *elements = json_path(answer.json, "Form.Elements");
    const struct json *last = json_next(json_next(json_first(elements)));
    assert_string_equal(json_string(json_get(last, "Name")), "Guidance");
    const struct json *buttons = json_path(last, "Control.Buttons");
    static const char *const values[] = {"Fail", "Retry", "Ignore", "Exclude"};
    const struct json *button = json_first(buttons);
    for (size_t i = 0; i < 4; i++, button = json_next(button)) {
        assert_string_equal(json_string(json_get(button, "Value")), values[i]);
    }
    const char *correlation = arena_strdup(arena, text_at(&answer, "CorrelationId"));
    answer_free(&answer);
    /* The node of the run in the task's log has the same id. */
    answer = get("/api/tasks/ServerTasks-1/details", BOB);
    const struct json *step = json_first(json_get(json_first(json_get(answer.json, "ActivityLogs")), "Children"));
    const struct json *run = json_next(json_first(json_get(step, "Children")));
    assert_string_equal(json_string(json_get(run, "Id")), correlation);
    assert_string_equal(text_at(&answer, "Task.State"), "Executing");
    assert_true(flag_at(&answer, "Task.HasPendingInterruptions"));
    assert_string_equal(json_string(json_first(json_path(answer.json, "Task.PendingInterruptionTypes"))),
                        "GuidedFailure");
    answer_free(&answer);
}

#define TAKE "/api/Spaces-1/interruptions/Interruptions-1/responsible"
#define SUBMIT "/api/Spaces-1/interruptions/Interruptions-1/submit"

static void the_way_of_the_net_client_works(void **state) {
    (void)state;
    pause_one();
    expect("GET", TAKE, ALICE, NULL, 404);
    struct answer answer = ask("POST", TAKE, ALICE "X-HTTP-Method-Override: PUT\r\n", NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(text_at(&answer, "Id"), "Users-alice");
    answer_free(&answer);
    answer = get(TAKE, BOB);
    assert_string_equal(text_at(&answer, "Username"), "alice");
    answer_free(&answer);
    /* It posts all values of the form back. */
    answer = ask("POST", SUBMIT, ALICE "Content-Type: application/x-www-form-urlencoded\r\n",
                 "{\"Instructions\":null,\"Notes\":\"disk freed\",\"Guidance\":\" retry \",\"Extra\":[1]}");
    assert_int_equal(answer.status, 200);
    assert_false(flag_at(&answer, "IsPending"));
    assert_string_equal(text_at(&answer, "Form.Values.Guidance"), "Retry");
    assert_string_equal(text_at(&answer, "Form.Values.Notes"), "disk freed");
    assert_string_equal(text_at(&answer, "ResponsibleUserId"), "Users-alice");
    answer_free(&answer);
    assert_true(asked.single);
    assert_string_equal(asked.via, "api");
    answer = ask("POST", SUBMIT, BOB, "{\"Guidance\":\"Fail\"}");
    assert_int_equal(answer.status, 400);
    assert_non_null(strstr(text_at(&answer, "ErrorMessage"), "already been submitted"));
    assert_non_null(strstr(text_at(&answer, "ErrorMessage"), "alice"));
    answer_free(&answer);
}

static void a_put_without_a_body_is_taken_and_abort_means_fail(void **state) {
    (void)state;
    pause_one();
    expect("PUT", TAKE, ALICE "Content-Type: application/x-www-form-urlencoded\r\n", NULL, 200);
    static const char *const bad[] = {NULL,
                                      "{}",
                                      "[]",
                                      "\"Retry\"",
                                      "{\"Guidance\": null}",
                                      "{\"Guidance\": \"Maybe\"}",
                                      "{\"Result\": \"Retry\"}",
                                      "{\"Guidance\": 1}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        expect("POST", SUBMIT, ALICE, bad[i], 400);
    }
    assert_int_equal(asked.count, 1);
    expect("POST", SUBMIT, ALICE, "{\"guidance\": \"ABORT\"}", 200);
    assert_int_equal(asked.guidance, GUIDANCE_FAIL);
    assert_int_equal(asked.id, COMMAND_FAIL);
}

static void refusals_are_handed_on(void **state) {
    (void)state;
    pause_one();
    refusal = (struct err){ERR_DENIED, "bob may not retry."};
    expect("POST", SUBMIT, BOB, "{\"Guidance\":\"Retry\"}", 403);
    expect("POST", "/v1/questions/1/answer", BOB, "{\"guidance\":\"retry\"}", 403);
    refusal = (struct err){ERR_UNAVAILABLE, "Nothing was recorded."};
    expect("POST", SUBMIT, BOB, "{\"Guidance\":\"Retry\"}", 503);
    refusal = (struct err){ERR_UNKNOWN, "It is not known."};
    expect("POST", SUBMIT, BOB, "{\"Guidance\":\"Retry\"}", 504);
}

static void deployments_are_started_in_both_ways(void **state) {
    (void)state;
    assert_int_equal(create(), 1);
    struct answer answer = ask("POST", "/api/Spaces-1/deployments", ALICE,
                               "{\"ReleaseId\":\"Releases-shop-1.4.2\",\"EnvironmentId\":\"Environments-production\","
                               "\"SpecificMachineIds\":[\"Machines-web-2\"],\"UseGuidedFailure\":false}");
    assert_int_equal(answer.status, 201);
    assert_string_equal(text_at(&answer, "TaskId"), "ServerTasks-1");
    assert_string_equal(text_at(&answer, "ReleaseId"), "Releases-shop-1.4.2");
    answer_free(&answer);
    assert_int_equal(asked.id, COMMAND_DEPLOY);
    assert_string_equal(asked.project, "shop");
    assert_string_equal(asked.version, "1.4.2");
    assert_string_equal(asked.environment, "production");
    assert_string_equal(asked.on, "web-2");
    assert_int_equal(asked.guided, 0);
    answer =
        ask("POST", "/api/Spaces-1/deployments/create/untenanted/v1", ALICE,
            "{\"projectName\":\"shop\",\"releaseVersion\":\"2.0\",\"environmentNames\":[\"staging\",\"production\"],"
            "\"useGuidedFailure\":null}");
    assert_int_equal(answer.status, 201);
    assert_int_equal(json_size(json_get(answer.json, "DeploymentServerTasks")), 2);
    answer_free(&answer);
    assert_int_equal(asked.count, 3);
    assert_int_equal(asked.guided, -1);
    assert_string_equal(asked.environment, "production");
    expect("POST", "/api/deployments", ALICE, "{}", 400);
    expect("POST", "/api/deployments", ALICE, "{\"ReleaseId\":\"Releases-none-1\",\"EnvironmentId\":\"x\"}", 404);
    /* Version admin-1 of shop, or version 1 of shop-admin? */
    expect("POST", "/api/deployments", ALICE, "{\"ReleaseId\":\"Releases-shop-admin-1\",\"EnvironmentId\":\"staging\"}",
           404);
    assert_int_equal(asked.count, 3);
}

static void releases_are_there_when_they_are_named(void **state) {
    (void)state;
    assert_int_equal(create(), 1);
    struct answer answer =
        ask("POST", "/api/Spaces-1/releases", ALICE, "{\"ProjectId\":\"Projects-shop\",\"Version\":\"3.0\"}");
    assert_int_equal(answer.status, 201);
    assert_string_equal(text_at(&answer, "Id"), "Releases-shop-3.0");
    answer_free(&answer);
    expect("GET", "/api/releases/Releases-shop-3.0", ALICE, NULL, 200);
    expect("GET", "/api/projects/Projects-shop/releases/3.0", ALICE, NULL, 200);
    answer = get("/api/projects/Projects-shop/releases", ALICE);
    assert_string_equal(json_string(json_get(json_first(json_get(answer.json, "Items")), "Version")), "1.4.2");
    answer_free(&answer);
}

static void tasks_and_deployments_are_listed_by_conditions(void **state) {
    (void)state;
    pause_one();
    assert_int_equal(create(), 2);
    static const struct {
        const char *target;
        int64_t total;
        const char *first;
    } cases[] = {
        {"/api/tasks", 2, "ServerTasks-2"},
        {"/api/tasks?take=1", 2, "ServerTasks-2"},
        {"/api/tasks?ids=ServerTasks-1", 1, "ServerTasks-1"},
        {"/api/tasks?ids=ServerTasks-1,ServerTasks-2,ServerTasks-9", 2, "ServerTasks-2"},
        {"/api/tasks?states=Executing", 1, "ServerTasks-1"},
        {"/api/tasks?states=Queued,Executing&take=1&skip=1", 2, "ServerTasks-1"},
        {"/api/tasks?states=Success", 0, NULL},
        {"/api/tasks?active=True&project=Projects-shop", 2, "ServerTasks-2"},
        {"/api/tasks?hasPendingInterruptions=true", 1, "ServerTasks-1"},
        {"/api/tasks?environment=staging", 0, NULL},
        {"/api/tasks/ServerTasks-2/queued-behind", 1, "ServerTasks-1"},
        {"/api/tasks/ServerTasks-1/queued-behind", 0, NULL},
        {"/api/deployments?projects=Projects-shop&environments=Environments-production&taskState=Executing", 1,
         "Deployments-1"},
        {"/api/deployments?taskState=Queued", 1, "Deployments-2"},
        {"/api/deployments?projects=other", 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct answer answer = get(cases[i].target, BOB);
        const struct json *first = json_first(json_get(answer.json, "Items"));
        if (number_at(&answer, "TotalResults") != cases[i].total ||
            !str_equal(json_string(json_get(first, "Id")), cases[i].first)) {
            fail_msg("%s: %s", cases[i].target, answer.body);
        }
        answer_free(&answer);
    }
    struct answer answer = ask("POST", "/api/spaces/Spaces-1/tasks/ServerTasks-1/cancel", ALICE, NULL);
    assert_int_equal(answer.status, 200);
    assert_string_equal(text_at(&answer, "Id"), "ServerTasks-1");
    answer_free(&answer);
    assert_int_equal(asked.id, COMMAND_CANCEL);
    assert_int_equal(asked.deployment, 1);
}

static void a_warning_is_a_success_with_warnings(void **state) {
    (void)state;
    pause_one();
    lead(1, (struct event){.kind = EVENT_ANSWERED,
                           .slot = 1,
                           .question = 1,
                           .guidance = GUIDANCE_IGNORE,
                           .actor = "alice",
                           .via = "api"});
    struct answer answer = get("/api/tasks/ServerTasks-1", BOB);
    assert_string_equal(text_at(&answer, "State"), "Success");
    assert_true(flag_at(&answer, "IsCompleted"));
    assert_true(flag_at(&answer, "FinishedSuccessfully"));
    assert_true(flag_at(&answer, "HasWarningsOrErrors"));
    answer_free(&answer);
}

static void events_tell_what_happened(void **state) {
    (void)state;
    pause_one();
    struct answer answer =
        get("/api/events?regarding=Deployments-1&eventCategories=GuidedFailureInterruptionRaised", BOB);
    assert_int_equal(number_at(&answer, "TotalResults"), 1);
    const struct json *event = json_first(json_get(answer.json, "Items"));
    assert_string_equal(json_string(json_first(json_get(event, "RelatedDocumentIds"))), "Deployments-1");
    answer_free(&answer);
    lead(1, (struct event){.kind = EVENT_ANSWERED,
                           .slot = 1,
                           .question = 1,
                           .guidance = GUIDANCE_IGNORE,
                           .actor = "alice",
                           .via = "api"});
    answer = get("/api/events?regarding=ServerTasks-1", BOB);
    bool submitted = false;
    for (event = json_first(json_get(answer.json, "Items")); event != NULL; event = json_next(event)) {
        submitted = submitted || (str_starts(json_string(json_get(event, "Message")), "Submitted interruption") &&
                                  str_equal(json_string(json_get(event, "Username")), "alice"));
    }
    assert_true(submitted);
    answer_free(&answer);
    expect("GET", "/api/events", BOB, NULL, 200);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_door_is_watched_before_anything_else),
        TEST(errors_have_the_shape_of_their_family),
        TEST(strangers_all_hear_the_same),
        TEST(tokens_say_who_asks),
        TEST(a_session_survives_a_restart_and_ends_at_sign_out),
        TEST(a_cookie_needs_the_marks_of_the_page),
        TEST(a_link_signs_the_local_user_in_once),
        TEST(too_many_failures_are_slowed_down),
        TEST(a_session_is_good_while_redis_is_away),
        TEST(the_first_page_has_it_all),
        TEST(nothing_is_shown_to_who_may_not_view_it),
        TEST(deployments_and_questions_are_shown),
        TEST(output_is_read_from_where_one_left_off),
        TEST(answers_go_up_as_they_were_given),
        TEST(commands_are_said_in_the_room_and_answered_there),
        TEST(a_wrong_number_is_helped),
        TEST(cards_in_a_room_are_for_who_may_view_them),
        TEST(changes_are_streamed_and_resumed),
        TEST(a_stop_ends_streams_and_forgets_requests),
        TEST(a_reply_to_a_client_that_has_gone_does_no_harm),
        TEST(metrics_are_for_this_machine_or_who_is_signed_in),
        TEST(files_come_from_the_folder_and_only_from_there),
        TEST(clients_find_their_way_from_the_root),
        TEST(lists_have_pages),
        TEST(an_interruption_is_found_in_every_way),
        TEST(an_interruption_has_the_shape_that_clients_expect),
        TEST(the_way_of_the_net_client_works),
        TEST(a_put_without_a_body_is_taken_and_abort_means_fail),
        TEST(refusals_are_handed_on),
        TEST(deployments_are_started_in_both_ways),
        TEST(releases_are_there_when_they_are_named),
        TEST(tasks_and_deployments_are_listed_by_conditions),
        TEST(a_warning_is_a_success_with_warnings),
        TEST(events_tell_what_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
