/*
 * test_hooks.c: programs run one after the other with the facts in their environment.
 */
#include "scheduler/hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <ev.h>

#include "scheduler/log.h"

static void test_facts_and_order(void **state)
{
	struct ev_loop *loop = ev_default_loop(0);
	struct hooks *h = hooks_new(loop);
	char path[] = "/tmp/test_hooks.XXXXXX", cmd[200], text[200] = "";
	struct hook_fact facts[] = {{"PATH", "a b/$(c).img"}, {"EVENT", "put"}};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	log_init(LOG_LEVEL_ERROR);
	snprintf(cmd, sizeof(cmd), "echo \"$SPOKESYNC_EVENT $SPOKESYNC_PATH\" >> %s", path);
	hooks_run(h, cmd, "one", facts, 2);
	facts[1].value = "delete";
	hooks_run(h, cmd, "two", facts, 2);
	hooks_run(h, "exit 3", "fails", facts, 2);
	hooks_run(h, NULL, "none", facts, 2);
	hooks_run(h, "", "none", facts, 2);
	assert_int_equal(hooks_waiting(h), 3);
	while (hooks_waiting(h))
		ev_run(loop, EVRUN_ONCE);
	assert_true(read(fd, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "put a b/$(c).img\ndelete a b/$(c).img\n");
	hooks_free(h);
	close(fd);
	unlink(path);
}

/* Freed while one runs and one waits: nothing is left of either. */
static void test_freed_early(void **state)
{
	struct hooks *h = hooks_new(ev_default_loop(0));

	(void)state;
	hooks_run(h, "exec sleep 1000", "long", NULL, 0);
	hooks_run(h, "exec sleep 1000", "waits", NULL, 0);
	assert_int_equal(hooks_waiting(h), 2);
	hooks_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_facts_and_order),
		cmocka_unit_test(test_freed_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
