/*
 * test_core_parts.c: the core's parts by themselves: the heap of due times, the ordered lists, the
 * look-ups, and the words of states and reasons.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "scheduler/core_impl.h"

static uint64_t dice(uint64_t *x)
{
	*x ^= *x << 13;
	*x ^= *x >> 7;
	return *x ^= *x << 17;
}

static void due_times(void **state)
{
	struct due d[200] = {0};
	struct due_heap h = {0};
	uint64_t x = 7;
	int64_t last = -1;
	size_t n = 0;

	(void)state;
	for (int round = 0; round < 5000; round++) {
		struct due *one = &d[dice(&x) % ARRAY_LEN(d)];

		if (dice(&x) % 3)
			due_set(&h, one, (struct mono){(int64_t)(dice(&x) % 1000)});
		else
			due_clear(&h, one);
	}
	for (size_t i = 0; i < ARRAY_LEN(d); i++)
		n += d[i].pos != 0;
	assert_int_equal(h.n, n);
	for (struct due *one; (one = due_first(&h)); n--) {
		assert_true(one->at.us >= last);
		last = one->at.us;
		due_clear(&h, one);
		assert_int_equal(one->pos, 0);
	}
	assert_int_equal(n, 0);
	due_done(&h);
}

/* A spoke with a lane, enough for lists and tables. */
struct bench {
	struct core c;
	struct spoke s;
	struct lane l;
	struct group_cfg g;
};

static void bench_init(struct bench *b)
{
	*b = (struct bench){.s.pub.name = "a", .l.group = "g"};
	b->l.spoke = &b->s;
	b->l.cfg = &b->g;
	TAILQ_INIT(&b->s.pub.jobs);
	for (unsigned i = 0; i < ARRAY_LEN(b->l.ready); i++) {
		TAILQ_INIT(&b->l.ready[i]);
		TAILQ_INIT(&b->l.fresh[i]);
	}
}

static struct job *bench_job(struct bench *b, uint64_t id, const char *path, uint64_t version)
{
	struct version *v = version_new("g", path);
	struct job *j;

	v->id = version;
	j = job_new(id, JOB_PUT, v, &b->l, (struct now){0});
	version_unref(v);
	return j;
}

static void ordered_lists(void **state)
{
	struct job *jobs[300], *prev = NULL, *j;
	struct bench b;
	uint64_t x = 9;

	(void)state;
	bench_init(&b);
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i] = bench_job(&b, i * 7919 % ARRAY_LEN(jobs) + 1, "p", 1);
		jobs[i]->priority = (int16_t)(dice(&x) % 4);
		queue_enter(jobs[i]);
		job_place(&b.c, jobs[i], PLACE_READY);
	}
	for (size_t i = 0; i < ARRAY_LEN(jobs); i += 3)
		queue_reorder(&b.c, jobs[i], (int)(dice(&x) % 4), dice(&x) % 8 == 0);
	TAILQ_FOREACH (j, &b.s.pub.jobs, by_spoke) {
		assert_true(!prev || job_before(prev, j));
		prev = j;
	}
	prev = NULL;
	TAILQ_FOREACH (j, &b.l.ready[1], by_list) {
		assert_true(!prev || job_before(prev, j));
		prev = j;
	}
	assert_int_equal(b.s.pub.n_jobs, ARRAY_LEN(jobs));
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		queue_leave(jobs[i]);
		job_place(&b.c, jobs[i], PLACE_NONE);
		job_free(jobs[i]);
	}
	assert_true(TAILQ_EMPTY(&b.l.ready[1]));
	assert_int_equal(b.l.n_jobs, 0);
	assert_int_equal(b.l.n_live, 0);
}

static void look_ups(void **state)
{
	struct job_table t = {0};
	struct job *jobs[2000];
	struct bench b;
	char path[16];

	(void)state;
	bench_init(&b);
	/* Each file has four versions, added in no order. */
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		snprintf(path, sizeof(path), "p%zu", i % 500);
		jobs[i] = bench_job(&b, i + 1, path, (i / 500 * 7 + 3) % 4);
		table_add(&t, jobs[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		assert_ptr_equal(table_id(&t, i + 1), jobs[i]);
	for (size_t i = 0; i < 500; i++) {
		struct job *j;
		uint64_t want = 4;

		snprintf(path, sizeof(path), "p%zu", i);
		for (j = table_path(&t, &b.s.pub, "g", path); j; j = table_path_older(j))
			assert_int_equal(j->version->id, --want);
		assert_int_equal(want, 0);
	}
	assert_null(table_path(&t, &b.s.pub, "g", "p500"));
	assert_null(table_path(&t, &b.s.pub, "h", "p1"));
	assert_null(table_id(&t, 5000));
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		table_remove(&t, jobs[i]);
		assert_null(table_id(&t, i + 1));
		job_free(jobs[i]);
	}
	table_done(&t);
}

static void words(void **state)
{
	char buf[200], small[12];

	(void)state;
	assert_string_equal(wait_words(0, buf, sizeof(buf)), "");
	assert_string_equal(wait_words(WAIT_WINDOW | WAIT_SPOKE_DOWN, buf, sizeof(buf)),
			    "window closed, spoke down");
	wait_words(WAIT_WINDOW | WAIT_SLOT, small, sizeof(small));
	assert_string_equal(small, "window clos");
	for (unsigned i = 0; i < WAIT_BITS; i++)
		assert_non_null(wait_word((enum wait_reason)(1u << i)));
	assert_null(wait_word((enum wait_reason)(1u << WAIT_BITS)));
	assert_null(wait_word((enum wait_reason)(WAIT_WINDOW | WAIT_SLOT)));
	assert_string_equal(job_state_word(JOB_PAUSED), "paused");
	assert_string_equal(job_state_word((enum job_state)77), "unknown");
}

static void notes(void **state)
{
	struct bench b;
	struct job *j;
	char text[500];

	(void)state;
	bench_init(&b);
	j = bench_job(&b, 1, "p", 1);
	assert_string_equal(j->reason, "");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	core_job_note(j, text);
	assert_int_equal(strlen(j->reason), 399);
	core_job_note(j, NULL);
	assert_string_equal(j->reason, "");
	job_free(j);
}

static void small_enough(void **state)
{
	(void)state;
	/* 100,000 of them wait in a large fleet. */
	print_message("a job is %zu bytes beyond its strings\n", sizeof(struct job));
	assert_true(sizeof(struct job) <= 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(due_times), cmocka_unit_test(ordered_lists),
		cmocka_unit_test(look_ups),  cmocka_unit_test(words),
		cmocka_unit_test(notes),     cmocka_unit_test(small_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
