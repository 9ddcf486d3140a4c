/*
 * client_status.c: `status`: once, watched, or checked. Watched on a terminal the screen is drawn
 * anew each second; elsewhere a line is printed when something changed.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scheduler/client_job.h"
#include "scheduler/client_spoke.h"
#include "scheduler/view.h"

static void show_head(const json_t *s)
{
	printf("spokesyncd %s: %s, since %s", client_str(s, "version"), client_str(s, "role"),
	       client_when(s, "started").s);
	if (strcmp(client_str(s, "role"), "hub")) {
		putchar('\n');
		return;
	}
	if (client_bool(s, "in_sync"))
		fputs(", all in sync", stdout);
	else
		printf(", %s, %s to go",
		       client_count(client_int(json_object_get(s, "jobs"), "all"), "job").s,
		       client_size(client_int(s, "to_send")).s);
	if (json_is_string(json_object_get(s, "eta")))
		printf(", done %s %s", client_when(s, "eta").s, client_in(s, "eta").s);
	if (client_int(s, "unforeseen"))
		printf(", %lld not to be foreseen", (long long)client_int(s, "unforeseen"));
	printf("\n%lld of %lld transfers, %s now, limit %s\n", (long long)client_int(s, "running"),
	       (long long)client_int(s, "slots"), client_speed(client_int(s, "rate")).s,
	       client_rate(json_object_get(s, "limit")).s);
}

static void show_problems(const json_t *s)
{
	const json_t *health = json_object_get(s, "health");
	json_t *list = json_object_get(health, "problems"), *line;
	int64_t total = client_int(health, "problems_total");
	size_t i;

	json_array_foreach (list, i, line) {
		fputs("! ", stdout);
		view_puts(stdout, json_string_value(line));
		putchar('\n');
	}
	if (total > (int64_t)json_array_size(list))
		printf("! and %lld more\n", (long long)(total - (int64_t)json_array_size(list)));
}

static void show_overrides(const json_t *list)
{
	json_t *o;
	size_t i;

	json_array_foreach ((json_t *)list, i, o) {
		putchar('*');
		putchar(' ');
		client_print_override(o);
	}
}

static void show_active(const struct client *c, const json_t *jobs)
{
	json_t *j;
	size_t i;

	if (json_array_size(jobs))
		putchar('\n');
	json_array_foreach ((json_t *)jobs, i, j) {
		client_print_progress(c, j);
	}
}

int client_show_status(const struct client *c, const struct args *a, json_t *s)
{
	(void)a;
	show_head(s);
	show_problems(s);
	if (strcmp(client_str(s, "role"), "hub")) {
		client_print_spoke(c, s);
		return EXIT_DONE;
	}
	show_overrides(json_object_get(s, "overrides"));
	putchar('\n');
	client_show_groups(c, NULL, s);
	putchar('\n');
	client_show_spokes(c, NULL, s);
	show_active(c, json_object_get(s, "active"));
	return EXIT_DONE;
}

/* One line and an exit code, as monitoring systems want it. */
static int show_check(const json_t *s)
{
	const json_t *health = json_object_get(s, "health");
	const char *level = client_str(health, "level");
	int64_t total = client_int(health, "problems_total");
	const json_t *first = json_array_get(json_object_get(health, "problems"), 0);

	printf("spokesync %s: ", level);
	if (first)
		view_puts(stdout, json_string_value(first));
	else if (!strcmp(client_str(s, "role"), "hub"))
		printf("%s, %s, %s to go", client_bool(s, "in_sync") ? "in sync" : "replicating",
		       client_count(client_int(json_object_get(s, "jobs"), "all"), "job").s,
		       client_size(client_int(s, "to_send")).s);
	else
		fputs("spoke", stdout);
	if (total > 1)
		printf(" (and %lld more)", (long long)total - 1);
	putchar('\n');
	return !strcmp(level, "critical") ? 2 : !strcmp(level, "warning") ? 1 : 0;
}

/* What the last line about a job said, so that the next one is printed when it says more. */
struct seen {
	json_t *jobs;	      /* id -> {"state", "percent"} */
	int64_t all, running; /* as last said; -1: not yet */
};

static bool changed(const json_t *before, const json_t *j, int percent)
{
	if (!before)
		return true;
	return strcmp(client_str(before, "state"), client_str(j, "state")) ||
	       strcmp(client_str(before, "waits"), client_str(j, "waits_text")) ||
	       percent >= client_int(before, "percent") + 10;
}

/* How many there are, whenever that changes. */
static void watch_counts(struct seen *seen, const json_t *s)
{
	int64_t all = client_int(json_object_get(s, "jobs"), "all");
	int64_t running = client_int(s, "running");

	if (all == seen->all && running == seen->running)
		return;
	seen->all = all;
	seen->running = running;
	if (all)
		printf("%s, %lld running, %s to go\n", client_count(all, "job").s,
		       (long long)running, client_size(client_int(s, "to_send")).s);
	else
		puts("no jobs: nothing is on its way");
}

static void watch_plain(const struct client *c, struct seen *seen, const json_t *s)
{
	json_t *now = json_object(), *j, *before;
	const char *key;
	char id[32];
	size_t i;

	watch_counts(seen, s);
	json_array_foreach (json_object_get(s, "active"), i, j) {
		int percent = client_percent(j);

		snprintf(id, sizeof(id), "%lld", (long long)client_int(j, "id"));
		before = json_object_get(seen->jobs, id);
		if (changed(before, j, percent)) {
			client_print_line(j);
			before =
				json_pack("{s:s, s:s, s:i}", "state", client_str(j, "state"),
					  "waits", client_str(j, "waits_text"), "percent", percent);
		} else {
			json_incref(before);
		}
		json_object_set_new(now, id, before);
	}
	/* Gone from the list: how did it end? */
	json_object_foreach (seen->jobs, key, before) {
		json_t *last = NULL;

		if (!json_object_get(now, key) &&
		    client_call_by(c, CMD_JOB, &last, "job", key, NULL) == EXIT_DONE) {
			client_print_line(last);
			json_decref(last);
		}
	}
	json_decref(seen->jobs);
	seen->jobs = now;
	fflush(stdout);
}

static int watch(const struct client *c, const struct args *a)
{
	struct seen seen = {json_object(), -1, -1};
	json_t *s = NULL;
	int code;

	while ((code = client_call(c, a, &s)) == EXIT_DONE) {
		if (c->json) {
			json_dumpf(s, stdout, JSON_COMPACT | JSON_REAL_PRECISION(9));
			putchar('\n');
		} else if (c->tty) {
			fputs("\033[H\033[2J", stdout);
			client_show_status(c, a, s);
		} else {
			watch_plain(c, &seen, s);
		}
		json_decref(s);
		if (fflush(stdout) || ferror(stdout))
			break;
		sleep(1);
	}
	json_decref(seen.jobs);
	return code;
}

int client_status(const struct client *c, const struct args *a)
{
	bool check = args_flag(a, "check");
	json_t *s = NULL;
	int code;

	if (args_flag(a, "watch") && !check)
		return watch(c, a);
	code = client_call(c, a, &s);
	if (code != EXIT_DONE && check) {
		/* Monitoring knows 0, 1 and 2 only, and reads one line of standard output. */
		printf("spokesync critical: the daemon at %s does not answer\n", c->socket);
		return 2;
	}
	if (code != EXIT_DONE)
		return code;
	if (check)
		code = show_check(s);
	else if (c->json)
		json_dumpf(s, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)), putchar('\n');
	else
		code = client_show_status(c, a, s);
	json_decref(s);
	return code;
}
