/*
 * test_command.c: the command table as a whole (every row complete, no word or path twice,
 * positions without gaps), and how a row is found.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "scheduler/command.h"

static void rows_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < COMMANDS_N; i++) {
		const struct command *c = &command_table[i];

		assert_int_equal(c->id, i);
		assert_non_null(c->word);
		assert_non_null(c->usage);
		assert_true(strlen(c->summary) > 10 && strlen(c->summary) < 72);
		assert_true(strlen(c->help) > 20);
		assert_true(c->help[strlen(c->help) - 1] == '.');
		assert_true(!strcmp(c->method, "GET") || !strcmp(c->method, "POST"));
		assert_true(!strncmp(c->path, "/v1/", 4));
		assert_true(c->right == RIGHT_READ || c->right == RIGHT_CHANGE);
		assert_true(c->roles & ON_BOTH);
	}
}

/* What changes something needs the right to, and is no GET, which may be repeated by anybody. */
static void a_get_changes_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < COMMANDS_N; i++) {
		if (!strcmp(command_table[i].method, "GET"))
			assert_int_equal(command_table[i].right, RIGHT_READ);
	}
	assert_int_equal(command_by_word("sync-now")->right, RIGHT_CHANGE);
	assert_int_equal(command_by_word("pause")->right, RIGHT_CHANGE);
	assert_int_equal(command_by_word("resume")->right, RIGHT_CHANGE);
	assert_int_equal(command_by_word("stop-now")->right, RIGHT_CHANGE);
	assert_int_equal(command_by_word("cancel")->right, RIGHT_CHANGE);
	assert_int_equal(command_by_word("retry")->right, RIGHT_CHANGE);
	assert_int_equal(command_by_word("reload")->right, RIGHT_CHANGE);
	assert_int_equal(command_by_word("pair")->right, RIGHT_CHANGE);
}

static void no_row_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < COMMANDS_N; i++) {
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(command_table[i].word, command_table[k].word);
			assert_string_not_equal(command_table[i].path, command_table[k].path);
		}
	}
}

static void arguments_are_complete(void **state)
{
	(void)state;
	for (size_t i = 0; i < COMMANDS_N; i++) {
		const struct command *c = &command_table[i];
		unsigned last = 0;

		for (size_t k = 0; c->args[k].name; k++) {
			const struct command_arg *a = &c->args[k];

			assert_true(k < COMMAND_ARGS_MAX);
			assert_non_null(a->help);
			assert_true((a->kind == ARG_FLAG) == (a->meta == NULL));
			assert_true(a->place == 0 || a->place == last || a->place == last + 1);
			last = a->place ? a->place : last;
			assert_int_equal(command_arg_index(c, a->name), k);
			/* --help and the man page go by usage: each option is in it. */
			assert_non_null(strstr(c->usage, a->place ? a->meta : a->name));
		}
	}
}

static void found_by_word(void **state)
{
	(void)state;
	assert_ptr_equal(command_by_word("stop-now"), &command_table[CMD_STOP_NOW]);
	assert_null(command_by_word("stop"));
	assert_null(command_by_word(""));
	assert_string_equal(command_nearest("stauts"), "status");
	assert_string_equal(command_nearest("synk-now"), "sync-now");
	assert_null(command_nearest("frobnicate"));
}

static void found_by_path(void **state)
{
	const struct command *c = NULL;
	char part[8];

	(void)state;
	assert_int_equal(command_by_path("GET", "/v1/jobs", &c, part, sizeof(part)), 0);
	assert_int_equal(c->id, CMD_JOBS);
	assert_string_equal(part, "");
	assert_int_equal(command_by_path("GET", "/v1/jobs/17", &c, part, sizeof(part)), 0);
	assert_int_equal(c->id, CMD_JOB);
	assert_string_equal(part, "17");
	assert_int_equal(command_by_path("POST", "/v1/jobs/17/cancel", &c, part, sizeof(part)), 0);
	assert_int_equal(c->id, CMD_CANCEL);
	assert_int_equal(command_by_path("POST", "/v1/jobs/17/retry", &c, part, sizeof(part)), 0);
	assert_int_equal(c->id, CMD_RETRY);
}

static void not_found_by_path(void **state)
{
	static const char *const none[] = {"/",
					   "/v1",
					   "/v1/jobs/",
					   "/v1/jobs/1/",
					   "/v1/jobs/1/x",
					   "/v2/jobs",
					   "/v1/jobs/12345678",
					   "/v1/statusx",
					   "/v1/jobs//cancel"};
	const struct command *c = NULL;
	char part[8];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(none); i++)
		assert_int_equal(command_by_path("GET", none[i], &c, part, sizeof(part)), -ENOENT);
	assert_int_equal(command_by_path("POST", "/v1/status", &c, part, sizeof(part)), -EPERM);
	assert_int_equal(command_by_path("GET", "/v1/pause", &c, part, sizeof(part)), -EPERM);
	assert_null(c);
}

/* "until_in_sync" in JSON is "until-in-sync" on the command line, not the other way round. */
static void names_with_dashes(void **state)
{
	const struct command *c = command_by_word("sync-now");

	(void)state;
	assert_true(command_arg_index(c, "until-in-sync") >= 0);
	assert_int_equal(command_arg_index(c, "until_in_sync"),
			 command_arg_index(c, "until-in-sync"));
	assert_int_equal(command_arg_index(c, "until"), -1);
	assert_int_equal(command_arg_index(c, "until-in-sync-x"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_complete), cmocka_unit_test(a_get_changes_nothing),
		cmocka_unit_test(no_row_twice),	     cmocka_unit_test(arguments_are_complete),
		cmocka_unit_test(found_by_word),     cmocka_unit_test(found_by_path),
		cmocka_unit_test(not_found_by_path), cmocka_unit_test(names_with_dashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
