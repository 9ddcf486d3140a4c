/*
 * test_core_zones.c: windows on a clock that cannot be trusted: it jumps either way, the machine
 * sleeps, the files of the time zones are replaced. Whatever happens, within a minute the core is
 * where the calendar says it should be.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include "policy/window.h"
#include "scheduler/core_zones.h"
#include "tests/unit/core_rig.h"
#include "tests/unit/temp.h"

#define HOUR   3600
#define DAY    86400
#define MINUTE (60 * SECOND_US)
#define STEPS  4000

#define SPOKE "[spoke a]\nurl = https://a:4480\n" RIG_KEY("a")
#define WORLD(zone, windows)                                                         \
	"[policy p]\ntimezone = " zone "\n" windows "[group g]\npath = /nowhere/g\n" \
	"spokes = a\npolicy = p\n" SPOKE

static struct rig *world(const char *rest)
{
	struct rig *r = rig_new("start_jitter = 0s", rest);

	rig_pass(r);
	rig_up(r, "a");
	rig_pass(r);
	return r;
}

static void answer_stops(struct rig *r, struct job *j)
{
	if (rig_saw(r, ACTION_STOP, j))
		rig_end(r, j, OUTCOME_STOPPED);
}

static bool should_run(const struct rig *r)
{
	const struct policy *p = config_group(core_config(r->c), "g")->policy;
	struct window_state s;

	window_at(p, p->zone, r->now.wall, &s);
	return s.open;
}

/*
 * The driver sleeps by the monotonic clock until the time that the core named. Meanwhile the
 * calendar goes on as well, and now and then jumps, by seconds or by months; or both clocks go on
 * for hours while nothing runs (a machine that sleeps wakes within its timer's minute).
 */
static void jumps_and_sleep(void **state)
{
	struct rig *r = world(WORLD("Europe/Berlin", "window = mon-fri 22:00-06:30 8Mbit\n"
						     "window = daily 12:00-12:10 1Mbit\n"
						     "window = sun 02:15-02:45 2Mbit\n"));
	struct job *j = rig_add(r, "a", "g", "1");
	unsigned jumps = 0, changes = 0;
	uint64_t seed = 3;
	bool was = false;

	(void)state;
	rig_pass(r);
	for (int i = 0; i < STEPS; i++) {
		static const int64_t sizes[] = {90, 2 * HOUR, 3 * DAY, 200 * (int64_t)DAY};
		int64_t sleep = r->next.us - r->now.mono.us;
		unsigned dice = (unsigned)(temp_random(&seed) >> 60);

		/* Asked for no later than in a minute, whatever lies between. */
		assert_in_range(sleep, 0, MINUTE);
		sleep = MAX(sleep, 1);
		if (dice < 3) {
			int64_t by = (int64_t)(temp_random(&seed) % 2000) - 1000;

			r->now.wall.s += by * sizes[temp_random(&seed) >> 62] / 1000;
			r->now.wall.s = MAX(r->now.wall.s, RIG_MONDAY - 400 * (int64_t)DAY);
			jumps++;
		} else if (dice == 3) {
			int64_t night = (int64_t)(temp_random(&seed) % (20 * HOUR));

			r->now.wall.s += night;
			r->now.mono.us += night * SECOND_US;
			jumps++;
		}
		r->now.mono.us += sleep;
		r->now.wall_us += (uint32_t)(sleep % SECOND_US);
		r->now.wall.s += sleep / SECOND_US + r->now.wall_us / SECOND_US;
		r->now.wall_us %= SECOND_US;
		rig_pass(r);
		answer_stops(r, j);
		/* The spoke's greetings are no part of this. */
		rig_up(r, "a");
		rig_pass(r);
		assert_int_equal(j->state == JOB_SENDING, should_run(r));
		changes += was != should_run(r);
		was = should_run(r);
	}
	assert_true(jumps > STEPS / 8 && changes > 100);
	rig_free(r);
}

static void put_zone(const struct temp *t, const char *from)
{
	char path[600], buf[8192];
	int fd = temp_file(t, "new"), in;
	ssize_t n;

	snprintf(path, sizeof(path), "/usr/share/zoneinfo/%s", from);
	in = open(path, O_RDONLY | O_CLOEXEC);
	n = read(in, buf, sizeof(buf));
	assert_true(n > 0);
	temp_write(fd, buf, (size_t)n, 0);
	close(in);
	close(fd);
	assert_int_equal(renameat(t->fd, "new", t->fd, "Here"), 0);
}

/* The rules of a zone change while a window is open: of a policy's own, and of a spoke's. */
static void changed_rules(void **state)
{
	static const char *const worlds[] = {
		WORLD("Here", "window = daily 01:00-03:00 8Mbit\n"),
		WORLD("spoke", "window = daily 01:00-03:00 8Mbit\n"),
	};
	struct temp t;

	(void)state;
	temp_new(&t);
	setenv("TZDIR", t.path, 1);
	for (size_t i = 0; i < ARRAY_LEN(worlds); i++) {
		struct rig *r;
		struct job *j;

		put_zone(&t, "Europe/Berlin");
		r = world(worlds[i]);
		core_fact_spoke_up(r->c, core_spoke(r->c, "a"), "Here", r->now);
		j = rig_add(r, "a", "g", "1");
		rig_move(r, HOUR); /* 02:00 in Berlin */
		assert_int_equal(j->state, JOB_SENDING);
		assert_null(core_zones_refresh(r->c));
		put_zone(&t, "Asia/Tokyo"); /* 10:00 */
		rig_pass(r);
		assert_int_equal(j->state, JOB_SENDING);
		assert_string_equal(core_zones_refresh(r->c), "Here");
		rig_pass(r);
		assert_int_equal(rig_saw(r, ACTION_STOP, j), 1);
		rig_end(r, j, OUTCOME_STOPPED);
		assert_int_equal(j->waits, WAIT_WINDOW);
		assert_null(core_zones_refresh(r->c));
		/* And a reload reads the files anyway. */
		put_zone(&t, "Europe/Berlin");
		rig_reload(r, "start_jitter = 0s", worlds[0]);
		rig_pass(r);
		assert_int_equal(j->state, JOB_SENDING);
		rig_free(r);
	}
	unsetenv("TZDIR");
	temp_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jumps_and_sleep),
		cmocka_unit_test(changed_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
