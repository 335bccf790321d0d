#include "paths.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 1024 };

int path_of_self(char *out, size_t size, struct err *err) {
    ssize_t n = readlink("/proc/self/exe", out, size - 1);
    if (n < 0) {
        return err_set(err, ERR_IO, "/proc/self/exe: %s.", strerror(errno));
    }
    out[n] = '\0';
    return 0;
}

/* The first of the places, relative to this program's folder, where the file is. */
static int find_beside(const char *const *places, size_t count, int mode, char *out, size_t size, struct err *err) {
    char self[PATH_SIZE];
    int r = path_of_self(self, sizeof self, err);
    if (r < 0) {
        return r;
    }
    char *slash = strrchr(self, '/');
    *slash = '\0';
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(out, size, "%s/%s", self, places[i]);
        if (access(out, mode) == 0) {
            return 0;
        }
    }
    return err_set(err, ERR_NOT_FOUND, "%s is not there. It is installed with guidepost; is the installation whole?",
                   out);
}

int path_of_step_program(char *out, size_t size, struct err *err) {
    static const char *const places[] = {"../libexec/guidepost/guidepost-step", "guidepost-step"};
    return find_beside(places, 2, X_OK, out, size, err);
}

int path_of_demo_config(char *out, size_t size, struct err *err) {
    static const char *const places[] = {"../share/guidepost/demo/guidepost.yaml", "../../config/demo/guidepost.yaml"};
    return find_beside(places, 2, R_OK, out, size, err);
}
