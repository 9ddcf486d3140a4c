/*
 * wire_meter.c: what came through an interface, sampled a hundred times a second, and how far that
 * is from a rate over windows of any length, wherever they begin. For tests/bench/shape.sh.
 *
 *   wire_meter record DEVICE SECONDS           lines "TIME BYTES": TCP stream bytes received so far
 *   wire_meter judge RATE FROM TO <RECORD      one line of figures, see judge()
 *   wire_meter count FROM TO <RECORD           bytes between two times
 *
 * TCP stream bytes are what the interface counts less 66 a packet (Ethernet 14, IPv4 20, TCP 32
 * with timestamps); large packets that are never cut on a veth pair count as one. Times are those
 * of the calendar clock, as `date +%s.%N` has them.
 */
#include <inttypes.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HEADERS	   66
#define PERIOD_NS  10000000
#define SAMPLE_MAX (1 << 20)

struct sample {
	double t;
	double bytes;
};

static struct sample samples[SAMPLE_MAX];
static size_t n_samples;

static double now(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int device_bytes(const char *dev, int64_t *ret)
{
	FILE *f = fopen("/proc/net/dev", "re");
	char line[512], name[64];
	int64_t bytes, packets;
	int r = -1;

	if (!f)
		return -1;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, " %63[^:]: %" SCNd64 " %" SCNd64, name, &bytes, &packets) == 3 &&
		    strcmp(name, dev) == 0) {
			*ret = bytes - HEADERS * packets;
			r = 0;
		}
	fclose(f);
	return r;
}

static int record(const char *dev, double seconds)
{
	struct sched_param p = {.sched_priority = 1};
	struct timespec next;
	double end = now(CLOCK_MONOTONIC) + seconds;
	int64_t bytes;

	/* A late sample only makes a window longer; so it matters little if this is refused. */
	if (sched_setscheduler(0, SCHED_FIFO, &p) < 0)
		fprintf(stderr, "wire_meter: no real-time priority\n");
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (now(CLOCK_MONOTONIC) < end) {
		if (device_bytes(dev, &bytes) < 0) {
			fprintf(stderr, "wire_meter: no device %s\n", dev);
			return 1;
		}
		printf("%.6f %" PRId64 "\n", now(CLOCK_REALTIME), bytes);
		next.tv_nsec += PERIOD_NS;
		if (next.tv_nsec >= 1000000000) {
			next.tv_nsec -= 1000000000;
			next.tv_sec++;
		}
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	return 0;
}

static void load(double from, double to)
{
	struct sample s;

	while (n_samples < SAMPLE_MAX && scanf("%lf %lf", &s.t, &s.bytes) == 2)
		if (s.t >= from && s.t <= to)
			samples[n_samples++] = s;
}

struct worst {
	double low, high;    /* of the rate */
	double excess, lack; /* bytes beyond the rate, at most */
};

/* Over every window that begins at a sample and is at least so long. */
static struct worst windows(double rate, double length)
{
	struct worst w = {.low = 1e9};

	for (size_t i = 0, k = 0; i < n_samples; i++) {
		double dt, got;

		while (k < n_samples && samples[k].t - samples[i].t < length - 1e-4)
			k++;
		if (k == n_samples)
			break;
		dt = samples[k].t - samples[i].t;
		got = samples[k].bytes - samples[i].bytes;
		if (got / dt / rate < w.low)
			w.low = got / dt / rate;
		if (got / dt / rate > w.high)
			w.high = got / dt / rate;
		if (got - rate * dt > w.excess)
			w.excess = got - rate * dt;
		if (rate * dt - got > w.lack)
			w.lack = rate * dt - got;
	}
	if (w.high == 0)
		w.low = 0;
	return w;
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* A quantum as DESIGN.md has it: 20 ms of rate, within 1400 B .. 16 KiB. */
static double two_quanta(double rate)
{
	double q = rate / 50;

	return 2 * (q < 1400 ? 1400 : q > 16384 ? 16384 : q);
}

/*
 * Prints: mean, lowest and highest 10 s, lowest and highest 1 s, highest 100 ms, all of the rate,
 * and "ok" or which of the bounds do not hold: 2 % over 10 s, 10 % over 1 s, from 8 Mbit up 1.5
 * times over 100 ms; each or two quanta, whichever is larger.
 */
static int judge(double rate, double from, double to)
{
	struct worst ten, one, tenth;
	double two = two_quanta(rate), span;
	char bad[64] = "";

	load(from, to);
	if (n_samples < 2) {
		fprintf(stderr, "wire_meter: no samples\n");
		return 1;
	}
	ten = windows(rate, 10);
	one = windows(rate, 1);
	tenth = windows(rate, 0.1);
	span = samples[n_samples - 1].t - samples[0].t;
	if (larger(ten.excess, ten.lack) > larger(rate * 10 * 0.02, two))
		strcat(bad, ",10s");
	if (larger(one.excess, one.lack) > larger(rate * 0.10, two))
		strcat(bad, ",1s");
	if (rate >= 1e6 && tenth.excess > larger(rate * 0.1 * 0.5, two))
		strcat(bad, ",100ms");
	printf("%.4f %.4f %.4f %.3f %.3f %.2f %s\n",
	       (samples[n_samples - 1].bytes - samples[0].bytes) / span / rate, ten.low, ten.high,
	       one.low, one.high, tenth.high, bad[0] ? bad + 1 : "ok");
	return 0;
}

static int count(double from, double to)
{
	load(from, to);
	printf("%.0f\n", n_samples ? samples[n_samples - 1].bytes - samples[0].bytes : 0.0);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "record") == 0)
		return record(argv[2], atof(argv[3]));
	if (argc == 5 && strcmp(argv[1], "judge") == 0)
		return judge(atof(argv[2]), atof(argv[3]), atof(argv[4]));
	if (argc == 4 && strcmp(argv[1], "count") == 0)
		return count(atof(argv[2]), atof(argv[3]));
	fprintf(stderr,
		"usage: wire_meter record DEVICE SECONDS | judge RATE FROM TO | count FROM TO\n");
	return 2;
}
