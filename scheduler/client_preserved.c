/*
 * client_preserved.c: what a spoke preserved, and what was restored of it, for people.
 */
#include "scheduler/client.h"

#include <stdio.h>

#include "scheduler/view.h"

static void print_limits(const json_t *g)
{
	int64_t age = client_int(g, "age_s"), count = client_int(g, "count");
	json_t *quota = json_object_get(g, "quota");

	printf("%s: %s preserved", client_str(g, "group"), client_size(client_int(g, "bytes")).s);
	if (json_is_integer(quota))
		printf(" of %s", client_size(client_int(g, "quota")).s);
	if (age > 0)
		printf(", for %s", client_span((double)age).s);
	if (count > 0)
		printf(", %lld of each file", (long long)count);
	putchar('\n');
}

int client_show_preserved(const struct client *c, const struct args *a, json_t *answer)
{
	static const char *const heads[] = {">VERSION", "GROUP", "PATH", ">SIZE",
					    "SINCE",	"WHY",	 "ROOT"};
	json_t *rows = json_object_get(answer, "preserved"), *p;
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	const char *root;
	size_t i;

	(void)c;
	(void)a;
	json_array_foreach (rows, i, p) {
		root = client_str(p, "root");
		view_cell(t, "%lld", (long long)client_int(p, "version"));
		view_cell(t, "%s", client_str(p, "group"));
		view_cell(t, "%s", client_str(p, "path"));
		view_cell(t, "%s", client_size(client_int(p, "size")).s);
		view_cell(t, "%s", client_when(p, "at").s);
		view_cell(t, "%s", client_str(p, "why"));
		view_cell(t, "%.12s", *root ? root : "being hashed");
	}
	if (json_array_size(rows))
		view_table_print(t, stdout);
	view_table_free(t);
	if ((size_t)client_int(answer, "total") > json_array_size(rows))
		printf("... of %lld; give a PATH\n", (long long)client_int(answer, "total"));
	json_array_foreach (json_object_get(answer, "groups"), i, p) {
		print_limits(p);
	}
	return EXIT_DONE;
}

int client_show_restored(const struct client *c, const struct args *a, json_t *answer)
{
	(void)c;
	(void)a;
	view_puts(stdout, client_str(answer, "path"));
	if (!*client_str(answer, "root"))
		puts(" is given back to the hub");
	else if (client_bool(answer, "held"))
		printf(" is version %lld again; the hub leaves it until it has a newer one, or until "
		       "restore --release\n",
		       (long long)client_int(answer, "version"));
	else
		printf(" is version %lld\n", (long long)client_int(answer, "version"));
	return EXIT_DONE;
}
