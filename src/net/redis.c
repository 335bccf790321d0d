#include "net/redis.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/un.h>

#include <uv.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/metrics.h"
#include "base/str.h"
#include "redis_internal.h"

/*
 * What hiredis (0.14 to 1.2) leaves to its user:
 *  - It frees the context by itself when a connection fails, right after the connect or disconnect callback.
 *  - A context must not be freed inside one of its callbacks. So a failure is only noted (CLOSING), and
 *    turn_came, at the end of the turn of the loop, does the rest: frees, tells, and plans the next attempt.
 *  - It has no time limit for a reply, so there is a watchdog.
 */

enum { PAUSE_MIN_MS = 10, PORT_DEFAULT = 6379, LATE_MS = 500 };

enum state {
    STATE_DOWN,       /* waiting for the next attempt */
    STATE_CONNECTING, /* until Redis has answered AUTH and PING */
    STATE_UP,
    STATE_CLOSING, /* until the end of the turn */
    STATE_DESTROYED,
};

/* A command on its way. All of them stand in one queue, also those that were not sent, so that callbacks come
 * in the order of the commands. */
struct call {
    struct redis *redis;
    redis_done *done;
    void *user;
    struct call *next;
    bool sent;
};

struct redis {
    struct loop *loop;
    struct redis_options options; /* callbacks and `blocking`; the texts are the copies below */
    char *url;
    char *path; /* of a unix socket, or NULL */
    char *host;
    int port;
    char *password;

    enum state state;
    redisAsyncContext *context; /* owned; NULL as soon as hiredis frees it */
    struct lookup *lookup;      /* under way, or NULL */
    unsigned attempts;
    int64_t pause_ms; /* before the next attempt */
    struct timer *retry;

    struct timer *watchdog;
    int64_t heard_ms; /* when Redis last said something, or began to owe us something */
    bool suspect;     /* the watchdog has come; judged at the end of the turn, after reading what is there */

    struct call *first, *last;
    size_t count;
    int depth; /* of done callbacks running now */

    struct timer *turn; /* planned end-of-turn work, or NULL */
    bool lost_due, up_told;
    struct err why;
    char why_told[ERR_TEXT_SIZE];
};

struct lookup {
    uv_getaddrinfo_t request;
    struct redis *redis; /* NULL when nobody waits for it any more */
};

static void attempt(void *user);
static void turn_came(void *user);

/* The text does not quote the url: people put passwords there. */
static int url_refuse(struct err *err) {
    return err_set(err, ERR_INVALID,
                   "The address of Redis must be unix:/path or redis://host:port, without a password.");
}

static int url_parse(struct redis *redis, struct err *err) {
    const char *url = redis->url;
    if (str_starts(url, "unix:/")) {
        redis->path = mem_strdup(url + strlen("unix:"));
        size_t room = sizeof((struct sockaddr_un *)NULL)->sun_path;
        return strlen(redis->path) < room ? 0 : err_set(err, ERR_INVALID, "The path of Redis' socket is too long.");
    }
    if (!str_starts(url, "redis://")) {
        return url_refuse(err);
    }
    const char *host = url + strlen("redis://");
    size_t length = strcspn(host, ":/@");
    const char *rest = host + length;
    if (host[0] == '[') {
        host++;
        length = strcspn(host, "]/@");
        if (host[length] != ']') {
            return url_refuse(err);
        }
        rest = host + length + 1;
    }
    uint64_t port = PORT_DEFAULT;
    bool port_given = rest[0] == ':';
    if (length == 0 || (!port_given && rest[0] != '\0') ||
        (port_given && (str_to_u64(rest + 1, &port, NULL) != 0 || port < 1 || port > 65535))) {
        return url_refuse(err);
    }
    redis->host = mem_strndup(host, length);
    redis->port = (int)port;
    return 0;
}

static void watchdog_came(void *user);

int redis_create(struct loop *loop, const struct redis_options *options, struct redis **ret_redis, struct err *err) {
    struct redis *redis = mem_alloc(sizeof *redis);
    redis->loop = loop;
    redis->options = *options;
    redis->url = mem_strdup(options->url);
    redis->password = str_empty(options->password) ? NULL : mem_strdup(options->password);
    int result = url_parse(redis, err);
    if (result != 0) {
        redis_destroy(redis);
        return result;
    }
    redis->retry = loop_timer(loop, attempt, redis);
    redis->watchdog = loop_timer(loop, watchdog_came, redis);
    redis->pause_ms = PAUSE_MIN_MS;
    attempt(redis);
    *ret_redis = redis;
    return 0;
}

/* The life of a connection. */

static void plan_turn(struct redis *redis) {
    if (redis->turn == NULL) {
        redis->turn = loop_soon(redis->loop, turn_came, redis);
    }
}

/* The first reason counts: what follows from it is not told. */
static bool fail(struct redis *redis) {
    if (redis->state != STATE_CONNECTING && redis->state != STATE_UP) {
        return false;
    }
    redis->lost_due = true;
    redis->state = STATE_CLOSING;
    plan_turn(redis);
    return true;
}

static void fail_library(struct redis *redis, const redisAsyncContext *context) {
    bool was_up = redis->state == STATE_UP;
    const char *text = context->c.err != 0 ? context->c.errstr : "closed";
    if (fail(redis)) {
        err_set(&redis->why, ERR_UNAVAILABLE,
                was_up ? "The connection to Redis at %s was lost: %s." : "Cannot connect to Redis at %s: %s.",
                redis->url, text);
    }
}

static void pinged(redisAsyncContext *context, void *data, void *user) {
    const redisReply *reply = data;
    struct redis *redis = user;
    if (reply == NULL || redis->state != STATE_CONNECTING) {
        return;
    }
    (void)context;
    /* A user who must not PING is signed in all the same; LOADING and NOAUTH are not. */
    if (reply->type == REDIS_REPLY_ERROR && !str_starts(reply->str, "NOPERM")) {
        fail(redis);
        err_set(&redis->why, ERR_UNAVAILABLE, "Redis at %s does not serve us: %s", redis->url, reply->str);
        return;
    }
    redis->state = STATE_UP;
    redis->heard_ms = clock_monotonic_ms();
    redis->pause_ms = PAUSE_MIN_MS;
    timer_stop(redis->watchdog);
    plan_turn(redis);
}

static void authenticated(redisAsyncContext *context, void *data, void *user) {
    const redisReply *reply = data;
    struct redis *redis = user;
    (void)context;
    if (reply != NULL && reply->type == REDIS_REPLY_ERROR && fail(redis)) {
        err_set(&redis->why, ERR_DENIED, "Redis at %s refuses the password: %s", redis->url, reply->str);
        redis->pause_ms = LIMIT_REDIS_RETRY_MS;
    }
}

static void connect_ended(const redisAsyncContext *context, int status) {
    struct redis *redis = context->data;
    if (status != REDIS_OK) {
        redis->context = NULL;
        fail_library(redis, context);
        return;
    }
    if (redis->path == NULL) {
        (void)redisEnableKeepAlive(&redis->context->c); /* a blocking command has no other limit */
    }
    if (redis->password != NULL) {
        (void)redisAsyncCommand(redis->context, authenticated, redis, "AUTH %s", redis->password);
    }
    (void)redisAsyncCommand(redis->context, pinged, redis, "PING");
}

static void disconnected(const redisAsyncContext *context, int status) {
    struct redis *redis = context->data;
    (void)status;
    redis->context = NULL;
    fail_library(redis, context);
}

static void open_context(struct redis *redis, const char *address) {
    redisAsyncContext *context =
        redis->path != NULL ? redisAsyncConnectUnix(redis->path) : redisAsyncConnect(address, redis->port);
    assert(context != NULL); /* out of memory */
    if (context->err == 0 && redis_attach(redis->loop, context) == 0) {
        (void)fcntl(context->c.fd, F_SETFD, FD_CLOEXEC);
        redis->context = context;
        context->data = redis;
        redisAsyncSetDisconnectCallback(context, disconnected);
        redisAsyncSetConnectCallback(context, connect_ended);
    } else {
        fail_library(redis, context);
        redisAsyncFree(context);
    }
}

/* The addresses of the name have come; each attempt takes the next of them. */
static void looked_up(uv_getaddrinfo_t *request, int status, struct addrinfo *addresses) {
    struct lookup *lookup = request->data;
    struct redis *redis = lookup->redis;
    if (redis != NULL && status != 0) {
        redis->lookup = NULL;
        if (fail(redis)) {
            err_set(&redis->why, ERR_UNAVAILABLE, "Cannot connect to Redis at %s: %s.", redis->url,
                    uv_strerror(status));
        }
    } else if (redis != NULL) {
        redis->lookup = NULL;
        unsigned count = 0;
        for (const struct addrinfo *each = addresses; each != NULL; each = each->ai_next) {
            count++;
        }
        const struct addrinfo *chosen = addresses;
        for (unsigned i = redis->attempts % count; i > 0; i--) {
            chosen = chosen->ai_next;
        }
        char address[INET6_ADDRSTRLEN] = "";
        if (chosen->ai_family == AF_INET6) {
            uv_ip6_name((const struct sockaddr_in6 *)(const void *)chosen->ai_addr, address, sizeof address);
        } else {
            uv_ip4_name((const struct sockaddr_in *)(const void *)chosen->ai_addr, address, sizeof address);
        }
        open_context(redis, address);
    }
    uv_freeaddrinfo(addresses);
    mem_free(lookup);
}

/* hiredis would look the name up itself, but blocks the loop meanwhile. */
static void look_up(struct redis *redis) {
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = mem_alloc(sizeof *lookup);
    lookup->redis = redis;
    lookup->request.data = lookup;
    redis->lookup = lookup;
    int result = uv_getaddrinfo(loop_uv(redis->loop), &lookup->request, looked_up, redis->host, NULL, &hints);
    if (result != 0) {
        looked_up(&lookup->request, result, NULL);
    }
}

static void attempt(void *user) {
    struct redis *redis = user;
    redis->state = STATE_CONNECTING;
    redis->attempts++;
    redis->heard_ms = clock_monotonic_ms();
    timer_start(redis->watchdog, LIMIT_REDIS_SILENCE_MS);
    if (redis->path != NULL) {
        open_context(redis, NULL);
    } else {
        look_up(redis);
    }
}

static void release(struct redis *redis) {
    redisAsyncContext *context = redis->context;
    redis->context = NULL;
    if (context != NULL) {
        redisAsyncFree(context);
    }
    if (redis->lookup != NULL) {
        redis->lookup->redis = NULL;
        uv_cancel((uv_req_t *)&redis->lookup->request);
        redis->lookup = NULL;
    }
}

static void plan_attempt(struct redis *redis) {
    unsigned random = 0;
    (void)!getrandom(&random, sizeof random, GRND_NONBLOCK);
    int64_t half = redis->pause_ms / 2;
    timer_start(redis->retry, half + (int64_t)(random % (unsigned)(half + 1)));
    int64_t next_ms = redis->pause_ms > 0 ? redis->pause_ms * 2 : PAUSE_MIN_MS;
    redis->pause_ms = next_ms < LIMIT_REDIS_RETRY_MS ? next_ms : LIMIT_REDIS_RETRY_MS;
}

/* Commands. */

static void finish_first(struct redis *redis, const void *reply) {
    struct call *call = redis->first;
    redis->first = call->next;
    redis->count--;
    if (call->done != NULL) {
        redis->depth++;
        call->done(reply, call->sent, call->user);
        redis->depth--;
    }
    mem_free(call);
}

/* Ends the commands at the head of the queue that were not sent; not those that are given meanwhile. */
static void finish_refused(struct redis *redis) {
    const struct call *last = redis->last;
    bool more = true;
    while (more && redis->first != NULL && !redis->first->sent) {
        more = redis->first != last;
        finish_first(redis, NULL);
    }
}

static void replied(redisAsyncContext *context, void *reply, void *user) {
    struct call *call = user;
    struct redis *redis = call->redis;
    redis->heard_ms = clock_monotonic_ms();
    if (reply == NULL) {
        fail_library(redis, context);
    }
    finish_refused(redis);
    assert(redis->first == call);
    finish_first(redis, reply);
    if (redis->first != NULL && !redis->first->sent) {
        plan_turn(redis);
    }
}

void redis_command(struct redis *redis, redis_done *done, void *user, size_t argc, const char *const *argv,
                   const size_t *sizes) {
    if (redis->state == STATE_DESTROYED) {
        return;
    }
    struct call *call = mem_alloc(sizeof *call);
    call->redis = redis;
    call->done = done;
    call->user = user;
    if (redis->first == NULL) {
        redis->first = call;
        redis->heard_ms = clock_monotonic_ms();
    } else {
        redis->last->next = call;
    }
    redis->last = call;
    redis->count++;

    const char **words = (const char **)argv; /* hiredis forgot a const */
    call->sent = redis->state == STATE_UP && redis->count <= LIMIT_REDIS_PENDING &&
                 redisAsyncCommandArgv(redis->context, replied, call, (int)argc, words, sizes) == REDIS_OK;
    if (!call->sent) {
        plan_turn(redis);
    } else if (!redis->options.blocking && !timer_active(redis->watchdog)) {
        timer_start(redis->watchdog, LIMIT_REDIS_SILENCE_MS);
    }
}

/* The end of a turn. */

static void watchdog_came(void *user) {
    struct redis *redis = user;
    redis->suspect = true;
    plan_turn(redis);
}

static void judge_silence(struct redis *redis) {
    redis->suspect = false;
    if (redis->state != STATE_CONNECTING && (redis->state != STATE_UP || redis->first == NULL)) {
        return;
    }
    int64_t silent_ms = clock_monotonic_ms() - redis->heard_ms;
    if (silent_ms > LIMIT_REDIS_SILENCE_MS + LATE_MS) {
        /* The watchdog came late, so it was this process that slept: perhaps it has not even written the command. */
        redis->heard_ms += silent_ms;
        silent_ms = 0;
    }
    if (silent_ms < LIMIT_REDIS_SILENCE_MS) {
        timer_start(redis->watchdog, LIMIT_REDIS_SILENCE_MS - silent_ms);
    } else if (fail(redis)) {
        err_set(&redis->why, ERR_UNAVAILABLE, "Redis at %s has not answered for %lld s.", redis->url,
                (long long)silent_ms / 1000);
    }
}

/* Tells the owner what became of the connection. The owner may destroy it there. */
static void tell(struct redis *redis) {
    if (redis->lost_due) {
        redis->lost_due = false;
        bool news = redis->up_told || !str_equal(redis->why_told, redis->why.text);
        redis->up_told = false;
        memcpy(redis->why_told, redis->why.text, sizeof redis->why_told);
        if (news && redis->options.lost != NULL) {
            redis->options.lost(redis->why_told, redis->options.user);
        }
    } else if (redis->state == STATE_UP && !redis->up_told) {
        if (redis->why_told[0] != '\0') {
            metric_add(METRIC_REDIS_RECONNECTS, 1, NULL, NULL, NULL);
        }
        redis->up_told = true;
        redis->why_told[0] = '\0';
        if (redis->options.connected != NULL) {
            redis->options.connected(redis->options.user);
        }
    }
}

/* The turn of the loop is over, and no callback of hiredis is running. */
static void turn_came(void *user) {
    struct redis *redis = user;
    redis->turn = NULL;
    if (redis->suspect) {
        judge_silence(redis);
    }
    if (redis->state == STATE_CLOSING) {
        release(redis);
        redis->state = STATE_DOWN;
        timer_stop(redis->watchdog);
        plan_attempt(redis);
    }
    finish_refused(redis);
    tell(redis);
}

void redis_interrupt(struct redis *redis) {
    if (redis->state == STATE_UP) {
        redis->state = STATE_CLOSING;
        redis->up_told = false;
        redis->pause_ms = 0;
        plan_turn(redis);
    }
}

bool redis_is_connected(const struct redis *redis) {
    return redis->state == STATE_UP;
}

void redis_destroy(struct redis *redis) {
    if (redis == NULL) {
        return;
    }
    assert(redis->depth == 0);
    redis->state = STATE_DESTROYED;
    release(redis);
    finish_refused(redis);
    assert(redis->first == NULL);
    if (redis->turn != NULL) {
        loop_cancel_soon(redis->turn);
    }
    timer_destroy(redis->retry);
    timer_destroy(redis->watchdog);
    mem_free(redis->url);
    mem_free(redis->path);
    mem_free(redis->host);
    mem_free(redis->password);
    mem_free(redis);
}
