/*
 * server_pump.c: runs libmicrohttpd: its epoll descriptor is one watcher of the loop, and its
 * timeout one timer.
 *
 * Its timeout of zero means run again, with one exception (measured with 0.9.75): a handshake of
 * which a part is still to come counts as ready all the time, so a peer that sends five bytes would
 * keep a core busy for as long as it may take, and two hundred daemons on a machine would keep each
 * other's handshakes from ever ending. While one is under way, who has nothing new rests: what
 * comes shows on the epoll descriptor.
 */
#include "transfer/server_private.h"

#define PUMP_MAX 64 /* rounds in one turn of the loop */
/* While a handshake is awaited, so many rounds in a row may bring nothing; then it rests, not for
 * long, in case that there was something to do all the same. */
#define PUMP_IDLE 4
#define REST_S	  0.05

/* Nothing says when a handshake is over; a request says that it was. */
static bool handshakes(const struct server *s)
{
	const struct sconn *c;

	TAILQ_FOREACH (c, &s->conns, entry)
		if (!s->unix_path && !c->requested)
			return true;
	return false;
}

static void server_pump(struct server *s)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;
	unsigned idle = 0;
	bool have = true;

	if (s->running || !s->mhd)
		return;
	s->running = true;
	for (int i = 0; i < PUMP_MAX && idle < PUMP_IDLE && have && ms == 0; i++) {
		s->moved = false;
		MHD_run(s->mhd);
		have = MHD_get_timeout(s->mhd, &ms) == MHD_YES;
		idle = s->moved || !handshakes(s) ? 0 : idle + 1;
	}
	s->running = false;
	ev_timer_stop(s->spec.loop, &s->timer);
	if (!have)
		return;
	ev_timer_set(&s->timer, idle == PUMP_IDLE ? REST_S : (double)ms / 1000.0, 0.0);
	ev_timer_start(s->spec.loop, &s->timer);
}

static void on_io(struct ev_loop *loop, ev_io *w, int revents)
{
	(void)loop;
	(void)revents;
	server_pump(w->data);
}

static void on_timer(struct ev_loop *loop, ev_timer *w, int revents)
{
	(void)loop;
	(void)revents;
	server_pump(w->data);
}

void server_pump_start(struct server *s)
{
	ev_io_init(&s->io, on_io, MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
		   EV_READ);
	ev_timer_init(&s->timer, on_timer, 0.0, 0.0);
	s->io.data = s->timer.data = s;
	ev_io_start(s->spec.loop, &s->io);
}

void server_pump_stop(struct server *s)
{
	ev_io_stop(s->spec.loop, &s->io);
	ev_timer_stop(s->spec.loop, &s->timer);
	s->running = true;
}

void server_kick(struct server *s)
{
	if (!s->running)
		ev_feed_event(s->spec.loop, &s->io, EV_READ);
}
