#include "group.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

void group_end(pid_t group, int number) {
    (void)kill(-group, number);
    (void)kill(-group, SIGCONT);
}

bool group_is_empty(pid_t group) {
    return kill(-group, 0) < 0 && errno == ESRCH;
}

/* Reads "<pid> (<name>) <state> <parent> <group> ..."; the name may have anything in it, also parentheses. */
static bool is_live_member(const char *pid, pid_t group) {
    char path[64];
    char text[512];
    char wanted[32];

    (void)snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    size_t size = fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    text[size] = '\0';
    const char *name_end = strrchr(text, ')');
    const char *state = name_end ? strchr(name_end, ' ') : NULL;
    const char *parent = state ? strchr(state + 1, ' ') : NULL;
    const char *member_of = parent ? strchr(parent + 1, ' ') : NULL;
    int wanted_size = snprintf(wanted, sizeof wanted, " %ld ", (long)group);
    return member_of && strncmp(member_of, wanted, (size_t)wanted_size) == 0 && state[1] != 'Z' && state[1] != 'X';
}

/* A dead member whose parent has left the group and does not reap it stays in it for as long as that parent lives. */
bool group_is_dead(pid_t group) {
    DIR *processes = opendir("/proc");
    const struct dirent *entry;
    bool live = processes == NULL;

    while (!live && (entry = readdir(processes)) != NULL) {
        live = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && is_live_member(entry->d_name, group);
    }
    if (processes) {
        (void)closedir(processes);
    }
    return !live;
}
