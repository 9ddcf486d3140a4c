/*
 * client_hub.c: the hub's spokes, groups and exceptions for people: spokes, groups,
 * explain, sync-now, pause, resume, stop-now, wait.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/client_job.h"
#include "scheduler/view.h"

/* "up", or why not. */
static void spoke_state(struct view_table *t, const json_t *s)
{
	const char *problem = client_str(s, "problem");

	if (client_bool(s, "up"))
		view_cell(t, "up");
	else if (client_bool(s, "key_refused"))
		view_cell(t, "key: %s", problem);
	else if (!*problem)
		view_cell(t, "not tried yet");
	else if (json_is_integer(json_object_get(s, "retry_in_s")))
		view_cell(t, "down: %s; next try in %s", problem,
			  client_span((double)client_int(s, "retry_in_s")).s);
	else
		view_cell(t, "down: %s", problem);
}

static void spoke_window(struct view_table *t, const json_t *s)
{
	const char *by = client_str(s, "closed_by");

	if (client_bool(s, "open"))
		view_cell(t, "open");
	else if (json_is_string(json_object_get(s, "paused_until")))
		view_cell(t, "paused until %s", client_when(s, "paused_until").s);
	else if (!strcmp(by, "zone"))
		view_cell(t, "closed: zone unknown");
	else if (json_is_string(json_object_get(s, "opens")))
		view_cell(t, "closed until %s", client_when(s, "opens").s);
	else
		view_cell(t, "%s", *by ? "closed" : "-");
}

/* When the last is done; and how many beside it nobody can tell. */
static void done_cell(struct view_table *t, const json_t *o)
{
	int64_t unforeseen = client_int(o, "unforeseen");

	if (unforeseen && json_is_string(json_object_get(o, "eta")))
		view_cell(t, "%s + %lld unknown", client_when(o, "eta").s, (long long)unforeseen);
	else
		view_cell(t, "%s", client_when(o, "eta").s);
}

int client_show_spokes(const struct client *c, const struct args *a, json_t *answer)
{
	static const char *const heads[] = {"SPOKE",  ">JOBS", ">TO SEND", ">NOW",
					    ">LIMIT", "DONE",  "WINDOW",   "STATE"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *s;
	size_t i;

	(void)c, (void)a;
	json_array_foreach (json_object_get(answer, "spokes"), i, s) {
		view_cell(t, "%s", client_str(s, "name"));
		view_cell(t, "%lld", (long long)client_int(s, "jobs"));
		view_cell(t, "%s", client_size(client_int(s, "backlog_bytes")).s);
		view_cell(t, "%s", client_speed(client_int(s, "rate")).s);
		view_cell(t, "%s", client_rate(json_object_get(s, "limit")).s);
		done_cell(t, s);
		spoke_window(t, s);
		spoke_state(t, s);
	}
	view_table_print(t, stdout);
	view_table_free(t);
	return EXIT_DONE;
}

int client_show_groups(const struct client *c, const struct args *a, json_t *answer)
{
	static const char *const heads[] = {"GROUP",	">FILES", ">SIZE", ">NOT SETTLED",
					    ">SKIPPED", ">JOBS",  "DONE",  "GENERATIONS",
					    "PATH",	"STATE"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	const char *problem;
	json_t *g;
	size_t i;

	(void)c, (void)a;
	json_array_foreach (json_object_get(answer, "groups"), i, g) {
		problem = client_str(g, *client_str(g, "problem") ? "problem" : "distrust");
		view_cell(t, "%s", client_str(g, "name"));
		view_cell(t, "%lld", (long long)client_int(g, "files"));
		view_cell(t, "%s", client_size(client_int(g, "bytes")).s);
		view_cell(t, "%lld", (long long)client_int(g, "unsettled"));
		view_cell(t, "%lld", (long long)client_int(g, "skipped"));
		view_cell(t, "%lld", (long long)client_int(g, "jobs"));
		done_cell(t, g);
		view_cell(t, "%s", client_str(g, "generations"));
		view_cell(t, "%s", client_str(g, "path"));
		view_cell(t, "%s",
			  *problem		       ? problem
			  : client_bool(g, "scanning") ? "scanning"
						       : "watching");
	}
	view_table_print(t, stdout);
	view_table_free(t);
	return EXIT_DONE;
}

int client_show_explain(const struct client *c, const struct args *a, json_t *answer)
{
	json_t *g;
	size_t i;

	(void)a;
	json_array_foreach (json_object_get(answer, "groups"), i, g) {
		printf("%s, group %s\n", client_str(answer, "spoke"), client_str(g, "group"));
		client_print_lines(json_object_get(g, "words"));
		client_print_lines(json_object_get(g, "path_words"));
		client_print_sentences(c, json_object_get(g, "why"));
	}
	if (!json_array_size(json_object_get(answer, "groups")))
		puts("no group goes there");
	return EXIT_DONE;
}

int client_show_override(const struct client *c, const struct args *a, json_t *answer)
{
	(void)c, (void)a;
	client_print_override(answer);
	return EXIT_DONE;
}

int client_show_ended(const struct client *c, const struct args *a, json_t *answer)
{
	(void)c, (void)a;
	printf("%lld %s ended; the windows decide again\n", (long long)client_int(answer, "ended"),
	       client_str(answer, "kind"));
	return EXIT_DONE;
}

int client_show_wait(const struct client *c, const struct args *a, json_t *answer)
{
	(void)c, (void)a;
	printf("%s after %s\n", client_bool(answer, "settled") ? "settled" : "in sync",
	       client_span(client_real(answer, "waited_s")).s);
	return EXIT_DONE;
}

/* Takes the answer. */
static void print_answer(const struct client *c, json_t *answer, client_show_fn *show)
{
	if (c->json)
		json_dumpf(answer, stdout, JSON_INDENT(2)), putchar('\n');
	else
		show(c, NULL, answer);
	json_decref(answer);
	fflush(stdout);
}

/* *ret_up_to: the last version that it opens for; -1: for whatever comes. */
static int sync_now_once(const struct client *c, const struct args *a, int64_t *ret_up_to)
{
	json_t *answer = NULL;
	int code = client_call(c, a, &answer);

	if (code != EXIT_DONE)
		return code;
	*ret_up_to = client_bool(answer, "until_in_sync") ? client_int(answer, "up_to") : -1;
	print_answer(c, answer, client_show_override);
	return code;
}

/* --timeout is for all calls together; spent_s of it has gone. */
static int wait_for(const struct client *c, const struct args *a, double spent_s, bool settled,
		    json_t **ret)
{
	int64_t left_us = args_duration(a, "timeout", 0) - (int64_t)(spent_s * 1e6);
	char *left = NULL;
	int code;

	if (args_text(a, "timeout"))
		left = xasprintf("%lldms", (long long)MAX(left_us / 1000, 1));
	code = client_call_by(c, CMD_WAIT, ret, "spoke", args_text(a, "spoke"), "group",
			      args_text(a, "group"), "settled", settled ? "1" : NULL, "timeout",
			      left, NULL);
	free(left);
	return code;
}

/*
 * What lies there but is not catalogued yet would stay outside a sync-now that ends by itself,
 * while wait counts it: once it has settled, sync-now is said again, for that too.
 */
int client_sync_now(const struct client *c, const struct args *a)
{
	int64_t up_to = 0;
	double spent_s;
	json_t *answer = NULL;
	int code = sync_now_once(c, a, &up_to);

	if (code != EXIT_DONE || !args_flag(a, "wait"))
		return code;
	code = wait_for(c, a, 0, true, &answer);
	if (code != EXIT_DONE)
		return code;
	spent_s = client_real(answer, "waited_s");
	if (up_to >= 0 && client_int(answer, "up_to") > up_to)
		code = sync_now_once(c, a, &up_to);
	json_decref(answer);
	if (code == EXIT_DONE)
		code = wait_for(c, a, spent_s, false, &answer);
	if (code == EXIT_DONE)
		print_answer(c, answer, client_show_wait);
	return code;
}
