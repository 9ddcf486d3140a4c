/*
 * client_inspect.c: `spokesync inspect`: a file's facts, its chain and who has its blocks as
 * tables, then in sentences what is wrong and what cannot be said.
 */
#include "scheduler/client.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/client_job.h"
#include "scheduler/view.h"

#define SHARES_SHOWN 20

static void line(const char *what, const char *value)
{
	printf("  %-9s", what);
	view_puts(stdout, value);
	putchar('\n');
}

/* "vhdx, differencing, 40.0 GiB, blocks of 2.0 MiB" */
static void show_format(const json_t *o)
{
	char text[300];

	if (client_bool(o, "known"))
		snprintf(text, sizeof(text), "%s, %s, disk of %s, blocks of %s",
			 client_str(o, "format"), client_str(o, "kind"),
			 client_size(client_int(o, "virtual_size")).s,
			 client_size(client_int(o, "block_size")).s);
	else
		snprintf(text, sizeof(text), "%s", client_str(o, "format"));
	line("format", text);
}

static const char *clean_word(const json_t *o)
{
	const json_t *clean = json_object_get(o, "clean");

	return json_is_null(clean) ? "not to be said" : json_is_true(clean) ? "yes" : "NO";
}

static void show_facts(const json_t *o)
{
	char text[400];

	printf("%s: ", client_str(o, "group"));
	view_puts(stdout, client_str(o, "path"));
	putchar('\n');
	show_format(o);
	snprintf(text, sizeof(text), "%s, %s allocated, of %s",
		 client_size(client_int(o, "size")).s, client_size(client_int(o, "allocated")).s,
		 client_when(o, "mtime").s);
	line("file", text);
	line("state", client_str(o, "state"));
	snprintf(text, sizeof(text), "%s%s%s", clean_word(o), *client_str(o, "unclean") ? ": " : "",
		 client_str(o, "unclean"));
	line("clean", text);
	if (*client_str(o, "in_use"))
		line("in use", client_str(o, "in_use"));
	line("root", *client_str(o, "root") ? client_str(o, "root") : "-");
	if (*client_str(o, "parent"))
		line("parent", client_str(o, "parent"));
}

static void show_chain(const json_t *chain)
{
	static const char *const heads[] = {"CHAIN", "KIND", ">DISK", "CLEAN", "EXACT", "ROOT"};
	struct view_table *t;
	json_t *l;
	size_t i;

	if (json_array_size(chain) < 2)
		return;
	t = view_table_new(heads, ARRAY_LEN(heads));
	json_array_foreach ((json_t *)chain, i, l) {
		const json_t *exact = json_object_get(l, "exact");
		bool there = client_bool(l, "present"), known = client_bool(l, "known");

		view_cell(t, "%s", client_str(l, "path"));
		view_cell(t, "%s", !there ? "MISSING" : known ? client_str(l, "kind") : "-");
		view_cell(t, "%s", known ? client_size(client_int(l, "virtual_size")).s : "-");
		view_cell(t, "%s", there ? clean_word(l) : "-");
		view_cell(t, "%s",
			  !json_is_boolean(exact) ? "-"
			  : json_is_true(exact)	  ? "yes"
						  : "NO");
		view_cell(t, "%.16s", *client_str(l, "root") ? client_str(l, "root") : "-");
	}
	putchar('\n');
	view_table_print(t, stdout);
	view_table_free(t);
}

static void show_shares(const json_t *shares)
{
	static const char *const heads[] = {">HAS OF IT", "CONTENT", "ROOT"};
	struct view_table *t;
	json_t *s;
	size_t i;

	if (!json_array_size(shares))
		return;
	t = view_table_new(heads, ARRAY_LEN(heads));
	json_array_foreach ((json_t *)shares, i, s) {
		if (i == SHARES_SHOWN)
			break;
		view_cell(t, "%lld %%", (long long)client_int(s, "percent"));
		view_cell(t, "%s", client_str(s, "path"));
		view_cell(t, "%.16s", client_str(s, "root"));
	}
	putchar('\n');
	view_table_print(t, stdout);
	view_table_free(t);
	if (json_array_size(shares) > SHARES_SHOWN)
		printf("and %zu more\n", json_array_size(shares) - SHARES_SHOWN);
}

static void show(const struct client *c, const json_t *o)
{
	show_facts(o);
	show_chain(json_object_get(o, "chain"));
	show_shares(json_object_get(o, "shares"));
	putchar('\n');
	client_print_sentences(c, json_object_get(o, "notes"));
}

/* ./x and ../x are meant from here; anything else without / in front from a group's directory. */
int client_inspect(const struct client *c, const struct args *a)
{
	const char *file = args_text(a, "file");
	char *real =
		!strncmp(file, "./", 2) || !strncmp(file, "../", 3) ? realpath(file, NULL) : NULL;
	json_t *answer = NULL;
	int code = client_call_by(c, CMD_INSPECT, &answer, "file", real ? real : file, "group",
				  args_text(a, "group"), NULL);

	free(real);
	if (code != EXIT_DONE)
		return code;
	if (c->json)
		json_dumpf(answer, stdout, JSON_INDENT(2)), putchar('\n');
	else
		show(c, answer);
	json_decref(answer);
	return EXIT_DONE;
}
