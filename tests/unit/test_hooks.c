/*
 * test_hooks.c: programs with the facts in their environment and on their standard input: in order
 * for one program, side by side for several, bounded in time and in what is kept of their output.
 */
#include "scheduler/hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <ev.h>

#include "scheduler/log.h"

struct seen {
	int n, status;
	bool late;
	char output[HOOK_OUTPUT_MAX + 1];
};

static void ended(void *arg, const struct hook_end *end)
{
	struct seen *s = arg;

	s->n++;
	s->status = end->status;
	s->late = end->late;
	snprintf(s->output, sizeof(s->output), "%s", end->output);
}

static void run_all(struct hooks *h)
{
	while (hooks_waiting(h))
		ev_run(ev_default_loop(0), EVRUN_ONCE);
}

/* Catches: a fact that the shell reads, an order that is lost, an input that is not given. */
static void test_facts_and_order(void **state)
{
	struct hooks *h = hooks_new(ev_default_loop(0));
	char path[] = "/tmp/test_hooks.XXXXXX", cmd[200], text[300] = "";
	const char *env[] = {"SPOKESYNC_PATH=a b/$(c).img", "SPOKESYNC_EVENT=settled", NULL};
	struct seen seen = {0};
	struct hook_spec spec = {.program = cmd,
				 .what = "one",
				 .input = "{\"n\":1}",
				 .env = env,
				 .limit_s = 60,
				 .done = ended,
				 .arg = &seen};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	log_init(LOG_LEVEL_ERROR);
	setenv("NOTIFY_SOCKET", "/nowhere", 1);
	snprintf(cmd, sizeof(cmd),
		 "echo \"$SPOKESYNC_EVENT $SPOKESYNC_PATH $NOTIFY_SOCKET$(cat)\" >> %s", path);
	hooks_run(h, &spec);
	spec.input = "{\"n\":2}";
	hooks_run(h, &spec);
	assert_int_equal(hooks_waiting(h), 2);
	run_all(h);
	assert_int_equal(seen.n, 2);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_string_equal(text,
			    "settled a b/$(c).img {\"n\":1}\nsettled a b/$(c).img {\"n\":2}\n");
	hooks_free(h);
	close(fd);
	unlink(path);
}

/* Two that wait for each other: they end only where they run side by side. */
static void test_side_by_side(void **state)
{
	struct hooks *h = hooks_new(ev_default_loop(0));
	char dir[] = "/tmp/test_hooks.XXXXXX", one[200], two[200];
	struct seen a = {0}, b = {0};
	struct hook_spec spec = {.what = "x", .limit_s = 60, .done = ended};

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(one, sizeof(one), "mkfifo %s/f; cat %s/f", dir, dir);
	snprintf(two, sizeof(two), "until [ -p %s/f ]; do sleep 0.01; done; echo met >%s/f", dir,
		 dir);
	spec.program = one;
	spec.arg = &a;
	hooks_run(h, &spec);
	spec.program = two;
	spec.arg = &b;
	hooks_run(h, &spec);
	run_all(h);
	assert_string_equal(a.output, "met\n");
	assert_int_equal(b.status, 0);
	hooks_free(h);
	snprintf(one, sizeof(one), "%s/f", dir);
	unlink(one);
	rmdir(dir);
}

/* Catches: a limit that is not kept, a status that is lost, output without an end. */
static void test_bounds(void **state)
{
	struct hooks *h = hooks_new(ev_default_loop(0));
	struct seen fails = {0}, late = {0}, loud = {0};
	struct hook_spec spec = {.what = "x", .limit_s = 60, .done = ended};

	(void)state;
	spec.program = "echo no >&2; exit 3";
	spec.arg = &fails;
	hooks_run(h, &spec);
	spec.program = "yes | head -c 300000";
	spec.arg = &loud;
	hooks_run(h, &spec);
	spec.program = "sleep 1000";
	spec.arg = &late;
	spec.limit_s = 0.05;
	hooks_run(h, &spec);
	run_all(h);
	assert_int_equal(WEXITSTATUS(fails.status), 3);
	assert_string_equal(fails.output, "no\n");
	assert_int_equal(loud.status, 0);
	assert_int_equal(strlen(loud.output), HOOK_OUTPUT_MAX);
	assert_true(late.late);
	assert_int_equal(WTERMSIG(late.status), SIGTERM);
	hooks_free(h);
}

/* Freed while one runs and one waits: nothing is left of either. */
static void test_freed_early(void **state)
{
	struct hooks *h = hooks_new(ev_default_loop(0));
	struct seen seen = {0};
	struct hook_spec spec = {.program = "exec sleep 1000",
				 .what = "long",
				 .limit_s = 2000,
				 .done = ended,
				 .arg = &seen};

	(void)state;
	hooks_run(h, &spec);
	hooks_run(h, &spec);
	assert_int_equal(hooks_waiting(h), 2);
	hooks_free(h);
	assert_int_equal(seen.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts_and_order),
		cmocka_unit_test(test_side_by_side),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_freed_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
