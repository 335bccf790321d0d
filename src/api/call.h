#ifndef GP_API_CALL_H
#define GP_API_CALL_H

/*
 * One request under way, from its arrival to its one answer. A handler reads what it needs from the store in steps;
 * each step begins with call_continues, which ends the call when the client has gone or the step failed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/api.h"
#include "base/arena.h"
#include "base/json.h"
#include "net/web.h"
#include "store/pages.h"
#include "store/records.h"

struct auth;
struct guard;
struct limiter;
struct route;
struct sessions;
struct streams;

struct listener {
    struct web *web;
    char *listen; /* as configured */
    bool tls;
};

/* Lives until its owner and all calls have let go of it. */
struct api {
    struct api_options options;
    char *web_dir;
    struct guard *guard;
    struct auth *auth;
    struct limiter *limiter;
    struct sessions *sessions;
    struct streams *streams;
    struct listener *listeners;
    size_t listener_count, listening;
    size_t references;
    void (*stopped)(void *user);
    void *stopped_user;
};

void api_unref(struct api *api);

enum call_family { CALL_PLAIN, CALL_V1, CALL_OCTOPUS }; /* how errors look */

struct call;

/* Whether deployments of one place may be viewed: the heads of many are looked at, of few places. */
struct call_verdict {
    struct call_verdict *next;
    const char *project, *environment;
    bool may;
};

struct call_page {
    bool (*fits)(const struct head *head, struct call *call); /* or NULL */
    const struct head *heads;
    size_t count;
    uint64_t total; /* of the whole list */
    struct call_verdict *verdicts;
};

enum { CALL_PARAMS = 4, CALL_COOKIE_SIZE = 64 };

struct call {
    struct api *api;             /* a reference */
    struct web_request *request; /* NULL: answered, or the client has gone */
    enum call_family family;
    const char *method, *path;       /* as routed */
    const char *params[CALL_PARAMS]; /* what stood in the braces of the pattern */
    const struct route *route;       /* NULL: there is none */
    struct arena *arena;
    struct config *config;              /* a reference: the one in force when it came */
    struct actor actor;                 /* name NULL: nobody has signed in; texts in the arena */
    char cookie[CALL_COOKIE_SIZE];      /* the name of the session's cookie under this host */
    struct json *body;                  /* NULL: there was none */
    struct buf text;                    /* of the answer */
    struct json_out out;                /* into text */
    struct deployment_record **records; /* owned; those that the actor may view */
    size_t record_count;
    struct call_page page;           /* of a list, by src/api/read.h */
    void (*next)(struct call *call); /* what follows a step of src/api/read.h */
    void *state;                     /* of the handler; in the arena */
    unsigned asked;                  /* operations so far */
    int64_t began_us;
};

/* Takes the request in and leads it to its answer. */
void call_begin(struct api *api, struct web_request *request);
void call_gone(struct call *call); /* its client has gone */

/* At the head of each completion: false if the call is over, because the client has gone or err (which may be NULL)
 * was answered. */
bool call_continues(struct call *call, const struct err *err);

/* Each answers and ends the call. */
void call_answer(struct call *call, int status); /* JSON, call->text */
void call_answer_as(struct call *call, int status, const char *content_type, const struct web_header_line *more,
                    size_t more_count); /* call->text */
void call_answer_bytes(struct call *call, int status, const struct web_header_line *more, size_t more_count,
                       const void *bytes, size_t size);
void call_fail(struct call *call, const struct err *err);
void call_fail_with(struct call *call, const struct err *err,
                    const char *data); /* data: a JSON object for /v1, or NULL */
void call_problem(struct call *call, int status, const char *title, const char *detail, const char *data);
void call_refuse(struct call *call, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);
/* An endless answer instead: the call is over, the stream begins. NULL: refused. */
struct web_stream *call_stream(struct call *call, const struct web_header_line *more, size_t more_count,
                               void (*closed)(struct web_stream *stream, void *user), void *user);

/* The one place where words of errors become numbers of HTTP. */
int call_status(enum err_code code, enum call_family family);

unsigned call_permissions(const struct call *call, const char *project, const char *environment);
bool call_may_view(const struct call *call, const struct deployment *d);

/* A whole number of the query, the fallback if it is absent or empty, at most `most`; false if it is no number
 * (answered). */
bool call_number(struct call *call, const char *name, uint64_t fallback, uint64_t most, uint64_t *ret_value);

#endif
