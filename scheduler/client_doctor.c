/*
 * client_doctor.c: `spokesync doctor`: what each group's filesystem can do, as a table, and then in
 * sentences what is missing. With -c and no daemon at that socket the program looks for itself.
 */
#include "scheduler/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "scheduler/doctor.h"
#include "scheduler/view.h"

static bool daemon_listens(const char *socket_path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok;

	if (fd < 0 || strlen(socket_path) >= sizeof(a.sun_path))
		return true; /* the call will say what is wrong */
	strcpy(a.sun_path, socket_path);
	ok = connect(fd, (const struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return ok;
}

static int look_ourselves(const char *file, const char *only, json_t **ret)
{
	struct config_errors errors = {0};
	struct config *cfg = NULL;
	struct doctor *d;
	int code = EXIT_DONE;

	if (config_load(file, &cfg, &errors) < 0) {
		for (size_t i = 0; i < errors.n; i++)
			fprintf(stderr, "%s\n", errors.text[i]);
		code = EXIT_BAD_USAGE;
	} else if (only && !config_group(cfg, only)) {
		fprintf(stderr, "spokesync: there is no group '%s' in %s\n", only, file);
		code = EXIT_FAILED;
	} else {
		d = doctor_new(cfg, only);
		doctor_run(d);
		*ret = doctor_json(d);
		doctor_free(d);
	}
	config_errors_done(&errors);
	config_unref(cfg);
	return code;
}

static void show_group(const struct client *c, const json_t *g)
{
	const char *problem = client_str(g, "problem");
	json_t *a;
	size_t i;

	printf("%s: ", client_str(g, "name"));
	view_puts(stdout, client_str(g, "path"));
	if (*problem) {
		puts("");
		view_wrap(stdout, problem, 2, c->columns);
		return;
	}
	printf(", %s\n", client_str(g, "filesystem"));
	json_array_foreach (json_object_get(g, "abilities"), i, a) {
		bool there = client_bool(a, "there");
		char *text;

		if (there)
			printf("  yes  %-11s %s\n", client_str(a, "ability"),
			       client_str(a, "gives"));
		else
			printf("  NO   %-11s ", client_str(a, "ability"));
		if (there)
			continue;
		puts(*client_str(a, "withdrawn") ? "not believed any more"
						 : client_str(a, "gives"));
		if (*client_str(a, "withdrawn"))
			view_wrap(stdout, client_str(a, "withdrawn"), 19, c->columns);
		text = xasprintf("without it: %s", client_str(a, "costs"));
		view_wrap(stdout, text, 19, c->columns);
		free(text);
	}
}

int client_doctor(const struct client *c, const struct args *a)
{
	json_t *answer = NULL, *g;
	int code;
	size_t i;

	if (c->config && !daemon_listens(c->socket))
		code = look_ourselves(c->config, args_text(a, "group"), &answer);
	else
		code = client_call(c, a, &answer);
	if (code != EXIT_DONE)
		return code;
	if (c->json)
		json_dumpf(answer, stdout, JSON_INDENT(2)), putchar('\n');
	else
		json_array_foreach (json_object_get(answer, "groups"), i, g) {
			if (i)
				putchar('\n');
			show_group(c, g);
		}
	json_array_foreach (json_object_get(answer, "groups"), i, g) {
		if (*client_str(g, "problem"))
			code = EXIT_FAILED;
	}
	json_decref(answer);
	return code;
}
