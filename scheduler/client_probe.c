/*
 * client_probe.c: probe for people: a line for each group and spoke.
 */
#include "scheduler/client.h"

#include <stdio.h>

#include "scheduler/view.h"

static void cell_seconds(struct view_table *t, const json_t *o, const char *key)
{
	if (json_is_number(json_object_get(o, key)))
		view_cell(t, "%.2f s", client_real(o, key));
	else
		view_cell(t, "-");
}

static void show(const json_t *answer)
{
	static const char *const heads[] = {"GROUP",	       "SPOKE",	 ">SEEN", ">QUEUED",
					    ">THERE AND BACK", ">TOTAL", "STATE"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *o;
	size_t i;

	json_array_foreach (json_object_get(answer, "probes"), i, o) {
		view_cell(t, "%s", client_str(o, "group"));
		view_cell(t, "%s", client_str(o, "spoke"));
		cell_seconds(t, o, "seen_s");
		cell_seconds(t, o, "queued_s");
		cell_seconds(t, o, "sent_s");
		cell_seconds(t, o, "total_s");
		if (client_bool(o, "there"))
			view_cell(t, "there");
		else if (json_is_string(json_object_get(o, "opens")))
			view_cell(t, "%s, opens %s", client_str(o, "why"),
				  client_when(o, "opens").s);
		else
			view_cell(t, "%s", client_str(o, "why"));
	}
	view_table_print(t, stdout);
	view_table_free(t);
}

int client_probe(const struct client *c, const struct args *a)
{
	json_t *answer = NULL;
	int code = client_call(c, a, &answer);

	if (code != EXIT_DONE)
		return code;
	if (c->json)
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)), putchar('\n');
	else
		show(answer);
	code = client_bool(answer, "all") ? EXIT_DONE : EXIT_UNFINISHED;
	json_decref(answer);
	return code;
}
