/*
 * test_keys.c: the key table is in itself right, and the samples in conf/ say what it says.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/diff.h"
#include "policy/keys.h"
#include "tests/unit/ini.h"

struct count {
	const struct key *all[100];
	size_t n;
};

static void collect(void *arg, const struct key *key)
{
	struct count *c = arg;

	assert_true(c->n < ARRAY_LEN(c->all));
	c->all[c->n++] = key;
}

static void table(void **state)
{
	struct count c = {.n = 0};

	(void)state;
	keys_each(collect, &c);
	assert_true(c.n > 30);
	for (size_t i = 0; i < c.n; i++) {
		const struct key *k = c.all[i];

		assert_ptr_equal(keys_find(k->section, k->name), k);
		assert_true(k->flags & (KEY_HUB | KEY_SPOKE));
		/* What must be given has no default, and a list has none. */
		assert_false(k->def && k->flags & (KEY_HUB_MUST | KEY_SPOKE_MUST | KEY_LIST));
		assert_true(k->values && k->help);
		assert_true(k->help[0] >= 'A' && k->help[0] <= 'Z');
		assert_int_not_equal(k->help[strlen(k->help) - 1], '.');
		if (k->type == KEY_RATE || k->type == KEY_PINS)
			assert_true(k->aux > 0);
	}
}

static void look_ups(void **state)
{
	(void)state;
	for (enum section_kind s = 0; s < SECTION_KINDS; s++)
		assert_int_equal(keys_section(keys_section_word(s)), s);
	assert_int_equal(keys_section("Daemon"), SECTION_KINDS);
	assert_null(keys_find(SECTION_POLICY, "rate"));
	assert_string_equal(keys_near(SECTION_POLICY, "windw")->name, "window");
	assert_null(keys_near(SECTION_POLICY, "xyz"));
	assert_int_equal(keys_elsewhere("url"), SECTION_SPOKE);
	assert_int_equal(keys_elsewhere("urls"), SECTION_KINDS);
	assert_true(keys_free_text(keys_find(SECTION_GROUP, "include")));
	assert_false(keys_free_text(keys_find(SECTION_DAEMON, "rate")));
}

static char *read_sample(const char *name)
{
	const char *top = getenv("srcdir");
	char *path = xasprintf("%s/conf/%s", top ? top : ".", name), *text = xcalloc(1, 65536);
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	fclose(f);
	free(path);
	return text;
}

/* ";key = value" at the start of a line becomes "key = value". */
static char *uncommented(const char *text)
{
	char *copy = xcalloc(1, strlen(text) + 1), *to = copy;
	bool start = true;

	for (; *text; start = *text++ == '\n') {
		size_t word = strspn(text + 1, "abcdefghijklmnopqrstuvwxyz_");

		if (start && *text == ';' && word && !strncmp(text + 1 + word, " = ", 3))
			continue;
		*to++ = *text;
	}
	return copy;
}

static void not_changed(void *arg, const struct diff_change *d)
{
	(void)arg;
	fail_msg("the sample's %s = %s is not the default %s", d->key, d->after, d->before);
}

/* What the annotated samples show as defaults are the defaults. */
static void samples(void **state)
{
	static const char *const names[] = {"hub.ini", "spoke.ini"};
	static const char *const minimal[] = {"hub-minimal.ini", "spoke-minimal.ini"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		char *text = read_sample(names[i]), *all = uncommented(text);
		struct config *a = ini_good(text), *b = ini_good(all);

		assert_non_null(a);
		assert_non_null(b);
		assert_int_not_equal(strlen(text), strlen(all));
		diff_config(a, b, not_changed, NULL);
		config_unref(a);
		config_unref(b);
		free(text);
		free(all);
		text = read_sample(minimal[i]);
		a = ini_good(text);
		assert_non_null(a);
		config_unref(a);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table),
		cmocka_unit_test(look_ups),
		cmocka_unit_test(samples),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
