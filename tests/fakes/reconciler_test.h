#ifndef GP_TESTS_RECONCILER_TEST_H
#define GP_TESTS_RECONCILER_TEST_H

/*
 * What every test of what rooms show begins with: include it first, and run the tests with reconciler_test(name). A
 * reconciler that leads, against a fake chat platform with the rooms "deploys" (C1) and "other" (C2) and a real
 * redis-server. It hears of a change only by tell().
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "app/reconciler.h"
#include "base/str.h"
#include "config/config.h"
#include "fakes/fake_chat.h"
#include "fakes/leader.h"
#include "fakes/store_rig.h"
#include "store/records.h"

static struct store_rig rig;
static struct fake_chat *fake;
static struct reconciler *reconciler;
static struct leader leader;
static bool sure;
static struct config_room rooms[] = {{.name = "deploys", .slack = "C1"}, {.name = "other", .slack = "C2"}};
static struct config config = {.rooms = rooms, .room_count = 2};

static inline struct config *the_config(void *user) {
    (void)user;
    return &config;
}

static inline bool leads_surely(void *user) {
    (void)user;
    return sure;
}

static inline void fence(struct commit *commit, void *user) {
    (void)user;
    (void)commit_require_field(commit, "leader", "token", "us");
}

static inline void set_leader(const char *token) {
    (void)rig_call(&rig, "HSET", "t:leader", "token", token);
}

static inline void open_chat(void) {
    fake = fake_chat_create(rig.loop);
    reconciler = reconciler_create(&(struct reconciler_options){.loop = rig.loop,
                                                                .store = rig.store,
                                                                .chat = &fake->chat,
                                                                .config = the_config,
                                                                .leads_surely = leads_surely,
                                                                .fence = fence});
}

/* In the order in which the server does it. */
static inline void close_all(void) {
    if (reconciler != NULL) {
        reconciler_lead(reconciler, false);
        store_destroy(rig.store);
        rig.store = NULL;
        fake->functions.destroy(&fake->chat);
        reconciler_destroy(reconciler);
        reconciler = NULL;
    }
}

static inline int set_up(void **state) {
    (void)state;
    rig_open(&rig);
    set_leader("us");
    leader = (struct leader){.rig = &rig, .next_question = 1};
    sure = true;
    rooms[0].slack = "C1";
    open_chat();
    reconciler_lead(reconciler, true);
    return 0;
}

static inline int tear_down(void **state) {
    (void)state;
    close_all();
    rig_close(&rig);
    return 0;
}

static inline void admit(uint64_t id) {
    leader_give(&leader, id, (struct event){.kind = EVENT_ADMITTED});
}

static inline void finish(uint64_t id) {
    admit(id);
    leader_end_run(&leader, id, 0, 0);
    leader_end_run(&leader, id, 1, 0);
}

static inline void tell(uint64_t id) {
    reconciler_changed(reconciler, id);
}

struct wanted {
    size_t calls, shown;
    const char *nonce, *title;
};

static inline bool is_there(void *user) {
    const struct wanted *wanted = user;
    struct fake_message *message = wanted->nonce == NULL ? NULL : fake_chat_find(fake, wanted->nonce);
    return fake->call_count >= wanted->calls && fake_chat_shown(fake, NULL) >= wanted->shown &&
           (wanted->nonce == NULL ||
            (message != NULL && (wanted->title == NULL || strstr(message->title, wanted->title) != NULL)));
}

static inline void wait_for_calls(size_t count) {
    struct wanted wanted = {.calls = count};
    rig_until(&rig, is_there, &wanted);
}

static inline void wait_for_messages(size_t count) {
    struct wanted wanted = {.shown = count};
    rig_until(&rig, is_there, &wanted);
}

static inline void wait_for(const char *nonce, const char *title) {
    struct wanted wanted = {.nonce = nonce, .title = title};
    rig_until(&rig, is_there, &wanted);
}

/* What is recorded of a card, "fake:C1:status"; (nil) if nothing is. */
static inline const char *record_of(uint64_t id, const char *view) {
    char key[64];
    (void)snprintf(key, sizeof key, "t:dep:%llu:views", (unsigned long long)id);
    return rig_call(&rig, "HGET", key, view);
}

static inline void wait_for_record(uint64_t id, const char *view, const char *message) {
    const char *space = strchr(record_of(id, view), ' ');
    for (size_t i = 0; space == NULL || !str_equal(space + 1, message); i++) {
        assert_true(i < 5000);
        rig_run_ms(&rig, 1);
        space = strchr(record_of(id, view), ' ');
    }
}

static inline void set_record(uint64_t id, const char *view, const char *text) {
    char key[64];
    (void)snprintf(key, sizeof key, "t:dep:%llu:views", (unsigned long long)id);
    (void)rig_call(&rig, "HSET", key, view, text);
}

static inline void write_troubles(char *out, size_t size) {
    struct buf text = BUF_INIT(4096);
    reconciler_write_troubles(reconciler, &text);
    (void)snprintf(out, size, "%s", text.size == 0 ? "" : text.data);
    buf_finish(&text);
}

static inline bool hold_all(const struct fake_call *call) {
    (void)call;
    return true;
}

/* A deployment whose status stands in the room and is recorded. */
static inline uint64_t show_one(void) {
    uint64_t id = leader_create(&leader, "deploys");
    tell(id);
    wait_for_record(id, "fake:C1:status", "m1");
    return id;
}

#define reconciler_test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
