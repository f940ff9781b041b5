/* The stopwatch. One look at the clock a change. */
#include "train/clock.h"

const char *const time_names[TIMES] = {"turns", "metrics", "outputs", "data", "files", "checkpoints", "rest", "end"};

void clock_start(Clock *c) { *c = (Clock){.now = TIME_REST, .since = seconds_now()}; }

TimeOf clock_to(Clock *c, TimeOf what) {
    TimeOf before = c->now;
    double now = seconds_now();
    c->seconds[before] += now - c->since;
    c->since = now;
    c->now = c->ending ? TIME_END : what;
    return before;
}

void clock_end(Clock *c) {
    c->ending = true;
    clock_to(c, TIME_END);
}
