/*
 * client_windows.c: `spokesync windows` for people: edges, another time, a week, day strings.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/client_job.h"
#include "scheduler/client_week.h"
#include "scheduler/view.h"

/* Does the span that ends here have fewer or more hours than the clocks would make one think? */
static void shift_cell(struct view_table *t, const json_t *e)
{
	const json_t *shift = json_object_get(e, "clock_change");
	int64_t by = client_int(shift, "seconds");

	if (!json_is_object(shift))
		view_cell(t, "%s", "");
	else
		view_cell(t, "clocks %s %s: %s", by > 0 ? "forward" : "back",
			  client_span((double)llabs(by)).s, client_str(shift, "after"));
}

static void print_edges(const json_t *list)
{
	static const char *const heads[] = {"  LOCAL TIME", "UTC", "FROM THEN", "LINE", "", ""};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *e;
	size_t i;

	json_array_foreach ((json_t *)list, i, e) {
		view_cell(t, "  %s", client_str(e, "local"));
		view_cell(t, "%s", client_str(e, "at"));
		view_cell(t, "%s", client_rate(json_object_get(e, "rate")).s);
		view_cell(t, "%s", client_str(e, "line"));
		view_cell(t, "%s", client_str(e, "text"));
		shift_cell(t, e);
	}
	if (view_table_rows(t))
		view_table_print(t, stdout);
	else
		puts("  no edge is coming");
	view_table_free(t);
}

/* "berlin, policy branch, groups vdisks (Europe/Berlin): open at 20 Mbit/s by FILE:9: ..."; of
 * another time that time itself stands in the brackets. */
static void print_head(const json_t *w, const char *whose, bool other_time)
{
	json_t *groups = json_object_get(w, "groups"), *g;
	size_t i;

	printf("%s%spolicy %s", whose, *whose ? ", " : "", client_str(w, "policy"));
	json_array_foreach (groups, i, g) {
		printf("%s%s", i ? ", " : ", groups ", json_string_value(g));
	}
	if (*client_str(w, "problem")) {
		printf(": closed: %s\n", client_str(w, "problem"));
		return;
	}
	printf(" (%s): ", client_str(w, other_time ? "local" : "zone"));
	if (client_bool(w, "open"))
		printf("open at %s", client_rate(json_object_get(w, "rate")).s);
	else
		fputs("closed", stdout);
	if (*client_str(w, "line"))
		printf(" by %s", client_str(w, "line"));
	printf(": %s\n", client_str(w, "text"));
}

static bool colours(const struct client *c)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");

	return c->tty && !(no && *no) && !(term && !strcmp(term, "dumb"));
}

static void print_window(const struct client *c, const struct args *a, const json_t *w,
			 const char *whose)
{
	const json_t *days = json_object_get(w, "days");
	json_t *chain;
	size_t i;

	print_head(w, whose, args_text(a, "at") != NULL);
	if (*client_str(w, "problem"))
		return;
	if (json_is_array(days))
		client_week_print(stdout, days, c->columns, colours(c));
	if (json_array_size(json_object_get(w, "edges")) ||
	    (!json_is_array(days) && !args_text(a, "at")))
		print_edges(json_object_get(w, "edges"));
	json_array_foreach (json_object_get(w, "chains"), i, chain) {
		client_print_lines(json_object_get(chain, "words"));
	}
}

static const char *plural(int64_t n)
{
	return n == 1 ? "" : "s";
}

/* As lines of a configuration, so that what is said beside them is a comment. */
static void print_dfsr(const json_t *o)
{
	json_t *list = json_object_get(o, "lost"), *x;
	int64_t cut = client_int(o, "cut"), dates = client_int(o, "dates");
	size_t i;

	printf("; policy %s, timezone = %s\n", client_str(o, "policy"), client_str(o, "zone"));
	json_array_foreach (list, i, x) {
		printf("; not exact: %s becomes level %s, %s, in %lld quarter%s of an hour a week\n",
		       client_rate(json_object_get(x, "rate")).s, client_str(x, "level"),
		       client_rate(json_object_get(x, "becomes")).s,
		       (long long)client_int(x, "quarters"), plural(client_int(x, "quarters")));
	}
	if (cut)
		printf("; not exact: %lld quarter%s of an hour in which the rate changes: the lowest "
		       "holds\n",
		       (long long)cut, plural(cut));
	if (dates)
		printf("; not said: %lld date line%s: a week has no dates\n", (long long)dates,
		       plural(dates));
	json_array_foreach (json_object_get(o, "days"), i, x) {
		printf("dfsr = %-9s %s\n", client_str(x, "day"), client_str(x, "levels"));
	}
}

int client_show_windows(const struct client *c, const struct args *a, json_t *answer)
{
	json_t *hub = json_object_get(answer, "hub"), *w;
	size_t i;

	json_array_foreach (json_object_get(answer, "dfsr"), i, w) {
		printf("%s", i ? "\n" : "");
		print_dfsr(w);
	}
	if (json_is_object(hub))
		print_window(c, a, hub, "the whole hub");
	json_array_foreach (json_object_get(answer, "windows"), i, w) {
		print_window(c, a, w, client_str(w, "spoke"));
	}
	json_array_foreach (json_object_get(answer, "overrides"), i, w) {
		fputs("* ", stdout);
		client_print_override(w);
	}
	return EXIT_DONE;
}
