/* test_worker.c: lanes keep their order, run one at a time, and side by side; the loop ends when
 * nothing is left; what was submitted can be taken back. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <ev.h>
#include <semaphore.h>

#include "transfer/worker.h"

#define MANY 200

struct job {
	struct work work;
	unsigned number, lane;
	struct shared *shared;
};

struct shared {
	atomic_int inside[2], most[2], ran;
	unsigned next[2], finished;
	sem_t gate, arrived;
};

static void run(struct work *w)
{
	struct job *j = container_of(w, struct job, work);
	int n = atomic_fetch_add(&j->shared->inside[j->lane], 1) + 1;

	if (n > atomic_load(&j->shared->most[j->lane]))
		atomic_store(&j->shared->most[j->lane], n);
	atomic_fetch_add(&j->shared->ran, 1);
	atomic_fetch_sub(&j->shared->inside[j->lane], 1);
}

static void done(struct work *w)
{
	struct job *j = container_of(w, struct job, work);

	assert_int_equal(j->number, j->shared->next[j->lane]++);
	j->shared->finished++;
	free(j);
}

static void test_lanes(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct pool *p = pool_new(loop, 4);
	struct shared s = {.finished = 0};
	struct lane lanes[2];

	(void)state;
	lane_init(&lanes[0]);
	lane_init(&lanes[1]);
	for (unsigned i = 0; i < MANY; i++) {
		struct job *j = calloc(1, sizeof(*j));

		*j = (struct job){{.run = run, .done = done}, i / 2, i % 2, &s};
		pool_submit(p, &lanes[i % 2], &j->work);
	}
	assert_int_equal(pool_busy(p), MANY);
	assert_int_equal(s.finished, 0); /* never inside the call */
	ev_run(loop, 0);		 /* returns when nothing is left */
	assert_int_equal(s.finished, MANY);
	assert_int_equal(pool_busy(p), 0);
	assert_int_equal(s.most[0], 1);
	assert_int_equal(s.most[1], 1);
	pool_free(p);
	ev_loop_destroy(loop);
}

/* Two works that each wait for the other to have begun: only side by side do they end. */
static void run_meet(struct work *w)
{
	struct job *j = container_of(w, struct job, work);

	sem_post(j->lane == 0 ? &j->shared->gate : &j->shared->arrived);
	sem_wait(j->lane == 0 ? &j->shared->arrived : &j->shared->gate);
}

static void done_count(struct work *w)
{
	container_of(w, struct job, work)->shared->finished++;
}

static void test_side_by_side(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct pool *p = pool_new(loop, 2);
	struct shared s = {.finished = 0};
	struct job jobs[2];
	struct lane lanes[2];

	(void)state;
	sem_init(&s.gate, 0, 0);
	sem_init(&s.arrived, 0, 0);
	for (unsigned i = 0; i < 2; i++) {
		lane_init(&lanes[i]);
		jobs[i] = (struct job){{.run = run_meet, .done = done_count}, 0, i, &s};
		pool_submit(p, &lanes[i], &jobs[i].work);
	}
	ev_run(loop, 0);
	assert_int_equal(s.finished, 2);
	pool_free(p);
	ev_loop_destroy(loop);
}

static void run_gate(struct work *w)
{
	struct job *j = container_of(w, struct job, work);

	sem_post(&j->shared->arrived);
	sem_wait(&j->shared->gate);
	atomic_fetch_add(&j->shared->ran, 1);
}

static void test_cancel(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct pool *p = pool_new(loop, 1);
	struct shared s = {.finished = 0};
	struct job jobs[4];
	struct lane lane;

	(void)state;
	sem_init(&s.gate, 0, 0);
	sem_init(&s.arrived, 0, 0);
	lane_init(&lane);
	for (unsigned i = 0; i < 4; i++) {
		jobs[i] = (struct job){{.run = run_gate, .done = done_count}, 0, 0, &s};
		pool_submit(p, i < 3 ? &lane : NULL, &jobs[i].work);
	}
	sem_wait(&s.arrived);	       /* 0 runs */
	pool_cancel(p, &jobs[1].work); /* waits in its lane */
	pool_cancel(p, &jobs[3].work); /* waits for a thread */
	sem_post(&s.gate);
	pool_cancel(p, &jobs[0].work); /* waited for */
	assert_int_equal(s.ran, 1);
	assert_int_equal(s.finished, 0);
	sem_post(&s.gate);
	ev_run(loop, 0); /* the lane went on with 2 */
	assert_int_equal(s.ran, 2);
	assert_int_equal(s.finished, 1);
	assert_int_equal(pool_busy(p), 0);
	pool_free(p);
	ev_loop_destroy(loop);
}

static void test_free_drops(void **state)
{
	struct ev_loop *loop = ev_loop_new(0);
	struct pool *p = pool_new(loop, 1);
	struct shared s = {.finished = 0};
	struct job jobs[3];

	(void)state;
	sem_init(&s.gate, 0, 1);
	sem_init(&s.arrived, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		jobs[i] = (struct job){
			{.run = i == 0 ? run_gate : run, .done = done_count}, 0, 0, &s};
		pool_submit(p, NULL, &jobs[i].work);
	}
	sem_wait(&s.arrived);
	pool_free(p);
	assert_int_equal(s.finished, 0);
	assert_true(s.ran >= 1);
	ev_loop_destroy(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lanes),
		cmocka_unit_test(test_side_by_side),
		cmocka_unit_test(test_cancel),
		cmocka_unit_test(test_free_drops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
