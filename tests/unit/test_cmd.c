/*
 * test_cmd.c: the handlers of the control API on a real core and a hub of the test's own: what they
 * answer, what they refuse and in which words, and that every wait is told.
 */
#include <errno.h>
#include <fcntl.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scheduler/guard.h"
#include "scheduler/handler.h"
#include "scheduler/health.h"
#include "scheduler/hub_verify.h"
#include "scheduler/hub_canary.h"
#include "tests/unit/core_rig.h"

#define VERSIONS_MAX 8

struct hub {
	struct rig *rig;
	struct version *versions[VERSIONS_MAX];
	size_t n_versions;
	const char *held;	/* the spoke that has everything */
	enum hub_holding holds; /* the others */
	uint64_t held_version;
	const char *asking;
	bool gone;	   /* too many files */
	const char *drift; /* the spoke where a file drifted */
	unsigned kicks, rescans, overrides_changed;
};

static struct hub hub;

/* The hub, as the handlers see it. */
struct http *hub_http(struct hub *h)
{
	(void)h;
	return NULL;
}

unsigned hub_untold(struct hub *h, const char **ret_problem)
{
	(void)h;
	*ret_problem = NULL;
	return 0;
}

/* One file drifted on one spoke; another one lies only there. */
static const struct hub_drift a_drift = {.group = "vdisks",
					 .path = "drifted.vhdx",
					 .what = "damaged",
					 .words = "it is brought back",
					 .since = {1000000000}};

bool hub_drift_of(struct hub *h, const char *spoke, const char *group, const char *path,
		  struct hub_drift *ret)
{
	*ret = a_drift;
	return h->drift && !strcmp(spoke, h->drift) && !strcmp(group, "vdisks") &&
	       !strcmp(path, a_drift.path);
}

uint64_t hub_drifts(struct hub *h, const char *spoke, uint64_t max, hub_drift_fn *fn, void *arg)
{
	if (!h->drift || strcmp(spoke, h->drift))
		return 0;
	if (max)
		fn(arg, &a_drift);
	return 1;
}

uint64_t hub_foreign(struct hub *h, const char *spoke, uint64_t max, hub_drift_fn *fn, void *arg)
{
	(void)h, (void)spoke, (void)max, (void)fn, (void)arg;
	return 0;
}

unsigned hub_drift_repair(struct hub *h, const char *spoke, const char *group, const char *path)
{
	(void)h, (void)spoke, (void)group, (void)path;
	return 0;
}

/* No spoke is spoken to here: what is refused is refused before. */
struct hub_verify *hub_verify_start(struct hub *h, const char *spoke, const char *group,
				    const char *path)
{
	(void)h, (void)spoke, (void)group, (void)path;
	return NULL;
}

void hub_verify_on_done(struct hub_verify *x, hub_verify_fn *done, void *arg)
{
	(void)x, (void)done, (void)arg;
}

void hub_verify_on_progress(struct hub_verify *x, hub_verify_progress_fn *progress)
{
	(void)x, (void)progress;
}

void hub_verify_leave(struct hub_verify *x)
{
	(void)x;
}

struct db *hub_database(struct hub *h)
{
	(void)h;
	return NULL;
}

bool hub_spoke_room(struct hub *h, const char *spoke, const char *group, uint64_t *ret)
{
	(void)h, (void)spoke, (void)group, (void)ret;
	return false;
}

int hub_canary_put(struct hub *h, const char *group, const char *name, const char *text,
		   struct err *e)
{
	(void)h, (void)group, (void)name, (void)text;
	return err_set(e, -ENODEV, "no disk here");
}

struct version *hub_canary_version(struct hub *h, const char *group, const char *name)
{
	(void)h, (void)group, (void)name;
	return NULL;
}

void hub_canary_drop(struct hub *h, const char *group, const char *name)
{
	(void)h, (void)group, (void)name;
}

struct core *hub_core(struct hub *h)
{
	return h->rig->c;
}

void hub_kick(struct hub *h)
{
	h->kicks++;
}

void hub_job_stats(struct hub *h, const struct job *j, struct hub_job_stats *ret)
{
	(void)j;
	snprintf(ret->asking, sizeof(ret->asking), "%s", h->asking ? h->asking : "");
	ret->push.wire_out = 100;
	ret->push.wire_in = 23;
	ret->rate = 1000;
	ret->proof = "changed";
}

void hub_group_stats(struct hub *h, const char *group, struct hub_group_stats *ret)
{
	(void)group;
	ret->files = h->n_versions;
	ret->how = "copy";
}

void hub_unsettled(struct hub *h, const char *group, hub_path_fn *fn, void *arg)
{
	(void)h, (void)group;
	fn(arg, "growing.vhdx", "it still changes");
}

const struct guard *hub_guard(struct hub *h, const char *group, const char *path)
{
	(void)h, (void)group;
	return strcmp(path, "growing.vhdx") ? NULL : guard_of_fault(CONTAINER_LOG);
}

int hub_index_dir(const struct hub *h)
{
	(void)h;
	return open("/", O_RDONLY | O_CLOEXEC);
}

void hub_skipped(struct hub *h, const char *group, hub_path_fn *fn, void *arg)
{
	(void)h, (void)group;
	fn(arg, "pipe", "not a regular file");
}

uint64_t hub_last_version(struct hub *h)
{
	return h->n_versions ? h->versions[h->n_versions - 1]->id : 0;
}

bool hub_spoke_has(struct hub *h, const char *spoke, const struct version *v)
{
	(void)v;
	return h->held && !strcmp(h->held, spoke);
}

enum hub_holding hub_spoke_holds(struct hub *h, const char *spoke, const struct version *v,
				 uint64_t *ret_version)
{
	*ret_version = hub_spoke_has(h, spoke, v) ? v->id : h->held_version;
	return hub_spoke_has(h, spoke, v) ? HOLDS_ALL : h->holds;
}

bool hub_spoke_copy(struct hub *h, const char *spoke, const struct version *v, char *buf,
		    size_t size)
{
	(void)v;
	if (h->held)
		return false;
	snprintf(buf, size, "%s has another content there", spoke);
	return true;
}

void hub_versions(struct hub *h, const char *group, hub_version_fn *fn, void *arg)
{
	for (size_t i = 0; i < h->n_versions; i++) {
		if (!strcmp(h->versions[i]->group, group))
			fn(arg, h->versions[i]);
	}
}

void hub_rescan(struct hub *h, const char *group)
{
	(void)group;
	h->rescans++;
}

bool hub_scanned(struct hub *h, const char *group)
{
	(void)h, (void)group;
	return true;
}

int hub_confirm(struct hub *h, const char *group)
{
	(void)group;
	return h->gone ? 0 : -EALREADY;
}

int hub_force(struct hub *h, const char *group, const char *path, char *ret_why, size_t size)
{
	(void)h, (void)group;
	snprintf(ret_why, size, "a parent is missing");
	return strcmp(path, "a.vhdx") ? -ENOENT : 0;
}

void hub_overrides_changed(struct hub *h)
{
	h->overrides_changed++;
}

int daemon_reload(struct daemon *d, struct config_errors *ret_errors, char *restart, size_t size)
{
	(void)d, (void)ret_errors;
	snprintf(restart, size, "[daemon] threads");
	return 0;
}

json_t *spoke_status_json(struct spoke *s)
{
	(void)s;
	return json_object();
}

struct now daemon_now(void)
{
	return hub.rig->now;
}

static struct daemon daemon_;

#define FLEET                                                                                    \
	"[policy night]\ntimezone = UTC\nwindow = mon-fri 22:00-06:00 20Mbit\n"                  \
	"window = sat 08:00-12:00 unlimited\n"                                                   \
	"[group vdisks]\npath = /srv/vdisks\nspokes = a, b\npolicy = night\nexclude = \\.lok$\n" \
	"[spoke a]\nurl = https://a:4480\n" RIG_KEY(                                             \
		"1") "[spoke b]\nurl = https://b:4480\n" RIG_KEY("2") "rate = 50Mbit\n"

static int setup(void **state)
{
	(void)state;
	hub = (struct hub){.rig = rig_new("", FLEET)};
	daemon_ = (struct daemon){.hub = &hub, .config = core_config(hub.rig->c)};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < hub.n_versions; i++)
		version_unref(hub.versions[i]);
	rig_free(hub.rig);
	return 0;
}

/* A version in the catalog, and its job on spoke a. */
static struct job *add_job(const char *path)
{
	struct version *v = rig_version(hub.rig, "vdisks", path, true);
	struct job *j;

	hub.versions[hub.n_versions++] = v;
	j = core_add_job(hub.rig->c, 0, JOB_PUT, v, "a", hub.rig->now);
	rig_pass(hub.rig);
	return j;
}

/* Calls a command; arguments as JSON text. A reference, or NULL and the problem in c. */
static json_t *ask(enum command_id id, const char *json, struct call *c)
{
	json_t *o = json_loads(json, 0, NULL);
	struct err e = {0};
	struct args a;

	args_init(&a, &command_table[id]);
	assert_non_null(o);
	if (args_set_json(&a, o, &e) < 0 || args_complete(&a, &e) < 0)
		fail_msg("%s", e.text);
	*c = (struct call){.daemon = &daemon_,
			   .args = &a,
			   .who = "uid 0 (root)",
			   .now = hub.rig->now,
			   .status = 200};
	assert_int_equal(handler_of(id)(c), HANDLED);
	json_decref(o);
	args_done(&a);
	return c->answer;
}

static json_t *good(enum command_id id, const char *json)
{
	struct call c;
	json_t *answer = ask(id, json, &c);

	if (!answer)
		fail_msg("%u: %s", c.status, c.problem);
	assert_int_equal(c.status, 200);
	return answer;
}

static void bad(enum command_id id, const char *json, unsigned status, const char *word)
{
	struct call c;

	assert_null(ask(id, json, &c));
	assert_int_equal(c.status, status);
	if (!strstr(c.problem, word))
		fail_msg("'%s' does not say '%s'", c.problem, word);
}

/* Member of a member: "jobs/0/state". */
static const json_t *at(const json_t *o, const char *path)
{
	char part[64];
	size_t len;

	for (; *path && o; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		snprintf(part, sizeof(part), "%.*s", (int)len, path);
		o = json_is_array(o) ? json_array_get(o, strtoul(part, NULL, 10))
				     : json_object_get(o, part);
	}
	return o;
}

static const char *text(const json_t *o, const char *path)
{
	return json_string_value(at(o, path)) ?: "(none)";
}

/* Is there a sentence with this in it? */
static bool says(const json_t *list, const char *word)
{
	json_t *line;
	size_t i;

	for (i = 0; i < json_array_size(list); i++) {
		line = json_array_get(list, i);
		if (strstr(json_string_value(line), word))
			return true;
	}
	return false;
}

static void every_command_has_a_handler(void **state)
{
	(void)state;
	for (enum command_id i = 0; i < COMMANDS_N; i++)
		assert_non_null(handler_of(i));
}

static void jobs_are_listed(void **state)
{
	json_t *o;

	(void)state;
	rig_up(hub.rig, "a");
	add_job("x.vhdx");
	o = good(CMD_JOBS, "{}");
	assert_int_equal(json_array_size(at(o, "jobs")), 1);
	assert_string_equal(text(o, "jobs/0/path"), "x.vhdx");
	assert_string_equal(text(o, "jobs/0/spoke"), "a");
	assert_string_equal(text(o, "jobs/0/state"), "waiting");
	assert_string_equal(text(o, "jobs/0/waits/0"), "window");
	assert_int_equal(json_integer_value(at(o, "jobs/0/wire")), 123);
	json_decref(o);
	o = good(CMD_JOBS, "{\"spoke\":\"b\"}");
	assert_int_equal(json_array_size(at(o, "jobs")), 0);
	json_decref(o);
	bad(CMD_JOBS, "{\"spoke\":\"c\"}", 404, "no spoke 'c'");
	bad(CMD_JOBS, "{\"group\":\"x\"}", 404, "no group 'x'");
	bad(CMD_JOB, "{\"job\":999}", 404, "no job 999");
}

/* The window, the spoke, the pause: each with what ends it. */
static void why_tells_every_wait(void **state)
{
	char arg[64];
	struct job *j;
	json_t *o;

	(void)state;
	/* Monday noon: the tail of no window. */
	rig_move(hub.rig, 12 * 3600);
	j = add_job("x.vhdx");
	snprintf(arg, sizeof(arg), "{\"job\":%llu}", (unsigned long long)j->id);
	o = good(CMD_WHY, arg);
	assert_true(says(at(o, "why"), "policy night is closed"));
	assert_true(says(at(o, "why"), "It opens Mon 2026-11-23 22:00 UTC (in 10h"));
	assert_true(says(at(o, "why"), "Spoke a cannot be reached"));
	json_decref(o);
	rig_override(hub.rig, OVERRIDE_PAUSE, "a", NULL, 3600);
	rig_pass(hub.rig);
	o = good(CMD_WHY, arg);
	assert_true(says(at(o, "why"), "It is paused"));
	assert_true(says(at(o, "why"), "spokesync resume a"));
	json_decref(o);
}

/* The window is open, and the spoke is asked first what it has. */
static void why_tells_of_questions(void **state)
{
	char arg[64];
	struct job *j;
	json_t *o;

	(void)state;
	rig_up(hub.rig, "a");
	rig_move(hub.rig, 23 * 3600);
	rig_up(hub.rig, "a");
	j = add_job("x.vhdx");
	rig_move(hub.rig, 120);
	assert_int_equal(j->state, JOB_SENDING);
	hub.asking = "asking a what its copy of x.vhdx holds, 40 %";
	snprintf(arg, sizeof(arg), "{\"job\":%llu}", (unsigned long long)j->id);
	o = good(CMD_WHY, arg);
	hub.asking = NULL;
	assert_true(says(at(o, "why"), "asking a what its copy of x.vhdx holds, 40 %"));
	assert_string_equal(json_string_value(at(at(o, "job"), "asking")),
			    "asking a what its copy of x.vhdx holds, 40 %");
	json_decref(o);
}

static void why_tells_of_paths(void **state)
{
	json_t *o;

	(void)state;
	rig_up(hub.rig, "a");
	add_job("x.vhdx");
	o = good(CMD_WHY, "{\"spoke\":\"a\",\"path\":\"x.vhdx\"}");
	assert_true(json_is_object(at(o, "job")));
	json_decref(o);
	hub.held = "b";
	o = good(CMD_WHY, "{\"spoke\":\"b\",\"path\":\"x.vhdx\"}");
	assert_true(says(at(o, "why"), "b holds this very version"));
	json_decref(o);
	o = good(CMD_WHY, "{\"spoke\":\"a\",\"path\":\"growing.vhdx\"}");
	assert_true(says(at(o, "why"), "not settled: it still changes"));
	json_decref(o);
	o = good(CMD_WHY, "{\"spoke\":\"a\",\"path\":\"pipe\"}");
	assert_true(says(at(o, "why"), "not a regular file"));
	json_decref(o);
	o = good(CMD_WHY, "{\"spoke\":\"a\",\"path\":\"y.lok\"}");
	assert_true(says(at(o, "why"), "excludes it: '\\.lok$'"));
	json_decref(o);
	o = good(CMD_WHY, "{\"spoke\":\"a\",\"path\":\"unknown\"}");
	assert_true(says(at(o, "why"), "No group that goes to a has a file of that name"));
	json_decref(o);
	bad(CMD_WHY, "{}", 400, "why JOB");
	bad(CMD_WHY, "{\"spoke\":\"a\"}", 400, "why SPOKE PATH");
}

static void overrides_are_set_and_ended(void **state)
{
	json_t *o;

	(void)state;
	bad(CMD_SYNC_NOW, "{}", 400, "which spoke");
	bad(CMD_SYNC_NOW, "{\"spoke\":\"a\",\"all\":true}", 400, "not both");
	bad(CMD_PAUSE, "{\"spoke\":\"a\"}", 400, "how long");
	bad(CMD_PAUSE, "{\"for\":\"1h\",\"until\":\"2026-11-23T01:00:00Z\"}", 400, "how long");
	bad(CMD_PAUSE, "{\"until\":\"2026-11-22T23:00:00Z\"}", 400, "in the past");
	bad(CMD_PAUSE, "{\"for\":\"9000h\"}", 400, "366 days");
	assert_int_equal(hub.overrides_changed, 0);
	o = good(CMD_SYNC_NOW,
		 "{\"spoke\":\"a\",\"for\":\"90m\",\"rate\":\"8Mbit\",\"reason\":\"t\"}");
	assert_string_equal(text(o, "until"), "2026-11-23T01:30:00Z");
	assert_int_equal(json_integer_value(at(o, "limit")), 1000000);
	assert_true(json_is_false(at(o, "until_in_sync")));
	assert_string_equal(text(o, "who"), "uid 0 (root)");
	json_decref(o);
	o = good(CMD_SYNC_NOW, "{\"all\":true}");
	assert_true(json_is_true(at(o, "until_in_sync")));
	assert_string_equal(text(o, "until"), "2026-11-24T00:00:00Z");
	json_decref(o);
	assert_int_equal(hub.rescans, 2);
	assert_int_equal(hub.overrides_changed, 2);
	o = good(CMD_PAUSE, "{\"until\":\"2026-11-23T02:00:00Z\"}");
	assert_int_equal(json_integer_value(at(o, "left_s")), 7200);
	json_decref(o);
	bad(CMD_RESUME, "{\"spoke\":\"a\"}", 404, "no pause of exactly a");
	o = good(CMD_RESUME, "{\"reason\":\"t\"}");
	assert_int_equal(json_integer_value(at(o, "ended")), 1);
	json_decref(o);
	o = good(CMD_STOP_NOW, "{\"spoke\":\"b\",\"reason\":\"t\"}");
	assert_int_equal(json_integer_value(at(o, "ended")), 1);
	json_decref(o);
	bad(CMD_STOP_NOW, "{\"spoke\":\"b\"}", 404, "no sync-now that touches b");
}

static void backlog_and_matrix(void **state)
{
	struct job *job;
	json_t *o;

	(void)state;
	rig_up(hub.rig, "a");
	job = add_job("x.vhdx");
	hub.held = "b";
	o = good(CMD_BACKLOG, "{}");
	assert_int_equal(json_integer_value(at(o, "backlog/0/files")), 1);
	assert_string_equal(text(o, "backlog/0/missing/0/path"), "x.vhdx");
	assert_int_equal(json_integer_value(at(o, "backlog/1/files")), 0);
	assert_string_equal(text(o, "groups/0/unsettled/0/why"), "it still changes");
	json_decref(o);
	o = good(CMD_MATRIX, "{\"group\":\"vdisks\"}");
	assert_string_equal(text(o, "groups/0/files/0/at/a/state"), "absent");
	assert_string_equal(text(o, "groups/0/files/0/at/a/job_state"), "waiting");
	assert_string_equal(text(o, "groups/0/files/0/at/a/waits_text"), "window closed");
	assert_string_equal(text(o, "groups/0/files/0/at/b/state"), "published");
	assert_null(at(o, "groups/0/files/0/at/b/job"));
	json_decref(o);
	/* Some of it is there; an older version is; something that nobody sent. */
	job->done_bytes = 50;
	job->total_bytes = 200;
	hub.holds = HOLDS_OTHER;
	hub.held_version = 77;
	o = good(CMD_MATRIX, "{}");
	assert_string_equal(text(o, "groups/0/files/0/at/a/state"), "moving");
	assert_int_equal(json_integer_value(at(o, "groups/0/files/0/at/a/percent")), 25);
	assert_int_equal(json_integer_value(at(o, "groups/0/files/0/at/a/holds")), 77);
	json_decref(o);
	hub.holds = HOLDS_FOREIGN;
	hub.held_version = 0;
	o = good(CMD_MATRIX, "{}");
	assert_string_equal(text(o, "groups/0/files/0/at/a/state"), "drifted");
	assert_null(at(o, "groups/0/files/0/at/a/holds"));
	json_decref(o);
	bad(CMD_MATRIX, "{\"group\":\"x\"}", 404, "no group");
}

static void windows_and_rates(void **state)
{
	json_t *o;

	(void)state;
	rig_move(hub.rig, 12 * 3600);
	o = good(CMD_WINDOWS, "{\"spoke\":\"a\",\"next\":3}");
	assert_int_equal(json_array_size(at(o, "windows")), 1);
	assert_true(json_is_false(at(o, "windows/0/open")));
	assert_int_equal(json_array_size(at(o, "windows/0/edges")), 3);
	assert_string_equal(text(o, "windows/0/edges/0/at"), "2026-11-23T22:00:00Z");
	assert_int_equal(json_integer_value(at(o, "windows/0/edges/0/rate")), 2500000);
	assert_true(json_is_false(at(o, "windows/0/edges/1/open")));
	json_decref(o);
	bad(CMD_WINDOWS, "{\"next\":101}", 400, "1 to 100 edges");
	bad(CMD_WINDOWS, "{\"next\":0}", 400, "1 to 100 edges");
	bad(CMD_WINDOWS, "{\"policy\":\"nigth\"}", 404, "there is no policy 'nigth'");
	rig_move(hub.rig, 11 * 3600);
	o = good(CMD_EXPLAIN, "{\"spoke\":\"b\",\"path\":\"x.lok\"}");
	assert_true(json_is_true(at(o, "groups/0/chain/open")));
	assert_int_equal(json_integer_value(at(o, "groups/0/chain/least")), 2500000);
	assert_int_equal(json_integer_value(at(o, "groups/0/chain/spoke")), 6250000);
	assert_true(json_is_null(at(o, "groups/0/chain/hub")));
	assert_true(json_is_false(at(o, "groups/0/filter/taken")));
	assert_string_equal(text(o, "groups/0/filter/pattern"), "\\.lok$");
	json_decref(o);
}

/* What holds at another time, exceptions that last till then included. */
static void windows_at_a_time(void **state)
{
	json_t *o;

	(void)state;
	o = good(CMD_WINDOWS, "{\"spoke\":\"b\",\"at\":\"2026-11-28T09:00:00Z\"}");
	assert_string_equal(text(o, "at"), "2026-11-28T09:00:00Z");
	assert_string_equal(text(o, "windows/0/local"), "Sat 2026-11-28 09:00 UTC");
	/* The spoke's own rate is below what the window allows. */
	assert_int_equal(json_integer_value(at(o, "windows/0/rate")), 6250000);
	assert_string_equal(text(o, "windows/0/by"), "spoke-rate");
	assert_string_equal(text(o, "windows/0/text"), "[spoke b] rate = 50Mbit");
	assert_true(json_is_true(at(o, "windows/0/chains/0/chain/open")));
	assert_true(json_array_size(at(o, "windows/0/edges")) == 0);
	json_decref(o);
	o = good(CMD_WINDOWS, "{\"spoke\":\"a\",\"at\":\"2026-11-23T23:00:00Z\",\"next\":1}");
	assert_string_equal(text(o, "windows/0/by"), "policy");
	assert_string_equal(text(o, "windows/0/text"), "mon-fri 22:00-06:00 20Mbit");
	assert_non_null(strstr(text(o, "windows/0/line"), ":"));
	assert_string_equal(text(o, "windows/0/edges/0/at"), "2026-11-24T06:00:00Z");
	assert_int_equal(json_integer_value(at(o, "windows/0/edges/0/after_s")), 7 * 3600);
	assert_true(json_is_null(at(o, "windows/0/edges/0/clock_change")));
	json_decref(o);
	o = good(CMD_PAUSE, "{\"spoke\":\"a\",\"until\":\"2026-11-23T23:30:00Z\"}");
	json_decref(o);
	o = good(CMD_WINDOWS, "{\"spoke\":\"a\",\"at\":\"2026-11-23T23:00:00Z\"}");
	assert_true(json_is_true(at(o, "windows/0/open")));
	assert_string_equal(text(o, "windows/0/chains/0/chain/closed_by"), "paused");
	json_decref(o);
	o = good(CMD_WINDOWS, "{\"spoke\":\"a\",\"at\":\"2026-11-23T23:45:00Z\"}");
	assert_true(json_is_true(at(o, "windows/0/chains/0/chain/open")));
	json_decref(o);
	/* Nothing is known of the exceptions of the past. */
	o = good(CMD_WINDOWS, "{\"spoke\":\"a\",\"at\":\"2026-11-20T23:00:00Z\"}");
	assert_true(json_is_true(at(o, "windows/0/chains/0/chain/open")));
	json_decref(o);
}

static void windows_of_a_week(void **state)
{
	json_t *o;

	(void)state;
	rig_move(hub.rig, 13 * 3600);
	o = good(CMD_WINDOWS, "{\"spoke\":\"a\",\"week\":true}");
	assert_int_equal(json_array_size(at(o, "windows/0/days")), 7);
	assert_string_equal(text(o, "windows/0/days/0/date"), "2026-11-23");
	assert_string_equal(text(o, "windows/0/days/0/weekday"), "Mon");
	assert_int_equal(json_array_size(at(o, "windows/0/days/0/spans")), 2);
	assert_string_equal(text(o, "windows/0/days/0/spans/1/from"), "22:00");
	assert_string_equal(text(o, "windows/0/days/0/spans/1/to"), "24:00");
	assert_string_equal(text(o, "windows/0/days/5/spans/0/to"), "06:00");
	assert_int_equal(json_integer_value(at(o, "windows/0/days/6/seconds")), 86400);
	json_decref(o);
	o = good(CMD_WINDOWS, "{\"policy\":\"night\",\"week\":true}");
	assert_int_equal(json_array_size(at(o, "windows")), 1);
	assert_null(at(o, "windows/0/spoke"));
	json_decref(o);
	o = good(CMD_WINDOWS, "{\"dfsr\":true}");
	assert_int_equal(json_array_size(at(o, "dfsr")), 1);
	assert_string_equal(text(o, "dfsr/0/policy"), "night");
	assert_string_equal(text(o, "dfsr/0/days/6/day"), "sunday");
	assert_int_equal(strlen(text(o, "dfsr/0/days/6/levels")), 96);
	assert_string_equal(text(o, "dfsr/0/lost/0/level"), "A");
	assert_int_equal(json_integer_value(at(o, "dfsr/0/lost/0/rate")), 2500000);
	json_decref(o);
	o = good(CMD_WINDOWS, "{\"dfsr\":true,\"policy\":\"always\"}");
	assert_memory_equal(text(o, "dfsr/0/days/0/levels"), "FFFFFFFF", 8);
	json_decref(o);
}

static void jobs_are_cancelled_and_retried(void **state)
{
	char arg[64];
	struct job *j;
	json_t *o;

	(void)state;
	rig_up(hub.rig, "a");
	j = add_job("x.vhdx");
	snprintf(arg, sizeof(arg), "{\"job\":%llu}", (unsigned long long)j->id);
	o = good(CMD_CANCEL, arg);
	json_decref(o);
	assert_true(hub.kicks > 0);
	rig_pass(hub.rig);
	assert_int_equal(j->state, JOB_CANCELLED);
	bad(CMD_CANCEL, arg, 409, "over already: cancelled");
	o = good(CMD_JOBS, "{\"all\":true}");
	assert_string_equal(text(o, "jobs/0/state"), "cancelled");
	json_decref(o);
	o = good(CMD_RETRY, arg);
	json_decref(o);
	rig_pass(hub.rig);
	assert_int_not_equal(j->state, JOB_CANCELLED);
}

static void what_is_held_is_decided(void **state)
{
	json_t *o;

	(void)state;
	bad(CMD_CONFIRM, "{\"group\":\"vdisks\"}", 409, "nothing is to be confirmed");
	bad(CMD_CONFIRM, "{\"group\":\"x\"}", 404, "there is no group 'x'");
	hub.gone = true;
	o = good(CMD_CONFIRM, "{\"group\":\"vdisks\"}");
	assert_string_equal(text(o, "done"), "confirm");
	json_decref(o);
	bad(CMD_PUBLISH, "{\"group\":\"vdisks\",\"path\":\"a.vhdx\"}", 400, "--force");
	bad(CMD_PUBLISH, "{\"group\":\"vdisks\",\"path\":\"b\",\"force\":true}", 404,
	    "no set of group vdisks");
	o = good(CMD_PUBLISH, "{\"group\":\"vdisks\",\"path\":\"a.vhdx\",\"force\":true}");
	assert_string_equal(text(o, "held"), "a parent is missing");
	json_decref(o);
}

static void configuration(void **state)
{
	json_t *o;

	(void)state;
	o = good(CMD_CONFIG, "{}");
	assert_string_equal(text(o, "sections/0/section"), "daemon");
	assert_string_equal(text(o, "sections/0/keys/0/key"), "role");
	assert_string_equal(text(o, "sections/0/keys/0/value"), "hub");
	json_decref(o);
	o = good(CMD_CONFIG, "{\"keys\":true}");
	assert_true(json_array_size(at(o, "keys")) > 30);
	json_decref(o);
	o = good(CMD_RELOAD, "{}");
	assert_string_equal(text(o, "restart"), "[daemon] threads");
	json_decref(o);
}

/* When the last is done, of a spoke and of a group, closed time left out; and that of some nobody
 * can tell: a date of the others alone would be a promise of all. */
static void spokes_and_groups_have_times(void **state)
{
	json_t *o;

	(void)state;
	o = good(CMD_GROUPS, "{}");
	assert_true(json_is_null(at(o, "groups/0/eta")));
	assert_int_equal(json_integer_value(at(o, "groups/0/unforeseen")), 0);
	json_decref(o);
	rig_up(hub.rig, "a");
	add_job("x.vhdx");
	(void)core_add_job(hub.rig->c, 0, JOB_PUT, hub.versions[0], "b", hub.rig->now);
	rig_pass(hub.rig);
	o = good(CMD_SPOKES, "{}");
	/* It is midnight, and the window opens at ten in the evening. */
	assert_memory_equal(text(o, "spokes/0/eta"), "2026-11-23T22:0", 15);
	assert_int_equal(json_integer_value(at(o, "spokes/0/unforeseen")), 0);
	assert_true(json_is_null(at(o, "spokes/1/eta")));
	assert_int_equal(json_integer_value(at(o, "spokes/1/unforeseen")), 1);
	json_decref(o);
	o = good(CMD_GROUPS, "{}");
	assert_memory_equal(text(o, "groups/0/eta"), "2026-11-23T22:0", 15);
	assert_int_equal(json_integer_value(at(o, "groups/0/jobs")), 2);
	assert_int_equal(json_integer_value(at(o, "groups/0/unforeseen")), 1);
	json_decref(o);
}

static void plans(void **state)
{
	json_t *o;

	(void)state;
	rig_move(hub.rig, 12 * 3600);
	o = good(CMD_PLAN, "{}");
	assert_int_equal(json_integer_value(at(o, "jobs_total")), json_array_size(at(o, "jobs")));
	assert_int_equal(json_integer_value(at(o, "late")), 0);
	json_decref(o);
	bad(CMD_PLAN, "{\"at\":\"2020-01-01T00:00:00Z\"}", 400, "to come");
	bad(CMD_PLAN, "{\"spoke\":\"x\"}", 404, "spoke");
	bad(CMD_PLAN, "{\"what-if\":\"/etc/passwd\"}", 403, "only root");
}

/* What was done on a spoke without the hub is said wherever somebody may look for it. */
static void drift(void **state)
{
	json_t *o;

	(void)state;
	hub.drift = "b";
	hub.versions[hub.n_versions++] = rig_version(hub.rig, "vdisks", "drifted.vhdx", true);
	o = good(CMD_SPOKES, "{}");
	assert_int_equal(json_integer_value(at(o, "spokes/0/drift_total")), 0);
	assert_int_equal(json_integer_value(at(o, "spokes/1/drift_total")), 1);
	assert_string_equal(text(o, "spokes/1/drift/0/path"), "drifted.vhdx");
	assert_string_equal(text(o, "spokes/1/drift/0/what"), "damaged");
	assert_string_equal(text(o, "spokes/1/drift/0/since"), "2001-09-09T01:46:40Z");
	json_decref(o);
	o = good(CMD_MATRIX, "{}");
	assert_string_equal(text(o, "groups/0/files/0/at/a/state"), "absent");
	assert_string_equal(text(o, "groups/0/files/0/at/b/state"), "drifted");
	json_decref(o);
	o = good(CMD_WHY, "{\"spoke\": \"b\", \"path\": \"drifted.vhdx\"}");
	assert_true(says(at(o, "why"), "found damaged on b"));
	json_decref(o);
	o = health_of_hub(&hub, hub.rig->now);
	assert_true(says(at(o, "problems"), "vdisks/drifted.vhdx was damaged there"));
	json_decref(o);
	bad(CMD_VERIFY, "{\"spoke\": \"c\"}", 404, "no spoke 'c'");
	bad(CMD_VERIFY, "{\"spoke\": \"a\", \"path\": \"../x\"}", 422, "..");
	bad(CMD_VERIFY, "{\"spoke\": \"a\", \"path\": \"unknown\"}", 404, "has a file unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(drift, setup, teardown),
		cmocka_unit_test(every_command_has_a_handler),
		cmocka_unit_test_setup_teardown(jobs_are_listed, setup, teardown),
		cmocka_unit_test_setup_teardown(why_tells_every_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(why_tells_of_questions, setup, teardown),
		cmocka_unit_test_setup_teardown(why_tells_of_paths, setup, teardown),
		cmocka_unit_test_setup_teardown(overrides_are_set_and_ended, setup, teardown),
		cmocka_unit_test_setup_teardown(backlog_and_matrix, setup, teardown),
		cmocka_unit_test_setup_teardown(windows_and_rates, setup, teardown),
		cmocka_unit_test_setup_teardown(windows_at_a_time, setup, teardown),
		cmocka_unit_test_setup_teardown(windows_of_a_week, setup, teardown),
		cmocka_unit_test_setup_teardown(spokes_and_groups_have_times, setup, teardown),
		cmocka_unit_test_setup_teardown(plans, setup, teardown),
		cmocka_unit_test_setup_teardown(jobs_are_cancelled_and_retried, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_held_is_decided, setup, teardown),
		cmocka_unit_test_setup_teardown(configuration, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
