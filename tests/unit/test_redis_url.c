/* The address of a redis-server: what can be understood, and what is found there. */

#include "fakes/redis_test.h"

#include <arpa/inet.h>

#include "base/buf.h"
#include "base/file.h"

#define PATH_40 "a-path-that-is-longer-than-sun_path-has-/"

static void an_address_that_cannot_be_understood_is_refused(void **state) {
    (void)state;
    static const char *const urls[] = {
        "",
        "localhost:6379",
        "unix:relative",
        "redis://",
        "redis://:6379",
        "redis://host:",
        "redis://host:0",
        "redis://host:65536",
        "redis://host:12x",
        "redis://user:secret@host:1",
        "redis://[::1",
        "redis://[]:1",
        "redis://[::1]x",
        "http://host:1",
        "redis://host/0",
        "unix:/" PATH_40 PATH_40 PATH_40,
    };
    struct loop *loop = loop_create();
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct redis *redis = NULL;
        struct err err = {0};
        int result = redis_create(loop, &(struct redis_options){.url = urls[i]}, &redis, &err);
        if (result != -(int)ERR_INVALID || redis != NULL) {
            fail_msg("'%s' was taken", urls[i]);
        }
        assert_null(strstr(err.text, "secret"));
    }
    assert_true(loop_destroy(loop));
}

static void a_wrong_or_missing_password_is_a_loss_with_its_reason(void **state) {
    (void)state;
    server_kill();
    server_start("right horse", "0");
    static const struct {
        const char *password, *why;
    } cases[] = {{"wrong horse", "WRONGPASS"}, {NULL, "NOAUTH"}, {"", "NOAUTH"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig = {.options.password = cases[i].password, .stop_when_lost = true};
        rig_open(&rig);
        do {
            loop_run(rig.loop);
        } while (strstr(rig.why, "Cannot connect") != NULL); /* not up yet */
        assert_non_null(strstr(rig.why, cases[i].why));
        int losses = rig.lost;
        rig.timer = loop_timer(rig.loop, (void (*)(void *))loop_stop, rig.loop);
        timer_start(rig.timer, 300);
        loop_run(rig.loop);
        assert_int_equal(rig.lost, losses);
        assert_int_equal(rig.connected, 0);
        rig_close(&rig);
    }
    struct rig rig = {.options.password = "right horse"};
    rig_open(&rig);
    rig_connect(&rig);
    assert_int_equal(rig.lost, 0);
    rig_close(&rig);
    server_kill();
    server_start("", "0");
}

/* A bare root of a file system has no /etc/hosts; there no name stands for this machine. */
static bool localhost_is_a_name(void) {
    struct buf hosts = BUF_INIT(1 << 20);
    bool found = file_read("/etc/hosts", 1 << 20, &hosts, NULL) == 0 && strstr(hosts.data, "localhost") != NULL;
    buf_finish(&hosts);
    return found;
}

static void it_connects_by_name_and_port(void **state) {
    (void)state;
    if (!localhost_is_a_name()) {
        print_message("/etc/hosts does not know localhost\n");
        skip();
    }
    int probe = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    assert_int_equal(bind(probe, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(probe, (struct sockaddr *)&address, &size), 0);
    close(probe);
    char port[16], url[64];
    (void)snprintf(port, sizeof port, "%d", ntohs(address.sin_port));
    server_kill();
    server_start("", port);
    static const char *const hosts[] = {"localhost", "127.0.0.1"};
    for (size_t i = 0; i < 2; i++) {
        struct rig rig = {0};
        (void)snprintf(url, sizeof url, "redis://%s:%s", hosts[i], port);
        rig.options.url = url;
        rig_open(&rig);
        rig_connect(&rig);
        rig_close(&rig);
    }
}

static void a_name_that_is_not_known_is_a_loss(void **state) {
    (void)state;
    struct rig rig = {.options.url = "redis://name.invalid:6379", .stop_when_lost = true};
    rig_open(&rig);
    loop_run(rig.loop);
    assert_non_null(strstr(rig.why, "Cannot connect to Redis at redis://name.invalid:6379"));
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_that_cannot_be_understood_is_refused),
        cmocka_unit_test(a_wrong_or_missing_password_is_a_loss_with_its_reason),
        cmocka_unit_test(it_connects_by_name_and_port),
        cmocka_unit_test(a_name_that_is_not_known_is_a_loss),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
