/*
 * client.c: `spokesync`: options, the command's row, its arguments; then the call, and the answer
 * as JSON or for people. What can be asked is the command table's.
 */
#include "scheduler/client.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "policy/config.h"
#include "scheduler/view.h"

#define DEFAULT_SOCKET "/run/spokesync/control.sock"

struct options {
	const char *socket, *config;
	bool json, help, version;
};

/* How an answer is shown; or, for commands that do more, what runs. */
struct action {
	client_show_fn *show;
	int (*run)(const struct client *c, const struct args *a);
};

static const struct action actions[COMMANDS_N] = {
	[CMD_STATUS] = {.run = client_status},
	[CMD_JOBS] = {.show = client_show_jobs},
	[CMD_JOB] = {.show = client_show_job},
	[CMD_SPOKES] = {.show = client_show_spokes},
	[CMD_GROUPS] = {.show = client_show_groups},
	[CMD_WHY] = {.show = client_show_why},
	[CMD_BACKLOG] = {.show = client_show_backlog},
	[CMD_MATRIX] = {.show = client_show_matrix},
	[CMD_INSPECT] = {.run = client_inspect},
	[CMD_REPORT] = {.show = client_show_report},
	[CMD_WINDOWS] = {.show = client_show_windows},
	[CMD_PLAN] = {.run = client_plan},
	[CMD_EXPLAIN] = {.show = client_show_explain},
	[CMD_SYNC_NOW] = {.run = client_sync_now},
	[CMD_PAUSE] = {.show = client_show_override},
	[CMD_RESUME] = {.show = client_show_ended},
	[CMD_STOP_NOW] = {.show = client_show_ended},
	[CMD_CANCEL] = {.show = client_show_done},
	[CMD_RETRY] = {.show = client_show_done},
	[CMD_CONFIRM] = {.show = client_show_decided},
	[CMD_PUBLISH] = {.show = client_show_decided},
	[CMD_WAIT] = {.show = client_show_wait},
	[CMD_PROBE] = {.run = client_probe},
	[CMD_LOG] = {.run = client_log},
	[CMD_EVENTS] = {.run = client_log},
	[CMD_DOCTOR] = {.run = client_doctor},
	[CMD_CONFIG] = {.show = client_show_config},
	[CMD_RELOAD] = {.show = client_show_reload},
	[CMD_PAIR] = {.run = client_pair},
	[CMD_PRESERVED] = {.show = client_show_preserved},
	[CMD_ADOPT] = {.run = client_adopt},
	[CMD_VERIFY] = {.run = client_verify},
	[CMD_RESTORE] = {.show = client_show_restored},
};

static void print_help(FILE *f)
{
	fputs("usage: spokesync [-S SOCKET | -c FILE] [--json] COMMAND [ARGUMENTS]\n\n", f);
	for (size_t i = 0; i < COMMANDS_N; i++)
		fprintf(f, "  %-10s %s\n", command_table[i].word, command_table[i].summary);
	fputs("\n  -S, --socket SOCKET  the daemon's control socket (default " DEFAULT_SOCKET ")\n"
	      "  -c, --config FILE    take the socket from this configuration\n"
	      "      --json           answers as JSON\n"
	      "      --version        print the version and exit\n"
	      "  -h, --help           this text; after a command: its own\n\n"
	      "exit codes: 0 done, 1 failed, 2 usage, 3 daemon not running, 4 refused,\n"
	      "            5 accepted but not finished in the time asked\n",
	      f);
}

static void print_command_help(const struct command *cmd, FILE *f)
{
	char left[64];

	fprintf(f, "usage: spokesync %s%s%s\n\n", cmd->word, *cmd->usage ? " " : "", cmd->usage);
	view_wrap(f, cmd->help, 0, 80);
	fputc('\n', f);
	for (const struct command_arg *arg = cmd->args; arg->name; arg++) {
		if (arg->place)
			snprintf(left, sizeof(left), "%s", arg->meta);
		else
			snprintf(left, sizeof(left), "--%s%s%s", arg->name, arg->meta ? " " : "",
				 arg->meta ? arg->meta : "");
		fprintf(f, "  %-18s %s\n", left, arg->help);
	}
	fprintf(f, "  %-18s %s\n", "--json", "the answer as JSON");
}

static int usage_error(const struct command *cmd, const char *text)
{
	fprintf(stderr, "spokesync: %s\n", text);
	if (cmd)
		fprintf(stderr, "usage: spokesync %s %s\n", cmd->word, cmd->usage);
	else
		fputs("'spokesync --help' lists the commands\n", stderr);
	return EXIT_BAD_USAGE;
}

/* A command may have an option of that name itself. */
static bool has_option(const struct command *cmd, const char *name)
{
	return cmd && command_arg_index(cmd, name) >= 0;
}

/*
 * Takes the options that every command has out of argv, wherever they stand before "--", so that
 * `spokesync jobs --json -S x` works. Returns the new argc, or -EINVAL (said).
 */
static int take_options(int argc, char **argv, struct options *o)
{
	const struct command *cmd = NULL;
	int kept = 1, i;

	for (i = 1; i < argc && strcmp(argv[i], "--"); i++) {
		const char *s = argv[i], **value = NULL;

		if (!strcmp(s, "--json"))
			o->json = true;
		else if (!strcmp(s, "-h") || !strcmp(s, "--help"))
			o->help = true;
		else if (!strcmp(s, "--version") && !has_option(cmd, "version"))
			o->version = true;
		else if (!strcmp(s, "-S") || !strcmp(s, "--socket"))
			value = &o->socket;
		else if (!strcmp(s, "-c") || !strcmp(s, "--config"))
			value = &o->config;
		else if (!strncmp(s, "--socket=", 9))
			o->socket = s + 9;
		else if (!strncmp(s, "--config=", 9))
			o->config = s + 9;
		else
			argv[kept++] = argv[i];
		if (kept == 2 && !cmd)
			cmd = command_by_word(argv[1]);
		if (value && i + 1 == argc)
			return usage_error(NULL, "-S and -c need a value"), -EINVAL;
		if (value)
			*value = argv[++i];
	}
	while (i < argc)
		argv[kept++] = argv[i++];
	argv[kept] = NULL;
	return kept;
}

/* The socket that a configuration names; to be freed. NULL: said. */
static char *socket_of_config(const char *file)
{
	struct config_errors errors = {0};
	struct config *cfg = NULL;
	char *path = NULL;

	if (config_load_identity(file, &cfg, &errors) < 0) {
		for (size_t i = 0; i < errors.n; i++)
			fprintf(stderr, "%s\n", errors.text[i]);
	} else {
		path = xstrdup(cfg->control);
	}
	config_errors_done(&errors);
	config_unref(cfg);
	return path;
}

static int show_answer(const struct client *c, const struct args *a, const struct action *action)
{
	json_t *answer = NULL;
	int code = client_call(c, a, &answer);

	if (code != EXIT_DONE)
		return code;
	if (c->json)
		json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(9)), putchar('\n');
	else
		code = action->show(c, a, answer);
	json_decref(answer);
	return code;
}

static int run_command(const struct client *c, const struct command *cmd, int argc, char **argv)
{
	const struct action *action = &actions[cmd->id];
	struct err e = {0};
	struct args a;
	int r, code;

	args_init(&a, cmd);
	r = args_set_words(&a, argc, argv, &e);
	if (!r)
		r = args_complete(&a, &e);
	if (r < 0)
		code = usage_error(cmd, e.text);
	else if (action->run)
		code = action->run(c, &a);
	else
		code = show_answer(c, &a, action);
	args_done(&a);
	/* A full disk or a closed pipe behind our output is a failure too. */
	if (fflush(stdout) || ferror(stdout))
		code = code ? code : EXIT_FAILED;
	return code;
}

static unsigned terminal_columns(void)
{
	struct winsize w;

	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) && w.ws_col >= 40)
		return w.ws_col;
	return 80;
}

static const struct command *find_command(const char *word)
{
	const struct command *cmd = command_by_word(word);
	const char *near;
	char text[200];

	if (cmd)
		return cmd;
	near = command_nearest(word);
	if (near)
		snprintf(text, sizeof(text), "there is no command '%.64s'; did you mean '%s'?",
			 word, near);
	else
		snprintf(text, sizeof(text), "there is no command '%.64s'", word);
	usage_error(NULL, text);
	return NULL;
}

static int with_socket(const struct options *o, const struct command *cmd, int argc, char **argv)
{
	struct client c = {
		.socket = o->socket,
		.config = o->config,
		.json = o->json,
		.tty = isatty(STDOUT_FILENO),
		.columns = terminal_columns(),
	};
	char *path = NULL;
	int code;

	if (!c.socket && o->config) {
		path = socket_of_config(o->config);
		if (!path)
			return EXIT_BAD_USAGE;
		c.socket = path;
	}
	if (!c.socket)
		c.socket = DEFAULT_SOCKET;
	code = run_command(&c, cmd, argc, argv);
	free(path);
	return code;
}

int main(int argc, char **argv)
{
	const struct command *cmd;
	struct options o = {0};

	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_DFL);
	argc = take_options(argc, argv, &o);
	if (argc < 0)
		return EXIT_BAD_USAGE;
	if (o.version) {
		puts("spokesync " PACKAGE_VERSION);
		return EXIT_DONE;
	}
	if (argc < 2) {
		print_help(o.help ? stdout : stderr);
		return o.help ? EXIT_DONE : EXIT_BAD_USAGE;
	}
	cmd = find_command(argv[1]);
	if (!cmd)
		return EXIT_BAD_USAGE;
	if (o.help) {
		print_command_help(cmd, stdout);
		return EXIT_DONE;
	}
	return with_socket(&o, cmd, argc - 2, argv + 2);
}
