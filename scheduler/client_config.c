/*
 * client_config.c: the configuration for people: the values in force as an INI file with the place
 * of each, the keys there are, and what a reload did.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <string.h>

#include "scheduler/view.h"

static void print_section(const json_t *s)
{
	json_t *k;
	size_t i;

	printf("[%s%s%s]\n", client_str(s, "section"), *client_str(s, "name") ? " " : "",
	       client_str(s, "name"));
	json_array_foreach (json_object_get(s, "keys"), i, k) {
		int n = printf("%s = ", client_str(k, "key"));

		view_puts(stdout, client_str(k, "value"));
		n += (int)view_width(client_str(k, "value"));
		printf("%*s ; %s\n", n < 48 ? 48 - n : 0, "",
		       *client_str(k, "line") ? client_str(k, "line") : "default");
	}
}

static void print_keys(const struct client *c, const json_t *keys)
{
	const char *section = "";
	json_t *k;
	size_t i;

	json_array_foreach ((json_t *)keys, i, k) {
		if (strcmp(section, client_str(k, "section")))
			printf("%s[%s]\n", i ? "\n" : "", client_str(k, "section"));
		section = client_str(k, "section");
		printf("%s = %s", client_str(k, "key"), client_str(k, "values"));
		if (*client_str(k, "default"))
			printf(" (default %s)", client_str(k, "default"));
		printf("%s%s\n", client_bool(k, "several") ? ", several lines" : "",
		       client_bool(k, "reload") ? "" : ", needs a restart");
		view_wrap(stdout, client_str(k, "help"), 4, c->columns);
	}
}

int client_show_config(const struct client *c, const struct args *a, json_t *answer)
{
	json_t *s;
	size_t i;

	if (args_flag(a, "keys")) {
		print_keys(c, json_object_get(answer, "keys"));
		return EXIT_DONE;
	}
	printf("; %s, loaded %s\n", client_str(answer, "file"), client_when(answer, "loaded").s);
	json_array_foreach (json_object_get(answer, "sections"), i, s) {
		putchar('\n');
		print_section(s);
	}
	return EXIT_DONE;
}

int client_show_reload(const struct client *c, const struct args *a, json_t *answer)
{
	const char *restart = client_str(answer, "restart");

	(void)c, (void)a;
	puts("the new configuration is in force");
	if (*restart)
		printf("these need a restart: %s\n", restart);
	return EXIT_DONE;
}
