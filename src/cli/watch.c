#include "watch.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/str.h"
#include "output.h"
#include "progress.h"

enum { LOOK_MS = 400, PATIENCE = 4, AWAY_MS = 60000, WITH_WARNINGS = 3, INTERRUPTED = 130 };

struct watch {
    struct invocation *invocation;
    struct client *client;
    uint64_t deployment;
    int64_t deadline_ms;   /* monotonic; 0 = none */
    int64_t away_since_ms; /* the server did not answer since then; 0 = it did */
    int64_t look_took_ms;
    struct progress *progress; /* NULL: not told */
    struct output *output;     /* NULL: not printed */
    bool until_output_ends;    /* not until the deployment does */
};

/* --- how it ends ------------------------------------------------------------------------------------------------- */

/* -1 while it is not over. */
static int exit_code_of(const char *state, bool allow_warnings) {
    return str_equal(state, "succeeded")                 ? 0
           : str_equal(state, "succeeded_with_warnings") ? (allow_warnings ? 0 : WITH_WARNINGS)
           : str_equal(state, "failed")                  ? 1
           : str_equal(state, "canceled")                ? 1
                                                         : -1;
}

static void print_deployment(const struct watch *watch, const struct json *deployment) {
    struct buf text = BUF_INIT(LIMIT_HTTP_RESPONSE_BYTES);
    const char *title = json_string(json_get(deployment, "title")),
               *why = json_string(json_get(deployment, "closing_why"));
    if (option_given(&watch->invocation->options, OPTION_JSON)) {
        struct json_out out = {.buf = &text};
        json_add_node(&out, NULL, deployment);
    } else {
        buf_printf(&text, "D%" PRIu64 ": %s%s%s", watch->deployment, title ? title : "over", str_empty(why) ? "" : ". ",
                   str_empty(why) ? "" : why);
    }
    buf_addc(&text, '\n');
    terminal_write(&watch->invocation->terminal, stdout, TERMINAL_PLAIN, text.data);
    buf_finish(&text);
}

static int say_interrupted(const struct watch *watch) {
    terminal_say(&watch->invocation->terminal,
                 "\nNo longer followed; D%" PRIu64 " goes on. See: guidepost status D%" PRIu64
                 "; to stop it: guidepost cancel D%" PRIu64,
                 watch->deployment, watch->deployment, watch->deployment);
    return INTERRUPTED;
}

static int say_timeout(const struct watch *watch, const struct json *deployment) {
    const struct json *card = progress_open_card(deployment);
    struct err err;
    if (card) {
        (void)err_set(&err, ERR_TIMEOUT,
                      "The time is over and D%" PRIu64 " waits for guidance. See: guidepost show Q%" PRId64,
                      watch->deployment, json_int(json_get(card, "question"), 0));
    } else {
        (void)err_set(&err, ERR_TIMEOUT, "The time is over and D%" PRIu64 " is not. See: guidepost wait D%" PRIu64,
                      watch->deployment, watch->deployment);
    }
    return terminal_fail(&watch->invocation->terminal, &err);
}

/* --- looking again and again -------------------------------------------------------------------------------------- */

/* 0, an error that ends the watch, or 1: the server is away, look again. */
static int look(struct watch *watch, struct json **ret_deployment, struct err *err) {
    char path[64];
    (void)snprintf(path, sizeof path, "/v1/deployments/%" PRIu64, watch->deployment);
    int r = client_get(watch->client, path, ret_deployment, err);
    if (r == 0 && watch->progress) {
        progress_show(watch->progress, *ret_deployment);
    }
    if (r == 0 && watch->output) {
        r = output_print(watch->output, *ret_deployment, err);
    }
    if (r != -ERR_UNAVAILABLE || terminal_stopped()) {
        watch->away_since_ms = 0;
        return r;
    }
    int64_t now = clock_monotonic_ms();
    if (watch->away_since_ms == 0) {
        watch->away_since_ms = now;
        terminal_say(&watch->invocation->terminal, "%s Asking again.", err->text);
    }
    return now - watch->away_since_ms < AWAY_MS ? 1 : r;
}

/* -1: not over yet. */
static int judge(const struct watch *watch, const struct json *deployment) {
    const struct options *options = &watch->invocation->options;
    int exit_code =
        exit_code_of(json_string(json_get(deployment, "state")), option_given(options, OPTION_ALLOW_WARNINGS));
    if (watch->until_output_ends) {
        return exit_code >= 0 || output_is_over(watch->output) ? 0 : -1;
    }
    if (exit_code >= 0) {
        print_deployment(watch, deployment);
    }
    return exit_code;
}

/* A look at a large deployment costs the server more, so the next one comes later. */
static int64_t next_pause(const struct watch *watch) {
    int64_t pause = LOOK_MS + PATIENCE * watch->look_took_ms;
    int64_t left = watch->deadline_ms == 0 ? pause : watch->deadline_ms - clock_monotonic_ms();
    return left < 0 ? 0 : left < pause ? left : pause;
}

static int run(struct watch *watch) {
    int exit_code = -1;
    terminal_catch_stop();
    while (exit_code < 0) {
        struct err err;
        struct json *deployment = NULL;
        int64_t began_ms = clock_monotonic_ms();
        int r = look(watch, &deployment, &err);
        watch->look_took_ms = clock_monotonic_ms() - began_ms;
        if (terminal_stopped()) {
            exit_code = say_interrupted(watch);
        } else if (r < 0) {
            exit_code = terminal_fail(&watch->invocation->terminal, &err);
        } else {
            exit_code = r == 0 ? judge(watch, deployment) : -1;
        }
        bool late = watch->deadline_ms != 0 && clock_monotonic_ms() >= watch->deadline_ms;
        if (exit_code < 0 && late) {
            exit_code = say_timeout(watch, deployment);
        }
        json_free(deployment);
        if (exit_code < 0) {
            (void)terminal_pause(-1, (int)next_pause(watch));
        }
    }
    progress_destroy(watch->progress);
    output_destroy(watch->output);
    return exit_code;
}

static int read_timeout(const struct options *options, int64_t *ret_deadline_ms, struct err *err) {
    const char *text = option_value(options, OPTION_TIMEOUT);
    int64_t ms = 0;
    int r = text ? str_to_duration_ms(text, &ms, err) : 0;
    *ret_deadline_ms = text ? clock_monotonic_ms() + ms : 0;
    return r;
}

int watch_until_end(struct invocation *invocation, struct client *client, uint64_t deployment) {
    const struct options *options = &invocation->options;
    const struct output_choice all = {.json = option_given(options, OPTION_JSON)};
    bool follow = option_given(options, OPTION_FOLLOW);
    struct watch watch = {.invocation = invocation, .client = client, .deployment = deployment};
    struct err err;
    if (read_timeout(options, &watch.deadline_ms, &err) < 0) {
        return terminal_fail(&invocation->terminal, &err);
    }
    if (!invocation->terminal.quiet) {
        watch.progress = progress_create(&invocation->terminal, stderr);
    }
    watch.output = follow ? output_create(client, &invocation->terminal, &all) : NULL;
    return run(&watch);
}

/* --- the verbs ---------------------------------------------------------------------------------------------------- */

static int read_deployment(const struct invocation *invocation, uint64_t *ret_id, struct err *err) {
    const struct options *options = &invocation->options;
    if (options->word_count == 0 || !id_parse('D', options->words[0], ret_id)) {
        return err_set(err, ERR_INVALID, "Which deployment? Write: guidepost %s %s", invocation->verb->name,
                       verb_usage(invocation->verb));
    }
    return 0;
}

static int open_client(const struct invocation *invocation, struct client **ret_client, struct err *err) {
    struct access access;
    int r = access_find(&invocation->options, invocation->arena, &access, err);
    return r < 0 ? r : client_open(&access, ret_client, err);
}

int watch_wait_run(struct invocation *invocation) {
    struct client *client = NULL;
    uint64_t deployment = 0;
    struct err err;
    int r = read_deployment(invocation, &deployment, &err);
    if (r == 0 && invocation->options.word_count > 1) {
        r = err_set(&err, ERR_INVALID, "wait takes one deployment, as in: guidepost wait D311");
    }
    r = r < 0 ? r : open_client(invocation, &client, &err);
    int exit_code =
        r < 0 ? terminal_fail(&invocation->terminal, &err) : watch_until_end(invocation, client, deployment);
    client_close(client);
    return exit_code;
}

int watch_log_run(struct invocation *invocation) {
    const struct options *options = &invocation->options;
    struct watch watch = {.invocation = invocation, .until_output_ends = true};
    struct err err;
    int r = read_deployment(invocation, &watch.deployment, &err);
    if (r == 0 && options->word_count > 3) {
        r = err_set(&err, ERR_INVALID,
                    "log takes a deployment, a step and a target, as in: guidepost log D311 \"Install\" web-2");
    }
    r = r < 0 ? r : open_client(invocation, &watch.client, &err);
    if (r < 0) {
        return terminal_fail(&invocation->terminal, &err);
    }
    const struct output_choice choice = {
        .step = options->word_count > 1 ? options->words[1] : NULL,
        .target = options->word_count > 2 ? options->words[2] : NULL,
        .json = option_given(options, OPTION_JSON),
    };
    int exit_code = 0;
    watch.output = output_create(watch.client, &invocation->terminal, &choice);
    if (option_given(options, OPTION_FOLLOW)) {
        exit_code = run(&watch);
    } else {
        struct json *deployment = NULL;
        r = look(&watch, &deployment, &err);
        exit_code = r == 0 ? 0 : terminal_fail(&invocation->terminal, &err);
        json_free(deployment);
        output_destroy(watch.output);
    }
    client_close(watch.client);
    return exit_code;
}
