/*
 * client_adopt.c: what would become of the files that lie on a spoke, when a hub that has what FILE
 * says meets them. FILE is what `spokesync matrix --json` printed on the hub; the two machines need
 * not reach each other for this.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <string.h>

#include "scheduler/view.h"

/* The group of that name in the hub's answer, or NULL. */
static const json_t *group_of(const json_t *hub, const char *group)
{
	json_t *g;
	size_t i;

	json_array_foreach (json_object_get(hub, "groups"), i, g) {
		if (!strcmp(client_str(g, "group"), group))
			return g;
	}
	return NULL;
}

/* By the text under this key, as a table beside the rows: there may be many of both. */
static void index_rows(json_t *group, const char *key, const char *name)
{
	json_t *table = json_object(), *row;
	size_t i;

	json_array_foreach (json_object_get(group, "files"), i, row) {
		if (*client_str(row, key))
			json_object_set(table, client_str(row, key), row);
	}
	json_object_set_new(group, name, table);
}

static const char *verdict(const json_t *hub, const json_t *f)
{
	const json_t *group = group_of(hub, client_str(f, "group")), *here;
	const char *root = client_str(f, "root");

	if (!*root)
		return client_bool(f, "unsettled") ? "being written" : "being hashed";
	if (!hub)
		return client_bool(f, "published") ? "published" : "hashed";
	here = json_object_get(json_object_get(group, "by path"), client_str(f, "path"));
	if (here && !strcmp(client_str(here, "root"), root))
		return "adopted";
	if (json_object_get(json_object_get(group, "by root"), root))
		return "copied";
	return here ? "base" : "foreign";
}

static void print_files(const json_t *answer, const json_t *hub)
{
	static const char *const heads[] = {"GROUP", "PATH", ">SIZE", "WOULD BE"};
	struct view_table *t = view_table_new(heads, ARRAY_LEN(heads));
	json_t *f;
	size_t i;

	json_array_foreach (json_object_get(answer, "files"), i, f) {
		view_cell(t, "%s", client_str(f, "group"));
		view_cell(t, "%s", client_str(f, "path"));
		view_cell(t, "%s", client_size(client_int(f, "size")).s);
		view_cell(t, "%s", verdict(hub, f));
	}
	view_table_print(t, stdout);
	view_table_free(t);
}

/* The verdicts join the answer, for programs. */
static void add_verdicts(const json_t *answer, const json_t *hub)
{
	json_t *f;
	size_t i;

	json_array_foreach (json_object_get(answer, "files"), i, f) {
		json_object_set_new(f, "verdict", json_string(verdict(hub, f)));
	}
}

/* What is not listed would pass for foreign. */
static bool take_groups(const char *file, const json_t *hub)
{
	json_t *g;
	size_t i;

	json_array_foreach (json_object_get(hub, "groups"), i, g) {
		size_t n = json_array_size(json_object_get(g, "files"));

		if (client_int(g, "total") > (int64_t)n) {
			fprintf(stderr,
				"spokesync: %s has only %zu of %lld files of group %s: ask with "
				"'spokesync matrix SPOKE --json', which lists more; beyond 20000 it "
				"cannot be said\n",
				file, n, (long long)client_int(g, "total"), client_str(g, "group"));
			return false;
		}
		index_rows(g, "path", "by path");
		index_rows(g, "root", "by root");
	}
	return true;
}

static int read_hub(const char *file, json_t **ret)
{
	json_error_t e;

	*ret = file ? json_load_file(file, 0, &e) : NULL;
	if (!file)
		return EXIT_DONE;
	if (!json_is_array(json_object_get(*ret, "groups")))
		fprintf(stderr, "spokesync: %s is not what 'spokesync matrix --json' prints: %s\n",
			file, *ret ? "it has no groups" : e.text);
	else if (take_groups(file, *ret))
		return EXIT_DONE;
	json_decref(*ret);
	*ret = NULL;
	return EXIT_FAILED;
}

int client_adopt(const struct client *c, const struct args *a)
{
	json_t *answer = NULL, *hub = NULL;
	int code = read_hub(args_text(a, "hub"), &hub);

	if (code == EXIT_DONE)
		code = client_call(c, a, &answer);
	if (code == EXIT_DONE && c->json) {
		add_verdicts(answer, hub);
		json_dumpf(answer, stdout, JSON_INDENT(2)), putchar('\n');
	} else if (code == EXIT_DONE) {
		if (json_array_size(json_object_get(answer, "files")))
			print_files(answer, hub);
		printf("%s, %s; %lld to be hashed\n",
		       client_count(client_int(answer, "total"), "file").s,
		       client_size(client_int(answer, "bytes")).s,
		       (long long)client_int(answer, "hashing"));
		if (client_int(answer, "unsettled"))
			printf("%s written to just now: looked at when left alone for some "
			       "seconds; ask again\n",
			       client_count(client_int(answer, "unsettled"), "file").s);
	}
	json_decref(answer);
	json_decref(hub);
	return code;
}
