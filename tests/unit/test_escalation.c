/* Which call is made next, and what it costs to have many. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "app/call_queue.h"
#include "app/escalation.h"
#include "config/config.h"
#include "fakes/store_rig.h"

static struct store_rig rig;
static struct config config;

static struct config *the_config(void *user) {
    (void)user;
    return &config;
}

static bool leads_surely(void *user) {
    (void)user;
    return true;
}

static void fence(struct commit *commit, void *user) {
    (void)commit;
    (void)user;
}

static void the_next_that_is_due_comes_first(void **state) {
    enum { COUNT = 1000 };
    struct call_queue queue = {0};
    int64_t before = INT64_MIN;
    (void)state;
    assert_true(call_queue_due_ms(&queue) == INT64_MAX);
    srandom(7);
    for (uint64_t i = 1; i <= COUNT; i++) {
        call_queue_put(&queue, &(struct call){.card = i, .due_ms = random() % 500, .begun = i == 500});
    }
    assert_int_equal(call_queue_take(&queue).card, 500);
    for (uint64_t i = 1; i < COUNT; i++) {
        int64_t due_ms = call_queue_due_ms(&queue);
        assert_true(due_ms >= before);
        assert_int_equal(call_queue_take(&queue).due_ms, due_ms);
        before = due_ms;
    }
    assert_int_equal(queue.count, 0);
    call_queue_clear(&queue);
}

static bool nothing_is_left(void *user) {
    (void)user;
    return strcmp(rig_call(&rig, "HLEN", "t:calls"), "0") == 0;
}

/* How often all calls were read. */
static long listings(void) {
    const char *at = strstr(rig_call(&rig, "INFO", "commandstats"), "cmdstat_hgetall:calls=");
    return at == NULL ? 0 : strtol(at + strlen("cmdstat_hgetall:calls="), NULL, 10);
}

/* Of deployments that are gone, so that all that is left to do is to say so. */
static void however_many_are_due_they_are_read_once(void **state) {
    enum { COUNT = 500 };
    (void)state;
    rig_open(&rig);
    for (int i = 1; i <= COUNT; i++) {
        char member[64];
        (void)snprintf(member, sizeof member, "%d:%d:0:webhook", i, i);
        (void)rig_call(&rig, "HSET", "t:calls", member, i % 2 == 0 ? "1000 0" : "1000 2");
    }
    (void)rig_call(&rig, "CONFIG", "RESETSTAT");
    struct escalation *escalation = escalation_create(&(struct escalation_options){
        .loop = rig.loop, .store = rig.store, .config = the_config, .leads_surely = leads_surely, .fence = fence});
    escalation_lead(escalation, true);
    rig_until(&rig, nothing_is_left, NULL);
    assert_true(listings() <= 3);
    escalation_lead(escalation, false);
    store_destroy(rig.store);
    rig.store = NULL;
    escalation_destroy(escalation);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_next_that_is_due_comes_first),
        cmocka_unit_test(however_many_are_due_they_are_read_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
