/*
 * main.c: `spokesyncd`, as a table of contents: options, configuration, start, loop, end.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scheduler/daemon_run.h"
#include "scheduler/log.h"
#include "transfer/key.h"

#define DEFAULT_CONFIG SYSCONFDIR "/spokesync.ini"
#define EXIT_USAGE     2

struct options {
	const char *config;
	const char *check;
	bool print_key, verbose;
};

static const char usage[] =
	"usage: spokesyncd [-c FILE] [-v]\n"
	"       spokesyncd --check FILE\n"
	"       spokesyncd [-c FILE] --print-key\n"
	"\n"
	"  -c, --config FILE  the configuration (default " DEFAULT_CONFIG ")\n"
	"      --check FILE   check a configuration, report every mistake, and exit\n"
	"      --print-key    print this node's public key, making it where absent, and exit\n"
	"  -v, --verbose      log more\n"
	"      --version      print the version and exit\n"
	"  -h, --help         this text\n"
	"\n"
	"signals: HUP reloads, USR1 reopens the job log, TERM and INT stop, a second one at once\n";

/* What an option alone does, or -1: go on. */
static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{"config", required_argument, NULL, 'c'},
		{"check", required_argument, NULL, 'k'},
		{"print-key", no_argument, NULL, 'p'},
		{"verbose", no_argument, NULL, 'v'},
		{"version", no_argument, NULL, 'V'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	int c;

	*o = (struct options){.config = DEFAULT_CONFIG};
	while ((c = getopt_long(argc, argv, "c:vh", longs, NULL)) >= 0) {
		switch (c) {
		case 'c':
			o->config = optarg;
			break;
		case 'k':
			o->check = optarg;
			break;
		case 'p':
			o->print_key = true;
			break;
		case 'v':
			o->verbose = true;
			break;
		case 'V':
			puts("spokesyncd " PACKAGE_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			fputs(usage, stdout);
			return EXIT_SUCCESS;
		default:
			fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "spokesyncd: '%s' is one word too many\n%s", argv[optind], usage);
	return EXIT_USAGE;
}

typedef int load_fn(const char *file, struct config **ret, struct config_errors *errors);

/* Every mistake a line. NULL: there were some. */
static struct config *load(const char *file, load_fn *how)
{
	struct config_errors errors = {0};
	struct config *cfg = NULL;

	if (how(file, &cfg, &errors) < 0) {
		for (size_t i = 0; i < errors.n; i++)
			fprintf(stderr, "%s\n", errors.text[i]);
		fprintf(stderr, "spokesyncd: %s: %zu %s\n", file, errors.n,
			errors.n == 1 ? "mistake" : "mistakes");
		cfg = NULL;
	}
	config_errors_done(&errors);
	return cfg;
}

static int check(const char *file)
{
	struct config *cfg = load(file, config_load);

	if (!cfg)
		return EXIT_FAILURE;
	printf("%s: ok: %s, %zu groups, %zu spokes, %zu policies\n", file, role_word(cfg->role),
	       cfg->n_groups, cfg->n_spokes, cfg->n_policies);
	config_unref(cfg);
	return EXIT_SUCCESS;
}

/* Works before the other side's key is known and written down. */
static int print_key(const char *file)
{
	struct config *cfg = load(file, config_load_identity);
	struct node_key *key = NULL;
	char text[PIN_TEXT + 1];
	struct err e = {0};
	struct pin pin;
	int r;

	if (!cfg)
		return EXIT_FAILURE;
	r = key_load(cfg->key, true, &key, &e);
	if (r < 0) {
		fprintf(stderr, "spokesyncd: %s\n", e.text);
	} else {
		memcpy(pin.sha256, key->pin, sizeof(pin.sha256));
		puts(pin_print(&pin, text));
	}
	key_free(key);
	config_unref(cfg);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

static int run(const struct options *o)
{
	struct daemon d = {.config_file = o->config, .lock_fd = -1};
	struct err e = {0};
	int r;

	log_init(o->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	d.config = load(o->config, config_load);
	if (!d.config)
		return EXIT_FAILURE;
	r = daemon_start(&d, &e);
	if (r < 0)
		log_error("cannot start: %s", e.text);
	else
		ev_run(d.loop, 0);
	daemon_finish(&d);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct options o;
	int done = parse_options(argc, argv, &o);

	if (done >= 0)
		return done;
	if (o.check)
		return check(o.check);
	if (o.print_key)
		return print_key(o.config);
	return run(&o);
}
