#include "state_dir.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/lockfile.h"
#include "base/mem.h"

enum { PATH_SIZE = 1024, FILE_SIZE = PATH_SIZE + 128 };

struct state_dir {
    char path[PATH_SIZE];
    char token[512];
    char token_path[FILE_SIZE];
    int token_fd, lock_fd; /* -1 = not held */
};

static int make_folder(struct state_dir *dir, const char *path, struct err *err) {
    int r = file_make_dirs(path, 0700, err);
    if (r < 0) {
        return r;
    }
    char *absolute = realpath(path, NULL);
    if (absolute == NULL || strlen(absolute) >= sizeof dir->path) {
        int code = absolute == NULL ? errno : ENAMETOOLONG;
        mem_free(absolute);
        return err_set(err, ERR_IO, "%s: %s.", path, strerror(code));
    }
    (void)snprintf(dir->path, sizeof dir->path, "%s", absolute);
    mem_free(absolute);
    return 0;
}

static int take_token(struct state_dir *dir, struct err *err) {
    char serve[FILE_SIZE], host[128] = "", boot[ID_BOOT_SIZE], random[ID_RANDOM_SIZE];
    (void)gethostname(host, sizeof host - 1);
    id_boot(boot);
    id_random(random);
    (void)snprintf(dir->token, sizeof dir->token, "%s/%.8s/%s", host, boot, random);
    (void)snprintf(serve, sizeof serve, "%s/serve", dir->path);
    (void)snprintf(dir->token_path, sizeof dir->token_path, "%s/serve/%s.lock", dir->path, random);
    int r = file_make_dirs(serve, 0700, err);
    return r < 0 ? r : lockfile_take(dir->token_path, &dir->token_fd, err);
}

static int take_alone(struct state_dir *dir, struct err *err) {
    char path[FILE_SIZE];
    (void)snprintf(path, sizeof path, "%s/up.lock", dir->path);
    if (lockfile_take(path, &dir->lock_fd, err) < 0) {
        return err_set(err, ERR_CONFLICT, "guidepost runs already with the state directory %s.", dir->path);
    }
    return 0;
}

int state_dir_open(const char *path, bool alone, struct state_dir **ret_dir, struct err *err) {
    struct state_dir *dir = mem_alloc(sizeof *dir);
    dir->token_fd = dir->lock_fd = -1;
    int r = make_folder(dir, path, err);
    r = r < 0 ? r : take_token(dir, err);
    r = r < 0 || !alone ? r : take_alone(dir, err);
    if (r < 0) {
        state_dir_close(dir);
        return r;
    }
    *ret_dir = dir;
    return 0;
}

void state_dir_close(struct state_dir *dir) {
    if (dir == NULL) {
        return;
    }
    if (dir->token_fd >= 0) {
        (void)unlink(dir->token_path);
        (void)close(dir->token_fd);
    }
    if (dir->lock_fd >= 0) {
        (void)close(dir->lock_fd);
    }
    mem_free(dir);
}

const char *state_dir_path(const struct state_dir *dir) {
    return dir->path;
}

const char *state_dir_token(const struct state_dir *dir) {
    return dir->token;
}

bool state_dir_surely_dead(const struct state_dir *dir, const char *token) {
    const char *ours = strrchr(dir->token, '/'), *theirs = strrchr(token, '/');
    char path[FILE_SIZE + 512];
    if (theirs == NULL || theirs - token != ours - dir->token ||
        strncmp(token, dir->token, (size_t)(theirs - token)) != 0) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s/serve%s.lock", dir->path, theirs);
    return access(path, F_OK) == 0 && !lockfile_is_held(path);
}

int state_dir_write(const struct state_dir *dir, const char *name, const char *text, struct err *err) {
    char path[FILE_SIZE];
    (void)snprintf(path, sizeof path, "%s/%s", dir->path, name);
    return file_write_atomic(path, text, strlen(text), 0600, false, err);
}

static bool read_token(const char *path, char ret_token[ID_RANDOM_SIZE]) {
    struct buf text = BUF_INIT(ID_RANDOM_SIZE + 8);
    bool there = file_read(path, ID_RANDOM_SIZE, &text, NULL) == 0 && text.size >= ID_RANDOM_SIZE - 1;
    if (there) {
        memcpy(ret_token, text.data, ID_RANDOM_SIZE - 1);
        ret_token[ID_RANDOM_SIZE - 1] = '\0';
    }
    buf_finish(&text);
    return there;
}

int state_dir_local_token(const struct state_dir *dir, char ret_token[ID_RANDOM_SIZE], struct err *err) {
    char path[FILE_SIZE], own[FILE_SIZE + ID_RANDOM_SIZE], random[ID_RANDOM_SIZE], name[2 * ID_RANDOM_SIZE];
    (void)snprintf(path, sizeof path, "%s/local.token", dir->path);
    if (read_token(path, ret_token)) {
        return 0;
    }
    id_random(random);
    (void)snprintf(name, sizeof name, "local.token.%s", random);
    (void)snprintf(own, sizeof own, "%s/%s", dir->path, name);
    id_random(ret_token);
    int r = state_dir_write(dir, name, ret_token, err);
    if (r == 0 && link(own, path) < 0 && (errno != EEXIST || !read_token(path, ret_token))) {
        r = err_set(err, ERR_IO, "%s can't be made, or holds no token: %s.", path, strerror(errno));
    }
    (void)unlink(own);
    return r;
}
