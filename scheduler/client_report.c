/*
 * client_report.c: report for people: what is wrong, the groups with what was saved, the spokes,
 * the errors with their times, the disks.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <string.h>

#include "scheduler/view.h"

static void cell_size(struct view_table *t, const json_t *o, const char *key)
{
	view_cell(t, "%s", client_size(client_int(o, key)).s);
}

static void cell_number(struct view_table *t, const json_t *o, const char *key)
{
	view_cell(t, "%lld", (long long)client_int(o, key));
}

static void show_head(const json_t *r)
{
	const json_t *health = json_object_get(r, "health");
	json_t *line;
	size_t i;

	printf("from %s to %s: %s, %s, backlog %s, %s\n", client_when(r, "since").s,
	       client_when(r, "to").s, client_str(health, "level"),
	       client_bool(r, "in_sync") ? "in sync" : "not in sync",
	       client_count(client_int(r, "backlog_files"), "file").s,
	       client_size(client_int(r, "backlog_bytes")).s);
	json_array_foreach (json_object_get(health, "problems"), i, line) {
		fputs("! ", stdout);
		view_puts(stdout, json_string_value(line) ?: "");
		putchar('\n');
	}
}

static void show_groups(const json_t *r)
{
	static const char *const heads[] = {"GROUP",	">DONE",  ">FAILED", ">MISSED",
					    ">LOGICAL", ">HOLES", ">REUSED", ">COMPRESSED",
					    ">WIRE",	">SAVED", ">BACKLOG"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *g;
	size_t i;

	json_array_foreach (json_object_get(r, "groups"), i, g) {
		int64_t logical = client_int(g, "logical");
		int64_t wire = client_int(g, "wire_out") + client_int(g, "wire_in");

		view_cell(t, "%s", client_str(g, "name"));
		cell_number(t, g, "published");
		cell_number(t, g, "failed");
		cell_number(t, g, "late");
		cell_size(t, g, "logical");
		cell_size(t, g, "holes");
		cell_size(t, g, "reused");
		cell_size(t, g, "compressed");
		view_cell(t, "%s", client_size(wire).s);
		if (logical > 0)
			view_cell(t, "%.1f %%", 100.0 - 100.0 * (double)wire / (double)logical);
		else
			view_cell(t, "-");
		cell_number(t, g, "backlog_files");
	}
	putchar('\n');
	view_table_print(t, stdout);
	view_table_free(t);
}

static void show_spokes(const json_t *r)
{
	static const char *const heads[] = {"SPOKE",	">DONE",    ">FAILED",	 ">MISSED",
					    ">WIRE",	">WINDOWS", ">SENDING",	 ">THROTTLED",
					    ">BACKLOG", ">TO SEND", "LAST SEEN", "STATE"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *s;
	size_t i;

	json_array_foreach (json_object_get(r, "spokes"), i, s) {
		view_cell(t, "%s", client_str(s, "name"));
		cell_number(t, s, "published");
		cell_number(t, s, "failed");
		cell_number(t, s, "late");
		view_cell(t, "%s",
			  client_size(client_int(s, "wire_out") + client_int(s, "wire_in")).s);
		cell_number(t, s, "windows");
		view_cell(t, "%s", client_span((double)client_int(s, "seconds")).s);
		view_cell(t, "%s", client_span((double)client_int(s, "throttled_seconds")).s);
		cell_number(t, s, "backlog_files");
		cell_size(t, s, "backlog_bytes");
		view_cell(t, "%s", client_when(s, "last_seen").s);
		if (client_bool(s, "up"))
			view_cell(t, "up");
		else
			view_cell(t, "down%s%s", *client_str(s, "problem") ? ": " : "",
				  client_str(s, "problem"));
	}
	putchar('\n');
	view_table_print(t, stdout);
	view_table_free(t);
}

/* What it is about: "vdisks/win11.vhdx -> berlin", as much of it as there is. */
static void cell_object(struct view_table *t, const json_t *m)
{
	const char *group = client_str(m, "group"), *path = client_str(m, "path");
	const char *spoke = client_str(m, "spoke");

	view_cell(t, "%s%s%s%s%s", group, *path ? "/" : "", path, *group && *spoke ? " -> " : "",
		  spoke);
}

static void show_errors(const json_t *r)
{
	static const char *const heads[] = {"FROM", "LAST", "OVER", ">TIMES", "WHAT", "", "WHY"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *list = json_object_get(r, "errors"), *m;
	int64_t more = client_int(r, "errors_total") - (int64_t)json_array_size(list);
	size_t i;

	json_array_foreach (list, i, m) {
		view_cell(t, "%s", client_when(m, "at").s);
		view_cell(t, "%s", client_when(m, "last").s);
		view_cell(t, "%s", client_when(m, "until").s);
		cell_number(t, m, "times");
		view_cell(t, "%s", client_str(m, "what"));
		cell_object(t, m);
		view_cell(t, "%s", client_str(m, "why"));
	}
	putchar('\n');
	if (i)
		view_table_print(t, stdout);
	else
		puts("no errors");
	if (more > 0)
		printf("and %lld more\n", (long long)more);
	view_table_free(t);
}

static void show_disk(struct view_table *t, const char *what, const json_t *disk)
{
	view_cell(t, "%s", what);
	if (*client_str(disk, "problem")) {
		view_cell(t, "%s", client_str(disk, "problem"));
		view_cell(t, "-");
	} else {
		cell_size(t, disk, "free");
		if (json_is_integer(json_object_get(disk, "size")))
			cell_size(t, disk, "size");
		else
			view_cell(t, "-");
	}
	view_cell(t, "%s", client_str(disk, "path"));
}

static void show_disks(const json_t *r)
{
	static const char *const heads[] = {"DISK", ">FREE", ">SIZE", "PATH"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *o, *d;
	char what[200];
	size_t i, k;

	show_disk(t, "state_dir", json_object_get(r, "disk"));
	json_array_foreach (json_object_get(r, "groups"), i, o) {
		snprintf(what, sizeof(what), "group %s", client_str(o, "name"));
		show_disk(t, what, json_object_get(o, "disk"));
	}
	json_array_foreach (json_object_get(r, "spokes"), i, o) {
		json_array_foreach (json_object_get(o, "disk"), k, d) {
			snprintf(what, sizeof(what), "%s, group %s", client_str(o, "name"),
				 client_str(d, "group"));
			show_disk(t, what, d);
		}
	}
	putchar('\n');
	view_table_print(t, stdout);
	view_table_free(t);
}

int client_show_report(const struct client *c, const struct args *a, json_t *answer)
{
	(void)c, (void)a;
	show_head(answer);
	show_groups(answer);
	show_spokes(answer);
	show_errors(answer);
	show_disks(answer);
	return EXIT_DONE;
}
