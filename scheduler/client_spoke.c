/*
 * client_spoke.c: see client_spoke.h. A spoke knows no rates, windows or jobs: those are the hub's.
 */
#include "scheduler/client_spoke.h"

#include <stdio.h>

#include "scheduler/view.h"

#define BAR_COLUMNS 24

static void print_groups(const json_t *groups)
{
	static const char *const heads[] = {"GROUP",	  ">FILES", ">SIZE", ">STAGING",
					    ">PRESERVED", ">FREE",  "PATH",  "STATE"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	const char *problem;
	json_t *g;
	size_t i;

	json_array_foreach ((json_t *)groups, i, g) {
		problem = client_str(g, "problem");
		view_cell(t, "%s", client_str(g, "name"));
		view_cell(t, "%lld", (long long)client_int(g, "files"));
		view_cell(t, "%s", client_size(client_int(g, "bytes")).s);
		view_cell(t, "%s", client_size(client_int(g, "staging_bytes")).s);
		view_cell(t, "%s", client_size(client_int(g, "preserved_bytes")).s);
		view_cell(t, "%s", client_size(client_int(g, "free_bytes")).s);
		view_cell(t, "%s", client_str(g, "path"));
		if (*problem)
			view_cell(t, "%s", problem);
		else if (client_int(g, "indexing"))
			view_cell(t, "indexing %lld files", (long long)client_int(g, "indexing"));
		else
			view_cell(t, "%s", client_bool(g, "scanning") ? "scanning" : "ready");
	}
	view_table_print(t, stdout);
	view_table_free(t);
}

static void print_transfer(const char *group, const json_t *t)
{
	int64_t size = client_int(t, "size"), proven = client_int(t, "proven");
	double part = size > 0 ? (double)proven / (double)size : 0;
	char bar[BAR_COLUMNS + 3];

	view_puts(stdout, group);
	putchar('/');
	view_puts(stdout, client_str(t, "path"));
	printf("\n   %s %3d %%  %s of %s", view_bar(part, BAR_COLUMNS, bar), (int)(part * 100),
	       client_size(proven).s, client_size(size).s);
	printf("  %s%s", client_bool(t, "receiving") ? "receiving" : "waiting for the hub",
	       client_bool(t, "filling") ? ", base being copied" : "");
	if (*client_str(t, "error")) {
		fputs(", ", stdout);
		view_puts(stdout, client_str(t, "error"));
	}
	putchar('\n');
}

void client_print_spoke(const struct client *c, const json_t *status)
{
	json_t *groups = json_object_get(status, "groups"), *g, *t;
	size_t i, k;

	(void)c;
	putchar('\n');
	print_groups(groups);
	json_array_foreach (groups, i, g) {
		json_array_foreach (json_object_get(g, "transfers"), k, t) {
			print_transfer(client_str(g, "name"), t);
		}
	}
}
