/*
 * client_jobs.c: jobs and versions for people: jobs, job, why, backlog, matrix, cancel, retry.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/client_job.h"
#include "scheduler/view.h"

int client_show_jobs(const struct client *c, const struct args *a, json_t *answer)
{
	static const char *const heads[] = {">JOB",  "SPOKE", "GROUP", "FILE", ">SIZE",
					    ">DONE", ">RATE", "ETA",   "STATE"};
	json_t *jobs = json_object_get(answer, "jobs"), *j;
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	char state[300];
	size_t i;

	(void)c, (void)a;
	json_array_foreach (jobs, i, j) {
		view_cell(t, "%lld", (long long)client_int(j, "id"));
		view_cell(t, "%s", client_str(j, "spoke"));
		view_cell(t, "%s", client_str(j, "group"));
		view_cell(t, "%s", client_str(j, "path"));
		view_cell(t, "%s", client_size(client_int(j, "logical")).s);
		view_cell(t, "%d %%", client_percent(j));
		view_cell(t, "%s", client_speed(client_int(j, "rate")).s);
		view_cell(t, "%s", client_when(j, "eta").s);
		view_cell(t, "%s", client_state(j, state, sizeof(state)));
	}
	if (view_table_rows(t))
		view_table_print(t, stdout);
	else
		puts("no jobs: nothing is on its way");
	if (client_int(answer, "total") > (int64_t)json_array_size(jobs))
		printf("and %lld more; --spoke and --group narrow the list\n",
		       (long long)(client_int(answer, "total") - (int64_t)json_array_size(jobs)));
	view_table_free(t);
	return EXIT_DONE;
}

static void row(const char *name, const char *value)
{
	printf("%-10s ", name);
	view_puts(stdout, value);
	putchar('\n');
}

static void job_figures(const json_t *j)
{
	printf("%-10s %s logical, %s literal", "content", client_size(client_int(j, "logical")).s,
	       client_size(client_int(j, "literal")).s);
	if (client_int(j, "literal_total"))
		printf(" of about %s", client_size(client_int(j, "literal_total")).s);
	putchar('\n');
	printf("%-10s %s out, %s in; %d %% done; sent again: %s\n", "wire",
	       client_size(client_int(j, "wire_out")).s, client_size(client_int(j, "wire_in")).s,
	       client_percent(j), client_size(client_int(j, "resent")).s);
	printf("%-10s %s now, peak %s, throttled %s\n", "rate",
	       client_speed(client_int(j, "rate")).s, client_speed(client_int(j, "peak_rate")).s,
	       client_span(client_real(j, "throttled_s")).s);
	printf("%-10s %lld bases, %lld windows, %lld resumes, %lld repairs, %lld tries\n", "so far",
	       (long long)client_int(j, "bases"), (long long)client_int(j, "windows_used"),
	       (long long)client_int(j, "resumes"), (long long)client_int(j, "repairs"),
	       (long long)client_int(j, "tries"));
}

int client_show_job(const struct client *c, const struct args *a, json_t *j)
{
	char text[400], state[300];

	(void)a;
	snprintf(text, sizeof(text), "%lld, %s/%s -> %s", (long long)client_int(j, "id"),
		 client_str(j, "group"), client_str(j, "path"), client_str(j, "spoke"));
	row("job", text);
	row("state", client_state(j, state, sizeof(state)));
	if (*client_str(j, "root"))
		row("root", client_str(j, "root"));
	printf("%-10s created %s, started %s, ended %s, ETA %s\n", "times",
	       client_when(j, "created").s, client_when(j, "started").s, client_when(j, "ended").s,
	       client_when(j, "eta").s);
	job_figures(j);
	if (*client_str(j, "proof"))
		row("proof", client_str(j, "proof"));
	putchar('\n');
	client_print_sentences(c, json_object_get(j, "why"));
	return EXIT_DONE;
}

int client_show_why(const struct client *c, const struct args *a, json_t *answer)
{
	const json_t *job = json_object_get(answer, "job");

	(void)a;
	if (json_is_object(job))
		client_print_line(job);
	client_print_sentences(c, json_object_get(answer, "why"));
	return EXIT_DONE;
}

static void print_paths(const char *title, const char *group, const json_t *list)
{
	json_t *p;
	size_t i;

	json_array_foreach ((json_t *)list, i, p) {
		printf("%s: ", title);
		view_puts(stdout, group);
		putchar('/');
		view_puts(stdout, client_str(p, "path"));
		fputs(": ", stdout);
		view_puts(stdout, client_str(p, "why"));
		putchar('\n');
	}
}

static void print_missing(const json_t *entry)
{
	static const char *const heads[] = {"  FILE", ">SIZE", ">JOB", "ETA", "STATE"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *list = json_object_get(entry, "missing"), *m;
	char state[300];
	size_t i;

	json_array_foreach (list, i, m) {
		view_cell(t, "  %s", client_str(m, "path"));
		view_cell(t, "%s", client_size(client_int(m, "size")).s);
		view_cell(t, "%lld", (long long)client_int(m, "job"));
		view_cell(t, "%s", client_when(m, "eta").s);
		view_cell(t, "%s", client_state(m, state, sizeof(state)));
	}
	view_table_print(t, stdout);
	view_table_free(t);
}

int client_show_backlog(const struct client *c, const struct args *a, json_t *answer)
{
	json_t *entry;
	size_t i;

	(void)c, (void)a;
	json_array_foreach (json_object_get(answer, "backlog"), i, entry) {
		printf("%s, group %s: ", client_str(entry, "spoke"), client_str(entry, "group"));
		if (!client_int(entry, "files")) {
			puts("in sync");
			continue;
		}
		printf("%s, %s missing, %s to send",
		       client_count(client_int(entry, "files"), "file").s,
		       client_size(client_int(entry, "bytes")).s,
		       client_size(client_int(entry, "to_send")).s);
		if (json_is_string(json_object_get(entry, "eta")))
			printf(", done %s %s", client_when(entry, "eta").s,
			       client_in(entry, "eta").s);
		putchar('\n');
		print_missing(entry);
	}
	json_array_foreach (json_object_get(answer, "groups"), i, entry) {
		const char *group = client_str(entry, "group");

		print_paths("not settled", group, json_object_get(entry, "unsettled"));
		print_paths("skipped", group, json_object_get(entry, "skipped"));
	}
	return EXIT_DONE;
}

/* Absent: why it is not on its way, where that is more than its turn. */
static void absent_cell(struct view_table *t, const json_t *at)
{
	const char *job = client_str(at, "job_state");
	bool over = !strcmp(job, "failed") || !strcmp(job, "cancelled");

	if (over)
		view_cell(t, "absent: %s", job);
	else if (json_is_string(json_object_get(at, "eta")))
		view_cell(t, "absent, %s", client_when(at, "eta").s);
	else
		view_cell(t, "absent");
}

static void matrix_cell(struct view_table *t, const json_t *at)
{
	const char *state = client_str(at, "state");
	bool percent = json_is_integer(json_object_get(at, "percent"));
	bool eta = json_is_string(json_object_get(at, "eta"));

	if (!strcmp(state, "absent"))
		absent_cell(t, at);
	else if (percent && strcmp(state, "staged"))
		view_cell(t, "%s %lld %%%s%s", state, (long long)client_int(at, "percent"),
			  eta ? ", " : "", eta ? client_when(at, "eta").s : "");
	else
		view_cell(t, "%s", state);
}

static void print_matrix(const json_t *g)
{
	json_t *spokes = json_object_get(g, "spokes"), *files = json_object_get(g, "files");
	size_t n = json_array_size(spokes), i, k;
	const char **heads = xcalloc(n + 3, sizeof(*heads));
	struct view_table *t;
	json_t *spoke, *f;

	heads[0] = client_str(g, "group");
	heads[1] = ">VERSION";
	heads[2] = ">SIZE";
	json_array_foreach (spokes, k, spoke) {
		heads[k + 3] = json_string_value(spoke);
	}
	t = view_table_new(heads, (unsigned)n + 3);
	json_array_foreach (files, i, f) {
		view_cell(t, "%s", client_str(f, "path"));
		view_cell(t, "%lld", (long long)client_int(f, "version"));
		view_cell(t, "%s", client_size(client_int(f, "size")).s);
		json_array_foreach (spokes, k, spoke) {
			matrix_cell(t, json_object_get(json_object_get(f, "at"),
						       json_string_value(spoke)));
		}
	}
	view_table_print(t, stdout);
	if (client_int(g, "total") > (int64_t)json_array_size(files))
		printf("and %lld more files\n",
		       (long long)(client_int(g, "total") - (int64_t)json_array_size(files)));
	view_table_free(t);
	free(heads);
}

int client_show_matrix(const struct client *c, const struct args *a, json_t *answer)
{
	json_t *g;
	size_t i;

	(void)c, (void)a;
	json_array_foreach (json_object_get(answer, "groups"), i, g) {
		if (i)
			putchar('\n');
		print_matrix(g);
	}
	return EXIT_DONE;
}

int client_show_done(const struct client *c, const struct args *a, json_t *answer)
{
	(void)c, (void)a;
	printf("job %lld: %s is under way\n", (long long)client_int(answer, "job"),
	       client_str(answer, "done"));
	return EXIT_DONE;
}

int client_show_decided(const struct client *c, const struct args *a, json_t *answer)
{
	const char *held = client_str(answer, "held");

	(void)c, (void)a;
	printf("group %s: %s is under way", client_str(answer, "group"),
	       client_str(answer, "done"));
	if (held && held[0]) {
		fputs("; it was held: ", stdout);
		view_puts(stdout, held);
	}
	putchar('\n');
	return EXIT_DONE;
}
