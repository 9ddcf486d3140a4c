/*
 * args.c: fills and checks the arguments of one call. See args.h. Every value is checked where it
 * comes in, so that a handler never sees one that does not parse.
 */
#include "scheduler/args.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/nearest.h"
#include "policy/units.h"
#include "scheduler/timetext.h"

#define NAME_MAX_BYTES 64
#define PATH_MAX_BYTES 1024

void args_init(struct args *a, const struct command *cmd)
{
	*a = (struct args){.cmd = cmd};
}

void args_done(struct args *a)
{
	for (size_t i = 0; i < COMMAND_ARGS_MAX; i++) {
		free(a->value[i]);
		a->value[i] = NULL;
	}
}

static bool is_number(const char *s)
{
	size_t len = strlen(s);

	return len > 0 && len <= 18 && strspn(s, "0123456789") == len;
}

static bool is_name(const char *s)
{
	size_t len = strlen(s);

	if (!len || len > NAME_MAX_BYTES)
		return false;
	for (; *s; s++) {
		if (!isalnum((unsigned char)*s) && !strchr("._-", *s))
			return false;
	}
	return true;
}

/* Text goes to logs and terminals: no control characters. */
static bool is_text(const char *s, size_t max)
{
	if (strlen(s) > max)
		return false;
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return false;
	}
	return true;
}

static int check_value(const struct command_arg *arg, const char *value, struct err *e)
{
	struct err why = {0};
	struct wall t;
	uint64_t u;
	int64_t us;
	int r = 0;

	switch (arg->kind) {
	case ARG_FLAG:
		if (strcmp(value, "1"))
			return err_set(e, -EINVAL, "%s is a switch: 1, or left out", arg->name);
		return 0;
	case ARG_NAME:
		if (!is_name(value))
			return err_set(e, -EINVAL,
				       "%s: '%.64s' is not a name (letters, digits, . _ -; at most "
				       "64)",
				       arg->name, value);
		return 0;
	case ARG_PATH:
		if (!*value || *value == '/' || !is_text(value, PATH_MAX_BYTES))
			return err_set(e, -EINVAL,
				       "%s: a path below the group's directory, such as "
				       "images/win11.vhdx",
				       arg->name);
		return 0;
	case ARG_FILE:
		if (!*value || !is_text(value, PATH_MAX_BYTES))
			return err_set(e, -EINVAL,
				       "%s: a path below the group's directory, such as "
				       "images/win11.vhdx, or an absolute one",
				       arg->name);
		return 0;
	case ARG_TEXT:
		if (!is_text(value, 500))
			return err_set(e, -EINVAL, "%s: at most 500 bytes, no control characters",
				       arg->name);
		return 0;
	case ARG_NUMBER:
		if (!is_number(value))
			return err_set(e, -EINVAL, "%s: '%.64s' is not a number", arg->name, value);
		return 0;
	case ARG_DURATION:
		r = units_parse_duration(value, &us, &why);
		if (!r && us <= 0)
			r = err_set(&why, -ERANGE, "longer than nothing");
		break;
	case ARG_RATE:
		r = units_parse_rate(value, false, &u, &why);
		break;
	case ARG_TIME:
		r = timetext_parse_utc(value, &t, &why);
		break;
	}
	if (r < 0)
		return err_set(e, -EINVAL, "%s: %s", arg->name, why.text);
	return 0;
}

/* With the nearest name that there is. */
static int no_such(const struct command *cmd, const char *what, const char *name, const char *after,
		   struct err *e)
{
	struct nearest n = nearest_to(name);
	char hint[128];

	for (const struct command_arg *arg = cmd->args; arg->name; arg++)
		nearest_try(&n, arg->name);
	return err_set(e, -EINVAL, "there is no %s%.64s%s%s", what, name, after,
		       nearest_hint(&n, hint, sizeof(hint)));
}

int args_set(struct args *a, const char *name, const char *value, struct err *e)
{
	int i = command_arg_index(a->cmd, name), r;

	if (i < 0)
		return no_such(a->cmd, "argument '", name, "'", e);
	if (a->value[i])
		return err_set(e, -EINVAL, "%s is given twice", name);
	if (strlen(value) > ARG_VALUE_MAX)
		return err_set(e, -EINVAL, "%s is too long", name);
	r = check_value(&a->cmd->args[i], value, e);
	if (r < 0)
		return r;
	a->value[i] = xstrdup(value);
	return 0;
}

int args_set_json(struct args *a, const json_t *object, struct err *e)
{
	const char *name, *text;
	char number[32];
	json_t *value;
	int r;

	if (!json_is_object(object))
		return err_set(e, -EINVAL, "the body must be a JSON object");
	json_object_foreach ((json_t *)object, name, value) {
		if (json_is_null(value) || json_is_false(value))
			continue;
		if (json_is_true(value)) {
			text = "1";
		} else if (json_is_integer(value)) {
			snprintf(number, sizeof(number), "%" JSON_INTEGER_FORMAT,
				 json_integer_value(value));
			text = number;
		} else if (json_is_string(value) &&
			   strlen(json_string_value(value)) == json_string_length(value)) {
			text = json_string_value(value);
		} else {
			return err_set(e, -EINVAL, "'%.64s' must be a string, number or boolean",
				       name);
		}
		r = args_set(a, name, text, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* What people type for a time becomes what the API takes. */
static int set_typed(struct args *a, const struct command_arg *arg, const char *value,
		     struct err *e)
{
	char text[TIMETEXT_MAX];
	struct err why = {0};
	struct wall t, now;
	struct timespec ts;

	if (arg->kind == ARG_TIME) {
		clock_gettime(CLOCK_REALTIME, &ts);
		now.s = ts.tv_sec;
		if (timetext_parse_typed(value, now, strcmp(arg->name, "since") != 0, &t, &why) < 0)
			return err_set(e, -EINVAL, "%s: %s", arg->name, why.text);
		value = timetext_utc(t, text);
	}
	return args_set(a, arg->name, value, e);
}

/* "--name", "--name=value", "--name value". Returns how many words it took, or -EINVAL. */
static int set_option(struct args *a, int argc, char *const *argv, struct err *e)
{
	const char *equals = strchr(argv[0], '='), *value;
	const struct command_arg *arg;
	char name[64];
	int i, r;

	snprintf(name, sizeof(name), "%.*s",
		 equals ? (int)(equals - argv[0] - 2) : (int)strlen(argv[0]) - 2, argv[0] + 2);
	i = command_arg_index(a->cmd, name);
	if (i < 0)
		return no_such(a->cmd, "option --", name, "", e);
	arg = &a->cmd->args[i];
	if (arg->kind == ARG_FLAG) {
		if (equals)
			return err_set(e, -EINVAL, "--%s takes no value", name);
		r = args_set(a, name, "1", e);
		return r < 0 ? r : 1;
	}
	if (!equals && argc < 2)
		return err_set(e, -EINVAL, "--%s needs a value: %s", name, arg->help);
	value = equals ? equals + 1 : argv[1];
	r = set_typed(a, arg, value, e);
	if (r < 0)
		return r;
	return equals ? 1 : 2;
}

/* A plain word goes to the first argument of its place that is free and takes it. */
static int set_place(struct args *a, unsigned place, const char *word, struct err *e)
{
	struct err last = {0};
	int r = -ENOENT;

	for (int i = 0; a->cmd->args[i].name; i++) {
		const struct command_arg *arg = &a->cmd->args[i];

		if (arg->place != place || a->value[i])
			continue;
		r = set_typed(a, arg, word, &last);
		if (!r)
			return 0;
	}
	if (r == -ENOENT)
		return err_set(e, -EINVAL, "'%.64s' is one word too many", word);
	return err_set(e, -EINVAL, "%s", last.text);
}

int args_set_words(struct args *a, int argc, char *const *argv, struct err *e)
{
	bool options = true;
	unsigned place = 0;
	int taken;

	for (int i = 0; i < argc; i += taken) {
		taken = 1;
		if (options && !strcmp(argv[i], "--")) {
			options = false;
			continue;
		}
		if (options && !strncmp(argv[i], "--", 2)) {
			taken = set_option(a, argc - i, argv + i, e);
			if (taken < 0)
				return taken;
			continue;
		}
		if (options && argv[i][0] == '-' && argv[i][1])
			return err_set(e, -EINVAL, "%s has no option %.64s", a->cmd->word, argv[i]);
		if (set_place(a, ++place, argv[i], e) < 0)
			return -EINVAL;
	}
	return 0;
}

int args_complete(const struct args *a, struct err *e)
{
	for (int i = 0; a->cmd->args[i].name; i++) {
		if (a->cmd->args[i].needed && !a->value[i])
			return err_set(e, -EINVAL, "%s is missing: %s", a->cmd->args[i].meta,
				       a->cmd->args[i].help);
	}
	return 0;
}

const char *args_text(const struct args *a, const char *name)
{
	int i = command_arg_index(a->cmd, name);

	return i < 0 ? NULL : a->value[i];
}

bool args_flag(const struct args *a, const char *name)
{
	return args_text(a, name) != NULL;
}

uint64_t args_number(const struct args *a, const char *name, uint64_t absent)
{
	const char *s = args_text(a, name);

	return s ? strtoull(s, NULL, 10) : absent;
}

int64_t args_duration(const struct args *a, const char *name, int64_t absent_us)
{
	const char *s = args_text(a, name);
	int64_t us;

	return s && !units_parse_duration(s, &us, NULL) ? us : absent_us;
}

uint64_t args_rate(const struct args *a, const char *name, uint64_t absent)
{
	const char *s = args_text(a, name);
	uint64_t rate;

	return s && !units_parse_rate(s, false, &rate, NULL) ? rate : absent;
}

struct wall args_time(const struct args *a, const char *name, struct wall absent)
{
	const char *s = args_text(a, name);
	struct wall t;

	return s && !timetext_parse_utc(s, &t, NULL) ? t : absent;
}
