/* Requests over TLS, to the project's own server: whom the client trusts, and by which way it goes. */

#include "fakes/http_test.h"

#include "net/web.h"

static void answer(struct web_request *request, void *user) {
    (void)user;
    size_t size = 0;
    const char *body = web_body(request, &size);
    web_answer(request, 200, NULL, 0, body, size);
}

static void gone(struct web_request *request, void *user) {
    (void)request, (void)user;
}

static struct web *web_open(struct rig *rig) {
    struct web *web = NULL;
    struct err err = {0};
    const struct web_options options = {
        .listen = "127.0.0.1:0", .certificate = certificate, .key = key, .handle = answer, .gone = gone};
    if (web_create(rig->loop, &options, &web, &err) != 0) {
        fail_msg("%s", err.text);
    }
    return web;
}

static void ask_tls(struct rig *rig, const char *address, struct result *result) {
    char url[64];
    (void)snprintf(url, sizeof url, "https://%s/x", address);
    ask(rig, &(struct http_request){.method = "POST", .url = url, .body = "hello", .body_size = 5}, result);
    rig_wait(rig);
}

static void only_a_certificate_of_the_right_authority_and_name_is_taken(void **state) {
    (void)state;
    const struct {
        const char *ca_file, *host;
        bool good;
    } cases[] = {{certificate, "127.0.0.1", true},
                 {NULL, "127.0.0.1", false},
                 {strange, "127.0.0.1", false},
                 {certificate, "localhost", false},
                 {"/nowhere", "127.0.0.1", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct rig rig;
        struct result result;
        char address[64];
        rig_open(&rig, cases[i].ca_file);
        struct web *web = web_open(&rig);
        (void)snprintf(address, sizeof address, "%s%s", cases[i].host, strrchr(web_address(web), ':'));
        ask_tls(&rig, address, &result);
        print_message("%d %s\n", result.status, result.error);
        assert_int_equal(result.status, cases[i].good ? 200 : 0);
        assert_false(result.maybe);
        if (cases[i].good) {
            assert_string_equal(result.body, "hello");
        }
        web_destroy(web);
        rig_close(&rig);
    }
}

static void the_proxy_of_the_environment_is_used(void **state) {
    (void)state;
    struct rig rig;
    struct result result;
    char proxy[64];
    rig_open(&rig, certificate);
    struct web *web = web_open(&rig);
    for (int round = 0; round < 3; round++) {
        bad_server_tunnel = round == 0 ? 0 : (uint16_t)strtoul(strrchr(web_address(web), ':') + 1, NULL, 10);
        bad_server_start();
        (void)snprintf(proxy, sizeof proxy, "http://127.0.0.1:%u", bad_server_port);
        setenv("HTTPS_PROXY", proxy, 1);
        if (round == 2) {
            setenv("NO_PROXY", "example.org,127.0.0.1", 1);
        }
        ask_tls(&rig, web_address(web), &result);
        unsetenv("HTTPS_PROXY");
        unsetenv("NO_PROXY");
        print_message("%d %s\n", result.status, result.error);
        assert_int_equal(result.status, round == 0 ? 0 : 200);
        assert_false(result.maybe);
        assert_int_equal(bad_server_seen->connects, round < 2 ? 1 : 0);
        bad_server_stop();
    }
    web_destroy(web);
    rig_close(&rig);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_a_certificate_of_the_right_authority_and_name_is_taken),
        cmocka_unit_test(the_proxy_of_the_environment_is_used),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
