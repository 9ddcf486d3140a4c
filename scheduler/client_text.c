/*
 * client_text.c: members of an answer, and their values as text. See client.h.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "scheduler/timetext.h"

const char *client_str(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

int64_t client_int(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

double client_real(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

bool client_bool(const json_t *o, const char *key)
{
	return json_is_true(json_object_get(o, key));
}

struct client_text client_size(int64_t bytes)
{
	struct client_text t;
	char buf[UNITS_TEXT];

	snprintf(t.s, sizeof(t.s), "%s", units_size((uint64_t)MAX(bytes, 0), buf));
	return t;
}

struct client_text client_count(int64_t n, const char *one)
{
	struct client_text t;

	snprintf(t.s, sizeof(t.s), "%lld %s%s", (long long)n, one, n == 1 ? "" : "s");
	return t;
}

struct client_text client_rate(const json_t *rate)
{
	struct client_text t;
	char buf[UNITS_TEXT];

	if (!json_is_integer(rate))
		snprintf(t.s, sizeof(t.s), "unlimited");
	else if (json_integer_value(rate) <= 0)
		snprintf(t.s, sizeof(t.s), "closed");
	else
		snprintf(t.s, sizeof(t.s), "%s",
			 units_rate((uint64_t)json_integer_value(rate), buf));
	return t;
}

struct client_text client_speed(int64_t rate)
{
	struct client_text t;
	char buf[UNITS_TEXT];

	snprintf(t.s, sizeof(t.s), "%s", rate > 0 ? units_rate((uint64_t)rate, buf) : "-");
	return t;
}

struct client_text client_span(double seconds)
{
	struct client_text t;
	char buf[UNITS_TEXT];

	if (seconds > 0 && seconds < 10)
		snprintf(t.s, sizeof(t.s), "%.1fs", seconds);
	else
		snprintf(t.s, sizeof(t.s), "%s",
			 units_duration((int64_t)(MAX(seconds, 0) + 0.5) * SECOND_US, buf));
	return t;
}

static struct wall clock_now(void)
{
	return (struct wall){time(NULL)};
}

struct client_text client_when(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	struct client_text t = {"-"};
	char buf[TIMETEXT_MAX];
	struct wall at;

	if (s && !timetext_parse_utc(s, &at, NULL))
		snprintf(t.s, sizeof(t.s), "%s", timetext_local(at, clock_now(), buf));
	return t;
}

struct client_text client_in(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	struct client_text t = {""};
	char buf[UNITS_TEXT];
	struct wall at;
	int64_t left;

	if (!s || timetext_parse_utc(s, &at, NULL) < 0)
		return t;
	left = at.s - clock_now().s;
	if (left > 0)
		snprintf(t.s, sizeof(t.s), "(in %s)", units_duration(left * SECOND_US, buf));
	return t;
}
