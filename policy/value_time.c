/*
 * value_time.c: values that are times of the calendar: zones, windows, dates, day strings of DFS
 * Replication, deadlines. Lines of a policy are kept in the order in which they were written, since
 * the later one wins.
 */
#include "policy/value_private.h"

#include <errno.h>
#include <string.h>

#include "policy/dfsr.h"
#include "policy/nearest.h"
#include "policy/zone.h"
#include "policy/zonefile.h"

#define LINES_MOST 1200 /* windows and dates of one policy; seven day strings may be 672 */

/* Zones are files: the nearest name is looked for where one was wrong, and only then. */
static int no_zone(const char *text, struct err *e)
{
	struct nearest near = nearest_to(text);
	char zone[ZONEFILE_NAME + 1], hint[96];

	nearest_try(&near, "spoke");
	nearest_try(&near, "UTC");
	nearest_try(&near, zonefile_nearest(text, zone));
	/* The name is right, so another would be no help. */
	if (near.word && !strcmp(near.word, text))
		return err_set(
			e, -EINVAL,
			"the file of time zone \"%.60s\" in this machine's database is broken",
			text);
	return err_set(e, -EINVAL,
		       "\"%.60s\" is not a time zone: UTC, spoke, or an IANA name as "
		       "Europe/Berlin%s",
		       text, nearest_hint(&near, hint, sizeof(hint)));
}

int value_set_zone(struct slot *v, const char *text, char **ret, struct err *e)
{
	struct policy *p = v->section->base;

	if (!strcmp(text, "spoke")) {
		p->zone_kind = ZONE_SPOKE;
	} else {
		p->zone = zone_new(text);
		if (!p->zone)
			return no_zone(text, e);
		p->zone_kind = strcmp(text, "UTC") ? ZONE_NAMED : ZONE_UTC;
		p->zone_name = build_string(v->b, text);
	}
	*ret = xstrdup(text);
	return 0;
}

static int add_lines(struct slot *v, const struct window_line *lines, size_t n, struct err *e)
{
	struct policy *p = v->key->type == KEY_SCRUB ? v->field : v->section->base;

	if (p->n_lines + n > LINES_MOST)
		return err_set(e, -E2BIG, "more than %d windows and dates in one policy",
			       LINES_MOST);
	p->lines = xrealloc(p->lines, (p->n_lines + n) * sizeof(*p->lines));
	memcpy(p->lines + p->n_lines, lines, n * sizeof(*lines));
	p->n_lines += n;
	return 0;
}

int value_add_line(struct slot *v, const char *text, char **ret, struct err *e)
{
	struct window_line l;
	int r = v->key->type == KEY_DATE ? date_line_parse(text, &l, e)
					 : window_line_parse(text, &l, e);

	if (r)
		return r;
	l.origin = v->at;
	r = add_lines(v, &l, 1, e);
	if (!r)
		*ret = window_line_print(&l);
	return r;
}

int value_set_deadline(struct slot *v, const char *text, char **ret, struct err *e)
{
	struct deadline *d = v->field;
	char buf[DEADLINE_TEXT];
	int r = deadline_parse(text, d, e);

	if (!r)
		*ret = xstrdup(deadline_print(d, buf));
	return r;
}

int value_add_dfsr(struct slot *v, const char *text, char **ret, struct err *e)
{
	struct window_line lines[DFSR_QUARTERS];
	struct dfsr_line l;
	int r = dfsr_line_parse(text, &l, e);

	size_t n;

	if (r)
		return r;
	n = dfsr_line_windows(&l, v->at, lines);
	r = add_lines(v, lines, n, e);
	if (!r)
		*ret = dfsr_line_print(&l);
	return r;
}
