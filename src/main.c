#include "cli/verbs.h"

int main(int argc, char **argv) {
    return argc > 0 ? verbs_run((const char *const *)argv + 1, (size_t)argc - 1) : 2;
}
