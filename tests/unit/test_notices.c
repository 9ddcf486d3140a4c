/*
 * test_notices.c: what is to be told is kept until it was told, over the end of the process.
 */
#include "scheduler/notices.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/address.h"
#include "scheduler/daemon.h"
#include "scheduler/log.h"
#include "tests/unit/temp.h"

struct world {
	struct daemon d;
	struct config config;
	struct group_cfg group;
	struct temp t;
	const char *dir;
	char hook[700];
};

static void world_open(struct world *w)
{
	struct err e = {""};

	w->config = (struct config){.state_dir = w->dir,
				    .groups = &w->group,
				    .n_groups = 1,
				    .hook_time_us = 60 * SECOND_US};
	w->group.name = "g";
	w->d = (struct daemon){.loop = ev_default_loop(0), .config = &w->config};
	assert_int_equal(notices_open(&w->d, &w->d.notices, &e), 0);
}

static unsigned waiting(struct world *w)
{
	const char *problem;

	return notices_waiting(w->d.notices, &problem);
}

static void tell(struct world *w, const char *path)
{
	notices_tell(w->d.notices, &w->group, NOTICE_COMPLETE,
		     json_pack("{s:s, s:[s, s]}", "path", path, "spokes", "a", "b"));
}

static void read_lines(struct world *w, char *text, size_t size)
{
	char *path = xasprintf("%s/out", w->dir);
	FILE *f = fopen(path, "r");

	memset(text, 0, size);
	if (f) {
		assert_true(fread(text, 1, size - 1, f) < size - 1);
		fclose(f);
	}
	free(path);
}

/* Catches: a row that goes before its hook has ended, an id that is given twice, an order that a
 * restart turns round. */
static void test_told_after_a_restart(void **state)
{
	struct world w = {0};
	char text[500];

	(void)state;
	log_init(LOG_LEVEL_ERROR);
	temp_new(&w.t);
	w.dir = w.t.path;
	snprintf(w.hook, sizeof(w.hook), "kill -9 $PPID & echo early >>%s/out; sleep 1000", w.dir);
	world_open(&w);
	/* Nobody wants it. */
	assert_false(notices_wanted(&w.group, NOTICE_COMPLETE));
	w.group.on[NOTICE_COMPLETE] = "/bin/sleep 1000";
	assert_true(notices_wanted(&w.group, NOTICE_COMPLETE));
	assert_false(notices_wanted(&w.group, NOTICE_LATE));
	tell(&w, "one");
	tell(&w, "two");
	notices_commit(w.d.notices); /* the first runs now */
	assert_int_equal(waiting(&w), 2);
	notices_free(w.d.notices); /* and is ended before its end */

	snprintf(w.hook, sizeof(w.hook),
		 "echo \"$SPOKESYNC_ID $SPOKESYNC_EVENT $SPOKESYNC_PATH $SPOKESYNC_SPOKES\" "
		 ">>%s/out",
		 w.dir);
	w.group.on[NOTICE_COMPLETE] = w.hook;
	world_open(&w);
	assert_int_equal(waiting(&w), 2);
	tell(&w, "three");
	while (waiting(&w))
		ev_run(w.d.loop, EVRUN_ONCE);
	read_lines(&w, text, sizeof(text));
	assert_string_equal(text, "1 complete one a,b\n2 complete two a,b\n3 complete three a,b\n");
	notices_free(w.d.notices);

	world_open(&w);
	assert_int_equal(waiting(&w), 0);
	tell(&w, "four");
	while (waiting(&w))
		ev_run(w.d.loop, EVRUN_ONCE);
	read_lines(&w, text, sizeof(text));
	assert_non_null(strstr(text, "4 complete four"));
	notices_free(w.d.notices);
	temp_done(&w.t);
}

/* What nobody is to be told any more goes; what is too much is refused and nothing else is lost. */
static void test_bounds(void **state)
{
	struct world w = {0};

	(void)state;
	temp_new(&w.t);
	w.dir = w.t.path;
	world_open(&w);
	w.group.webhook = "http://127.0.0.1:1/";
	w.group.webhook_events = 1u << NOTICE_COMPLETE;
	for (unsigned i = 0; i < NOTICES_MAX + 10; i++)
		tell(&w, "x");
	assert_int_equal(waiting(&w), NOTICES_MAX);
	w.group.webhook = NULL;
	notices_commit(w.d.notices);
	assert_int_equal(waiting(&w), 0);
	notices_free(w.d.notices);
	temp_done(&w.t);
}

static void test_urls(void **state)
{
	static const char *const good[] = {"https://a.example/", "https://a.example:8443/x/y?z=1",
					   "http://127.0.0.1:80/hook", "http://[::1]/",
					   "http://localhost:1"};
	static const char *const bad[] = {"http://a.example/",
					  "ftp://a.example/",
					  "https://u:p@a.example/",
					  "https:///x",
					  "https://a.example:0/",
					  "https://a.example/a b",
					  "http://127.0.0.1.evil.com/",
					  "https://a.example/\x01",
					  "none",
					  ""};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		assert_true(address_webhook_ok(good[i]));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(address_webhook_ok(bad[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_after_a_restart),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
