#include "base/metrics.h"

#include <assert.h>
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

static const struct {
    const char *name;
    const char *type;
    const char *help;
    const char *labels;
} table[METRIC_COUNT] = {
#define X(id, name, type, help, labels) [METRIC_##id] = {name, type, help, labels},
    METRICS(X)
#undef X
};

enum { BUCKETS_MAX = 13 };

/* Ends with 0. Machines answer in milliseconds, people in minutes. */
static const double machine_buckets[BUCKETS_MAX + 1] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                        0.25,  0.5,    1,     2.5,  5,     10};
static const double people_buckets[BUCKETS_MAX + 1] = {10,   30,   60,    120,   300,   600,  1800,
                                                       3600, 7200, 14400, 28800, 43200, 86400};

struct series {
    struct series *next;             /* owned */
    char *labels[METRIC_MAX_LABELS]; /* owned */
    double value;                    /* of a histogram: the sum */
    uint64_t count;                  /* of a histogram */
    uint64_t buckets[BUCKETS_MAX];   /* each for itself; they are summed up when they are written */
};

static struct series *all_series[METRIC_COUNT]; /* owned */
static size_t series_count;

static bool is_type(enum metric metric, const char *type) {
    return str_equal(table[metric].type, type);
}

static const double *buckets_of(enum metric metric) {
    return metric == METRIC_HTTP_SECONDS || metric == METRIC_REDIS_SECONDS ? machine_buckets : people_buckets;
}

static size_t label_count(enum metric metric) {
    const char *labels = table[metric].labels;
    size_t count = *labels != 0;
    for (; *labels != 0; labels++) {
        count += *labels == ' ';
    }
    return count;
}

/* The series with these labels, made if need be. */
static struct series *series_of(enum metric metric, const char *const labels[METRIC_MAX_LABELS], bool crowded) {
    size_t count = label_count(metric);
    struct series **place = &all_series[metric];
    for (; *place != NULL; place = &(*place)->next) {
        size_t same = 0;
        while (same < count && strcmp((*place)->labels[same], labels[same]) == 0) {
            same++;
        }
        if (same == count) {
            return *place;
        }
    }
    if (series_count >= LIMIT_METRIC_SERIES && !crowded && count > 0) {
        return series_of(metric, (const char *const[METRIC_MAX_LABELS]){"other", "other", "other"}, true);
    }
    *place = mem_alloc(sizeof **place);
    for (size_t i = 0; i < count; i++) {
        (*place)->labels[i] = mem_strdup(labels[i]);
    }
    series_count++;
    return *place;
}

static struct series *find(enum metric metric, const char *label1, const char *label2, const char *label3) {
    const char *labels[METRIC_MAX_LABELS] = {label1, label2, label3};
    for (size_t i = 0; i < METRIC_MAX_LABELS; i++) {
        labels[i] = labels[i] == NULL ? "" : labels[i];
    }
    return series_of(metric, labels, false);
}

void metric_add(enum metric metric, double value, const char *label1, const char *label2, const char *label3) {
    assert(is_type(metric, "gauge") || (is_type(metric, "counter") && value >= 0));
    find(metric, label1, label2, label3)->value += value;
}

void metric_set(enum metric metric, double value, const char *label1, const char *label2, const char *label3) {
    assert(is_type(metric, "gauge"));
    find(metric, label1, label2, label3)->value = value;
}

void metric_observe(enum metric metric, double seconds, const char *label1, const char *label2, const char *label3) {
    assert(is_type(metric, "histogram"));
    struct series *series = find(metric, label1, label2, label3);
    const double *borders = buckets_of(metric);
    double value = seconds > 0 ? seconds : 0; /* wall time may have been set back in between */
    series->value += value;
    series->count++;
    for (size_t i = 0; i < BUCKETS_MAX; i++) {
        if (value <= borders[i]) {
            series->buckets[i]++;
            break;
        }
    }
}

/* In as few digits as bring the same number back. */
static void add_number(struct buf *out, double value) {
    char text[32];
    (void)snprintf(text, sizeof text, "%.15g", value);
    if (strtod(text, NULL) != value) {
        (void)snprintf(text, sizeof text, "%.17g", value);
    }
    buf_adds(out, text);
}

static void add_label_value(struct buf *out, const char *value) {
    struct buf shown = BUF_INIT(4096); /* broken UTF-8 would spoil the whole page */
    str_show(&shown, value, str_utf8_cut(value, strlen(value), 256));
    for (const char *p = shown.data; *p != 0; p++) {
        if (*p == '\n') {
            buf_adds(out, "\\n");
            continue;
        }
        if (*p == '"' || *p == '\\') {
            buf_addc(out, '\\');
        }
        buf_addc(out, *p);
    }
    buf_finish(&shown);
}

/* One line. `border` is the value of the label "le", or NULL. */
static void add_sample(struct buf *out, enum metric metric, const struct series *series, const char *suffix,
                       const char *border, double value) {
    buf_printf(out, "%s%s", table[metric].name, suffix);
    const char *name = table[metric].labels;
    char separator = '{';
    for (size_t i = 0; i < label_count(metric); i++) {
        size_t length = strcspn(name, " ");
        buf_printf(out, "%c%.*s=\"", separator, (int)length, name);
        add_label_value(out, series->labels[i]);
        buf_addc(out, '"');
        separator = ',';
        name += length + (name[length] == ' ');
    }
    if (border != NULL) {
        buf_printf(out, "%cle=\"%s\"", separator, border);
        separator = ',';
    }
    buf_adds(out, separator == ',' ? "} " : " ");
    add_number(out, value);
    buf_addc(out, '\n');
}

static void add_series(struct buf *out, enum metric metric, const struct series *series) {
    if (!is_type(metric, "histogram")) {
        add_sample(out, metric, series, "", NULL, series->value);
        return;
    }
    uint64_t total = 0;
    for (size_t i = 0; i < BUCKETS_MAX; i++) {
        char border[32];
        (void)snprintf(border, sizeof border, "%g", buckets_of(metric)[i]);
        total += series->buckets[i];
        add_sample(out, metric, series, "_bucket", border, (double)total);
    }
    add_sample(out, metric, series, "_bucket", "+Inf", (double)series->count);
    add_sample(out, metric, series, "_sum", NULL, series->value);
    add_sample(out, metric, series, "_count", NULL, (double)series->count);
}

static void add_heading(struct buf *out, const char *name, const char *type, const char *help) {
    buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_process_value(struct buf *out, const char *name, const char *type, const char *help, double value) {
    add_heading(out, name, type, help);
    buf_printf(out, "%s ", name);
    add_number(out, value);
    buf_addc(out, '\n');
}

/* The word of that number (from 0) in a file of /proc, behind the last `behind` if it is not 0; 0 if there is none. */
static double proc_number(const char *path, char behind, size_t place) {
    struct buf text = BUF_INIT(4096);
    double value = 0;
    if (file_read(path, text.limit, &text, NULL) == 0) {
        const char *at = behind == 0 ? text.data : strrchr(text.data, behind);
        at = at == NULL ? "" : at + (behind != 0);
        for (size_t i = 0; i < place; i++) {
            at += strspn(at, " ");
            at += strcspn(at, " ");
        }
        value = strtod(at, NULL);
    }
    buf_finish(&text);
    return value;
}

static size_t open_fds(void) {
    size_t count = 0;
    DIR *directory = opendir("/proc/self/fd");
    if (directory == NULL) {
        return 0;
    }
    const struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    (void)closedir(directory);
    return count - 1; /* without the one for looking */
}

/* proc(5): field 22 of stat is the start in ticks since boot. Counted behind the name, which may hold blanks. */
static double start_seconds(void) {
    static double started;
    if (started == 0) {
        struct timespec since_boot;
        (void)clock_gettime(CLOCK_BOOTTIME, &since_boot);
        double age = (double)since_boot.tv_sec + (double)since_boot.tv_nsec / 1e9 -
                     proc_number("/proc/self/stat", ')', 19) / (double)sysconf(_SC_CLK_TCK);
        started = (double)(clock_wall_ms() - (int64_t)(age * 1000)) / 1000;
    }
    return started;
}

static void add_process(struct buf *out) {
    struct timespec cpu;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
    add_process_value(out, "process_cpu_seconds_total", "counter", "User and system CPU time spent.",
                      (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
    add_process_value(out, "process_resident_memory_bytes", "gauge", "Resident memory.",
                      proc_number("/proc/self/statm", 0, 1) * (double)sysconf(_SC_PAGESIZE));
    add_process_value(out, "process_open_fds", "gauge", "Open file descriptors.", (double)open_fds());
    add_process_value(out, "process_start_time_seconds", "gauge", "When the process was started, since 1970.",
                      start_seconds());
}

void metrics_write(struct buf *out) {
    for (enum metric metric = 0; metric < METRIC_COUNT; metric++) {
        if (label_count(metric) == 0 && !is_type(metric, "gauge")) {
            (void)find(metric, NULL, NULL, NULL); /* what is only counted begins with 0 */
        }
        if (all_series[metric] != NULL) {
            add_heading(out, table[metric].name, table[metric].type, table[metric].help);
        }
        for (const struct series *series = all_series[metric]; series != NULL; series = series->next) {
            add_series(out, metric, series);
        }
    }
    add_process(out);
}
