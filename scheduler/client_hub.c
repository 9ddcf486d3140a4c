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

/* Of all that belongs there; 100 % only where nothing is missing. */
static void there_cell(struct view_table *t, const json_t *s)
{
	int64_t all = client_int(s, "bytes"), there = client_int(s, "bytes_there");

	if (all > 0)
		view_cell(t, "%d %%", (int)(100.0 * (double)there / (double)all));
	else
		view_cell(t, "-");
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

/* What was done there without the hub, by name; then what only lies there. */
static void print_drift(const json_t *s, const char *key)
{
	json_t *list = json_object_get(s, key), *d;
	int64_t more;
	char total[32];
	size_t i;

	json_array_foreach (list, i, d) {
		printf("%s: ", client_str(s, "name"));
		view_puts(stdout, client_str(d, "group"));
		putchar('/');
		view_puts(stdout, client_str(d, "path"));
		printf(" %s there", client_str(d, "what"));
		if (*client_str(d, "since"))
			printf(", %s", client_when(d, "since").s);
		printf(": %s\n", client_str(d, "why"));
	}
	snprintf(total, sizeof(total), "%s_total", key);
	more = client_int(s, total) - (int64_t)json_array_size(list);
	if (more > 0)
		printf("%s: and %lld more\n", client_str(s, "name"), (long long)more);
}

int client_show_spokes(const struct client *c, const struct args *a, json_t *answer)
{
	static const char *const heads[] = {"SPOKE",  ">JOBS", ">THERE", ">TO SEND", ">NOW",
					    ">LIMIT", "DONE",  "WINDOW", "STATE"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *s;
	size_t i;

	(void)c, (void)a;
	json_array_foreach (json_object_get(answer, "spokes"), i, s) {
		view_cell(t, "%s", client_str(s, "name"));
		view_cell(t, "%lld", (long long)client_int(s, "jobs"));
		there_cell(t, s);
		view_cell(t, "%s", client_size(client_int(s, "to_send")).s);
		view_cell(t, "%s", client_speed(client_int(s, "rate")).s);
		view_cell(t, "%s", client_rate(json_object_get(s, "limit")).s);
		done_cell(t, s);
		spoke_window(t, s);
		spoke_state(t, s);
	}
	view_table_print(t, stdout);
	view_table_free(t);
	json_array_foreach (json_object_get(answer, "spokes"), i, s) {
		print_drift(s, "drift");
		print_drift(s, "foreign");
	}
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
	printf("in sync after %s\n", client_span(client_real(answer, "waited_s")).s);
	return EXIT_DONE;
}

static void print_answer(const struct client *c, json_t *answer, client_show_fn *show)
{
	if (c->json)
		json_dumpf(answer, stdout, JSON_INDENT(2)), putchar('\n');
	else
		show(c, NULL, answer);
	fflush(stdout);
}

/* It waits for files that have not settled yet too, and holds a sync-now that is till all is in
 * sync until they have. */
static int wait_for(const struct client *c, const struct args *a, const json_t *sync_now)
{
	char *id = NULL;
	json_t *answer = NULL;
	int code;

	if (client_bool(sync_now, "until_in_sync"))
		id = xasprintf("%lld", (long long)client_int(sync_now, "id"));
	code = client_call_by(c, CMD_WAIT, &answer, "spoke", args_text(a, "spoke"), "group",
			      args_text(a, "group"), "sync-now", id, "timeout",
			      args_text(a, "timeout"), NULL);
	free(id);
	if (code == EXIT_DONE)
		print_answer(c, answer, client_show_wait);
	json_decref(answer);
	return code;
}

int client_sync_now(const struct client *c, const struct args *a)
{
	json_t *answer = NULL;
	int code = client_call(c, a, &answer);

	if (code == EXIT_DONE)
		print_answer(c, answer, client_show_override);
	if (code == EXIT_DONE && args_flag(a, "wait"))
		code = wait_for(c, a, answer);
	json_decref(answer);
	return code;
}
