/*
 * client_verify.c: what a verification found, for people.
 */
#include "scheduler/client.h"

#include <stdio.h>

#include "scheduler/view.h"

static void print_found(const json_t *f)
{
	view_puts(stdout, client_str(f, "path"));
	printf(": %s there", client_str(f, "what"));
	if (client_int(f, "bad_blocks"))
		printf(", %s in blocks that differ", client_size(client_int(f, "bad_bytes")).s);
	printf("; %s\n", client_str(f, "why"));
}

static void print_missing(const json_t *m)
{
	view_puts(stdout, client_str(m, "path"));
	fputs(": the spoke does not have this version", stdout);
	if (client_int(m, "job"))
		printf("; job %lld brings it", (long long)client_int(m, "job"));
	putchar('\n');
}

/* What an answer has no room for. */
static void print_more(const json_t *g, const char *list, const char *total)
{
	long long n = (long long)client_int(g, total) -
		      (long long)json_array_size(json_object_get(g, list));

	if (n > 0)
		printf("and %lld more\n", n);
}

int client_show_verify(const struct client *c, const struct args *a, json_t *answer)
{
	int64_t found = 0;
	json_t *g, *f;
	size_t i, k;

	(void)c;
	(void)a;
	json_array_foreach (json_object_get(answer, "groups"), i, g) {
		printf("%s on %s: %s read again, %s of data\n", client_str(g, "group"),
		       client_str(answer, "spoke"), client_count(client_int(g, "files"), "file").s,
		       client_size(client_int(g, "read")).s);
		json_array_foreach (json_object_get(g, "found"), k, f) {
			print_found(f);
		}
		print_more(g, "found", "found_total");
		json_array_foreach (json_object_get(g, "missing"), k, f) {
			print_missing(f);
		}
		print_more(g, "missing", "missing_total");
		found += client_int(g, "found_total") + client_int(g, "missing_total");
	}
	if (client_int(answer, "repaired"))
		printf("%s to be repaired\n",
		       client_count(client_int(answer, "repaired"), "file").s);
	if (!found)
		puts("all of it is as the hub has it");
	return found ? EXIT_FAILED : EXIT_DONE;
}
