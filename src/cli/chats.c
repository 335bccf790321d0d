#include "chats.h"

#include "app/digest.h"
#include "app/reconciler.h"
#include "base/mem.h"
#include "chat/console.h"
#include "chat/slack.h"

enum {
    PLATFORMS = 2,
    HOLD_CONSOLE_MS = 25, /* the console writes to the store, where answers and steps wait for it */
};

struct chats {
    struct chat *chats[PLATFORMS];
    struct reconciler *reconcilers[PLATFORMS];
    struct digest *digests[PLATFORMS];
    size_t count;
    struct chat *slack; /* or NULL */
    struct config *(*config)(void *user);
    void *user;
};

static void chats_add(struct chats *chats, const struct chats_options *options, struct chat *chat, int64_t hold_ms) {
    chats->chats[chats->count] = chat;
    chats->digests[chats->count] = digest_create(&(struct digest_options){
        .loop = options->loop,
        .store = options->store,
        .chat = chat,
        .config = options->config,
        .leads_surely = options->leads_surely,
        .fence = options->fence,
        .user = options->user,
    });
    chats->reconcilers[chats->count++] = reconciler_create(&(struct reconciler_options){
        .loop = options->loop,
        .store = options->store,
        .chat = chat,
        .hold_ms = hold_ms,
        .config = options->config,
        .leads_surely = options->leads_surely,
        .fence = options->fence,
        .user = options->user,
    });
}

static int read_tokens(const struct config *config, char **ret_app_token, char **ret_bot_token, struct err *err) {
    int r = secret_read(&config->slack_app_token, ret_app_token, err);
    return r < 0 ? r : secret_read(&config->slack_bot_token, ret_bot_token, err);
}

static int add_slack(struct chats *chats, const struct chats_options *options, struct err *err) {
    const struct config *config = options->config(options->user);
    struct slack_options slack = {
        .loop = options->loop,
        .store = options->store,
        .config = options->config,
        .user = options->user,
        .up = options->up,
        .leads_surely = options->leads_surely,
        .api_url = config->slack_api_url,
        .ca_file = config->slack_ca_file,
        .unpaced = !config->slack_paced,
    };
    struct chat *chat = NULL;
    char *app_token = NULL, *bot_token = NULL;
    if (config->slack_app_token.source == SECRET_NONE) {
        return 0;
    }
    int r = read_tokens(config, &app_token, &bot_token, err);
    slack.app_token = app_token;
    slack.bot_token = bot_token;
    r = r < 0 ? r : slack_create(&slack, &chat, err);
    secret_free(app_token);
    secret_free(bot_token);
    if (r == 0) {
        chats_add(chats, options, chat, 0);
        chats->slack = chat;
    }
    return r;
}

void chats_reload(struct chats *chats) {
    const struct config *config = chats->config(chats->user);
    char *app_token = NULL, *bot_token = NULL;
    struct err err;
    if (chats->slack == NULL || config->slack_app_token.source == SECRET_NONE) {
        return;
    }
    if (read_tokens(config, &app_token, &bot_token, &err) < 0) {
        slack_not_renewed(chats->slack, &err);
    } else {
        slack_renew(chats->slack, &(struct slack_keys){app_token, bot_token, config->slack_ca_file});
    }
    secret_free(app_token);
    secret_free(bot_token);
}

int chats_create(const struct chats_options *options, struct chats **ret_chats, struct err *err) {
    struct chats *chats = mem_alloc(sizeof *chats);
    *ret_chats = chats;
    chats->config = options->config;
    chats->user = options->user;
    chats_add(chats, options, console_create(options->store), HOLD_CONSOLE_MS);
    return add_slack(chats, options, err);
}

void chats_lead(struct chats *chats, bool leads) {
    for (size_t i = 0; i < chats->count; i++) {
        reconciler_lead(chats->reconcilers[i], leads);
        digest_lead(chats->digests[i], leads);
    }
}

void chats_changed(struct chats *chats, uint64_t deployment) {
    for (size_t i = 0; i < chats->count; i++) {
        reconciler_changed(chats->reconcilers[i], deployment);
    }
}

void chats_retry(struct chats *chats) {
    for (size_t i = 0; i < chats->count; i++) {
        reconciler_retry(chats->reconcilers[i]);
    }
}

void chats_stop(struct chats *chats) {
    for (size_t i = 0; i < chats->count; i++) {
        chats->chats[i]->functions->stop(chats->chats[i]);
    }
}

void chats_destroy(struct chats *chats) {
    if (chats == NULL) {
        return;
    }
    /* The adapters first: they tell the reconcilers what came of the messages under way. */
    for (size_t i = 0; i < chats->count; i++) {
        chats->chats[i]->functions->destroy(chats->chats[i]);
    }
    for (size_t i = 0; i < chats->count; i++) {
        reconciler_destroy(chats->reconcilers[i]);
        digest_destroy(chats->digests[i]);
    }
    mem_free(chats);
}

void chats_write_health(const struct chats *chats, struct buf *out) {
    for (size_t i = 0; chats != NULL && i < chats->count; i++) {
        const char *trouble = chats->chats[i]->functions->trouble(chats->chats[i]);
        buf_printf(out, "%s: %s\n", chats->chats[i]->functions->name, trouble == NULL ? "connected" : trouble);
        reconciler_write_troubles(chats->reconcilers[i], out);
    }
}
