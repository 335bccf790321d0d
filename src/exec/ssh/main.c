/*
 * guidepost-ssh carries one run of a script out on an ssh target. exec/rundir.h is its manual; this file reads as its
 * contents page.
 *
 * Exit status: as guidepost-step. Of a probe 0, or a number of enum rundir_unreachable.
 */

#include "../step/instructions.h"
#include "../step/output.h"
#include "../step/process.h"
#include "../step/record.h"
#include "session.h"
#include "values.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STATUS_RECORDED = 0, STATUS_DELETED = 1, STATUS_NOT_OURS = 111 };

static const char *instructions_take(struct instructions *in, int signal_fd, int *ret_code);
static enum session_work work_of(const struct instructions *in);
static int probe(const struct instructions *in, const char *problem, int signal_fd);
static struct ending carry_out(struct session *session, const struct instructions *in, struct output *output,
                               int signal_fd);

int main(void) {
    static struct instructions in;
    static struct session session;
    struct output output;
    struct ending ending;
    int code = 0;

    (void)umask(077);
    process_set_up();
    int signal_fd = process_signals();
    const char *problem = instructions_take(&in, signal_fd, &code);
    if (work_of(&in) == SESSION_PROBE) {
        return probe(&in, problem, signal_fd);
    }
    if (!record_take("record", work_of(&in) == SESSION_START ? RECORD_NEW : RECORD_AGAIN)) {
        return STATUS_NOT_OURS;
    }
    output_init(&output, "");
    client_init(&session.client);
    if (problem || !output_set_up(&output, &in)) {
        if (work_of(&in) != SESSION_START) {
            return STATUS_NOT_OURS; /* It may run, and whoever is asked again finds it. */
        }
        code = problem ? code : ENOMEM;
        problem = problem ? problem : "no memory to mask the secrets";
        output_say(&output, "guidepost-ssh: %s\n", problem);
        ending = (struct ending){.word = "notstarted", .number = code};
    } else {
        ending = carry_out(&session, &in, &output, signal_fd);
    }
    output_finish(&output);
    bool recorded = record_exit(ending, output.segments.bytes, output.segments.left_out);
    (void)unlink("lost"); /* Only now: without it and without an end the run would be called running. */
    if (work_of(&in) != SESSION_LOOK) {
        session_tell(&session);
    }
    return recorded ? STATUS_RECORDED : STATUS_DELETED;
}

/* NULL, or what is wrong, and *ret_code. */
static const char *instructions_take(struct instructions *in, int signal_fd, int *ret_code) {
    static char text[INSTRUCTIONS_BYTES + 1]; /* what is not used of it costs nothing */
    ssize_t size = instructions_read(signal_fd, text);

    *ret_code = size < 0 ? (int)-size : EINVAL;
    if (size < 0) {
        return size == -ECANCELED ? "canceled" : "cannot read the instructions";
    }
    const char *problem = instructions_parse(in, text, (size_t)size);
    return problem ? problem : values_refusal(in);
}

static enum session_work work_of(const struct instructions *in) {
    static const struct {
        const char *word;
        enum session_work work;
    } works[] = {{"attach", SESSION_ATTACH}, {"stop", SESSION_STOP}, {"look", SESSION_LOOK}, {"probe", SESSION_PROBE}};

    for (size_t i = 0; in->ssh.work && i < sizeof works / sizeof works[0]; i++) {
        if (strcmp(in->ssh.work, works[i].word) == 0) {
            return works[i].work;
        }
    }
    return SESSION_START;
}

static int probe(const struct instructions *in, const char *problem, int signal_fd) {
    static struct session session;

    if (problem) {
        (void)printf("%s\n", problem);
        return RUNDIR_UNREACHABLE_OTHER;
    }
    struct ending ending = session_run(&session, in, NULL, signal_fd, SESSION_PROBE);
    client_leave(&session.client);
    (void)fputs(session.said, stdout);
    return strcmp(ending.word, "notstarted") == 0 ? RUNDIR_UNREACHABLE_OTHER : (int)ending.number;
}

static struct ending carry_out(struct session *session, const struct instructions *in, struct output *output,
                               int signal_fd) {
    enum session_work work = work_of(in);

    if (work != SESSION_START) {
        (void)record_started(getpid(), 0); /* so that it is known who goes on */
    }
    struct ending ending = session_run(session, in, output, signal_fd, work);
    if (session->said[0]) {
        output_say(output, "guidepost-ssh: %s", session->said);
    }
    return ending;
}
