/* Long lists by the page, from a real Redis: what is on a page, and how many there are. */

#include "fakes/records_test.h"

#include <stdio.h>

#include "base/str.h"
#include "store/pages.h"

struct page {
    bool came;
    char text[16384]; /* "1:1 2:2": deployment and question */
    uint64_t total;
    enum err_code code;
    size_t looked_at;
};

static void page_came(const struct head *heads, size_t count, uint64_t total, const struct err *err, void *user) {
    struct page *page = user;
    size_t size = 0;
    page->text[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        size += (size_t)snprintf(page->text + size, sizeof page->text - size, "%s%llu:%llu", i > 0 ? " " : "",
                                 (unsigned long long)heads[i].deployment, (unsigned long long)heads[i].question);
    }
    page->came = true;
    page->total = total;
    page->code = err == NULL ? ERR_NONE : err->code;
}

static bool has_page(void *user) {
    return ((struct page *)user)->came;
}

static struct page read_page(struct page_wish wish) {
    struct page page = {0};
    store_read_page(rig.store, &wish, page_came, &page);
    rig_until(&rig, has_page, &page);
    return page;
}

static void expect_page(struct page_wish wish, const char *text, uint64_t total) {
    struct page page = read_page(wish);
    assert_int_equal(page.code, ERR_NONE);
    assert_string_equal(page.text, text);
    assert_int_equal(page.total, total);
}

static bool is_odd(const struct head *head, void *user) {
    ((struct page *)user)->looked_at++;
    return head->deployment % 2 == 1;
}

static bool asks(const struct head *head, void *user) {
    (void)user;
    return head->asks;
}

static bool is_of_the_shop(const struct head *head, void *user) {
    (void)user;
    return str_equal(head->project, "shop") && str_equal(head->environment, "production") &&
           head->state == DEPLOYMENT_QUEUED;
}

static bool is_nothing(const struct head *head, void *user) {
    (void)head;
    (void)user;
    return false;
}

static void each_list_has_its_order_its_pages_and_its_whole_number(void **state) {
    (void)state;
    expect_page((struct page_wish){.of = PAGE_LIVE, .take = 10}, "", 0);
    expect_page((struct page_wish){.of = PAGE_LIVE, .take = 10, .fits = is_nothing}, "", 0);
    struct deployment_record *record = make_asking(5);
    for (int i = 0; i < 11; i++) {
        deployment_record_free(create(make_plan(1, 1)));
    }
    static const struct {
        struct page_wish wish;
        const char *text;
        uint64_t total;
    } cases[] = {
        {{.of = PAGE_LIVE, .take = 3}, "1:1 2:2 3:3", 12},
        {{.of = PAGE_LIVE, .skip = 10, .take = 5}, "11:11 12:12", 12},
        {{.of = PAGE_LIVE, .newest_first = true, .take = 2}, "12:12 11:11", 12},
        {{.of = PAGE_LIVE, .take = 0}, "", 12},
        {{.of = PAGE_LIVE, .skip = 40, .take = 5}, "", 12},
        {{.of = PAGE_DEPLOYMENTS, .newest_first = true, .skip = 1, .take = 2}, "11:11 10:10", 12},
        {{.of = PAGE_QUESTIONS, .skip = 1, .take = 3}, "1:2 1:3 1:4", 5},
        {{.of = PAGE_QUESTIONS, .newest_first = true, .take = 2}, "1:5 1:4", 5},
        {{.of = PAGE_LIVE, .take = 2, .fits = is_odd}, "1:1 3:3", 6},
        {{.of = PAGE_LIVE, .skip = 4, .take = 9, .fits = is_odd}, "9:9 11:11", 6},
        {{.of = PAGE_LIVE, .newest_first = true, .skip = 1, .take = 1, .fits = is_odd}, "9:9", 6},
        {{.of = PAGE_LIVE, .asks = true, .take = 9, .fits = asks}, "1:1", 1},
        {{.of = PAGE_LIVE, .take = 9, .fits = asks}, "", 0},
        {{.of = PAGE_QUESTIONS, .skip = 4, .take = 9, .fits = asks}, "1:5", 5},
        {{.of = PAGE_DEPLOYMENTS, .take = 1, .fits = is_of_the_shop}, "2:2", 11},
        {{.of = PAGE_DEPLOYMENTS, .take = 1, .fits = is_nothing}, "", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_page(cases[i].wish, cases[i].text, cases[i].total);
    }
    deployment_record_free(record);
}

/* More than one look at the heads takes. */
static void what_is_told_apart_is_told_apart_to_the_end(void **state) {
    (void)state;
    char id[24];
    (void)rig_call(&rig, "HSET", "t:dep:1201", "project", "web", "environment", "test", "state", "running");
    for (int i = 1; i <= 1201; i++) {
        (void)snprintf(id, sizeof id, "%d", i);
        (void)rig_call(&rig, "ZADD", "t:live", id, id);
        if (i < 1201) {
            char key[32];
            (void)snprintf(key, sizeof key, "t:dep:%d", i);
            (void)rig_call(&rig, "HSET", key, "project", "shop", "environment", "production", "state", "paused");
        }
    }
    struct page page = read_page((struct page_wish){.of = PAGE_LIVE, .skip = 599, .take = 4, .fits = is_odd});
    assert_string_equal(page.text, "1199:1199 1201:1201");
    assert_int_equal(page.total, 601);
    assert_int_equal(page.looked_at, 1201);
    page = read_page((struct page_wish){.of = PAGE_LIVE, .skip = 500, .take = 1000});
    assert_int_equal(page.total, 1201);
    assert_true(str_starts(page.text, "501:501 502:502 "));
}

static void what_has_left_meanwhile_is_left_out(void **state) {
    (void)state;
    deployment_record_free(create(make_plan(1, 1)));
    (void)rig_call(&rig, "ZADD", "t:live", "7", "7");
    (void)rig_call(&rig, "ZADD", "t:pending", "7", "7");
    expect_page((struct page_wish){.of = PAGE_LIVE, .take = 9}, "1:1", 2);
    expect_page((struct page_wish){.of = PAGE_QUESTIONS, .take = 9}, "", 1);
}

static void a_store_that_is_away_is_said_once(void **state) {
    (void)state;
    deployment_record_free(create(make_plan(1, 1)));
    rig_server_kill(&rig);
    struct page page = read_page((struct page_wish){.of = PAGE_LIVE, .take = 9});
    assert_int_equal(page.code, ERR_UNAVAILABLE);
    page = read_page((struct page_wish){.of = PAGE_LIVE, .take = 9, .fits = is_odd});
    assert_int_equal(page.code, ERR_UNAVAILABLE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        records_test(each_list_has_its_order_its_pages_and_its_whole_number),
        records_test(what_is_told_apart_is_told_apart_to_the_end),
        records_test(what_has_left_meanwhile_is_left_out),
        records_test(a_store_that_is_away_is_said_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
