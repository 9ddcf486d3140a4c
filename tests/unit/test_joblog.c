/*
 * test_joblog.c: the job log: lines on disk, followers, rotation; and its past, read with a filter
 * and within limits.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler/joblog.h"
#include "scheduler/joblog_read.h"

static char dir[64], path[96], old_path[96];

static int setup(void **state)
{
	(void)state;
	snprintf(dir, sizeof(dir), "%s/test_joblog.XXXXXX", getenv("TMPDIR") ?: "/tmp");
	if (!mkdtemp(dir))
		return -1;
	snprintf(path, sizeof(path), "%s/jobs.jsonl", dir);
	snprintf(old_path, sizeof(old_path), "%s/jobs.jsonl.1", dir);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	unlink(path);
	unlink(old_path);
	return rmdir(dir);
}

/* Line n (from 0) of a file as JSON; a reference. */
static json_t *line_of(const char *file, unsigned n)
{
	FILE *f = fopen(file, "r");
	char buf[4096];
	json_t *o = NULL;

	assert_non_null(f);
	for (unsigned i = 0; fgets(buf, sizeof(buf), f); i++) {
		if (i == n)
			o = json_loads(buf, 0, NULL);
	}
	fclose(f);
	return o;
}

static void events_are_lines(void **state)
{
	struct joblog *l = NULL;
	struct stat st;
	json_t *o;

	(void)state;
	assert_int_equal(joblog_open(path, &l, NULL), 0);
	assert_string_equal(joblog_path(l), path);
	joblog_event(l, EVENT_STARTED, json_pack("{s:i, s:s}", "job", 17, "path", "a\nb"));
	joblog_event(l, EVENT_STAGED, NULL);
	/* The log's own fields are not the caller's to give. */
	joblog_event(l, EVENT_PUBLISHED, json_pack("{s:s}", "event", "forged"));
	joblog_close(l);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0027, 0);
	o = line_of(path, 0);
	assert_string_equal(json_string_value(json_object_get(o, "event")), "started");
	assert_string_equal(json_string_value(json_object_get(o, "path")), "a\nb");
	assert_int_equal(strlen(json_string_value(json_object_get(o, "time"))), 24);
	json_decref(o);
	o = line_of(path, 2);
	assert_string_equal(json_string_value(json_object_get(o, "event")), "published");
	json_decref(o);
	assert_null(line_of(path, 3));
}

static void expect(unsigned n, const char *event)
{
	json_t *o = line_of(path, n);

	assert_string_equal(json_string_value(json_object_get(o, "event")), event);
	json_decref(o);
}

/* What a power cut left of a line, and a disk that is full in the middle of one. */
static void half_lines_go(void **state)
{
	int said, nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
	struct rlimit none, few;
	struct joblog *l = NULL;
	struct stat st;
	FILE *f;

	(void)state;
	f = fopen(path, "w");
	fputs("{\"event\":\"one\"}\n{\"event\":\"ha", f);
	fclose(f);
	assert_int_equal(joblog_open(path, &l, NULL), 0);
	joblog_event(l, EVENT_PAUSED, NULL);
	assert_int_equal(stat(path, &st), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &none), 0);
	few = (struct rlimit){(rlim_t)st.st_size + 10, none.rlim_max};
	/* What is said of it may go to a file as well, which must not be cut off. */
	said = dup(STDERR_FILENO);
	assert_int_equal(dup2(nowhere, STDERR_FILENO), STDERR_FILENO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &few), 0);
	joblog_event(l, EVENT_FAILED, NULL);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	assert_int_equal(dup2(said, STDERR_FILENO), STDERR_FILENO);
	close(said);
	close(nowhere);
	joblog_event(l, EVENT_RESUMED, NULL);
	joblog_close(l);
	expect(0, "one");
	expect(1, "paused");
	expect(2, "resumed");
	assert_null(line_of(path, 3));
}

static void open_says_why_not(void **state)
{
	struct joblog *l = NULL;
	struct err e = {0};

	(void)state;
	assert_true(joblog_open("/nonexistent/x/jobs.jsonl", &l, &e) < 0);
	assert_non_null(strstr(e.text, "/nonexistent/x/jobs.jsonl"));
	assert_null(l);
	/* A log that is not there takes events and drops them. */
	joblog_event(NULL, EVENT_STARTED, json_object());
	joblog_close(NULL);
}

struct heard {
	struct joblog *log;
	void *self;
	unsigned n;
	bool leave; /* unfollows from inside the call */
	char last[256];
};

static void hear(void *arg, const char *line)
{
	struct heard *h = arg;

	h->n++;
	snprintf(h->last, sizeof(h->last), "%s", line);
	if (h->leave)
		joblog_unfollow(h->log, h->self);
}

static void followers_hear(void **state)
{
	struct heard a = {0}, b = {.leave = true};
	struct joblog *l = NULL;

	(void)state;
	assert_int_equal(joblog_open(path, &l, NULL), 0);
	a.log = b.log = l;
	b.self = joblog_follow(l, hear, &b);
	a.self = joblog_follow(l, hear, &a);
	joblog_event(l, EVENT_STARTED, NULL);
	joblog_event(l, EVENT_PAUSED, NULL);
	assert_int_equal(a.n, 2);
	assert_int_equal(b.n, 1);
	assert_non_null(strstr(a.last, "\"event\":\"paused\""));
	assert_null(strchr(a.last, '\n'));
	joblog_unfollow(l, a.self);
	joblog_event(l, EVENT_RESUMED, NULL);
	assert_int_equal(a.n, 2);
	joblog_close(l);
}

static void reopened_after_rotation(void **state)
{
	struct joblog *l = NULL;
	json_t *o;

	(void)state;
	assert_int_equal(joblog_open(path, &l, NULL), 0);
	joblog_event(l, EVENT_STARTED, NULL);
	assert_int_equal(rename(path, old_path), 0);
	joblog_event(l, EVENT_PAUSED, NULL);
	assert_int_equal(joblog_reopen(l), 0);
	joblog_event(l, EVENT_RESUMED, NULL);
	joblog_close(l);
	o = line_of(old_path, 1);
	assert_string_equal(json_string_value(json_object_get(o, "event")), "paused");
	json_decref(o);
	o = line_of(path, 0);
	assert_string_equal(json_string_value(json_object_get(o, "event")), "resumed");
	json_decref(o);
}

static void write_past(unsigned n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	for (unsigned i = 1; i <= n; i++)
		fprintf(f,
			"{\"time\":\"2026-11-22T15:%02u:%02u.000Z\",\"event\":\"e\",\"job\":%u}\n",
			i / 60, i % 60, i % 10);
	fclose(f);
}

/* How many lines a filter takes, and the time of the first. */
static unsigned past(struct joblog_filter f, char first[128])
{
	struct joblog_past *p;
	unsigned n = 0;

	f.path = path;
	p = joblog_past_read(&f);
	assert_int_equal(joblog_past_error(p), 0);
	for (const char *line = NULL; (line = joblog_past_next(p, line)); n++) {
		if (n == 0)
			snprintf(first, 128, "%s", line);
	}
	joblog_past_free(p);
	return n;
}

static void past_is_filtered(void **state)
{
	char first[128];

	(void)state;
	assert_int_equal(past((struct joblog_filter){.lines = 10, .bytes = 4096}, first), 0);
	write_past(1000);
	assert_int_equal(past((struct joblog_filter){.lines = 5000, .bytes = MIB}, first), 1000);
	assert_non_null(strstr(first, "15:00:01"));
	assert_int_equal(past((struct joblog_filter){.lines = 3, .bytes = MIB}, first), 3);
	assert_non_null(strstr(first, "15:16:38"));
	assert_int_equal(past((struct joblog_filter){.lines = 5000, .bytes = MIB, .job = 7}, first),
			 100);
	assert_int_equal(past((struct joblog_filter){.lines = 0, .bytes = MIB}, first), 0);
	/* 1795359600 is 15:00:00 */
	assert_int_equal(past((struct joblog_filter){.lines = 5000,
						     .bytes = MIB,
						     .since = {1795359600 + 991}},
			      first),
			 10);
}

/* However long the file: no more than asked for, the newest ones, whole. */
static void past_is_bounded(void **state)
{
	char first[128];
	unsigned n;

	(void)state;
	write_past(1000);
	n = past((struct joblog_filter){.lines = 5000, .bytes = 1000}, first);
	assert_in_range(n, 10, 20);
	assert_int_equal(first[0], '{');
	assert_int_equal(past((struct joblog_filter){.lines = 5000, .bytes = 10}, first), 0);
}

static void past_as_text(void **state)
{
	struct joblog_filter f = {.path = path, .lines = 2, .bytes = 4096};
	struct joblog_past *p;
	const char *text;
	size_t len;

	(void)state;
	write_past(5);
	p = joblog_past_read(&f);
	text = joblog_past_text(p, &len);
	assert_int_equal(text[len - 1], '\n');
	assert_memory_equal(text, "{\"time\":\"2026-11-22T15:00:04", 28);
	joblog_past_free(p);
}

/* A job's number in another field, or as the start of a longer one, is not that job. */
static void filter_reads_fields(void **state)
{
	struct joblog_filter f = {.job = 1};

	(void)state;
	assert_true(joblog_filter_takes(&f, "{\"event\":\"x\",\"job\":1}"));
	assert_false(joblog_filter_takes(&f, "{\"event\":\"x\",\"job\":12}"));
	assert_false(joblog_filter_takes(&f, "{\"event\":\"x\",\"why\":\"\\\"job\\\":1\"}"));
	assert_false(joblog_filter_takes(&f, "not json \"job\":1"));
	f.job = 0;
	assert_true(joblog_filter_takes(&f, "anything"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(events_are_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(half_lines_go, setup, teardown),
		cmocka_unit_test_setup_teardown(open_says_why_not, setup, teardown),
		cmocka_unit_test_setup_teardown(followers_hear, setup, teardown),
		cmocka_unit_test_setup_teardown(reopened_after_rotation, setup, teardown),
		cmocka_unit_test_setup_teardown(past_is_filtered, setup, teardown),
		cmocka_unit_test_setup_teardown(past_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(past_as_text, setup, teardown),
		cmocka_unit_test(filter_reads_fields),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
