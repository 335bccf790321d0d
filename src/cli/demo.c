#include "demo.h"

#include <inttypes.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/str.h"
#include "client.h"
#include "demo_server.h"
#include "paths.h"
#include "progress.h"

enum { DEADLINE_MS = 120000, LOOK_MS = 200, INTERRUPTED = 130 };

struct demo {
    struct invocation *invocation;
    struct demo_server *server;
    struct client *client;
    struct progress *progress;
    bool has_person;
    int64_t deadline_ms;       /* monotonic; a person may think for as long as they like */
    int64_t deployment, asked; /* the question that was put to the person last; 0 = none */
    bool quit, keys_taken;
    struct termios terminal_before;
};

static int stopped(struct err *err) {
    return err_set(err, ERR_IO, "Stopped.");
}

/* Between two looks: 0, or why there is no sense in another. */
static int take_breath(struct demo *demo, int ms, struct err *err) {
    if (demo_server_ended(demo->server, ms)) {
        return err_set(err, ERR_IO, "The server of the demo ended by itself.");
    }
    if (terminal_stopped()) {
        return stopped(err);
    }
    return clock_monotonic_ms() < demo->deadline_ms ? 0 : err_set(err, ERR_TIMEOUT, "The demo took too long.");
}

/* --- keys --------------------------------------------------------------------------------------------------------- */

/* Each key at once and unseen; Ctrl-C stays a signal. */
static void keys_begin(struct demo *demo) {
    struct termios keys;
    if (tcgetattr(STDIN_FILENO, &demo->terminal_before) < 0) {
        demo->has_person = false;
        return;
    }
    keys = demo->terminal_before;
    keys.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    (void)tcsetattr(STDIN_FILENO, TCSANOW, &keys);
    demo->keys_taken = true;
}

static void keys_end(const struct demo *demo) {
    if (demo->keys_taken) {
        (void)tcsetattr(STDIN_FILENO, TCSANOW, &demo->terminal_before);
    }
}

/* The key that was pressed within this time, or 0. The end of input is a q. */
static char read_key(int ms) {
    char key = 0;
    if (!terminal_pause(STDIN_FILENO, ms)) {
        return 0;
    }
    return read(STDIN_FILENO, &key, 1) == 1 ? key : 'q';
}

/* --- the deployment ------------------------------------------------------------------------------------------------
 * */

static int start_deployment(struct demo *demo, struct err *err) {
    static const char body[] = "{\"words\": [\"deploy\", \"webshop\", \"1.4.2\", \"to\", \"production\"]}";
    int r = -ERR_UNAVAILABLE;
    for (;;) {
        struct json *reply = NULL;
        r = client_post(demo->client, "/v1/commands", body, &reply, err);
        const char *refusal = json_string(json_get(reply, "text"));
        demo->deployment = json_int(json_get(reply, "deployment"), 0);
        bool away =
            r == -ERR_UNAVAILABLE || json_int(json_get(reply, "exit_code"), 0) == err_exit_code(ERR_UNAVAILABLE);
        if (r == 0 && demo->deployment == 0) {
            r = err_set(err, ERR_IO, "%s", refusal ? refusal : "The deployment was not accepted.");
        }
        json_free(reply);
        if (r == 0 || !away) {
            return r;
        }
        r = take_breath(demo, LOOK_MS, err); /* It listens a moment before its store is there. */
        if (r < 0) {
            return r;
        }
    }
}

/* An answer as scripts for Octopus Deploy give it. Of two that answer at once one wins, so a refusal is no failure of
 * the demo. */
static int submit(struct demo *demo, int64_t question, const char *guidance, struct err *err) {
    char path[96], body[64];
    struct json *reply = NULL;
    (void)snprintf(path, sizeof path, "/api/interruptions/Interruptions-%" PRId64 "/submit", question);
    (void)snprintf(body, sizeof body, "{\"Guidance\": \"%s\"}", guidance);
    int r = client_post(demo->client, path, body, &reply, err);
    json_free(reply);
    return r;
}

static int answer_alone(struct demo *demo, int64_t question, struct err *err) {
    if (demo->asked == question) {
        return 0;
    }
    demo->asked = question;
    (void)printf("Nobody is at a terminal, so the demo answers Retry itself, as a script would:\n\n"
                 "  curl -H \"X-Octopus-ApiKey: $(cat %s/local.token)\" -d '{\"Guidance\": \"Retry\"}' \\\n"
                 "       %s/api/interruptions/Interruptions-%" PRId64 "/submit\n\n",
                 demo_server_folder(demo->server), client_server(demo->client), question);
    (void)fflush(stdout);
    return submit(demo, question, "Retry", err);
}

static void answer_by_key(struct demo *demo, int64_t question) {
    static const struct {
        char key;
        const char *guidance;
    } KEYS[] = {{'r', "Retry"}, {'i', "Ignore"}, {'e', "Exclude"}, {'f', "Fail"}};
    if (demo->asked != question) {
        demo->asked = question;
        (void)printf(
            "Press r to Retry, i to Ignore, e to Exclude, f to Fail, or answer on the page. (q ends the demo.)\n\n");
        (void)fflush(stdout);
    }
    char key = read_key(LOOK_MS);
    demo->quit = key == 'q';
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        struct err err;
        if (KEYS[i].key == key && submit(demo, question, KEYS[i].guidance, &err) < 0) {
            (void)printf("%s\n", err.text);
        }
    }
    demo->deadline_ms = clock_monotonic_ms() + DEADLINE_MS;
}

static bool is_final(const char *state) {
    return str_equal(state, "succeeded") || str_equal(state, "succeeded_with_warnings") || str_equal(state, "failed") ||
           str_equal(state, "canceled");
}

/* One look; *ret_over at the end of the deployment. */
static int look(struct demo *demo, bool *ret_over, struct err *err) {
    char path[64];
    struct json *deployment = NULL;
    (void)snprintf(path, sizeof path, "/v1/deployments/%" PRId64, demo->deployment);
    int r = client_get(demo->client, path, &deployment, err);
    if (r < 0) {
        return r;
    }
    progress_show(demo->progress, deployment);
    const struct json *card = progress_open_card(deployment);
    const char *state = json_string(json_get(deployment, "state")), *title = json_string(json_get(deployment, "title"));
    int64_t question = json_int(json_get(card, "question"), 0);
    *ret_over = is_final(state);
    if (*ret_over) {
        (void)printf("\nD%" PRId64 ": %s\n", demo->deployment, title ? title : state);
        /* Without a person there is one right end. */
        r = demo->has_person || str_equal(state, "succeeded")
                ? 0
                : err_set(err, ERR_IO, "The deployment was meant to succeed.");
    } else if (card && demo->has_person) {
        answer_by_key(demo, question);
    } else if (card) {
        r = answer_alone(demo, question, err);
    }
    json_free(deployment);
    return r;
}

static int tell(struct demo *demo, struct err *err) {
    bool over = false;
    (void)printf("Deploying webshop 1.4.2 to production, three machines:\n\n");
    int r = start_deployment(demo, err);
    while (r == 0 && !over && !demo->quit) {
        r = look(demo, &over, err);
        if (r == 0 && !over && !demo->quit) {
            r = take_breath(demo, LOOK_MS, err);
        }
    }
    return r;
}

/* On a terminal the page stays up, to look around. */
static int linger(struct demo *demo, struct err *err) {
    if (!demo->has_person || demo->quit) {
        return 0;
    }
    (void)printf("\nThe page stays up until you press Enter.\n");
    (void)fflush(stdout);
    for (;;) {
        char key = read_key(LOOK_MS);
        if (key == '\n' || key == 'q') {
            return 0;
        }
        if (terminal_stopped()) {
            return stopped(err);
        }
        if (demo_server_ended(demo->server, 0)) {
            return err_set(err, ERR_IO, "The server of the demo ended by itself.");
        }
    }
}

/* --- the whole
 * ------------------------------------------------------------------------------------------------------ */

static int play(struct demo *demo, const char *config_path, struct err *err) {
    int r = demo_server_start(config_path, demo->deadline_ms, &demo->server, err);
    if (r < 0) {
        return r;
    }
    const struct access access = demo_server_access(demo->server);
    (void)printf("The page, for you alone: %s\n\n", demo_server_link(demo->server));
    r = client_open(&access, &demo->client, err);
    if (r == 0 && demo->has_person) {
        keys_begin(demo);
    }
    r = r < 0 ? r : tell(demo, err);
    r = r < 0 ? r : linger(demo, err);
    keys_end(demo);
    return r;
}

int demo_run(struct invocation *invocation) {
    char config_path[1024];
    const char *given = option_value(&invocation->options, OPTION_CONFIG);
    struct demo demo = {
        .invocation = invocation,
        .has_person = terminal_has_person(&invocation->terminal) && isatty(STDOUT_FILENO) == 1,
        .deadline_ms = clock_monotonic_ms() + DEADLINE_MS,
    };
    struct err err;
    terminal_catch_stop();
    int r = given ? 0 : path_of_demo_config(config_path, sizeof config_path, &err);
    demo.progress = progress_create(&invocation->terminal, stdout);
    r = r < 0 ? r : play(&demo, given ? given : config_path, &err);
    bool interrupted = terminal_stopped();
    bool clean = demo_server_stop(demo.server);
    if (r == 0 && !clean) {
        r = err_set(&err, ERR_IO, "The server of the demo did not stop as it should.");
    }
    if (r < 0 && !interrupted) {
        (void)terminal_fail(&invocation->terminal, &err);
        if (demo.server) {
            demo_server_print_log(demo.server, stderr);
        }
    } else if (r == 0) {
        (void)printf(
            "\nThat was guidepost. The demo's configuration: %s\nYour own: write guidepost.yaml, then: guidepost up\n",
            given ? given : config_path);
    }
    client_close(demo.client);
    progress_destroy(demo.progress);
    demo_server_destroy(demo.server);
    return interrupted ? INTERRUPTED : r < 0 ? 1 : 0;
}
