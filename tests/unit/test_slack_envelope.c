#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/str.h"
#include "chat/slack/envelope.h"

static struct envelope read_text(const char *text) {
    struct envelope envelope;
    envelope_read(&envelope, text, strlen(text));
    return envelope;
}

static void a_hello_tells_how_many_connections_there_are(void **state) {
    (void)state;
    struct envelope hello =
        read_text("{\"type\":\"hello\",\"num_connections\":2,\"debug_info\":{\"host\":\"applink-1\","
                  "\"approximate_connection_time\":18060},\"connection_info\":{\"app_id\":\"A1\"}}");
    assert_int_equal(hello.kind, ENVELOPE_HELLO);
    assert_int_equal(hello.num_connections, 2);
    assert_int_equal(hello.connection_seconds, 18060);
    envelope_finish(&hello);
    struct envelope bare = read_text("{\"type\":\"hello\"}");
    assert_int_equal(bare.kind, ENVELOPE_HELLO);
    assert_int_equal(bare.num_connections + bare.connection_seconds, 0);
    envelope_finish(&bare);
}

static void a_disconnect_tells_why(void **state) {
    (void)state;
    static const struct {
        const char *text;
        enum envelope_reason reason;
    } cases[] = {
        {"{\"type\":\"disconnect\",\"reason\":\"warning\"}", ENVELOPE_REASON_WARNING},
        {"{\"type\":\"disconnect\",\"reason\":\"refresh_requested\"}", ENVELOPE_REASON_REFRESH_REQUESTED},
        {"{\"type\":\"disconnect\",\"reason\":\"link_disabled\"}", ENVELOPE_REASON_LINK_DISABLED},
        {"{\"type\":\"disconnect\",\"reason\":\"too_many_websockets\",\"num_connections\":2}",
         ENVELOPE_REASON_TOO_MANY_WEBSOCKETS},
        {"{\"type\":\"disconnect\",\"reason\":\"moon\"}", ENVELOPE_REASON_OTHER},
        {"{\"type\":\"disconnect\",\"reason\":7}", ENVELOPE_REASON_OTHER},
        {"{\"type\":\"disconnect\"}", ENVELOPE_REASON_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct envelope envelope = read_text(cases[i].text);
        assert_int_equal(envelope.kind, ENVELOPE_DISCONNECT);
        assert_int_equal(envelope.reason, cases[i].reason);
        envelope_finish(&envelope);
    }
    assert_string_equal(envelope_reason_word(ENVELOPE_REASON_LINK_DISABLED), "link_disabled");
}

static void a_delivery_has_its_parts(void **state) {
    (void)state;
    struct envelope event =
        read_text("{\"envelope_id\":\"1d3c-7\",\"type\":\"events_api\",\"payload\":{\"event_id\":\"Ev1\"},"
                  "\"retry_attempt\":2,\"retry_reason\":\"timeout\",\"accepts_response_payload\":false}");
    assert_int_equal(event.kind, ENVELOPE_DELIVERY);
    assert_string_equal(event.id, "1d3c-7");
    assert_string_equal(event.type, "events_api");
    assert_string_equal(json_string(json_get(event.payload, "event_id")), "Ev1");
    envelope_finish(&event);
    assert_null(event.root);

    struct envelope odd = read_text("{\"envelope_id\":\"x\",\"type\":\"brand_new\",\"payload\":[],"
                                    "\"accepts_response_payload\":true}");
    assert_int_equal(odd.kind, ENVELOPE_DELIVERY);
    assert_string_equal(odd.type, "brand_new");
    assert_null(odd.payload);
    envelope_finish(&odd);
}

/* Also a delivery that calls itself hello is one. */
static void an_id_makes_a_delivery(void **state) {
    (void)state;
    struct envelope envelope = read_text("{\"envelope_id\":\"x\",\"type\":\"hello\"}");
    assert_int_equal(envelope.kind, ENVELOPE_DELIVERY);
    envelope_finish(&envelope);
}

static void the_id_is_found_in_what_cannot_be_understood(void **state) {
    (void)state;
    static const struct {
        const char *text, *id;
    } cases[] = {
        {"", ""},
        {"null", ""},
        {"ping", ""},
        {"{}", ""},
        {"{\"type\":\"moon\"}", ""},
        {"{\"envelope_id\":\"a1\"}", "a1"},
        {"{\"envelope_id\":\"a1\",\"type\":7}", "a1"},
        /* cut off, or broken elsewhere */
        {"{\"envelope_id\":\"a1\",\"payload\":{\"text\":\"abc", "a1"},
        {"{\"payload\":{\"x\":tru},\"envelope_id\" : \"a2\",", "a2"},
        {"{\"payload\":{\"x\":\"\xff\"},\n\t\"envelope_id\":\n\"a3\"}", "a3"},
        {"{\"a\":1,\"a\":2,\"envelope_id\":\"a4\"}", "a4"},
        {"{\"a\":\"\\\"{\",\"envelope_id\":\"a5\",}", "a5"},
        /* not the one of somebody's text, nor one inside the payload */
        {"{\"payload\":{\"envelope_id\":\"no\"},}", ""},
        {"{\"payload\":{\"envelope_id\":\"no\"},\"envelope_id\":\"a6\",}", "a6"},
        {"{\"text\":\"\\\"envelope_id\\\":\\\"no\\\"\",\"envelope_id\":\"a7\",}", "a7"},
        {"{\"text\":\"envelope_id\",\"envelope_id\":\"a8\",}", "a8"},
        /* an id of no use */
        {"{\"envelope_id\":\"a", ""},
        {"{\"envelope_id\":\"", ""},
        {"{\"envelope_id\":", ""},
        {"{\"envelope_id\"", ""},
        {"{\"envelope_id\":\"\"}", ""},
        {"{\"envelope_id\":7,}", ""},
        {"{\"envelope_id\":\"a b\",}", ""},
        {"{\"envelope_id\":\"a\\n\",}", ""},
        {"{\"envelope_id\":\"a\\\"b\"}", ""},
        {"{\"envelope_id\":\"\\", ""},
        {"}}}]{\"envelope_id\":\"a9\"", "a9"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct envelope envelope = read_text(cases[i].text);
        if (!str_equal(envelope.id, cases[i].id)) {
            fail_msg("'%s' gives '%s'", cases[i].text, envelope.id);
        }
        assert_int_equal(envelope.kind, ENVELOPE_UNKNOWN);
        assert_non_null(envelope.type);
        envelope_finish(&envelope);
    }
}

static void an_id_may_have_127_bytes(void **state) {
    (void)state;
    for (size_t length = 126; length <= 129; length++) {
        struct buf text = BUF_INIT(4096);
        buf_adds(&text, "{\"type\":\"events_api\",\"envelope_id\":\"");
        for (size_t i = 0; i < length; i++) {
            buf_addc(&text, 'i');
        }
        buf_adds(&text, "\"}");
        struct envelope envelope = read_text(text.data);
        assert_int_equal(strlen(envelope.id), length < ENVELOPE_ID_SIZE ? length : 0);
        envelope_finish(&envelope);
        buf_finish(&text);
    }
}

static void an_acknowledgement_is_the_bare_id(void **state) {
    (void)state;
    struct buf text = BUF_INIT(256);
    envelope_write_acknowledgement(&text, "1d3c-7");
    assert_string_equal(text.data, "{\"envelope_id\":\"1d3c-7\"}");
    buf_finish(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hello_tells_how_many_connections_there_are),
        cmocka_unit_test(a_disconnect_tells_why),
        cmocka_unit_test(a_delivery_has_its_parts),
        cmocka_unit_test(an_id_makes_a_delivery),
        cmocka_unit_test(the_id_is_found_in_what_cannot_be_understood),
        cmocka_unit_test(an_id_may_have_127_bytes),
        cmocka_unit_test(an_acknowledgement_is_the_bare_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
