/*
 * test_config.c: configurations as a whole: values, defaults, every error at once, includes, and
 * the rules that span sections.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "policy/match.h"
#include "policy/config.h"
#include "policy/filter.h"
#include "tests/unit/ini.h"

/* Exactly these errors, in this order: each "LINE: part of the text". */
static void expect_errors(const char *text, const char *const *want, size_t n)
{
	char *all = ini_errors(text), *at = all;

	for (size_t i = 0; i < n; i++) {
		unsigned line = (unsigned)atoi(want[i]);
		const char *part = strchr(want[i], ' ') + 1;
		char *end = strchr(at, '\n'), prefix[32];

		snprintf(prefix, sizeof(prefix), line ? "x.ini:%u: " : "x.ini: ", line);
		if (!end || strncmp(at, prefix, strlen(prefix)))
			fail_msg("wanted \"%s\" in:\n%s", want[i], all);
		*end = '\0';
		if (!strstr(at, part))
			fail_msg("wanted \"%s\", got \"%s\"", part, at);
		at = end + 1;
	}
	if (*at)
		fail_msg("more than wanted: %s", at);
	free(all);
}

#define ERRORS(text, ...)                                       \
	expect_errors(text, (const char *const[]){__VA_ARGS__}, \
		      sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static void hub_values(void **state)
{
	struct config *c = ini_good(INI_HUB("state_dir = /s/\nrate = 200Mbit\ntransfers = 3",
					    "window = sat 00:00-24:00 closed",
					    "include = a\nexclude = b\npriority = 7\nscan = 2m"));
	const struct group_cfg *g;
	const struct spoke_cfg *s;

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->role, ROLE_HUB);
	assert_string_equal(c->state_dir, "/s");
	assert_string_equal(c->key, "/s/hub.key");
	assert_string_equal(c->job_log, "/s/jobs.jsonl");
	assert_string_equal(c->control, "/run/spokesync/control.sock");
	assert_int_equal(c->rate, 25000000);
	assert_int_equal(c->rate_origin.line, 4);
	assert_int_equal(c->transfers, 3);
	assert_int_equal(c->bundle_cache, 8 * GIB);
	assert_null(c->policy);
	g = config_group(c, "g");
	assert_non_null(g);
	assert_int_equal(g->n_spokes, 2);
	assert_true(group_has_spoke(g, "berlin") && group_has_spoke(g, "paris"));
	assert_false(group_has_spoke(g, "rome"));
	assert_int_equal(g->priority, 7);
	assert_int_equal(g->settle_us, 30 * SECOND_US);
	assert_int_equal(g->scan_us, 120 * SECOND_US);
	assert_int_equal(g->publish, PUBLISH_FILE);
	assert_null(g->on[NOTICE_COMPLETE]);
	assert_non_null(g->filter);
	assert_string_equal(g->policy->name, "p");
	assert_int_equal(g->policy->n_lines, 2);
	assert_int_equal(g->policy->lines[1].rate, RATE_CLOSED);
	assert_int_equal(g->policy->zone_kind, ZONE_UTC);
	s = config_spoke(c, "paris");
	assert_non_null(s);
	assert_int_equal(s->n_pins, 1);
	assert_int_equal(s->pins[0].sha256[5], 0xbb);
	assert_int_equal(s->rate, RATE_UNLIMITED);
	assert_int_equal(s->rate_origin.line, 0);
	assert_int_equal(s->weight, 1);
	assert_null(s->policy);
	assert_ptr_equal(config_policy_of(g, s), g->policy);
	assert_null(config_group(c, "h"));
	assert_null(config_spoke(c, "rome"));
	assert_ptr_equal(config_ref(c), c);
	assert_null(config_unref(c));
	assert_null(config_unref(c));
}

static void spoke_values(void **state)
{
	struct config *c = ini_good(INI_SPOKE(
		"hub_key = " INI_PIN_B,
		"staging_quota = 10GiB\nmode = 640\nowner = qemu\nverify = full\n"
		"protect = mode\nprotect_local = \\.lok$\non_publish = /usr/bin/true --x  ; comment"));
	const struct group_cfg *g;

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->role, ROLE_SPOKE);
	assert_int_equal(c->n_hub_pins, 2);
	assert_string_equal(c->listen, ":4480");
	assert_string_equal(c->key, "/var/lib/spokesync/spoke.key");
	g = config_group(c, "g");
	assert_int_equal(g->staging_quota, 10 * GIB);
	assert_int_equal(g->preserve_quota, 100 * GIB);
	assert_int_equal(g->mode, 0640);
	assert_string_equal(g->owner, "qemu");
	assert_null(g->owner_group);
	assert_int_equal(g->verify, VERIFY_FULL);
	assert_int_equal(g->protect, PROTECT_MODE);
	assert_int_equal(g->lock.n, 2);
	assert_string_equal(g->lock.text[1], "{stem}.lok");
	assert_true(filter_any(g->protect_local, "a.lok"));
	assert_string_equal(g->on[NOTICE_PUBLISH], "/usr/bin/true --x");
	config_unref(c);
}

/* Ten mistakes: ten messages, in the order of the file, and nothing that only follows from them. */
static void all_at_once(void **state)
{
	(void)state;
	ERRORS("[daemon]\nrole = hub\nratte = 20Mbit\nrate = 20\ntransfers = 0\n"
	       "[policy p]\ntimezone = Europe/Berlinn\nwindow = mon-fry 22:00-06:00 20Mbit\n"
	       "[groupp h]\npath = /srv\n"
	       "[group g]\npth = /srv/g\nspokes = berln, paris\npolicy = q\nsettle = soon\n"
	       "include = (unclosed\n"
	       "[spoke berlin]\nurl = http://berlin\nkey = " INI_PIN_A "\n"
	       "[spoke paris]\nurl = https://paris\n",
	       "3 did you mean \"rate\"", "4 has no unit", "5 not within 1..1024",
	       "7 did you mean \"Europe/Berlin\"", "8 \"mon-fry\" is not a day",
	       "9 unknown section [groupp]", "12 did you mean \"path\"",
	       "13 did you mean \"berlin\"", "14 there is no [policy q]", "15 not a duration",
	       "16 wrong at character", "18 is not https://", "20 --print-key on the spoke");
}

/* A name that is right, of a file that is not: no hint to write what is written. */
static void broken_zone(void **state)
{
	struct temp t;

	(void)state;
	temp_new(&t);
	ini_write(&t, "Broken", "TZif2");
	assert_int_equal(setenv("TZDIR", t.path, 1), 0);
	ERRORS("[daemon]\nrole = hub\n[policy p]\ntimezone = Broken\n"
	       "window = daily 00:00-24:00 unlimited\n",
	       "0 no [group NAME]", "4 the file of time zone \"Broken\"");
	unsetenv("TZDIR");
	temp_done(&t);
}

/* The zones are files of the machine: names of any depth, words, and nothing where nothing is near.
 */
static void nearest_zone(void **state)
{
	static const char *const cases[][2] = {
		{"europe/berlin", "Europe/Berlin"},
		{"America/Argentina/BuenosAires", "America/Argentina/Buenos_Aires"},
		{"spok", "spoke"},
		{"utc", "UTC"},
		{"Asia/Kalkuta", "Asia/Kolkata"}};
	char ini[100], want[80];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		snprintf(ini, sizeof(ini), "[daemon]\nrole = hub\n[policy p]\ntimezone = %s\n",
			 cases[i][0]);
		snprintf(want, sizeof(want), "4 did you mean \"%s\"?", cases[i][1]);
		ERRORS(ini, "0 no [group NAME]", "3 has no window", want);
	}
}

static void missing(void **state)
{
	(void)state;
	ERRORS("", "0 [daemon] needs role");
	ERRORS("[daemon]\n", "1 [daemon] needs role = hub|spoke");
	ERRORS("[daemon]\nrole = both\n", "2 run two");
	ERRORS("[daemon]\nrole = hubb\n", "2 did you mean \"hub\"");
	ERRORS("[daemon]\nrole = hub\n", "0 nothing would be replicated");
	ERRORS("[daemon]\nrole = spoke\n[group g]\n", "1 needs listen", "3 [group g] needs path");
	ERRORS("[daemon]\nrole = hub\n[group g]\n[spoke s]\n", "3 [group g] needs path",
	       "3 [group g] needs spokes", "4 [spoke s] needs url", "4 has no key");
}

static void wrong_role(void **state)
{
	(void)state;
	ERRORS(INI_SPOKE("rate = 2Mbit",
			 "settle = 3s\npolicy = p") "[spoke x]\nurl = https://x\n[policy y]\n",
	       "5 for role = hub", "8 for role = hub", "9 for role = hub",
	       "10 [spoke x] is for role = hub", "12 [policy y] is for role = hub");
	ERRORS(INI_HUB("listen = :1", "", "verify = full"), "3 for role = spoke",
	       "11 for role = spoke");
}

/* A key whose other values are for later says so, and is not taken and forgotten. */
/* Before they are paired: a spoke that no hub may speak to, a hub that has no spoke. */
static void strangers(void **state)
{
	struct config *c =
		ini_good("[daemon]\nrole = spoke\nlisten = :4480\n[group g]\npath = /g\n");

	(void)state;
	assert_non_null(c);
	assert_int_equal(c->n_hub_pins, 0);
	assert_null(c->include_dir);
	config_unref(c);
	c = ini_good("[daemon]\nrole = hub\n[group g]\npath = /g\nspokes = .*\npolicy = always\n");
	assert_non_null(c);
	assert_int_equal(c->groups[0].n_spokes, 0);
	config_unref(c);
}

static void set_patterns(void **state)
{
	struct config *c = ini_good(INI_HUB("", "",
					    "publish = everywhere\nset = ^([^/]+)/\n"
					    "quorum_wait = 2h\ndelete_grace = 1d\n"
					    "max_delete = 7"));
	const struct group_cfg *g = &c->groups[0];
	char *name = NULL;

	(void)state;
	assert_int_equal(g->publish, PUBLISH_EVERYWHERE);
	assert_int_equal(match_first(g->set, "win11/disk.vhdx", &name), 1);
	assert_string_equal(name, "win11");
	free(name);
	assert_int_equal(g->quorum_wait_us, 7200 * SECOND_US);
	assert_int_equal(g->delete_grace_us, 86400 * SECOND_US);
	assert_int_equal(g->max_delete, 7);
	config_unref(c);
	ERRORS(INI_HUB("", "", "set = ^[^/]+/"), "11 has no group");
	ERRORS(INI_HUB("", "", "set = ^(a"), "11 is wrong at character");
	ERRORS(INI_HUB("", "", "set = (a)\nset = (b)"), "12 already given");
	ERRORS(INI_HUB("", "", "publish = all"), "11 is not one of file|spoke|everywhere");
	ERRORS(INI_HUB("", "", "quorum_wait = 31d"), "11 not within 0..30d");
	ERRORS(INI_HUB("", "", "delete_grace = -1s"), "11 delete_grace");
	ERRORS(INI_HUB("", "", "max_delete = many"), "11 is not a number");
}

static void given_twice(void **state)
{
	(void)state;
	ERRORS(INI_HUB("rate = 2Mbit\nrate = 3Mbit", "",
		       "") "[group g]\npath = /x\n[daemon]\nrole = hub\n",
	       "4 already given at", "19 already at", "22 already given at");
	ERRORS(INI_HUB("", "", "") "key = " INI_PIN_B "\n", "18 this key is already given");
	ERRORS(INI_HUB("", "", "spokes = berlin"), "11 already given");
	ERRORS("[daemon]\nrole = hub\n[policy always]\n[group g]\npath = /g\nspokes = a, a\npolicy = always\n"
	       "[spoke a]\nurl = https://a\nkey = " INI_PIN_A "\n",
	       "3 built in", "6 named twice");
}

/* A misspelt key counts as given, and so does the right one beside it. */
static void misspelt_and_right(void **state)
{
	(void)state;
	ERRORS(INI_HUB("", "timezon = UTC\ntimezone = Europe/Berlin\ntimezone = UTC", ""),
	       "6 did you mean \"timezone\"", "8 already given at");
}

static void names(void **state)
{
	(void)state;
	ERRORS(INI_HUB("", "",
		       "") "[group]\n[daemon x]\n[group a/b]\n[spoke -a]\n[colours]\nred = 1\n",
	       "18 needs a name", "19 has no name", "20 the name", "21 the name",
	       "22 unknown section");
	ERRORS(INI_HUB("url = https://x\nxyzzy = 1", "", ""), "3 but in [spoke NAME]",
	       "4 unknown key \"xyzzy\" in [daemon]");
}

static void free_text(void **state)
{
	(void)state;
	ERRORS(INI_HUB("", "", "include = a ;b\nexclude = a # b\ninclude ="), "11 two blanks",
	       "12 start of a line", "13 empty");
	/* Where a value is not free text, a comment may follow as it likes. */
	config_unref(ini_good(INI_HUB("rate = 2Mbit ;x", "", "include = a\\x20;b  ; comment")));
}

/* Who is told what. Catches: an event that is taken for another, a URL that leads elsewhere. */
static void notices(void **state)
{
	struct config *c =
		ini_good(INI_HUB("hook_time = 90s", "",
				 "on_fail = /bin/tell --loud\nwebhook = https://a.example/x?y\n"
				 "webhook_events = late,complete\nwebhook_header = /etc/h"));
	const struct group_cfg *g = &c->groups[0];

	(void)state;
	assert_int_equal(c->hook_time_us, 90 * SECOND_US);
	assert_string_equal(g->on[NOTICE_FAIL], "/bin/tell --loud");
	assert_null(g->on[NOTICE_LATE]);
	assert_string_equal(g->webhook, "https://a.example/x?y");
	assert_int_equal(g->webhook_events, 1u << NOTICE_LATE | 1u << NOTICE_COMPLETE);
	assert_string_equal(g->webhook_header, "/etc/h");
	config_unref(c);
	c = ini_good(INI_HUB("", "", "webhook = none"));
	assert_null(c->groups[0].webhook);
	assert_null(c->groups[0].webhook_header);
	assert_int_equal(c->groups[0].webhook_events, 1u << NOTICE_PUBLISH | 1u << NOTICE_COMPLETE |
							      1u << NOTICE_FAIL |
							      1u << NOTICE_LATE);
	config_unref(c);
	ERRORS(INI_HUB("", "",
		       "webhook = http://a.example/\nwebhook_events = complete, done\n"
		       "webhook_header = h\non_fail = mail me"),
	       "11 is not https", "12 \"done\" is none of settled", "13 not an absolute path",
	       "14 not the absolute path of a program");
	ERRORS(INI_SPOKE("", "on_fail = /bin/x"), "8 for role = hub");
}

static void paths_and_addresses(void **state)
{
	static const char *const bad_urls[] = {
		"berlin",	   "http://b",	  "https://",	 "https://b:0",
		"https://b:99999", "https://b/x", "https://u@b", "https://[::1",
		"https://b:",	   "ftp://b",	  "https://b c"};
	static const char *const good_urls[] = {"https://b", "https://b:1", "https://b/",
						"https://[::1]", "https://10.0.0.1:9"};
	char *text, *e;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_urls); i++) {
		text = xasprintf(INI_HUB("", "", "") "[spoke x]\nkey = sha256:%064d\nurl = %s\n", 7,
				 bad_urls[i]);
		e = ini_errors(text);
		assert_non_null(strstr(e, ":20: url: "));
		free(e);
		free(text);
	}
	for (size_t i = 0; i < ARRAY_LEN(good_urls); i++) {
		text = xasprintf(INI_HUB("", "", "") "[spoke x]\nkey = sha256:%064d\nurl = %s\n", 7,
				 good_urls[i]);
		e = ini_errors(text);
		assert_string_equal(e, "");
		free(e);
		free(text);
	}
	ERRORS(INI_SPOKE("state_dir = var", ""), "5 not an absolute path");
	ERRORS(INI_SPOKE("state_dir = /a/../b", ""), "5 empty, . or .. part");
	ERRORS(INI_SPOKE("control = /a//b", ""), "5 empty, . or .. part");
	ERRORS("[daemon]\nrole = spoke\nlisten = 4480\nhub_key = " INI_PIN_A
	       "\n[group g]\npath = /g\n",
	       "3 is not host:port");
}

static void whole_rules(void **state)
{
	(void)state;
	ERRORS(INI_HUB("retry_min = 1h\nretry_max = 1m", "", ""), "3 longer than retry_max");
	ERRORS(INI_HUB("policy = p", "timezone = spoke", ""), "3 cannot have timezone = spoke");
	ERRORS(INI_HUB("", "", "") "[group h]\npath = /srv/g/sub\nspokes = berlin\npolicy = p\n",
	       "19 lie one in the other");
	ERRORS(INI_HUB("state_dir = /srv/g/state", "", ""), "8 lie one in the other");
	ERRORS(INI_HUB("", "", "") "[spoke x]\nurl = https://berlin\nkey = " INI_PIN_B "\n",
	       "19 [spoke berlin] has the same", "20 [spoke paris] has the same");
	ERRORS(INI_HUB("", "", "") "[policy q]\n", "18 no window");
	/* /srv/g is not above /srv/g2 */
	config_unref(ini_good(
		INI_HUB("", "", "") "[group h]\npath = /srv/g2\nspokes = berlin\npolicy = p\n"));
}

static void no_policy(void **state)
{
	static const char head[] = "[daemon]\nrole = hub\n[group g]\npath = /g\nspokes = .*\n";
	static const char a[] = "[spoke a]\nurl = https://a\nkey = " INI_PIN_A "\n";
	static const char b[] = "[spoke b]\nurl = https://b\nkey = " INI_PIN_B "\n";
	char *one = xasprintf("%s%s", head, a), *two = xasprintf("%s%s%s", head, a, b);
	char *mixed = xasprintf("%s%spolicy = always\n%s", head, a, b);
	char *good = xasprintf("%s%spolicy = always\n", head, a);
	struct config *c;

	(void)state;
	ERRORS(one, "3 nor has its spoke a");
	ERRORS(two, "3 nor have a and 1 more");
	ERRORS(mixed, "3 nor has its spoke b");
	c = ini_good(good);
	assert_non_null(c);
	assert_null(c->groups[0].policy);
	assert_string_equal(config_policy_of(&c->groups[0], &c->spokes[0])->name, "always");
	config_unref(c);
	free(one);
	free(two);
	free(mixed);
	free(good);
}

static unsigned count_spokes(const char *spokes)
{
	char *text = xasprintf(
		"[daemon]\nrole = hub\n[group g]\npath = /g\npolicy = always\nspokes = %s\n"
		"[spoke north-1]\nurl = https://a\nkey = sha256:%064d\n"
		"[spoke north-2]\nurl = https://b\nkey = sha256:%064d\n"
		"[spoke south]\nurl = https://c\nkey = sha256:%064d\n",
		spokes, 1, 2, 3);
	struct config *c = ini_good(text);
	unsigned n = 0;

	if (c)
		n = (unsigned)c->groups[0].n_spokes;
	for (unsigned i = 1; i < n; i++)
		assert_true(strcmp(c->groups[0].spokes[i - 1], c->groups[0].spokes[i]) < 0);
	config_unref(c);
	free(text);
	return n;
}

static void spokes_of_a_group(void **state)
{
	(void)state;
	assert_int_equal(count_spokes("south, north-1"), 2);
	assert_int_equal(count_spokes("south north-1,north-2"), 3);
	assert_int_equal(count_spokes("north-.*"), 2);
	assert_int_equal(count_spokes("/north-.*|south/"), 3);
	/* Whole names only. */
	assert_int_equal(count_spokes("/.*1/"), 1);
	ERRORS(INI_HUB("", "", "") "[group h]\npath = /h\npolicy = p\nspokes = /berli/\n",
	       "21 covers the name of no");
	ERRORS(INI_HUB("", "", "") "[group h]\npath = /h\npolicy = p\nspokes = *\n",
	       "21 wrong at character");
	ERRORS(INI_HUB("", "", "") "[group h]\npath = /h\npolicy = p\nspokes = ,\n", "21 no name");
}

/* A directory of files; returns all errors of main.ini. */
static char *load_dir(const struct temp *t, struct config **ret)
{
	struct config_errors errors;
	char file[600], *all = xstrdup(""), *more;

	snprintf(file, sizeof(file), "%s/main.ini", t->path);
	*ret = NULL;
	if (config_load(file, ret, &errors))
		*ret = NULL;
	for (size_t i = 0; i < errors.n; i++) {
		more = xasprintf("%s%s\n", all, errors.text[i] + strlen(t->path) + 1);
		free(all);
		all = more;
	}
	config_errors_done(&errors);
	return all;
}

static void includes(void **state)
{
	struct config *c;
	struct temp t;
	char *e;

	(void)state;
	temp_new(&t);
	assert_int_equal(mkdirat(t.fd, "d", 0700), 0);
	ini_write(&t, "main.ini",
		  "[daemon]\nrole = hub\ninclude = d/*.ini\ninclude = absent/*.ini\n"
		  "[group g]\npath = /g\nspokes = a\npolicy = p\n");
	ini_write(&t, "d/2.ini", "[spoke a]\nurl = https://a\nkey = " INI_PIN_A "\n");
	ini_write(&t, "d/1.ini", "[daemon]\nrate = 2Mbit\ninclude = 3.inc\n");
	/* From here on relative to d; a circle is read once. */
	ini_write(
		&t, "d/3.inc",
		"[daemon]\ninclude = ../main.ini\n[policy p]\nwindow = daily 01:00-02:00 closed\n");
	e = load_dir(&t, &c);
	assert_string_equal(e, "");
	assert_non_null(c);
	assert_int_equal(c->rate, 250000);
	assert_non_null(strstr(c->rate_origin.file, "/d/1.ini"));
	assert_int_equal(c->n_spokes, 1);
	assert_int_equal(strlen(c->include_dir), strlen(t.path) + 2);
	assert_non_null(strstr(c->include_dir, "/d"));
	config_unref(c);
	free(e);
	/* Errors come in the order of the files. */
	ini_write(&t, "d/1.ini", "[daemon]\nrate = 2\ninclude = none.inc\nrole = hub\n");
	ini_write(&t, "d/2.ini", "[spoke a]\nurl = https://a\nkey = x\n");
	e = load_dir(&t, &c);
	assert_null(c);
	assert_non_null(strstr(e, "main.ini:8: policy: there is no [policy p]"));
	assert_non_null(strstr(e, "\nd/1.ini:2: rate"));
	assert_non_null(strstr(e, "\nd/1.ini:3: include: there is no file"));
	assert_non_null(strstr(e, "\nd/1.ini:4: role is already given"));
	assert_non_null(strstr(e, "\nd/2.ini:3: key"));
	assert_true(strstr(e, "d/1.ini:4") < strstr(e, "d/2.ini:3"));
	free(e);
	temp_done(&t);
}

static void not_files(void **state)
{
	struct config_errors errors;
	struct config *c;

	(void)state;
	assert_int_equal(config_load("/nowhere/x.ini", &c, &errors), -ENOENT);
	assert_int_equal(errors.n, 1);
	assert_non_null(strstr(errors.text[0], "/nowhere/x.ini"));
	config_errors_done(&errors);
	assert_int_equal(config_load("/dev", &c, &errors), -EISDIR);
	config_errors_done(&errors);
	assert_int_equal(config_load("/dev/zero", &c, &errors), -EINVAL);
	config_errors_done(&errors);
	assert_int_equal(errors.n, 0);
}

/* --print-key must work before the other side's key is known. */
static void identity(void **state)
{
	struct config_errors errors;
	struct config *c;
	struct temp t;
	char file[600];

	(void)state;
	temp_new(&t);
	snprintf(file, sizeof(file), "%s/x.ini", t.path);
	ini_write(&t, "x.ini",
		  "[daemon]\nrole = hub\nstate_dir = /s\nrate = soon\n[group g]\npath = /g\n"
		  "spokes = a\n[spoke a]\nkey = sha256:...\n");
	assert_int_equal(config_load_identity(file, &c, &errors), 0);
	assert_string_equal(c->key, "/s/hub.key");
	assert_string_equal(c->control, "/run/spokesync/control.sock");
	config_unref(c);
	config_errors_done(&errors);
	/* What could hide the key's path is an error still. */
	ini_write(&t, "x.ini", "[daemon]\nrole = hub\nstatedir = /s\n");
	assert_int_equal(config_load_identity(file, &c, &errors), -EINVAL);
	config_errors_done(&errors);
	ini_write(&t, "x.ini", "[daemon]\nstate_dir = /s\n");
	assert_int_equal(config_load_identity(file, &c, &errors), -EINVAL);
	config_errors_done(&errors);
	ini_write(&t, "x.ini", "[daemon]\nrole = spoke\nkey = hub.key\n");
	assert_int_equal(config_load_identity(file, &c, &errors), -EINVAL);
	config_errors_done(&errors);
	temp_done(&t);
}

static void add_value(void *arg, const char *section, const char *name, const char *key,
		      const char *value, struct origin at)
{
	char **all = arg, *old = *all, where[700];
	const char *file;

	origin_print(at, where, sizeof(where));
	file = strrchr(where, '/');
	*all = xasprintf("%s%s %s %s=%s @%s\n", old, section, name, key, value,
			 file ? file + 1 : where);
	free(old);
}

static void shown_values(void **state)
{
	struct config *c = ini_good(
		INI_HUB("rate = 2000kbit\nstate_dir = /s", "", "include = x\ninclude = y"));
	char *all = xstrdup("");

	(void)state;
	config_each_value(c, add_value, &all);
	assert_non_null(strstr(all, "daemon  rate=2Mbit @x.ini:3\n"));
	assert_non_null(strstr(all, "daemon  key=/s/hub.key @default\n"));
	assert_non_null(strstr(all, "daemon  stall=1m @default\n"));
	assert_non_null(strstr(all, "group g include=x @x.ini:12\ngroup g include=y @x.ini:13\n"));
	assert_non_null(strstr(all, "policy p timezone=UTC @default\n"));
	assert_non_null(strstr(all, "policy p window=daily 22:00-06:00 20Mbit @x.ini:6\n"));
	assert_non_null(strstr(all, "spoke paris url=https://paris:4480 @"));
	assert_null(strstr(all, "always"));
	assert_null(strstr(all, "listen"));
	free(all);
	config_unref(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hub_values),
		cmocka_unit_test(spoke_values),
		cmocka_unit_test(all_at_once),
		cmocka_unit_test(nearest_zone),
		cmocka_unit_test(broken_zone),
		cmocka_unit_test(missing),
		cmocka_unit_test(wrong_role),
		cmocka_unit_test(strangers),
		cmocka_unit_test(set_patterns),
		cmocka_unit_test(given_twice),
		cmocka_unit_test(misspelt_and_right),
		cmocka_unit_test(names),
		cmocka_unit_test(free_text),
		cmocka_unit_test(paths_and_addresses),
		cmocka_unit_test(notices),
		cmocka_unit_test(whole_rules),
		cmocka_unit_test(no_policy),
		cmocka_unit_test(spokes_of_a_group),
		cmocka_unit_test(includes),
		cmocka_unit_test(not_files),
		cmocka_unit_test(identity),
		cmocka_unit_test(shown_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
