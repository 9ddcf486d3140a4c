/*
 * client_job.c: see client_job.h.
 */
#include "scheduler/client_job.h"

#include <stdio.h>
#include <string.h>

#include "scheduler/view.h"

#define BAR_COLUMNS 24
#define NAME_MAX_B  300

int client_percent(const json_t *job)
{
	int64_t done = client_int(job, "done"), total = client_int(job, "total");
	const char *state = client_str(job, "state");

	if (!strcmp(state, "published") || !strcmp(state, "staged"))
		return 100;
	if (total <= 0 || done <= 0)
		return 0;
	/* Never 100 before it is: the last percent is the longest. */
	return (int)MIN((double)done * 100 / (double)total, 99);
}

const char *client_state(const json_t *job, char *buf, size_t size)
{
	const char *state = client_str(job, "state"), *waits = client_str(job, "waits_text");
	const char *reason = client_str(job, "reason");
	const char *doing = *client_str(job, "asking")	   ? ", asking what is there"
			    : client_bool(job, "planning") ? ", planning"
			    : client_bool(job, "filling")  ? ", base being copied there"
							   : "";

	if (!strcmp(state, "failed") || !strcmp(state, "cancelled"))
		snprintf(buf, size, "%s%s%s", state, *reason ? ": " : "", reason);
	else if (!strcmp(state, waits)) /* "paused: paused" */
		snprintf(buf, size, "%s by a command", state);
	else
		snprintf(buf, size, "%s%s%s%s", state, doing, *waits ? ": " : "", waits);
	return buf;
}

static const char *job_name(const json_t *j, char *buf, size_t size)
{
	char raw[NAME_MAX_B];

	snprintf(raw, sizeof(raw), "%s/%s -> %s", client_str(j, "group"), client_str(j, "path"),
		 client_str(j, "spoke"));
	return view_clean(raw, buf, size);
}

void client_print_line(const json_t *j)
{
	char name[NAME_MAX_B], state[300], clean[300];

	printf("job %lld %s: %s", (long long)client_int(j, "id"), job_name(j, name, sizeof(name)),
	       view_clean(client_state(j, state, sizeof(state)), clean, sizeof(clean)));
	if (!strcmp(client_str(j, "state"), "published"))
		printf(", %s on the wire for %s", client_size(client_int(j, "wire")).s,
		       client_size(client_int(j, "logical")).s);
	else if (client_int(j, "total"))
		printf(", %d %%, %s of %s", client_percent(j), client_size(client_int(j, "done")).s,
		       client_size(client_int(j, "total")).s);
	if (client_int(j, "rate"))
		printf(", %s", client_speed(client_int(j, "rate")).s);
	if (json_is_string(json_object_get(j, "eta")))
		printf(", done %s", client_when(j, "eta").s);
	putchar('\n');
}

void client_print_progress(const struct client *c, const json_t *j)
{
	char name[NAME_MAX_B], state[300], clean[300], bar[BAR_COLUMNS + 3];
	int percent = client_percent(j);

	(void)c;
	printf("%lld %s (%s)\n", (long long)client_int(j, "id"), job_name(j, name, sizeof(name)),
	       client_size(client_int(j, "logical")).s);
	printf("   %s %3d %%  %s of %s  %s", view_bar(percent / 100.0, BAR_COLUMNS, bar), percent,
	       client_size(client_int(j, "done")).s, client_size(client_int(j, "total")).s,
	       client_speed(client_int(j, "rate")).s);
	if (json_is_string(json_object_get(j, "eta")))
		printf("  ETA %s %s", client_when(j, "eta").s, client_in(j, "eta").s);
	printf("  %s\n", view_clean(client_state(j, state, sizeof(state)), clean, sizeof(clean)));
}

void client_print_override(const json_t *o)
{
	const char *group = client_str(o, "group"), *spoke = client_str(o, "spoke");
	const char *why = client_str(o, "why");

	printf("%s %s%s%s", client_str(o, "kind"), *spoke ? spoke : "every spoke",
	       *group ? ", group " : "", group);
	if (client_bool(o, "until_in_sync"))
		printf(" until in sync, at the latest %s %s", client_when(o, "until").s,
		       client_in(o, "until").s);
	else
		printf(" until %s %s", client_when(o, "until").s, client_in(o, "until").s);
	if (json_is_integer(json_object_get(o, "limit")))
		printf(", at most %s", client_rate(json_object_get(o, "limit")).s);
	printf(", by %s", client_str(o, "who"));
	if (*why) {
		fputs(": ", stdout);
		view_puts(stdout, why);
	}
	putchar('\n');
}

void client_print_sentences(const struct client *c, const json_t *list)
{
	char clean[2000];
	json_t *line;
	size_t i;

	json_array_foreach ((json_t *)list, i, line) {
		view_wrap(stdout, view_clean(json_string_value(line) ?: "", clean, sizeof(clean)),
			  0, c->columns);
	}
}

void client_print_lines(const json_t *list)
{
	json_t *line;
	size_t i;

	json_array_foreach ((json_t *)list, i, line) {
		fputs("  ", stdout);
		view_puts(stdout, json_string_value(line) ?: "");
		putchar('\n');
	}
}
