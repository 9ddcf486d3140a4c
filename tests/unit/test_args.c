/*
 * test_args.c: arguments from the command line and from JSON: what is taken, what is refused and in
 * which words, and the values that come out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/units.h"
#include "scheduler/args.h"

#define WORDS_MAX 12

/* Parses a line of words; 0 or -EINVAL with the error text kept. */
static int parse(struct args *a, const char *line, struct err *e)
{
	char copy[256], *words[WORDS_MAX], *save = NULL;
	int n = 0, r;

	const char *space = strchr(line, ' ');
	char word[32];

	snprintf(word, sizeof(word), "%.*s", space ? (int)(space - line) : (int)strlen(line), line);
	args_init(a, command_by_word(word));
	snprintf(copy, sizeof(copy), "%s", space ? space + 1 : "");
	for (char *w = strtok_r(copy, " ", &save); w && n < WORDS_MAX;
	     w = strtok_r(NULL, " ", &save))
		words[n++] = w;
	r = args_set_words(a, n, words, e);
	return r ? r : args_complete(a, e);
}

static void good(const char *line, const char *name, const char *value)
{
	struct err e = {0};
	struct args a;
	const char *got;

	if (parse(&a, line, &e) < 0)
		fail_msg("%s: %s", line, e.text);
	got = args_text(&a, name);
	if (value)
		assert_string_equal(got, value);
	else
		assert_null(got);
	args_done(&a);
}

static void bad(const char *line, const char *word)
{
	struct err e = {0};
	struct args a;

	assert_true(parse(&a, line, &e) < 0);
	if (!strstr(e.text, word))
		fail_msg("%s: '%s' does not say '%s'", line, e.text, word);
	args_done(&a);
}

static void words_are_taken(void **state)
{
	(void)state;
	good("sync-now berlin --for 90m", "spoke", "berlin");
	good("sync-now berlin --for 90m", "for", "90m");
	good("sync-now --for=90m berlin", "for", "90m");
	good("sync-now --all --rate 20Mbit", "all", "1");
	good("sync-now --spoke berlin", "spoke", "berlin");
	good("sync-now --all", "spoke", NULL);
	good("jobs", "all", NULL);
	good("cancel 17", "job", "17");
	good("explain berlin a/b.vhdx", "path", "a/b.vhdx");
	good("explain berlin -- --odd", "path", "--odd");
	good("pause --for 2h --reason night", "reason", "night");
}

/* One word is a job, two are a spoke and a path; a spoke named by digits goes by its option. */
static void why_takes_either(void **state)
{
	(void)state;
	good("why 17", "job", "17");
	good("why 17", "spoke", NULL);
	good("why berlin a.vhdx", "spoke", "berlin");
	good("why berlin a.vhdx", "path", "a.vhdx");
	good("why --spoke 17 --path a.vhdx", "spoke", "17");
}

static void words_are_refused(void **state)
{
	(void)state;
	bad("jobs --frob", "no option --frob");
	bad("jobs --grup x", "did you mean");
	bad("jobs -x", "no option -x");
	bad("jobs berlin", "one word too many");
	bad("cancel", "JOB is missing");
	bad("cancel x", "not a number");
	bad("cancel 99999999999999999999", "not a number");
	bad("cancel 1 2", "one word too many");
	bad("jobs --all=1", "takes no value");
	bad("jobs --spoke", "needs a value");
	bad("jobs --spoke a --spoke b", "given twice");
	bad("jobs --spoke a/b", "not a name");
	bad("jobs --spoke ..%2f", "not a name");
	bad("explain berlin /etc/passwd", "below the group");
	bad("pause --for soon", "for:");
	bad("pause --for 0s", "for:");
	bad("pause --until tomorrow", "not a time");
	bad("sync-now berlin --rate fast", "rate:");
	bad("sync-now berlin --rate closed", "rate:");
}

static int set_json(struct args *a, const char *word, const char *text, struct err *e)
{
	json_t *o = json_loads(text, JSON_DECODE_ANY, NULL);
	int r;

	args_init(a, command_by_word(word));
	r = args_set_json(a, o, e);
	json_decref(o);
	return r;
}

static void json_is_taken(void **state)
{
	struct err e = {0};
	struct args a;

	(void)state;
	assert_int_equal(set_json(&a, "sync-now",
				  "{\"spoke\":\"berlin\",\"for\":\"1h30m\",\"rate\":\"8Mbit\","
				  "\"until_in_sync\":true,\"all\":false,\"group\":null}",
				  &e),
			 0);
	assert_string_equal(args_text(&a, "spoke"), "berlin");
	assert_int_equal(args_duration(&a, "for", 0), 5400 * SECOND_US);
	assert_int_equal(args_rate(&a, "rate", 0), 1000000);
	assert_true(args_flag(&a, "until-in-sync"));
	assert_false(args_flag(&a, "all"));
	assert_null(args_text(&a, "group"));
	args_done(&a);
	assert_int_equal(set_json(&a, "log", "{\"job\":17,\"since\":\"2026-11-22T15:00:00Z\"}", &e),
			 0);
	assert_int_equal(args_number(&a, "job", 0), 17);
	assert_int_equal(args_time(&a, "since", (struct wall){0}).s, 1795359600);
	args_done(&a);
}

static void json_is_refused(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{"[]", "object"},
		{"\"x\"", "object"},
		{"{\"spoke\":[]}", "string, number or boolean"},
		{"{\"spoke\":1.5}", "string, number or boolean"},
		{"{\"spokes\":\"x\"}", "no argument 'spokes'; did you mean \"spoke\"?"},
		{"{\"for\":\"-1h\"}", "for:"},
		{"{\"rate\":5}", "rate:"},
		{"{\"reason\":\"a\\nb\"}", "control characters"},
		{"{\"all\":\"yes\"}", "switch"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err e = {0};
		struct args a;

		if (set_json(&a, "sync-now", cases[i].text, &e) >= 0)
			fail_msg("%s is taken", cases[i].text);
		if (!strstr(e.text, cases[i].word))
			fail_msg("%s: %s", cases[i].text, e.text);
		args_done(&a);
	}
}

/* Long input is refused before it is kept. */
static void lengths_are_limited(void **state)
{
	char *name = malloc(70), *text = malloc(6000);
	struct err e = {0};
	struct args a;

	(void)state;
	memset(name, 'a', 69);
	name[69] = '\0';
	memset(text, 'a', 5999);
	text[5999] = '\0';
	args_init(&a, command_by_word("sync-now"));
	assert_true(args_set(&a, "spoke", name, &e) < 0);
	assert_true(args_set(&a, "reason", text, &e) < 0);
	text[500] = '\0';
	assert_int_equal(args_set(&a, "reason", text, &e), 0);
	args_done(&a);
	free(name);
	free(text);
}

static void absent_values(void **state)
{
	struct args a;

	(void)state;
	args_init(&a, command_by_word("pause"));
	assert_int_equal(args_duration(&a, "for", 7), 7);
	assert_int_equal(args_time(&a, "until", (struct wall){5}).s, 5);
	assert_int_equal(args_number(&a, "no-such", 9), 9);
	assert_false(args_flag(&a, "all"));
	args_done(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_are_taken),   cmocka_unit_test(why_takes_either),
		cmocka_unit_test(words_are_refused), cmocka_unit_test(json_is_taken),
		cmocka_unit_test(json_is_refused),   cmocka_unit_test(lengths_are_limited),
		cmocka_unit_test(absent_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
