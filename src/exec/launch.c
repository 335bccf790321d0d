#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/str.h"

void instruction_add(struct buf *out, const char *key, const char *value) {
    buf_printf(out, "%s %zu\n%s\n", key, strlen(value), value);
}

void instruction_add_number(struct buf *out, const char *key, int64_t value) {
    char digits[24];
    (void)snprintf(digits, sizeof digits, "%" PRId64, value);
    instruction_add(out, key, digits);
}

void instruction_end(struct buf *out) {
    instruction_add(out, "end", "");
}

int launch_instructions(const struct buf *instructions) {
    int fd = memfd_create("instructions", MFD_CLOEXEC);
    size_t done = 0;
    while (fd >= 0 && done < instructions->size) {
        ssize_t n = write(fd, instructions->data + done, instructions->size - done);
        if (n < 0 && errno != EINTR) {
            int code = errno;
            (void)close(fd);
            errno = code;
            return -1;
        }
        done += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0) {
        (void)lseek(fd, 0, SEEK_SET);
    }
    return fd;
}

/* What ssh needs of the environment: where its files and programs are, and an agent if there is one. */
static void environment(char *out[], size_t room) {
    static const char *const names[] = {"PATH=", "HOME=", "USER=", "LOGNAME=", "SSH_AUTH_SOCK="};
    size_t count = 0;
    for (char **pair = environ; *pair != NULL; pair++) {
        for (size_t i = 0; i < sizeof names / sizeof names[0] && count + 1 < room; i++) {
            if (str_starts(*pair, names[i])) {
                out[count++] = *pair;
            }
        }
    }
    out[count] = NULL;
}

/* posix_spawn and not fork: its cost does not grow with this process. */
int launch_program(const struct launch *launch, const char *argument, int input, pid_t *ret_pid) {
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    const char *slash = strrchr(launch->program, '/');
    char *argv[] = {(char *)(slash == NULL ? launch->program : slash + 1), (char *)argument, NULL}, *envp[8] = {NULL};
    if (launch->as_ssh) {
        environment(envp, sizeof envp / sizeof envp[0]);
    }
    (void)sigemptyset(&none);
    (void)posix_spawn_file_actions_init(&actions);
    (void)posix_spawnattr_init(&attributes);
    int code = posix_spawn_file_actions_adddup2(&actions, input, 0);
    code = code != 0 ? code : posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    code = code != 0 ? code : posix_spawn_file_actions_addchdir_np(&actions, launch->dir);
    code = code != 0 ? code : posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    code = code != 0 ? code : posix_spawnattr_setsigmask(&attributes, &none);
    code = code != 0 ? code : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
    code = code != 0 ? code : posix_spawn(ret_pid, launch->program, &actions, &attributes, argv, envp);
    (void)posix_spawn_file_actions_destroy(&actions);
    (void)posix_spawnattr_destroy(&attributes);
    return code;
}

int launch_supervisor(const struct launch *launch, pid_t *ret_pid, int *ret_code, struct err *err) {
    int input = launch_instructions(launch->instructions);
    int code = input < 0 ? errno : launch_program(launch, NULL, input, ret_pid);
    if (input >= 0) {
        (void)close(input);
    }
    if (code != 0) {
        *ret_code = code;
        return err_set(err, ERR_IO, "%s can't be started: %s.", launch->program, strerror(code));
    }
    return 0;
}
