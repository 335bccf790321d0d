#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/mem.h"

/* Reads a regular file: a pipe or a device could block the only thread. */
static int read_file(const char *path, char **ret_value, struct err *err) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return err_set(err, ERR_IO, "Cannot open the secret file %s: %s.", path, strerror(errno));
    }
    int result = 0;
    struct stat status;
    char *value = mem_alloc(LIMIT_SECRET_BYTES + 3);
    size_t size = 0;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        result = err_set(err, ERR_IO, "The secret file %s is not a regular file.", path);
    }
    while (result == 0 && size < LIMIT_SECRET_BYTES + 2) {
        ssize_t count = read(fd, value + size, LIMIT_SECRET_BYTES + 2 - size);
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            result = err_set(err, ERR_IO, "Cannot read the secret file %s: %s.", path, strerror(errno));
        }
        if (count <= 0) {
            break;
        }
        size += (size_t)count;
    }
    (void)close(fd);
    if (result == 0 && memchr(value, '\0', size) != NULL) {
        result =
            err_set(err, ERR_INVALID, "The secret file %s contains a NUL byte; a secret is one line of text.", path);
    }
    if (result == 0) {
        *ret_value = value;
    } else {
        explicit_bzero(value, LIMIT_SECRET_BYTES + 3);
        mem_free(value);
    }
    return result;
}

static int read_credential(const char *name, char **ret_value, struct err *err) {
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (folder == NULL || folder[0] != '/') {
        return err_set(err, ERR_NOT_FOUND,
                       "There is no credential %s because CREDENTIALS_DIRECTORY is not set; start guidepost by systemd "
                       "with LoadCredential=%s:PATH.",
                       name, name);
    }
    struct buf path = BUF_INIT(4096);
    buf_printf(&path, "%s/%s", folder, name);
    int result = path.overflow ? err_set(err, ERR_TOO_BIG, "The path of credential %s is too long.", name)
                               : read_file(path.data, ret_value, err);
    buf_finish(&path);
    return result;
}

static int read_variable(const char *name, char **ret_value, struct err *err) {
    const char *value = getenv(name);
    if (value == NULL) {
        return err_set(err, ERR_NOT_FOUND, "The environment variable %s, which holds a secret, is not set.", name);
    }
    *ret_value = mem_strndup(value, strnlen(value, LIMIT_SECRET_BYTES + 2));
    return 0;
}

int secret_read(const struct config_secret *secret, char **ret_value, struct err *err) {
    char *value = NULL;
    int result = 0;
    switch (secret->source) {
    case SECRET_NONE:
        return err_set(err, ERR_NOT_FOUND, "No secret is configured.");
    case SECRET_FILE:
        result = read_file(secret->name, &value, err);
        break;
    case SECRET_ENV:
        result = read_variable(secret->name, &value, err);
        break;
    case SECRET_CREDENTIAL:
        result = read_credential(secret->name, &value, err);
        break;
    }
    if (result < 0) {
        return result;
    }
    size_t size = strlen(value);
    if (size > 0 && value[size - 1] == '\n') {
        size -= size > 1 && value[size - 2] == '\r' ? 2 : 1;
        value[size] = '\0';
    }
    if (size == 0 || size > LIMIT_SECRET_BYTES) {
        secret_free(value);
        return size == 0 ? err_set(err, ERR_INVALID, "The secret %s is empty.", secret->name)
                         : err_set(err, ERR_TOO_BIG, "The secret %s is longer than %d bytes.", secret->name,
                                   LIMIT_SECRET_BYTES);
    }
    *ret_value = value;
    return 0;
}

void secret_free(char *value) {
    if (value != NULL) {
        explicit_bzero(value, strlen(value));
        mem_free(value);
    }
}
