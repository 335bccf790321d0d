#include "api_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "core/permission.h"
#include "fakes/leader.h"
#include "fakes/store_rig.h"
#include "store/records.h"

struct api_rig api_rig;

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

static struct config *the_config(void *user) {
    (void)user;
    return api_rig.config;
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
        .err = api_rig.refusal.code == ERR_NONE ? NULL : &api_rig.refusal,
        .text = api_rig.refusal.code == ERR_NONE ? "Done." : api_rig.refusal.text,
        .json = "{\"more\":1}",
        .deployment = command->deployment == 0 ? 1 : command->deployment,
        .question = command->question,
    };
    replying->done(&reply, replying->user);
    mem_free(replying);
}

static void recorded(enum answer_result result, void *user) {
    if (result != ANSWER_ACCEPTED && api_rig.refusal.code == ERR_NONE) {
        api_rig.refusal = (struct err){ERR_CONFLICT, "Q1 was answered by alice 1 s ago: Retry."};
    }
    reply_now(user);
}

static void turn_is_over(void *user) {
    struct replying *replying = user;
    const struct command *command = &replying->operation.command;
    if (api_rig.refusal.code == ERR_NONE && command->guidance != GUIDANCE_NONE) {
        const struct new_answer answer = {
            .deployment = 1,
            .question = command->question,
            .guidance = command->guidance,
            .actor = replying->actor,
            .via = "api",
            .note = api_rig.asked.note[0] == '\0' ? NULL : api_rig.asked.note,
            .generation = api_rig.config->generation,
            .now_ms = clock_wall_ms(),
        };
        store_answer(api_rig.store.store, &answer, recorded, replying);
    } else if (api_rig.refusal.code == ERR_NONE && command->id == COMMAND_TAKE) {
        store_take(api_rig.store.store, 1, command->question, replying->actor, "api", false, recorded, replying);
    } else {
        reply_now(replying);
    }
}

static void operation_came(const struct operation *operation, operation_done *done, void *done_user, void *user) {
    const struct command *command = &operation->command;
    (void)user;
    api_rig.asked = (struct api_asked){
        .count = api_rig.asked.count + 1,
        .id = command->id,
        .deployment = command->deployment,
        .question = command->question,
        .guidance = command->guidance,
        .single = operation->single,
        .revision = operation->card_revision,
        .guided = command->guided,
    };
    copy(api_rig.asked.actor, operation->actor.name);
    (void)snprintf(api_rig.asked.via, sizeof api_rig.asked.via, "%s", operation->actor.via);
    copy(api_rig.asked.project, command->project);
    copy(api_rig.asked.version, command->version);
    copy(api_rig.asked.environment, command->environment);
    copy(api_rig.asked.note, command->note);
    copy(api_rig.asked.room, operation->place.room);
    copy(api_rig.asked.on, command->on.count > 0 ? command->on.items[0] : "");
    copy(api_rig.asked.event_id, operation->event_id);
    if (api_rig.hold) {
        api_rig.held = done;
        api_rig.held_user = done_user;
        return;
    }
    struct replying *replying = mem_alloc(sizeof *replying);
    *replying = (struct replying){.operation = *operation, .done = done, .user = done_user};
    copy(replying->actor, operation->actor.name);
    (void)loop_soon(api_rig.store.loop, turn_is_over, replying);
}

void api_rig_open(const char *local_token, const char *web_dir) {
    const struct api_options options = {
        .loop = api_rig.store.loop,
        .store = api_rig.store.store,
        .config = the_config,
        .up = {.start = operation_came},
        .status = the_status,
        .permissions = the_permissions,
        .local_token = local_token,
        .web_dir = web_dir,
    };
    struct err err = {.text = ""};
    if (api_create(&options, &api_rig.api, &err) < 0 || api_listen(api_rig.api, "127.0.0.1:0", NULL, NULL, &err) < 0) {
        fail_msg("%s", err.text);
    }
}

static void mark(void *user) {
    *(bool *)user = true;
}

static bool is_marked(void *user) {
    return *(bool *)user;
}

void api_rig_close(void) {
    bool stopped = false;
    api_stop(api_rig.api, mark, &stopped);
    rig_until(&api_rig.store, is_marked, &stopped);
    api_destroy(api_rig.api);
    api_rig.api = NULL;
}

int api_rig_set_up(void **state) {
    (void)state;
    struct config_problems problems;
    setenv("T_ALICE", "alice-token", 1);
    setenv("T_ALICE_PASSWORD", "open sesame", 1);
    setenv("T_BOB", "bob-token", 1);
    setenv("T_CAROL", "carol-token", 1);
    setenv("T_DAVE", "dave-token", 1);
    api_rig.config = config_load_text("/tmp/test.yaml", config_text, sizeof config_text - 1, &problems);
    if (api_rig.config == NULL) {
        fail_msg("%s", problems.items[0].text);
    }
    config_problems_finish(&problems);
    rig_open(&api_rig.store);
    api_rig.arena = arena_create();
    api_rig.leader = (struct leader){.rig = &api_rig.store, .next_question = 1};
    api_rig.asked = (struct api_asked){0};
    api_rig.refusal = (struct err){.code = ERR_NONE};
    api_rig.hold = false;
    (void)rig_call(&api_rig.store, "SET", "t:config", api_rig.config->generation);
    api_rig_open("local-token", NULL);
    return 0;
}

int api_rig_tear_down(void **state) {
    (void)state;
    if (api_rig.api != NULL) {
        api_rig_close();
    }
    rig_close(&api_rig.store);
    arena_destroy(api_rig.arena);
    config_unref(api_rig.config);
    return 0;
}

/* D1: Install went well on web-1 and failed on web-2: Q1. */
void api_rig_pause_one(void) {
    assert_int_equal(leader_create(&api_rig.leader, "deploys"), 1);
    leader_give(&api_rig.leader, 1, (struct event){.kind = EVENT_ADMITTED});
    leader_end_run(&api_rig.leader, 1, 0, 0);
    leader_end_run(&api_rig.leader, 1, 1, 100);
}
