/*
 * value.c: one value by the type of its key: text -> typed field, and back to one canonical text,
 * so that two ways of writing the same are the same on reload and in `spokesync config`.
 *
 * Names of policies and spokes stay text here; resolve.c looks them up. Times of the calendar are
 * in value_time.c.
 */
#include "policy/value_private.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/filter.h"
#include "policy/match.h"
#include "policy/nearest.h"

static int set_string(struct slot *v, const char *text, char **ret)
{
	*(const char **)v->field = build_string(v->b, text);
	*ret = xstrdup(text);
	return 0;
}

static int set_enum(struct slot *v, const char *text, char **ret, struct err *e)
{
	struct nearest near = nearest_to(text);
	char list[64], hint[96], *save = NULL;
	int i = (int)v->key->min;

	snprintf(list, sizeof(list), "%s", v->key->values);
	for (char *word = strtok_r(list, "|", &save); word;
	     word = strtok_r(NULL, "|", &save), i++) {
		if (!strcmp(word, text)) {
			*(int *)v->field = i;
			*ret = xstrdup(text);
			return 0;
		}
		nearest_try(&near, word);
	}
	if (v->key->section == SECTION_DAEMON && !strcmp(text, "both"))
		return err_set(e, -EINVAL,
			       "hub and spoke in one daemon is not supported: run two, each with a "
			       "file, state_dir and control socket of its own");
	return err_set(e, -EINVAL, "\"%.60s\" is not one of %s%s", text, v->key->values,
		       nearest_hint(&near, hint, sizeof(hint)));
}

/* Absolute, without empty, "." or ".." parts; slashes at the end go. */
static int set_path(struct slot *v, const char *text, char **ret, struct err *e)
{
	size_t len = strlen(text);
	char path[256];

	if (*text != '/')
		return err_set(e, -EINVAL, "\"%.100s\" is not an absolute path", text);
	while (len > 1 && text[len - 1] == '/')
		len--;
	if (len > (size_t)v->key->max || len >= sizeof(path) - 1)
		return err_set(e, -ERANGE, "the path is longer than %lld bytes",
			       (long long)MIN(v->key->max, (int64_t)sizeof(path) - 2));
	snprintf(path, sizeof(path), "%.*s/", (int)len, text);
	if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../"))
		return err_set(e, -EINVAL, "the path \"%.100s\" has an empty, . or .. part", text);
	path[len] = '\0';
	return set_string(v, path, ret);
}

static int set_rate(struct slot *v, const char *text, char **ret, struct err *e)
{
	char buf[UNITS_TEXT];
	int r = units_parse_rate(text, false, v->field, e);

	if (r)
		return r;
	*(struct origin *)v->aux = v->at;
	*ret = xstrdup(units_rate_exact(*(uint64_t *)v->field, buf));
	return 0;
}

static int set_size(struct slot *v, const char *text, char **ret, struct err *e)
{
	char buf[UNITS_TEXT];
	uint64_t size;
	int r;

	if (v->key->type == KEY_QUOTA && !strcmp(text, "unlimited")) {
		size = UINT64_MAX;
	} else {
		r = units_parse_size(text, &size, e);
		if (r)
			return r;
	}
	*(uint64_t *)v->field = size;
	*ret = xstrdup(units_size_exact(size, buf));
	return 0;
}

static int set_duration(struct slot *v, const char *text, char **ret, struct err *e)
{
	char buf[UNITS_TEXT];
	int64_t us;
	int r = units_parse_duration(text, &us, e);

	if (r)
		return r;
	if (us < v->key->min || us > v->key->max)
		return err_set(e, -ERANGE, "%s is not within %s", text, v->key->values);
	*(int64_t *)v->field = us;
	*ret = xstrdup(units_duration_exact(us, buf));
	return 0;
}

static int set_number(struct slot *v, const char *text, char **ret, struct err *e)
{
	size_t len = strspn(text, "0123456789");
	long n;

	if (!len || text[len] || len > 9)
		return err_set(e, -EINVAL, "\"%.60s\" is not a number within %s", text,
			       v->key->values);
	n = atol(text);
	if (n < v->key->min || n > v->key->max)
		return err_set(e, -ERANGE, "%ld is not within %s", n, v->key->values);
	*(int *)v->field = (int)n; /* unsigned fields too: never negative */
	*ret = xasprintf("%ld", n);
	return 0;
}

static int set_mode(struct slot *v, const char *text, char **ret, struct err *e)
{
	size_t len = strspn(text, "01234567");
	long mode = strtol(text, NULL, 8);

	if (!strcmp(text, "hub")) {
		*(int *)v->field = -1;
		*ret = xstrdup(text);
		return 0;
	}
	if (len < 3 || len > 5 || text[len] || mode > 0777)
		return err_set(e, -EINVAL, "\"%.60s\" is not a mode: octal as 0640, or hub", text);
	*(int *)v->field = (int)mode;
	*ret = xasprintf("%04lo", mode);
	return 0;
}

/* A user or group; whether it exists is the machine's to say, at start. */
static int set_name(struct slot *v, const char *text, char **ret, struct err *e)
{
	size_t len = strlen(text);

	if (v->key->section == SECTION_GROUP && !strcmp(text, "directory")) {
		*(const char **)v->field = NULL;
		*ret = xstrdup(text);
		return 0;
	}
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)text[i]) && !strchr("._-\\@", text[i]))
			len = 0;
	if (!len || len > 64 || *text == '-')
		return err_set(e, -EINVAL, "\"%.60s\" is not %s", text, v->key->values);
	return set_string(v, text, ret);
}

static int set_command(struct slot *v, const char *text, char **ret, struct err *e)
{
	if (!strcmp(text, "none")) {
		*(const char **)v->field = NULL;
		*ret = xstrdup(text);
		return 0;
	}
	if (*text != '/')
		return err_set(e, -EINVAL,
			       "\"%.100s\" is not the absolute path of a program, or none", text);
	return set_string(v, text, ret);
}

/* A file's name, or none; whether it is there is looked at when it is read. */
static int set_file(struct slot *v, const char *text, char **ret, struct err *e)
{
	if (strcmp(text, "none"))
		return set_path(v, text, ret, e);
	*(const char **)v->field = NULL;
	*ret = xstrdup(text);
	return 0;
}

static int set_webhook(struct slot *v, const char *text, char **ret, struct err *e)
{
	if (!strcmp(text, "none")) {
		*(const char **)v->field = NULL;
		*ret = xstrdup(text);
		return 0;
	}
	if (!address_webhook_ok(text))
		return err_set(e, -EINVAL,
			       "\"%.100s\" is not https://HOST[:PORT][/PATH] (or http:// with "
			       "127.0.0.1, [::1] or localhost), or none",
			       text);
	return set_string(v, text, ret);
}

/* One word of a list of events, at *text; *text goes on behind it. */
static int one_event(const struct key *key, const char **text, unsigned *ret, struct err *e)
{
	size_t len = strcspn(*text, ", \t");
	char word[32];

	snprintf(word, sizeof(word), "%.*s", (int)len, *text);
	*text += len;
	for (int i = 0; i < NOTICE_EVENTS; i++) {
		if (!strcmp(word, notice_word(i))) {
			*ret |= 1u << i;
			return 0;
		}
	}
	return err_set(e, -EINVAL, "\"%s\" is none of %s", word, key->values);
}

static int set_events(struct slot *v, const char *text, char **ret, struct err *e)
{
	unsigned events = 0;
	char list[96] = "";
	int r;

	for (text += strspn(text, ", \t"); *text; text += strspn(text, ", \t")) {
		r = one_event(v->key, &text, &events, e);
		if (r < 0)
			return r;
	}
	if (!events)
		return err_set(e, -EINVAL, "no event: some of %s", v->key->values);
	for (int i = 0; i < NOTICE_EVENTS; i++) {
		if (events & 1u << i)
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s",
				 *list ? ", " : "", notice_word(i));
	}
	*(unsigned *)v->field = events;
	*ret = xstrdup(list);
	return 0;
}

static int set_url(struct slot *v, const char *text, char **ret, struct err *e)
{
	char *url = address_url(text);

	if (!url)
		return err_set(e, -EINVAL, "\"%.100s\" is not https://HOST or https://HOST:PORT",
			       text);
	*(const char **)v->field = build_string(v->b, url);
	*ret = url;
	return 0;
}

static int set_listen(struct slot *v, const char *text, char **ret, struct err *e)
{
	if (!address_listen_ok(text))
		return err_set(e, -EINVAL, "\"%.100s\" is not host:port, [v6]:port or :port", text);
	return set_string(v, text, ret);
}

static int set_pin(struct slot *v, const char *text, char **ret, struct err *e)
{
	char buf[PIN_TEXT + 1];
	struct pin *pins = v->field, pin;
	size_t *n = v->aux;
	int r = pin_parse(text, &pin, e);

	if (r)
		return r;
	for (size_t i = 0; i < *n; i++)
		if (!memcmp(&pins[i], &pin, sizeof(pin)))
			return err_set(e, -EEXIST, "this key is already given");
	if (*n >= CONFIG_PINS_MAX)
		return err_set(e, -E2BIG, "more than %d keys of one peer", CONFIG_PINS_MAX);
	pins[(*n)++] = pin;
	*ret = xstrdup(pin_print(&pin, buf));
	return 0;
}

static int add_pattern(struct slot *v, const char *text, char **ret, struct err *e)
{
	struct filter **f = v->field;
	int r;

	if (!*f)
		*f = filter_new();
	r = filter_add(*f, v->key->type == KEY_INCLUDE, text, v->at, e);
	if (!r)
		*ret = xstrdup(text);
	return r;
}

static int set_lock(struct slot *v, const char *text, char **ret, struct err *e)
{
	char buf[LOCKFILES_MAX * (LOCKFILE_TEXT + 2)];
	int r = lockfile_parse(text, v->field, e);

	if (r == 0)
		*ret = xstrdup(lockfile_print(v->field, buf, sizeof(buf)));
	return r;
}

static int set_capture(struct slot *v, const char *text, char **ret, struct err *e)
{
	struct match *m;
	int r = match_new(text, MATCH_ANYWHERE, &m, e);

	if (r)
		return r;
	if (!match_captures(m)) {
		match_free(m);
		return err_set(
			e, -EINVAL,
			"the pattern \"%.200s\" has no group: what is in (...) names the set",
			text);
	}
	*(struct match **)v->field = match_free(*(struct match **)v->field);
	*(struct match **)v->field = m;
	*ret = xstrdup(text);
	return 0;
}

/* Kept as text for resolve.c. */
static int keep_text(const char *text, char **ret)
{
	*ret = xstrdup(text);
	return 0;
}

int value_set(struct build *b, const struct section *s, struct setting *set, struct err *e)
{
	const struct key *key = set->key;
	char *base = s->base, **value = &set->value;
	const char *text = set->text;
	struct slot v = {b, s, key, set->at, base + key->offset, base + key->aux};

	switch (key->type) {
	case KEY_ENUM:
		return set_enum(&v, text, value, e);
	case KEY_PATH:
		return set_path(&v, text, value, e);
	case KEY_RATE:
		return set_rate(&v, text, value, e);
	case KEY_SIZE:
	case KEY_QUOTA:
		return set_size(&v, text, value, e);
	case KEY_DURATION:
		return set_duration(&v, text, value, e);
	case KEY_NUMBER:
		return set_number(&v, text, value, e);
	case KEY_MODE:
		return set_mode(&v, text, value, e);
	case KEY_NAME:
		return set_name(&v, text, value, e);
	case KEY_COMMAND:
		return set_command(&v, text, value, e);
	case KEY_URL:
		return set_url(&v, text, value, e);
	case KEY_WEBHOOK:
		return set_webhook(&v, text, value, e);
	case KEY_FILE:
		return set_file(&v, text, value, e);
	case KEY_EVENTS:
		return set_events(&v, text, value, e);
	case KEY_LISTEN:
		return set_listen(&v, text, value, e);
	case KEY_PINS:
		return set_pin(&v, text, value, e);
	case KEY_ZONE:
		return value_set_zone(&v, text, value, e);
	case KEY_WINDOW:
	case KEY_SCRUB:
	case KEY_DATE:
		return value_add_line(&v, text, value, e);
	case KEY_DEADLINE:
		return value_set_deadline(&v, text, value, e);
	case KEY_DFSR:
		return value_add_dfsr(&v, text, value, e);
	case KEY_INCLUDE:
	case KEY_EXCLUDE:
		return add_pattern(&v, text, value, e);
	case KEY_LOCK:
		return set_lock(&v, text, value, e);
	case KEY_CAPTURE:
		return set_capture(&v, text, value, e);
	case KEY_FILES:
	case KEY_POLICY:
	case KEY_SPOKES:
		return keep_text(text, value);
	}
	return err_set(e, -EINVAL, "the type of the key is not known");
}
