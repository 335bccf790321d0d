#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/mem.h"

static void memory_is_zeroed_and_aligned(void **state) {
    (void)state;
    static const char zero[100];
    struct arena *arena = arena_create();
    for (int round = 0; round < 3; round++) {
        for (size_t size = 0; size < 100; size++) {
            char *memory = arena_alloc(arena, size);
            assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
            assert_memory_equal(memory, zero, size);
            memset(memory, 'x', size);
        }
        arena_reset(arena);
        assert_int_equal(arena_used(arena), 0);
    }
    arena_destroy(arena);
}

static void allocations_do_not_overlap(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    char *texts[5000];
    for (size_t i = 0; i < 5000; i++) {
        texts[i] = arena_printf(arena, "%zu:%*d", i, (int)(i % 200), 7);
    }
    for (size_t i = 0; i < 5000; i++) {
        char expected[256];
        (void)snprintf(expected, sizeof expected, "%zu:%*d", i, (int)(i % 200), 7);
        assert_string_equal(texts[i], expected);
    }
    assert_true(arena_used(arena) > 5000 * 16);
    arena_destroy(arena);
}

static void a_piece_larger_than_a_block_is_given(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    const size_t size = 3 << 20;
    char *large = arena_alloc(arena, size);
    large[size - 1] = 'x';
    char *small = arena_strdup(arena, "behind");
    assert_string_equal(small, "behind");
    assert_true(arena_used(arena) >= size);
    arena_destroy(arena);
}

static void a_copy_ends_at_its_length_or_at_the_nul(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    assert_null(arena_strdup(arena, NULL));
    assert_string_equal(arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(arena_strndup(arena, "ab", 100), "ab");
    assert_string_equal(arena_strndup(arena, "ab", 0), "");
    arena_destroy(arena);
}

static void a_pushed_array_keeps_its_elements(void **state) {
    (void)state;
    struct arena *arena = arena_create();
    int64_t *numbers = NULL;
    for (size_t count = 0; count < 3000; count++) {
        numbers = arena_push(arena, numbers, count, sizeof *numbers);
        numbers[count] = (int64_t)(count * count);
    }
    for (size_t i = 0; i < 3000; i++) {
        assert_int_equal(numbers[i], i * i);
    }
    /* doubling: all the old arrays together are as large as the last one */
    assert_true(arena_used(arena) <= 2 * 4096 * sizeof *numbers);
    arena_destroy(arena);
}

static void destroying_nothing_does_nothing(void **state) {
    (void)state;
    arena_destroy(NULL);
    mem_free(NULL);
}

static void copies_of_mem_end_where_they_should(void **state) {
    (void)state;
    assert_null(mem_strdup(NULL));
    char *text = mem_strndup("abcdef", 3);
    assert_string_equal(text, "abc");
    text = mem_grow(text, 0, 1); /* does not free */
    assert_non_null(text);
    mem_free(text);
    void *nothing = mem_array(0, 100);
    assert_non_null(nothing);
    mem_free(nothing);
}

static void from_mem_array(void) {
    (void)mem_array(SIZE_MAX / 2, 3);
}

static void from_mem_grow(void) {
    (void)mem_grow(NULL, SIZE_MAX, 1);
}

static void from_arena_array(void) {
    (void)arena_array(arena_create(), SIZE_MAX / 2, 3);
}

static void from_arena_alloc(void) {
    (void)arena_alloc(arena_create(), SIZE_MAX);
}

static void from_arena_alloc_near_the_border(void) {
    (void)arena_alloc(arena_create(), (size_t)PTRDIFF_MAX - 8);
}

static void a_size_that_cannot_be_ends_the_process_with_a_line(void **state) {
    (void)state;
    void (*const wants[])(void) = {from_mem_array, from_mem_grow, from_arena_array, from_arena_alloc,
                                   from_arena_alloc_near_the_border};
    for (size_t i = 0; i < sizeof wants / sizeof wants[0]; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)signal(SIGABRT, SIG_DFL);
            (void)dup2(ends[1], STDERR_FILENO);
            wants[i]();
            _exit(0);
        }
        (void)close(ends[1]);
        char line[256] = {0};
        assert_true(read(ends[0], line, sizeof line - 1) > 0);
        (void)close(ends[0]);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_non_null(strstr(line, "out of memory"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(allocations_do_not_overlap),
        cmocka_unit_test(a_piece_larger_than_a_block_is_given),
        cmocka_unit_test(a_copy_ends_at_its_length_or_at_the_nul),
        cmocka_unit_test(a_pushed_array_keeps_its_elements),
        cmocka_unit_test(destroying_nothing_does_nothing),
        cmocka_unit_test(copies_of_mem_end_where_they_should),
        cmocka_unit_test(a_size_that_cannot_be_ends_the_process_with_a_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
