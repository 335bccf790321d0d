#include "rollback.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "base/str.h"
#include "client.h"

static void print_reply(const struct invocation *invocation, int64_t lost) {
    if (option_given(&invocation->options, OPTION_JSON)) {
        (void)printf("{\"lost\":%" PRId64 "}\n", lost);
        return;
    }
    terminal_say(&invocation->terminal,
                 "Confirmed: %" PRId64
                 " commits are lost. What was running is looked at; what nobody can tell is asked "
                 "about. Next: guidepost pending",
                 lost);
}

int rollback_seen_run(struct invocation *invocation) {
    const struct options *options = &invocation->options;
    struct access access;
    struct client *client = NULL;
    struct json *reply = NULL;
    struct err err;
    int r = options->word_count == 1 && str_equal(options->words[0], "confirm")
                ? 0
                : err_set(&err, ERR_INVALID,
                          "Look at what runs first: `guidepost status` shows what Redis has. Then write: guidepost "
                          "rollback-seen confirm");
    r = r < 0 ? r : access_find(options, invocation->arena, &access, &err);
    r = r < 0 ? r : client_open(&access, &client, &err);
    r = r < 0 ? r : client_post(client, "/v1/store/rollback", "{\"confirm\":true}", &reply, &err);
    if (r == 0) {
        print_reply(invocation, json_int(json_get(reply, "lost"), 0));
    }
    json_free(reply);
    client_close(client);
    return r < 0 ? terminal_fail(&invocation->terminal, &err) : 0;
}
