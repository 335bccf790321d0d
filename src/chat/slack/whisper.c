#include "whisper.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "blocks.h"

/* The message, ready for the case that another way to say it fails. */
struct message {
    struct calls *calls;
    enum call_method method;
    char *channel, *body;
    struct message *directly; /* the same to the person, for where we are no member; or NULL */
};

static void message_free(struct message *message) {
    if (message != NULL) {
        message_free(message->directly);
        mem_free(message->channel);
        mem_free(message->body);
        mem_free(message);
    }
}

static struct message *message_create(struct calls *calls, const struct whisper *whisper,
                                      const struct operation_reply *reply, enum command_id command) {
    bool direct = whisper->direct || whisper->channel == NULL;
    struct message *message = mem_alloc(sizeof *message);
    struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    struct json_out out = {.buf = &body};
    message->calls = calls;
    message->method = direct ? CALL_CHAT_POST_MESSAGE : CALL_CHAT_POST_EPHEMERAL;
    message->channel = mem_strdup(whisper->channel != NULL ? whisper->channel : whisper->user);
    json_object_begin(&out, NULL);
    json_add_string(&out, "channel", message->channel);
    if (!direct) {
        json_add_string(&out, "user", whisper->user);
    }
    if (whisper->thread != NULL) {
        json_add_string(&out, "thread_ts", whisper->thread);
    }
    blocks_reply(reply, command, &out);
    json_object_end(&out);
    message->body = buf_take(&body);
    if (whisper->channel != NULL) {
        message->directly = message_create(calls, &(struct whisper){.user = whisper->user}, reply, command);
    }
    return message;
}

static void message_sent(const struct call_reply *reply, void *user);

static void message_send(struct message *message) {
    bool last = message->directly == NULL;
    calls_send(
        message->calls,
        &(struct call){
            .method = message->method, .json = message->body, .channel = message->channel, .priority = CALL_REPLY},
        last ? NULL : message_sent, message);
    if (last) {
        message_free(message);
    }
}

static void message_sent(const struct call_reply *reply, void *user) {
    struct message *message = user;
    if (!reply->ok && !str_equal(reply->error, "closed")) {
        log_info("slack: an answer could not be shown where it was asked for", LOG_STR("channel", message->channel),
                 LOG_STR("error", reply->error), LOG_END);
        if (!reply->maybe) {
            message_send(message->directly);
            message->directly = NULL;
        }
    }
    message_free(message);
}

static void responded(const struct call_reply *reply, void *user) {
    struct message *message = user;
    if (reply->ok || str_equal(reply->error, "closed")) {
        message_free(message);
        return;
    }
    log_info("slack: an answer by response_url failed", LOG_STR("error", reply->error), LOG_END);
    if (reply->maybe) {
        message_free(message); /* it may have been read */
    } else {
        message_send(message);
    }
}

void whisper_send(struct calls *calls, const struct whisper *whisper, const struct operation_reply *reply,
                  enum command_id command) {
    struct message *message = message_create(calls, whisper, reply, command);
    if (whisper->response_url == NULL) {
        message_send(message);
        return;
    }
    struct buf body = BUF_INIT(LIMIT_MESSAGE_BYTES * 4);
    struct json_out out = {.buf = &body};
    json_object_begin(&out, NULL);
    json_add_string(&out, "response_type", "ephemeral");
    json_add_bool(&out, "replace_original", false);
    blocks_reply(reply, command, &out);
    json_object_end(&out);
    calls_respond(calls, whisper->response_url, body.data, responded, message);
    buf_finish(&body);
}
