/* The writer: tasks come back in their order, and after one that failed none is made. */
#include "train/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

typedef struct {
    Task task;
    bool fails;
    int made;
} Work;

static bool make(Task *t) {
    Work *w = (Work *)t;
    usleep(100);
    w->made++;
    return !w->fails;
}

static void every_task_comes_back_in_its_order(void **state) {
    (void)state;
    enum { N = 200 };
    Work work[N] = {0};
    Writer *w = writer_new();
    assert_non_null(w);
    int back = 0;
    for (int i = 0; i < N; i++) {
        work[i].task.make = make;
        while (writer_full(w)) assert_ptr_equal(writer_next(w, true), &work[back++]);
        writer_give(w, &work[i].task);
        Task *t = writer_next(w, false);
        if (t) assert_ptr_equal(t, &work[back++]);
    }
    for (Task *t; (t = writer_next(w, true));) assert_ptr_equal(t, &work[back++]);
    assert_int_equal(back, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(work[i].made, 1);
        assert_int_equal(work[i].task.end, TASK_MADE);
    }
    assert_null(writer_next(w, false));
    writer_free(w);
}

static void nothing_is_made_after_a_failure(void **state) {
    (void)state;
    Work work[] = {{{.make = make}, false, 0}, {{.make = make}, true, 0}, {{.make = make}, false, 0}, {{.make = make}, true, 0}};
    static const TaskEnd ends[] = {TASK_MADE, TASK_FAILED, TASK_LEFT, TASK_LEFT};
    Writer *w = writer_new();
    for (int i = 0; i < 4; i++) writer_give(w, &work[i].task);
    for (int i = 0; i < 4; i++) {
        assert_ptr_equal(writer_next(w, true), &work[i]);
        assert_int_equal(work[i].task.end, ends[i]);
        assert_int_equal(work[i].made, i < 2);
    }
    writer_free(w);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_comes_back_in_its_order),
        cmocka_unit_test(nothing_is_made_after_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
