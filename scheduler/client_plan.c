/*
 * client_plan.c: `plan` for people: a table a window of what moves in it, then what waits for
 * others of its set, what misses its deadline, and what cannot be foreseen.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/view.h"

static void show_window(const json_t *w)
{
	static const char *const heads[] = {">JOB", "FILE", "FROM", "TO", ">BYTES", "THEN"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *m;
	size_t i;

	printf("%s, group ", client_str(w, "spoke"));
	view_puts(stdout, client_str(w, "group"));
	printf(": open since %s, %s\n", client_when(w, "opens").s,
	       client_size(client_int(w, "bytes")).s);
	json_array_foreach (json_object_get(w, "moves"), i, m) {
		view_cell(t, "%lld", (long long)client_int(m, "job"));
		view_cell(t, "%s", client_str(m, "path"));
		view_cell(t, "%s", client_when(m, "from").s);
		view_cell(t, "%s", client_when(m, "to").s);
		view_cell(t, "%s", client_size(client_int(m, "bytes")).s);
		view_cell(t, "%s", client_bool(m, "done") ? "done" : "goes on later");
	}
	view_table_print(t, stdout);
	view_table_free(t);
	putchar('\n');
}

/* Jobs that miss their deadline, and those without a time; the others are in the tables above. */
static void show_troubles(const json_t *jobs)
{
	static const char *const heads[] = {">JOB", "SPOKE", "FILE", "DEADLINE", "DONE", "TROUBLE"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *j;
	size_t i;

	json_array_foreach ((json_t *)jobs, i, j) {
		const char *problem = client_str(j, "problem");

		if (!client_bool(j, "late") && !*problem)
			continue;
		view_cell(t, "%lld", (long long)client_int(j, "job"));
		view_cell(t, "%s", client_str(j, "spoke"));
		view_cell(t, "%s", client_str(j, "path"));
		view_cell(t, "%s", client_when(j, "deadline").s);
		view_cell(t, "%s", client_when(j, "eta").s);
		view_cell(t, "%s%s%s", client_bool(j, "late") ? "misses its deadline" : "",
			  client_bool(j, "late") && *problem ? "; " : "", problem);
	}
	if (view_table_rows(t))
		view_table_print(t, stdout);
	view_table_free(t);
}

/* A job that is there before the rest of its set, and so many more like it. */
struct waiting {
	const char *spoke, *after, *after_spoke;
	bool unforeseen;
	const json_t *job;
	size_t place, more;
};

/* 0: both wait for the same of their set, on the same spoke. */
static int compare_waits(const struct waiting *a, const struct waiting *b)
{
	int c = strcmp(a->spoke, b->spoke);

	if (c == 0)
		c = strcmp(a->after, b->after);
	if (c == 0)
		c = strcmp(a->after_spoke, b->after_spoke);
	return c ? c : a->unforeseen - b->unforeseen;
}

static int by_place(const void *x, const void *y)
{
	const struct waiting *a = x, *b = y;

	return (a->place > b->place) - (a->place < b->place);
}

static int by_wait(const void *x, const void *y)
{
	int c = compare_waits(x, y);

	return c ? c : by_place(x, y);
}

static size_t collect_waiting(const json_t *jobs, struct waiting *ret)
{
	size_t n = 0, i;
	json_t *j;

	json_array_foreach ((json_t *)jobs, i, j) {
		const char *after = client_str(j, "after");

		if (*after)
			ret[n++] = (struct waiting){.spoke = client_str(j, "spoke"),
						    .after = after,
						    .after_spoke = client_str(j, "after_spoke"),
						    .unforeseen = *client_str(j, "problem"),
						    .job = j,
						    .place = i};
	}
	return n;
}

/* The first of those that are alike stays for all of them, in the order of the answer. */
static size_t fold_waiting(struct waiting *w, size_t n)
{
	size_t folded = 0;

	qsort(w, n, sizeof(*w), by_wait);
	for (size_t i = 0; i < n; i++) {
		if (folded && compare_waits(&w[folded - 1], &w[i]) == 0)
			w[folded - 1].more++;
		else
			w[folded++] = w[i];
	}
	qsort(w, folded, sizeof(*w), by_place);
	return folded;
}

/* What is there before the rest of its set, and is published with that. */
static void show_sets(const json_t *jobs)
{
	static const char *const heads[] = {"SPOKE", "FILE", "PUBLISHED", "AFTER", "ON"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	struct waiting *list = xcalloc(json_array_size(jobs) + 1, sizeof(*list));
	size_t n = fold_waiting(list, collect_waiting(jobs, list));

	for (const struct waiting *w = list; w < list + n; w++) {
		view_cell(t, "%s", w->spoke);
		if (w->more)
			view_cell(t, "%s and %zu more", client_str(w->job, "path"), w->more);
		else
			view_cell(t, "%s", client_str(w->job, "path"));
		view_cell(t, "%s", w->unforeseen ? "?" : client_when(w->job, "eta").s);
		view_cell(t, "%s", w->after);
		view_cell(t, "%s", w->after_spoke);
	}
	if (view_table_rows(t)) {
		view_table_print(t, stdout);
		putchar('\n');
	}
	view_table_free(t);
	free(list);
}

static int show(json_t *answer)
{
	const json_t *jobs = json_object_get(answer, "jobs");
	int64_t moves = client_int(answer, "moves_total");
	json_t *w;
	size_t i;

	if (!client_int(answer, "jobs_total")) {
		puts("no jobs: nothing is on its way");
		return EXIT_DONE;
	}
	json_array_foreach (json_object_get(answer, "windows"), i, w) {
		show_window(w);
	}
	show_sets(jobs);
	show_troubles(jobs);
	printf("%s, %lld late, %lld not to be foreseen",
	       client_count(client_int(answer, "jobs_total"), "job").s,
	       (long long)client_int(answer, "late"), (long long)client_int(answer, "unknown"));
	if (json_is_string(json_object_get(answer, "done")))
		printf("; the last is done %s %s", client_when(answer, "done").s,
		       client_in(answer, "done").s);
	putchar('\n');
	if (moves > 5000)
		printf("%lld transfers in all; the first 5000 are shown\n", (long long)moves);
	return EXIT_DONE;
}

/* The daemon reads the file: it has to have the whole path. */
int client_plan(const struct client *c, const struct args *a)
{
	const char *file = args_text(a, "what-if");
	char *path = file ? realpath(file, NULL) : NULL;
	struct err e = {0};
	json_t *answer = NULL;
	struct args full;
	int code = EXIT_DONE;

	if (file && !path) {
		fprintf(stderr, "spokesync: %s: %m\n", file);
		return EXIT_BAD_USAGE;
	}
	args_init(&full, a->cmd);
	for (size_t i = 0; i < COMMAND_ARGS_MAX && a->cmd->args[i].name; i++) {
		const char *value = args_text(a, a->cmd->args[i].name);

		if (value && path && value == file)
			value = path;
		if (value && args_set(&full, a->cmd->args[i].name, value, &e) < 0) {
			fprintf(stderr, "spokesync: %s\n", e.text);
			code = EXIT_BAD_USAGE;
		}
	}
	if (code == EXIT_DONE)
		code = client_call(c, &full, &answer);
	if (code == EXIT_DONE && c->json)
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)), putchar('\n');
	else if (code == EXIT_DONE)
		code = show(answer);
	json_decref(answer);
	args_done(&full);
	free(path);
	return code;
}
