/* ini.h: configurations from text, for the tests of policy/. */
#ifndef SPOKESYNC_TESTS_UNIT_INI_H
#define SPOKESYNC_TESTS_UNIT_INI_H

#include "policy/config.h"
#include "tests/unit/temp.h"

#define INI_PIN_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define INI_PIN_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A hub with one group on two spokes; the texts go to the ends of [daemon], [policy p] and [group
 * g]. */
#define INI_HUB(daemon, policy, group)                                                             \
	"[daemon]\nrole = hub\n" daemon "\n[policy p]\nwindow = daily 22:00-06:00 20Mbit\n" policy \
	"\n[group g]\npath = /srv/g\nspokes = berlin, paris\npolicy = p\n" group                   \
	"\n[spoke berlin]\nurl = https://berlin:4480\nkey = " INI_PIN_A                            \
	"\n[spoke paris]\nurl = https://paris:4480\nkey = " INI_PIN_B "\n"
#define INI_SPOKE(daemon, group)                                                   \
	"[daemon]\nrole = spoke\nlisten = :4480\nhub_key = " INI_PIN_A "\n" daemon \
	"\n[group g]\npath = /srv/g\n" group "\n"

static inline void ini_write(const struct temp *t, const char *name, const char *text)
{
	int fd = temp_file(t, name);

	temp_write(fd, text, strlen(text), 0);
	close(fd);
}

static inline int ini_load(const struct temp *t, const char *text, struct config **ret,
			   struct config_errors *errors)
{
	char file[600];

	ini_write(t, "x.ini", text);
	snprintf(file, sizeof(file), "%s/x.ini", t->path);
	return config_load(file, ret, errors);
}

/* One that must be good. */
static inline struct config *ini_good(const char *text)
{
	struct config_errors errors;
	struct config *c = NULL;
	struct temp t;

	temp_new(&t);
	if (ini_load(&t, text, &c, &errors))
		c = NULL;
	for (size_t i = 0; i < errors.n; i++)
		fprintf(stderr, "%s\n", errors.text[i]);
	config_errors_done(&errors);
	temp_done(&t);
	return c;
}

/* All errors of a bad one, a line each, without the directory; "" where it is good. To be freed. */
static inline char *ini_errors(const char *text)
{
	struct config_errors errors;
	struct config *c = NULL;
	char *all = xstrdup(""), *more;
	struct temp t;

	temp_new(&t);
	if (!ini_load(&t, text, &c, &errors))
		config_unref(c);
	for (size_t i = 0; i < errors.n; i++) {
		more = xasprintf("%s%s\n", all, errors.text[i] + strlen(t.path) + 1);
		free(all);
		all = more;
	}
	config_errors_done(&errors);
	temp_done(&t);
	return all;
}

#endif
