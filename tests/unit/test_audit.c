/* The audit of a deployment: a chain that anybody can check. */

#include "fakes/records_test.h"

#include <stdio.h>

#include "base/id.h"

static bool seen;

static bool was_seen(void *user) {
    (void)user;
    return seen;
}

struct audited {
    const char *what, *head;
};

static void audit_came(const struct audit_entry *entries, size_t count, const struct err *err, void *user) {
    const struct audited *audited = user;
    bool found = false;
    assert_null(err);
    for (size_t i = 0; i < count; i++) {
        found = found || strstr(entries[i].what, audited->what) != NULL;
    }
    assert_string_equal(entries[count - 1].hash, audited->head);
    assert_true(count > 5);
    assert_string_equal(entries[0].what, "created");
    assert_string_equal(entries[0].actor, "alice");
    assert_true(found);
    seen = true;
}

static void the_audit_is_a_chain(void **state) {
    (void)state;
    struct deployment_record *record = make_asking(2);
    struct new_answer given = answer_of(record, 0, GUIDANCE_RETRY);
    lead_answer(record->deployment, &given);
    seen = false;
    struct audited audited = {.what = "answered Q1", .head = record->deployment->audit_head};
    store_read_audit(rig.store, record->deployment->id, audit_came, &audited);
    rig_until(&rig, was_seen, NULL);
    /* The chain is what anybody can compute: SHA-256 over the hash before and the line. */
    char line[4096];
    char head[ID_DIGEST_SIZE];
    (void)snprintf(line, sizeof line, "%s", rig_call(&rig, "LINDEX", "t:audit:1", "0"));
    assert_string_equal(line, "[1000,\"created\",\"alice\",\"cli\"]");
    id_digest(head, line, strlen(line));
    (void)snprintf(line, sizeof line, "%s%s", head, rig_call(&rig, "LINDEX", "t:audit:1", "1"));
    id_digest(head, line, strlen(line));
    for (int i = 2; i < 100; i++) {
        char index[16];
        (void)snprintf(index, sizeof index, "%d", i);
        const char *next = rig_call(&rig, "LINDEX", "t:audit:1", index);
        if (str_equal(next, "(nil)")) {
            break;
        }
        (void)snprintf(line, sizeof line, "%s%s", head, next);
        id_digest(head, line, strlen(line));
    }
    assert_string_equal(head, record->deployment->audit_head);
    deployment_record_free(record);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(the_audit_is_a_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
