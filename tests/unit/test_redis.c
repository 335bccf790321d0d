/* Against a real redis-server of its own on a unix socket in a directory of its own. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "net/redis.h"

static char directory[] = "/tmp/test_redis.XXXXXX";
static char socket_path[128], socket_url[160];
static pid_t server;

static void server_start(const char *password, const char *port) {
    server = fork();
    assert_true(server >= 0);
    if (server == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        execlp("redis-server", "redis-server", "--port", port, "--bind", "127.0.0.1", "--unixsocket", socket_path,
               "--save", "", "--dir", directory, "--logfile", "/dev/null", "--requirepass", password, (char *)NULL);
        _exit(127);
    }
}

static void server_kill(void) {
    if (server > 0) {
        assert_int_equal(kill(server, SIGKILL), 0);
        assert_int_equal(waitpid(server, NULL, 0), server);
        (void)unlink(socket_path);
        server = 0;
    }
}

/* A loop with a connection, and what happened. */
struct rig {
    struct loop *loop;
    struct redis *redis;
    struct timer *guard, *timer;
    struct redis_options options;
    int connected, lost;
    char why[512];
    bool stop_when_connected, stop_when_lost, destroy_when_told;
    int replies, unsent, unknown; /* callbacks, by outcome */
    int stop_after;               /* so many callbacks */
    int64_t last_integer;
    bool inside_command;
};

static void guard_came(void *user) {
    (void)user;
    fail_msg("the test hangs");
}

static void came_up(void *user) {
    struct rig *rig = user;
    rig->connected++;
    assert_true(redis_is_connected(rig->redis));
    if (rig->destroy_when_told) {
        redis_destroy(rig->redis);
        rig->redis = NULL;
    }
    if (rig->stop_when_connected) {
        loop_stop(rig->loop);
    }
}

static void went_down(const char *why, void *user) {
    struct rig *rig = user;
    rig->lost++;
    (void)snprintf(rig->why, sizeof rig->why, "%s", why);
    assert_false(redis_is_connected(rig->redis));
    if (rig->destroy_when_told) {
        redis_destroy(rig->redis);
        rig->redis = NULL;
    }
    if (rig->stop_when_lost) {
        loop_stop(rig->loop);
    }
}

static void count(const struct redis_reply *reply, bool sent, void *user) {
    struct rig *rig = user;
    assert_false(rig->inside_command);
    if (reply != NULL) {
        assert_true(sent);
        rig->replies++;
        assert_int_equal(rig->unsent, 0); /* those refused come after those sent */
    } else if (sent) {
        rig->unknown++;
    } else {
        rig->unsent++;
    }
    if (redis_kind(reply) == REDIS_INTEGER) {
        assert_int_equal(redis_integer(reply), rig->last_integer + 1);
        rig->last_integer = redis_integer(reply);
    }
    if (--rig->stop_after == 0) {
        loop_stop(rig->loop);
    }
}

static void rig_open(struct rig *rig) {
    rig->loop = loop_create();
    rig->guard = loop_timer(rig->loop, guard_came, NULL);
    timer_start(rig->guard, 20000);
    rig->options.url = rig->options.url != NULL ? rig->options.url : socket_url;
    rig->options.connected = came_up;
    rig->options.lost = went_down;
    rig->options.user = rig;
    assert_int_equal(redis_create(rig->loop, &rig->options, &rig->redis, NULL), 0);
}

static void rig_connect(struct rig *rig) {
    int before = rig->connected;
    rig->stop_when_connected = true;
    while (rig->connected == before) {
        loop_run(rig->loop);
    }
    rig->stop_when_connected = false;
    rig->lost = 0; /* attempts until the server was up */
}

static void rig_close(struct rig *rig) {
    redis_destroy(rig->redis);
    timer_destroy(rig->guard);
    timer_destroy(rig->timer);
    assert_true(loop_destroy(rig->loop));
}

static void send_many(struct rig *rig, int times) {
    rig->inside_command = true;
    for (int i = 0; i < times; i++) {
        redis_call(rig->redis, count, rig, "INCR", "counter");
    }
    rig->inside_command = false;
}

static void one(struct rig *rig, redis_done *done, size_t argc, const char *const *argv, const size_t *sizes) {
    redis_command(rig->redis, done, rig, argc, argv, sizes);
    loop_run(rig->loop);
}

#define ask(rig, done, ...)                                                                                         \
    one(rig, done, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (const char *const[]){__VA_ARGS__}, \
        NULL)

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

static void check_string(const struct redis_reply *reply, bool sent, void *user) {
    size_t size = 0;
    assert_true(sent);
    assert_int_equal(redis_kind(reply), REDIS_STRING);
    assert_memory_equal(redis_text(reply, &size), "4\0002", 3);
    assert_int_equal(size, 3);
    assert_int_equal(redis_count(reply), 0);
    loop_stop(((struct rig *)user)->loop);
}

static void check_number(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_int_equal(redis_integer(reply), 7);
    loop_stop(((struct rig *)user)->loop);
}

static void check_nil(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_non_null(reply);
    assert_int_equal(redis_kind(reply), REDIS_NIL);
    assert_null(redis_text(reply, NULL));
    assert_int_equal(redis_integer(reply), 0);
    loop_stop(((struct rig *)user)->loop);
}

static void check_error(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_int_equal(redis_kind(reply), REDIS_ERROR);
    assert_true(str_starts(redis_text(reply, NULL), "ERR unknown command"));
    loop_stop(((struct rig *)user)->loop);
}

static void check_fields(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_int_equal(redis_kind(reply), REDIS_ARRAY);
    assert_int_equal(redis_count(reply), 4);
    assert_string_equal(redis_text(redis_field(reply, "two"), NULL), "2");
    assert_int_equal(redis_integer(redis_field(reply, "one")), 1);
    assert_null(redis_field(reply, "2"));
    assert_null(redis_field(reply, "tw"));
    assert_null(redis_at(reply, 4));
    loop_stop(((struct rig *)user)->loop);
}

static void check_status(const struct redis_reply *reply, bool sent, void *user) {
    (void)sent;
    assert_int_equal(redis_kind(reply), REDIS_STATUS);
    assert_string_equal(redis_text(reply, NULL), "OK");
    loop_stop(((struct rig *)user)->loop);
}

static void replies_of_each_kind_are_read(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig);
    rig_connect(&rig);
    one(&rig, check_status, 3, (const char *const[]){"SET", "key", "4\0002"}, (const size_t[]){3, 3, 3});
    ask(&rig, check_string, "GET", "key");
    ask(&rig, check_status, "SET", "number", "7");
    ask(&rig, check_number, "GET", "number");
    ask(&rig, check_nil, "GET", "missing");
    ask(&rig, check_error, "NOSUCH");
    redis_call(rig.redis, NULL, NULL, "HSET", "hash", "one", "1", "two", "2");
    ask(&rig, check_fields, "HGETALL", "hash");
    assert_int_equal(redis_kind(NULL), REDIS_NIL);
    assert_null(redis_field(NULL, "x"));
    rig_close(&rig);
}

static void callbacks_come_in_the_order_of_the_commands(void **state) {
    (void)state;
    struct rig rig = {.stop_after = 5000};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, NULL, NULL, "DEL", "counter");
    send_many(&rig, 5000);
    loop_run(rig.loop);
    assert_int_equal(rig.replies, 5000);
    assert_int_equal(rig.last_integer, 5000);
    rig_close(&rig);
}

static void commands_above_the_limit_are_refused_in_their_turn(void **state) {
    (void)state;
    struct rig rig = {.stop_after = LIMIT_REDIS_PENDING + 50};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, NULL, NULL, "DEL", "counter");
    send_many(&rig, LIMIT_REDIS_PENDING + 50);
    loop_run(rig.loop);
    assert_int_equal(rig.replies, LIMIT_REDIS_PENDING - 1); /* DEL was one of the limit */
    assert_int_equal(rig.unsent, 51);
    rig_close(&rig);
}

static void commands_without_a_connection_are_refused_on_the_next_turn(void **state) {
    (void)state;
    struct rig rig = {.options.url = "unix:/nonexistent/socket", .stop_after = 3};
    rig_open(&rig);
    send_many(&rig, 3);
    assert_int_equal(rig.unsent, 0);
    loop_run(rig.loop);
    assert_int_equal(rig.unsent, 3);
    rig_close(&rig);
}

static void a_server_that_is_away_is_told_once_and_found_when_it_comes(void **state) {
    (void)state;
    server_kill();
    struct rig rig = {.stop_when_lost = true};
    rig_open(&rig);
    loop_run(rig.loop);
    assert_non_null(strstr(rig.why, "Cannot connect to Redis"));
    assert_non_null(strstr(rig.why, socket_path));
    rig.timer = loop_timer(rig.loop, (void (*)(void *))loop_stop, rig.loop);
    timer_start(rig.timer, 300);
    loop_run(rig.loop);
    assert_int_equal(rig.lost, 1);
    server_start("", "0");
    rig.stop_when_lost = false;
    rig_connect(&rig);
    assert_int_equal(rig.connected, 1);
    rig_close(&rig);
}

static void killed_with_a_thousand_in_flight_each_has_one_callback(void **state) {
    (void)state;
    struct rig rig = {.stop_when_lost = true};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, NULL, NULL, "DEL", "counter");
    send_many(&rig, 1000);
    rig.stop_after = 10; /* some replies first, from then on nothing */
    loop_run(rig.loop);
    assert_int_equal(kill(server, SIGSTOP), 0);
    send_many(&rig, 1000);
    server_kill();
    loop_run(rig.loop);
    assert_int_equal(rig.replies + rig.unknown + rig.unsent, 2000);
    assert_int_equal(rig.unsent, 0);
    assert_true(rig.unknown >= 1000);
    assert_int_equal(rig.lost, 1);

    int64_t start_ms = clock_monotonic_ms();
    server_start("", "0");
    rig.stop_when_lost = false;
    rig_connect(&rig);
    assert_true(clock_monotonic_ms() - start_ms < 8000);
    assert_int_equal(rig.connected, 2);
    rig_close(&rig);
}

static void lose_and_send(const struct redis_reply *reply, bool sent, void *user) {
    struct rig *rig = user;
    assert_null(reply);
    assert_true(sent);
    redis_interrupt(rig->redis);
    redis_call(rig->redis, count, rig, "PING");
}

static void a_command_given_in_a_callback_of_a_loss_is_refused(void **state) {
    (void)state;
    struct rig rig = {.stop_when_lost = true, .stop_after = -1};
    rig_open(&rig);
    rig_connect(&rig);
    assert_int_equal(kill(server, SIGSTOP), 0);
    redis_call(rig.redis, lose_and_send, &rig, "PING");
    server_kill();
    loop_run(rig.loop);
    assert_int_equal(rig.unsent, 1);
    rig_close(&rig);
    server_start("", "0");
}

static void a_silent_server_is_given_up_and_found_again(void **state) {
    (void)state;
    struct rig rig = {.stop_when_lost = true};
    rig_open(&rig);
    rig_connect(&rig);
    assert_int_equal(kill(server, SIGSTOP), 0);
    int64_t start_ms = clock_monotonic_ms();
    send_many(&rig, 3);
    loop_run(rig.loop);
    int64_t spent_ms = clock_monotonic_ms() - start_ms;
    assert_true(spent_ms >= LIMIT_REDIS_SILENCE_MS && spent_ms < LIMIT_REDIS_SILENCE_MS + 4000);
    assert_int_equal(rig.unknown, 3);
    assert_non_null(strstr(rig.why, "has not answered for 5 s"));
    assert_int_equal(kill(server, SIGCONT), 0);
    rig_connect(&rig);
    rig_close(&rig);
}

static void block_for_six_seconds(void *user) {
    struct rig *rig = user;
    send_many(rig, 1);
    sleep(6);
}

static void being_asleep_ourselves_is_no_silence_of_the_server(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, NULL, NULL, "DEL", "counter");
    rig.stop_after = 2;
    send_many(&rig, 1);
    loop_soon(rig.loop, block_for_six_seconds, &rig);
    loop_run(rig.loop);
    assert_int_equal(rig.replies, 2);
    assert_int_equal(rig.lost, 0);
    rig_close(&rig);
}

static void a_blocking_command_may_be_silent_and_can_be_interrupted(void **state) {
    (void)state;
    struct rig rig = {.options.blocking = true, .stop_after = 1};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, count, &rig, "BLPOP", "nothing", "5.5");
    loop_run(rig.loop);
    assert_int_equal(rig.replies, 1);
    redis_call(rig.redis, count, &rig, "BLPOP", "nothing", "0");
    rig.timer = loop_timer(rig.loop, (void (*)(void *))redis_interrupt, rig.redis);
    timer_start(rig.timer, 50);
    int64_t start_ms = clock_monotonic_ms();
    rig.stop_when_connected = true;
    loop_run(rig.loop);
    assert_true(clock_monotonic_ms() - start_ms < 4000);
    assert_int_equal(rig.unknown, 1);
    assert_int_equal(rig.lost, 0);
    assert_int_equal(rig.connected, 2);
    rig_close(&rig);
}

static void interrupt_inside(const struct redis_reply *reply, bool sent, void *user) {
    struct rig *rig = user;
    assert_non_null(reply);
    assert_true(sent);
    redis_interrupt(rig->redis);
    redis_interrupt(rig->redis);
    assert_false(redis_is_connected(rig->redis));
    redis_call(rig->redis, count, rig, "PING");
}

static void interrupt_is_safe_inside_a_callback(void **state) {
    (void)state;
    struct rig rig = {.stop_after = -1};
    rig_open(&rig);
    rig_connect(&rig);
    redis_call(rig.redis, interrupt_inside, &rig, "PING");
    redis_call(rig.redis, count, &rig, "BLPOP", "nothing", "0");
    rig_connect(&rig);
    assert_int_equal(rig.unknown, 1);
    assert_int_equal(rig.unsent, 1);
    rig_close(&rig);
}

static void an_interrupt_while_the_server_dies_does_not_spin(void **state) {
    (void)state;
    struct rig rig = {0};
    rig_open(&rig);
    rig_connect(&rig);
    server_kill();
    redis_interrupt(rig.redis);
    rig.timer = loop_timer(rig.loop, (void (*)(void *))loop_stop, rig.loop);
    timer_start(rig.timer, 200);
    clock_t start = clock();
    loop_run(rig.loop);
    assert_true(clock() - start < CLOCKS_PER_SEC / 10);
    assert_int_equal(rig.lost, 1);
    rig_close(&rig);
    server_start("", "0");
}

static void destroying_ends_every_command_first(void **state) {
    (void)state;
    struct rig rig = {.stop_after = -1};
    rig_open(&rig);
    send_many(&rig, 2);
    rig_connect(&rig);
    assert_int_equal(rig.unsent, 2);
    send_many(&rig, 100);
    redis_destroy(rig.redis);
    rig.redis = NULL;
    assert_int_equal(rig.unknown, 100);
    redis_destroy(NULL);
    rig_close(&rig);
}

static void the_owner_may_destroy_it_when_told(void **state) {
    (void)state;
    struct rig up = {.destroy_when_told = true, .stop_when_connected = true};
    rig_open(&up);
    loop_run(up.loop);
    rig_close(&up);
    struct rig down = {.options.url = "unix:/nonexistent", .destroy_when_told = true, .stop_when_lost = true};
    rig_open(&down);
    loop_run(down.loop);
    rig_close(&down);
}

static void it_can_be_destroyed_while_connecting(void **state) {
    (void)state;
    static const char *const urls[] = {NULL, "redis://localhost:1", "redis://127.0.0.1:1", "redis://[::1]:1"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct rig rig = {.options.url = urls[i]};
        rig_open(&rig);
        rig_close(&rig);
    }
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

static int set_up(void **state) {
    (void)state;
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(socket_path, sizeof socket_path, "%s/redis.sock", directory);
    (void)snprintf(socket_url, sizeof socket_url, "unix:%s", socket_path);
    server_start("", "0");
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    server_kill();
    return rmdir(directory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_that_cannot_be_understood_is_refused),
        cmocka_unit_test(replies_of_each_kind_are_read),
        cmocka_unit_test(callbacks_come_in_the_order_of_the_commands),
        cmocka_unit_test(commands_above_the_limit_are_refused_in_their_turn),
        cmocka_unit_test(commands_without_a_connection_are_refused_on_the_next_turn),
        cmocka_unit_test(a_server_that_is_away_is_told_once_and_found_when_it_comes),
        cmocka_unit_test(killed_with_a_thousand_in_flight_each_has_one_callback),
        cmocka_unit_test(a_command_given_in_a_callback_of_a_loss_is_refused),
        cmocka_unit_test(a_silent_server_is_given_up_and_found_again),
        cmocka_unit_test(being_asleep_ourselves_is_no_silence_of_the_server),
        cmocka_unit_test(a_blocking_command_may_be_silent_and_can_be_interrupted),
        cmocka_unit_test(interrupt_is_safe_inside_a_callback),
        cmocka_unit_test(an_interrupt_while_the_server_dies_does_not_spin),
        cmocka_unit_test(destroying_ends_every_command_first),
        cmocka_unit_test(the_owner_may_destroy_it_when_told),
        cmocka_unit_test(it_can_be_destroyed_while_connecting),
        cmocka_unit_test(a_wrong_or_missing_password_is_a_loss_with_its_reason),
        cmocka_unit_test(it_connects_by_name_and_port),
        cmocka_unit_test(a_name_that_is_not_known_is_a_loss),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
