/*
 * test_hub_files.c: a running hub whose spoke does not answer: files become versions and jobs, a
 * restart hashes nothing again, and what looks like a lost directory deletes nothing.
 *
 * The loop runs until what is waited for is so; a timer of a minute only ends a test that hangs.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ev.h>

#include "scheduler/catalog.h"
#include "scheduler/hub_state.h"
#include "scheduler/joblog.h"
#include "scheduler/log.h"
#include "tests/unit/temp.h"
#include "transfer/key.h"

struct fixture {
	struct temp temp;
	char file[600];
	struct daemon d;
};

static bool limit_hit;

static void on_limit(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)w;
	(void)revents;
	limit_hit = true;
	ev_break(loop, EVBREAK_ALL);
}

static void until(struct fixture *f, bool (*so)(struct fixture *f))
{
	ev_timer limit;

	limit_hit = false;
	ev_timer_init(&limit, on_limit, 60, 0);
	ev_timer_start(f->d.loop, &limit);
	while (!so(f) && !limit_hit)
		ev_run(f->d.loop, EVRUN_ONCE);
	ev_timer_stop(f->d.loop, &limit);
	assert_false(limit_hit);
}

static void write_config(struct fixture *f)
{
	FILE *out = fopen(f->file, "we");

	assert_non_null(out);
	fprintf(out,
		"[daemon]\nrole = hub\nstate_dir = %s/state\ncontrol = %s/sock\njob_log = %s/log\n"
		"key = %s/key\nthreads = 2\n"
		"[policy p]\ntimezone = UTC\nwindow = mon-sun 00:00-24:00 unlimited\n"
		"[group g]\npath = %s/src\nspokes = s\npolicy = p\nsettle = 0s\nscan = 1h\n"
		"exclude = \\.tmp$\n"
		"[spoke s]\nurl = https://127.0.0.1:1\n"
		"key = sha256:"
		"00000000000000000000000000000000000000000000000000000000000000aa\n",
		f->temp.path, f->temp.path, f->temp.path, f->temp.path, f->temp.path);
	fclose(out);
}

static void start(struct fixture *f)
{
	struct config_errors errors = {0};
	struct config *cfg;
	struct err e = {""};
	char path[600];

	if (config_load(f->file, &cfg, &errors) < 0)
		fail_msg("%s", errors.text[0]);
	f->d = (struct daemon){.config = cfg, .config_file = f->file};
	f->d.loop = ev_loop_new(0);
	f->d.pool = pool_new(f->d.loop, 2);
	snprintf(path, sizeof(path), "%s/log", f->temp.path);
	assert_int_equal(joblog_open(path, &f->d.joblog, &e), 0);
	snprintf(path, sizeof(path), "%s/key", f->temp.path);
	assert_int_equal(key_load(path, true, &f->d.key, &e), 0);
	if (hub_start(&f->d, &e) < 0)
		fail_msg("%s", e.text);
}

static bool stopped;

static void on_stopped(struct daemon *d)
{
	(void)d;
	stopped = true;
}

static bool has_stopped(struct fixture *f)
{
	(void)f;
	return stopped;
}

static void stop(struct fixture *f)
{
	stopped = false;
	hub_stop(&f->d, on_stopped);
	until(f, has_stopped);
	hub_free(f->d.hub);
	pool_free(f->d.pool);
	joblog_close(f->d.joblog);
	key_free(f->d.key);
	config_unref(f->d.config);
	ev_loop_destroy(f->d.loop);
	memset(&f->d, 0, sizeof(f->d));
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	log_init(LOG_LEVEL_ERROR);
	temp_new(&f->temp);
	assert_int_equal(mkdirat(f->temp.fd, "src", 0755), 0);
	assert_int_equal(mkdirat(f->temp.fd, "state", 0755), 0);
	snprintf(f->file, sizeof(f->file), "%s/hub.ini", f->temp.path);
	write_config(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	if (f->d.hub)
		stop(f);
	temp_done(&f->temp);
	free(f);
	return 0;
}

static void put(struct fixture *f, const char *name, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "src/%s", name);
	fd = temp_file(&f->temp, path);
	temp_write(fd, text, strlen(text), 0);
	close(fd);
}

static struct hub_group_stats stats(struct fixture *f)
{
	struct hub_group_stats s;

	hub_group_stats(f->d.hub, "g", &s);
	return s;
}

/* Scanned since the last wish, and nothing under way. */
static bool quiet(struct fixture *f)
{
	return hub_scanned(f->d.hub, "g") && (stats(f).unsettled == 0 || stats(f).problem);
}

static void settle(struct fixture *f)
{
	hub_rescan(f->d.hub, "g");
	until(f, quiet);
	/* The last indexing is told by a call-back; its jobs by the end of that turn. */
	ev_run(f->d.loop, EVRUN_NOWAIT);
}

static struct job *job_of(struct fixture *f, const char *path)
{
	return core_job_of(hub_core(f->d.hub), "s", "g", path);
}

static void count_path(void *arg, const char *path, const char *why)
{
	(void)path;
	assert_true(why[0] != '\0');
	++*(unsigned *)arg;
}

static void test_files_become_jobs(void **state)
{
	struct fixture *f = *state;
	unsigned skipped = 0;
	struct job *j;

	put(f, "a", "hello");
	put(f, "b.tmp", "no");
	put(f, "empty", "");
	assert_int_equal(symlinkat("a", f->temp.fd, "src/link"), 0);
	start(f);
	settle(f);
	assert_int_equal(stats(f).files, 2);
	assert_int_equal(stats(f).bytes, 5);
	assert_int_equal(stats(f).skipped, 2);
	hub_skipped(f->d.hub, "g", count_path, &skipped);
	assert_int_equal(skipped, 2);
	j = job_of(f, "a");
	assert_non_null(j);
	assert_int_equal(j->kind, JOB_PUT);
	assert_int_equal(j->version->size, 5);
	assert_int_equal(j->version->nonzero, 5);
	assert_false(job_over(j));
	assert_non_null(job_of(f, "empty"));
	assert_null(job_of(f, "b.tmp"));
	assert_null(job_of(f, "link"));
	/* The first file of a directory that is new */
	assert_int_equal(mkdirat(f->temp.fd, "src/d", 0755), 0);
	put(f, "d/c", "deep");
	settle(f);
	assert_non_null(job_of(f, "d/c"));
}

static void test_a_restart_hashes_nothing_again(void **state)
{
	struct fixture *f = *state;
	uint64_t last, job;

	put(f, "a", "one");
	put(f, "b", "two");
	start(f);
	settle(f);
	last = hub_last_version(f->d.hub);
	job = job_of(f, "a")->id;
	stop(f);
	start(f);
	/* Known at once, from the database */
	assert_int_equal(stats(f).files, 2);
	assert_int_equal(job_of(f, "a")->id, job);
	settle(f);
	assert_int_equal(hub_last_version(f->d.hub), last);
	/* What changed while it was not running is found by the first scan. */
	stop(f);
	put(f, "a", "other");
	start(f);
	settle(f);
	assert_true(hub_last_version(f->d.hub) > last);
	assert_true(job_of(f, "a")->id > job);
	assert_int_equal(job_of(f, "a")->version->size, 5);
}

static void test_the_same_content_is_no_new_version(void **state)
{
	struct fixture *f = *state;
	const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1000}};
	uint64_t last;

	put(f, "a", "one");
	assert_int_equal(utimensat(f->temp.fd, "src/a", times, 0), 0);
	start(f);
	settle(f);
	last = hub_last_version(f->d.hub);
	/* Written anew with the same bytes and time: only the inode's change time tells. */
	put(f, "a", "one");
	assert_int_equal(utimensat(f->temp.fd, "src/a", times, 0), 0);
	settle(f);
	assert_int_equal(job_of(f, "a")->version->id, last);
	assert_false(job_over(job_of(f, "a")));
	assert_int_equal(stats(f).files, 1);
	/* Another time is a version: mtimes are replicated too. */
	assert_int_equal(fchmodat(f->temp.fd, "src/a", 0604, 0), 0);
	settle(f);
	assert_true(job_of(f, "a")->version->id > last);
	assert_int_equal(job_of(f, "a")->version->mode, 0604);
}

static bool two_left(struct fixture *f)
{
	return stats(f).files == 2;
}

static void test_deletion(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "1");
	put(f, "b", "2");
	put(f, "c", "3");
	start(f);
	settle(f);
	assert_int_equal(unlinkat(f->temp.fd, "src/a", 0), 0);
	hub_rescan(f->d.hub, "g");
	until(f, two_left);
	ev_run(f->d.loop, EVRUN_NOWAIT);
	/* It was never there: nothing is to be deleted, and nothing sent any more. */
	assert_int_equal(job_of(f, "a")->kind, JOB_PUT);
	assert_true(job_over(job_of(f, "a")));
	assert_null(stats(f).problem);
}

static bool stands(struct fixture *f)
{
	return stats(f).problem != NULL;
}

static bool goes_on(struct fixture *f)
{
	return stats(f).problem == NULL && stats(f).unsettled == 0;
}

static void test_all_gone_at_once(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "1");
	put(f, "b", "2");
	start(f);
	settle(f);
	assert_int_equal(unlinkat(f->temp.fd, "src/a", 0), 0);
	assert_int_equal(unlinkat(f->temp.fd, "src/b", 0), 0);
	hub_rescan(f->d.hub, "g");
	until(f, stands);
	assert_int_equal(stats(f).files, 2);
	assert_false(job_over(job_of(f, "a")));
	assert_false(job_over(job_of(f, "b")));
	/* One that is back ends it. */
	put(f, "b", "2");
	hub_rescan(f->d.hub, "g");
	until(f, goes_on);
	assert_int_equal(stats(f).files, 1);
}

/* Held however few they were; renamed, or beside a probe's file, is another matter. */
static void test_the_only_file_gone(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "1");
	start(f);
	settle(f);
	assert_int_equal(renameat(f->temp.fd, "src/a", f->temp.fd, "src/b"), 0);
	settle(f);
	assert_null(stats(f).problem);
	assert_int_equal(stats(f).files, 1);
	put(f, ".spokesync-probe-1", "1");
	settle(f);
	assert_int_equal(stats(f).files, 1);
	assert_int_equal(unlinkat(f->temp.fd, "src/b", 0), 0);
	hub_rescan(f->d.hub, "g");
	until(f, stands);
	assert_int_equal(stats(f).files, 1);
	assert_int_equal(hub_confirm(f->d.hub, "g"), 0);
	hub_rescan(f->d.hub, "g");
	until(f, goes_on);
	assert_int_equal(stats(f).files, 0);
	/* And that of a probe goes when there is no other. */
	assert_int_equal(unlinkat(f->temp.fd, "src/.spokesync-probe-1", 0), 0);
	settle(f);
	assert_null(stats(f).problem);
}

static void test_a_lost_mount(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "1");
	put(f, "b", "2");
	start(f);
	settle(f);
	stop(f);
	/* An empty directory in its place, as where nothing is mounted */
	assert_int_equal(renameat(f->temp.fd, "src", f->temp.fd, "away"), 0);
	assert_int_equal(mkdirat(f->temp.fd, "src", 0755), 0);
	start(f);
	until(f, stands);
	assert_int_equal(stats(f).files, 2);
	assert_int_equal(faccessat(f->temp.fd, "src/.spokesync", F_OK, 0), -1);
	/* Another group's directory */
	assert_int_equal(mkdirat(f->temp.fd, "src/.spokesync", 0755), 0);
	put(f, ".spokesync/group", "0123456789abcdef0123456789abcdef");
	hub_rescan(f->d.hub, "g");
	until(f, quiet);
	assert_non_null(strstr(stats(f).problem, "not the directory"));
	assert_int_equal(stats(f).files, 2);
	assert_non_null(strstr(stats(f).problem, "'spokesync confirm g'"));
	/* The right one is back. */
	assert_int_equal(renameat(f->temp.fd, "src", f->temp.fd, "wrong"), 0);
	assert_int_equal(renameat(f->temp.fd, "away", f->temp.fd, "src"), 0);
	hub_rescan(f->d.hub, "g");
	until(f, goes_on);
	assert_int_equal(stats(f).files, 2);
}

/* A new disk, filled from a copy: a person says that it is right, and what it does not have is
 * gone. */
static void test_another_directory_is_confirmed(void **state)
{
	struct fixture *f = *state;

	put(f, "a", "1");
	put(f, "b", "2");
	put(f, "c", "3");
	start(f);
	settle(f);
	assert_int_equal(hub_confirm(f->d.hub, "g"), -EALREADY);
	stop(f);
	assert_int_equal(renameat(f->temp.fd, "src", f->temp.fd, "away"), 0);
	assert_int_equal(mkdirat(f->temp.fd, "src", 0755), 0);
	put(f, "a", "1");
	put(f, "b", "2");
	start(f);
	until(f, stands);
	assert_int_equal(stats(f).files, 3);
	/* What was confirmed and then went is not what comes later. */
	assert_int_equal(renameat(f->temp.fd, "src", f->temp.fd, "new"), 0);
	assert_int_equal(hub_confirm(f->d.hub, "g"), 0);
	until(f, quiet);
	assert_int_equal(renameat(f->temp.fd, "new", f->temp.fd, "src"), 0);
	hub_rescan(f->d.hub, "g");
	until(f, quiet);
	assert_non_null(stats(f).problem);
	assert_int_equal(stats(f).files, 3);
	assert_int_equal(hub_confirm(f->d.hub, "g"), 0);
	until(f, goes_on);
	settle(f);
	assert_null(stats(f).problem);
	assert_int_equal(stats(f).files, 2);
	/* Once: the next one that lies there is asked for again. */
	stop(f);
	assert_int_equal(renameat(f->temp.fd, "src", f->temp.fd, "second"), 0);
	assert_int_equal(mkdirat(f->temp.fd, "src", 0755), 0);
	start(f);
	until(f, stands);
	assert_int_equal(stats(f).files, 2);
}

static struct hub_file *file(struct fixture *f, const char *path)
{
	return catalog_get(hub_group(f->d.hub, "g"), path);
}

static bool is_held(struct fixture *f, const char *path)
{
	const struct hub_file *x = file(f, path);

	return x && x->settle.held && x->lock;
}

static bool three_are_held(struct fixture *f)
{
	return is_held(f, "a.vhd") && is_held(f, "b.vhd") && is_held(f, "d/a.vhd");
}

static bool a_is_current(struct fixture *f)
{
	return file(f, "a.vhd")->state == FILE_CURRENT;
}

/*
 * What a lock file holds is due in an hour; its going is noticed at once, and it holds nothing
 * else. Catches: a hint that is not taken, or is taken for files of other names or directories.
 */
static void test_a_lock_file_goes(void **state)
{
	static const char *const names[] = {"a.vhd", "a.lok",	"b.vhd",
					    "b.lok", "d/a.vhd", "d/a.lok"};
	struct fixture *f = *state;
	struct mono far;

	assert_int_equal(mkdirat(f->temp.fd, "src/d", 0755), 0);
	for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
		char name[40];
		int fd;

		snprintf(name, sizeof(name), "src/%s", names[i]);
		fd = temp_file(&f->temp, name);
		temp_write(fd, names[i], strlen(names[i]), 0);
		close(fd);
	}
	start(f);
	until(f, three_are_held);
	assert_string_equal(file(f, "a.vhd")->lock, "a.lok");
	assert_int_equal(file(f, "a.lok")->state, FILE_SKIPPED);
	far.us = daemon_now().mono.us + 3600 * SECOND_US;
	for (unsigned i = 0; i < ARRAY_LEN(names); i += 2)
		catalog_settling(file(f, names[i]), far);
	assert_int_equal(unlinkat(f->temp.fd, "src/a.lok", 0), 0);
	until(f, a_is_current);
	assert_int_equal(file(f, "b.vhd")->due.us, far.us);
	assert_int_equal(file(f, "d/a.vhd")->due.us, far.us);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files_become_jobs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_restart_hashes_nothing_again, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_the_same_content_is_no_new_version, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_deletion, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_gone_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_only_file_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_a_lost_mount, setup, teardown),
		cmocka_unit_test_setup_teardown(test_another_directory_is_confirmed, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_a_lock_file_goes, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
