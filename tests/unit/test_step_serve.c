/* One guidepost-step that serves one run after the other. */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fakes/step_rig.h"

struct server {
    pid_t pid;
    int socket;
};

static void server_start(struct server *server) {
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
    server->pid = fork();
    if (server->pid == 0) {
        (void)dup2(ends[1], 0);
        execl(step_program, step_program, "serve", (char *)NULL);
        _exit(121);
    }
    (void)close(ends[1]);
    server->socket = ends[0];
}

/* The path is the directory of the run or its record. */
static void server_give_path(const struct server *server, struct step_run *run, char *path) {
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec piece = {path, strlen(path)};
    const struct msghdr message = {
        .msg_iov = &piece, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};

    step_tell(run, "end", "");
    (void)fflush(run->telling);
    int fd = memfd_create("instructions", MFD_CLOEXEC);
    assert_int_equal(write(fd, run->told, run->told_size), run->told_size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    control.header.cmsg_len = CMSG_LEN(sizeof fd);
    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    assert_true(sendmsg(server->socket, &message, MSG_NOSIGNAL) > 0);
    (void)close(fd);
}

static void server_give(const struct server *server, struct step_run *run) {
    server_give_path(server, run, run->directory);
}

/* -1: it has left instead. */
static int server_answer(const struct server *server) {
    unsigned char answer;
    ssize_t size = recv(server->socket, &answer, 1, 0);

    return size == 1 ? answer : -1;
}

static int server_end(const struct server *server) {
    int status;

    (void)close(server->socket);
    assert_int_equal(waitpid(server->pid, &status, 0), server->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void one_supervisor_serves_one_run_after_the_other(void **state) {
    struct server server;
    char wanted[64];
    (void)state;

    server_start(&server);
    (void)snprintf(wanted, sizeof wanted, "%d fds 0 1 2 3\n0\n", (int)server.pid);
    for (long i = 0; i < 3; i++) {
        struct step_run run;
        step_make(&run, "echo $PPID fds $(ls /proc/self/fd); cat; echo $?; exit $STATUS");
        step_tell(&run, "env", i == 0 ? "STATUS=0" : i == 1 ? "STATUS=1" : "STATUS=2");
        server_give(&server, &run);
        assert_int_equal(server_answer(&server), 0);
        struct step_ending ending = step_ending_of(&run);
        assert_string_equal(ending.word, "exit");
        assert_int_equal(ending.number, i);
        assert_string_equal(step_output_of(&run), wanted);
        assert_true(step_lock_is_free(&run));
        step_remove(&run);
    }
    assert_int_equal(server_end(&server), 0);
}

static void the_files_of_a_run_may_lie_beside_its_record(void **state) {
    struct server server;
    struct step_run run, next;
    char record[STEP_PATH_BYTES];
    (void)state;

    server_start(&server);
    step_make(&run, "echo x; exit 3");
    step_path(record, &run, "record");
    server_give_path(&server, &run, record);
    assert_int_equal(server_answer(&server), 0);
    assert_int_equal(step_ending_of(&run).number, 3);
    assert_true(step_has(&run, "record.out.0"));
    assert_false(step_has(&run, "out.0"));
    step_make(&next, "echo y");
    server_give(&server, &next);
    assert_int_equal(server_answer(&server), 0);
    assert_string_equal(step_output_of(&next), "y\n");
    assert_int_equal(server_end(&server), 0);
    step_remove(&run);
    step_remove(&next);
}

static void a_run_that_is_not_its_own_is_told_to_who_asked(void **state) {
    struct server server;
    struct step_run given_up, next;
    (void)state;

    server_start(&server);
    step_make(&given_up, "echo x");
    step_put(&given_up, "record", "void\n", 5);
    server_give(&server, &given_up);
    assert_int_equal(server_answer(&server), 111);
    assert_false(step_has(&given_up, "out.0"));
    step_make(&next, "echo x");
    server_give(&server, &next);
    assert_int_equal(server_answer(&server), 0);
    assert_string_equal(step_output_of(&next), "x\n");
    assert_int_equal(server_end(&server), 0);
    step_remove(&given_up);
    step_remove(&next);
}

static void who_knows_a_secret_serves_no_other_run(void **state) {
    struct server server;
    struct step_run run;
    (void)state;

    server_start(&server);
    step_make(&run, "echo x");
    step_tell(&run, "secret", "hunter2hunter2");
    server_give(&server, &run);
    assert_int_equal(server_answer(&server), -1);
    assert_int_equal(server_end(&server), 0);
    assert_string_equal(step_ending_of(&run).word, "exit");
    step_remove(&run);
}

static void whose_script_left_something_serves_no_other_run(void **state) {
    struct server server;
    struct step_run run;
    (void)state;

    server_start(&server);
    step_make(&run, "sleep 100 >/dev/null 2>&1 & echo left=$!");
    server_give(&server, &run);
    assert_int_equal(server_answer(&server), -1);
    assert_int_equal(server_end(&server), 0);
    assert_string_equal(step_ending_of(&run).word, "exit");
    pid_t left = step_pid(&run, "left");
    assert_true(step_lives(left));
    (void)kill(left, SIGKILL);
    step_remove(&run);
}

static void a_stop_ends_only_the_run_that_it_means(void **state) {
    struct server server;
    struct step_run run;
    (void)state;

    server_start(&server);
    step_make(&run, "echo shell=$$; sleep 100");
    server_give(&server, &run);
    step_await_output(&run, "\n");
    pid_t shell = step_pid(&run, "shell");
    assert_int_equal(sigqueue(server.pid, SIGTERM, (union sigval){.sival_int = shell + 1}), 0);
    for (int i = 0; i < 20; i++) {
        step_moment();
    }
    assert_false(step_says(&run, "exit"));
    assert_int_equal(sigqueue(server.pid, SIGTERM, (union sigval){.sival_int = shell}), 0);
    assert_int_equal(server_answer(&server), 0);
    assert_string_equal(step_ending_of(&run).word, "canceled");
    /* One that comes too late ends nobody. */
    assert_int_equal(sigqueue(server.pid, SIGTERM, (union sigval){.sival_int = shell}), 0);
    struct step_run next;
    step_make(&next, "echo x");
    server_give(&server, &next);
    assert_int_equal(server_answer(&server), 0);
    assert_string_equal(step_output_of(&next), "x\n");
    assert_int_equal(server_end(&server), 0);
    step_remove(&run);
    step_remove(&next);
}

static void a_run_goes_on_when_who_asked_for_it_is_gone(void **state) {
    struct server server;
    struct step_run run;
    (void)state;

    server_start(&server);
    step_make(&run, "echo up; while ! test -e \"$GO\"; do sleep 0.01; done");
    char variable[STEP_PATH_BYTES];
    (void)snprintf(variable, sizeof variable, "GO=%s/go", run.directory);
    step_tell(&run, "env", variable);
    server_give(&server, &run);
    step_await_output(&run, "up");
    (void)close(server.socket);
    step_put(&run, "go", "", 0);
    step_await_line(&run, "exit");
    server.socket = -1;
    assert_int_equal(server_end(&server), 0);
    step_remove(&run);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        STEP_TEST(one_supervisor_serves_one_run_after_the_other),
        STEP_TEST(the_files_of_a_run_may_lie_beside_its_record),
        STEP_TEST(a_run_that_is_not_its_own_is_told_to_who_asked),
        STEP_TEST(who_knows_a_secret_serves_no_other_run),
        STEP_TEST(whose_script_left_something_serves_no_other_run),
        STEP_TEST(a_stop_ends_only_the_run_that_it_means),
        STEP_TEST(a_run_goes_on_when_who_asked_for_it_is_gone),
    };
    return cmocka_run_group_tests(tests, step_set_up, NULL);
}
