#include "output.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

enum { CURSOR_SIZE = 64 };

/* How far an attempt was printed. */
struct cursor {
    int64_t step, slot, attempt;
    char after[CURSOR_SIZE];
    bool over; /* it had ended when it was read to its end */
};

struct output {
    struct client *client;
    const struct terminal *terminal;
    const struct output_choice *choice;
    struct cursor *cursors;
    size_t cursor_count;
    struct cursor last;   /* whose output was printed last */
    bool more, line_open; /* more can come; the last output did not end its line */
};

struct output *output_create(struct client *client, const struct terminal *terminal,
                             const struct output_choice *choice) {
    struct output *output = mem_alloc(sizeof *output);
    output->client = client;
    output->terminal = terminal;
    output->choice = choice;
    return output;
}

void output_destroy(struct output *output) {
    if (output) {
        mem_free(output->cursors);
        mem_free(output);
    }
}

bool output_is_over(const struct output *output) {
    return !output->more;
}

/* An attempt of a run, with the words for it. */
struct attempt {
    int64_t deployment, step, slot, attempt;
    const char *step_name, *target; /* target NULL: on the worker */
    bool ended;
};

/* The cursor stays where it is until the next call. */
static struct cursor *find_cursor(struct output *output, const struct attempt *a) {
    size_t i = 0;
    while (i < output->cursor_count && (output->cursors[i].step != a->step || output->cursors[i].slot != a->slot ||
                                        output->cursors[i].attempt != a->attempt)) {
        i++;
    }
    if (i == output->cursor_count) {
        output->cursors = mem_grow(output->cursors, ++output->cursor_count, sizeof *output->cursors);
        output->cursors[i] = (struct cursor){.step = a->step, .slot = a->slot, .attempt = a->attempt};
    }
    return &output->cursors[i];
}

static void print_json(const struct attempt *a, const char *text, int64_t left_out) {
    struct buf line = BUF_INIT(LIMIT_HTTP_RESPONSE_BYTES);
    struct json_out out = {.buf = &line};
    json_object_begin(&out, NULL);
    json_add_int(&out, "deployment", a->deployment);
    json_add_string(&out, "step", a->step_name);
    json_add_string(&out, "target", a->target);
    json_add_int(&out, "attempt", a->attempt);
    json_add_string(&out, "text", text);
    json_add_int(&out, "left_out", left_out);
    json_object_end(&out);
    (void)printf("%s\n", line.data);
    buf_finish(&line);
}

static void print_header(struct output *output, const struct attempt *a) {
    struct buf line = BUF_INIT(LIMIT_MESSAGE_BYTES);
    buf_printf(&line, "%s==> %s%s%s, attempt %lld <==\n", output->line_open ? "\n" : "", a->step_name,
               a->target ? " on " : "", a->target ? a->target : "", (long long)a->attempt);
    terminal_write(output->terminal, stdout, TERMINAL_BOLD, line.data);
    buf_finish(&line);
    output->line_open = false;
}

static void print_batch(struct output *output, const struct cursor *cursor, const struct attempt *a,
                        const struct json *batch) {
    const char *text = json_string(json_get(batch, "text"));
    int64_t left_out = json_int(json_get(batch, "left_out"), 0);
    text = text ? text : "";
    if (output->choice->json) {
        print_json(a, text, left_out);
        return;
    }
    const struct cursor *last = &output->last;
    if (last->step != cursor->step || last->slot != cursor->slot || last->attempt != cursor->attempt) {
        print_header(output, a);
        output->last = *cursor;
    }
    if (left_out > 0) {
        (void)printf("(%lld bytes left out)\n", (long long)left_out);
    }
    terminal_write(output->terminal, stdout, TERMINAL_PLAIN, text);
    size_t size = strlen(text);
    output->line_open = size > 0 ? text[size - 1] != '\n' : output->line_open;
}

/* Reads an attempt to the end of what there is. */
static int print_attempt(struct output *output, const struct attempt *a, struct err *err) {
    struct cursor *cursor = find_cursor(output, a);
    size_t count = 1;
    while (!cursor->over && count > 0) {
        char path[256];
        (void)snprintf(path, sizeof path, "/v1/deployments/%lld/log?step=%lld&slot=%lld&attempt=%lld&after=%s",
                       (long long)a->deployment, (long long)a->step, (long long)a->slot, (long long)a->attempt,
                       cursor->after);
        struct json *reply = NULL;
        int r = client_get(output->client, path, &reply, err);
        if (r < 0) {
            return r;
        }
        const struct json *batches = json_get(reply, "batches");
        count = json_size(batches);
        for (const struct json *batch = json_first(batches); batch; batch = json_next(batch)) {
            print_batch(output, cursor, a, batch);
        }
        const char *next = json_string(json_get(reply, "next"));
        if (count > 0 && next) {
            (void)snprintf(cursor->after, sizeof cursor->after, "%s", next);
        }
        json_free(reply);
    }
    cursor->over = a->ended;
    (void)fflush(stdout);
    return 0;
}

static bool is_settled(const char *state) {
    static const char *const OPEN[] = {"pending", "queued", "running", "lost", "delayed", "asking"};
    for (size_t i = 0; i < sizeof OPEN / sizeof *OPEN; i++) {
        if (str_equal(OPEN[i], state)) {
            return false;
        }
    }
    return true;
}

/* All attempts of a run, the older ones first. */
static int print_run(struct output *output, const struct json *deployment, const struct json *step,
                     const struct json *run, struct err *err) {
    const char *state = json_string(json_get(run, "state")), *name = json_string(json_get(step, "name"));
    bool on_worker = json_bool(json_get(step, "on_worker"), false);
    int64_t newest = json_int(json_get(run, "attempt"), 0);
    bool settled = is_settled(state); /* a late truth can let even an asking one go on */
    int r = 0;
    for (int64_t attempt = 1; attempt <= newest && r == 0; attempt++) {
        const struct attempt a = {
            .deployment = json_int(json_get(deployment, "id"), 0),
            .step = json_int(json_get(step, "index"), 0),
            .slot = json_int(json_get(run, "slot"), 0),
            .attempt = attempt,
            .step_name = name ? name : "",
            .target = on_worker ? NULL : json_string(json_get(run, "target")),
            .ended = attempt < newest || settled,
        };
        r = print_attempt(output, &a, err);
    }
    output->more = output->more || !settled;
    return r;
}

int output_print(struct output *output, const struct json *deployment, struct err *err) {
    const struct output_choice *choice = output->choice;
    bool found = false;
    int r = 0;
    output->more = false;
    for (const struct json *step = json_first(json_get(deployment, "steps")); step && r == 0; step = json_next(step)) {
        if (choice->step && !str_equal_nocase(choice->step, json_string(json_get(step, "name")))) {
            continue;
        }
        for (const struct json *run = json_first(json_get(step, "runs")); run && r == 0; run = json_next(run)) {
            if (!choice->target || str_equal(choice->target, json_string(json_get(run, "target")))) {
                found = true;
                r = print_run(output, deployment, step, run, err);
            }
        }
    }
    if (r == 0 && !found && (choice->step || choice->target)) {
        const char *name = json_string(json_get(deployment, "name"));
        return err_set(err, ERR_NOT_FOUND, "%s has no run of that step on that target. See: guidepost status %s",
                       name ? name : "It", name ? name : "");
    }
    return r;
}
