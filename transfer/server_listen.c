/*
 * server_listen.c: the listening sockets of server.c: TCP by "host:port", or a Unix socket
 * whose rights are right from its first moment. Knows nothing of HTTP.
 */
#include "transfer/server_private.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_BACKLOG 64

/* "host:port", "[v6]:port", ":port" -> host ("" = any) and port. */
static int split_host_port(const char *listen, char host[256], char port[16], struct err *e)
{
	const char *colon = strrchr(listen, ':');
	size_t len = colon ? (size_t)(colon - listen) : 0;

	if (!colon || !colon[1] || strlen(colon + 1) > 5 ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return err_set(e, -EINVAL, "%s: expected host:port, [v6]:port or :port", listen);
	if (len >= 2 && listen[0] == '[' && listen[len - 1] == ']') {
		listen++;
		len -= 2;
	}
	if (len >= 256)
		return err_set(e, -EINVAL, "%s: the host name is too long", listen);
	memcpy(host, listen, len);
	host[len] = '\0';
	strcpy(port, colon + 1);
	return 0;
}

static int bind_one(const struct addrinfo *ai, int *ret_fd)
{
	int one = 1, zero = 0, r = 0;
	int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (ai->ai_family == AF_INET6) /* ":port" serves both families where the kernel can */
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	if (bind(fd, ai->ai_addr, ai->ai_addrlen) < 0 || listen(fd, LISTEN_BACKLOG) < 0) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static unsigned port_of(int fd)
{
	struct sockaddr_storage a;
	socklen_t len = sizeof(a);

	if (getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		return 0;
	if (a.ss_family == AF_INET6)
		return ntohs(((struct sockaddr_in6 *)&a)->sin6_port);
	return ntohs(((struct sockaddr_in *)&a)->sin_port);
}

int server_listen_tcp(const char *listen, int *ret_fd, unsigned *ret_port, struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	struct addrinfo *list = NULL, *ai;
	char host[256], port[16];
	int r = split_host_port(listen, host, port, e), fd = -1, g, pass;

	if (r < 0)
		return r;
	g = getaddrinfo(host[0] ? host : NULL, port, &hints, &list);
	if (g)
		return err_set(e, -EINVAL, "%s: %s", listen, gai_strerror(g));
	r = -EADDRNOTAVAIL;
	/* IPv6 first where no host is named: that one socket serves IPv4 too. */
	for (pass = 0; pass < 2 && fd < 0; pass++)
		for (ai = list; ai && fd < 0; ai = ai->ai_next)
			if (host[0] ? !pass : (ai->ai_family == AF_INET6) == !pass)
				r = bind_one(ai, &fd);
	freeaddrinfo(list);
	if (fd < 0)
		return err_set(e, r, "cannot listen on %s: %s", listen, strerror(-r));
	*ret_fd = fd;
	*ret_port = port_of(fd);
	return 0;
}

/* A socket file that nobody serves any more is removed; one that is served is refused. */
static int clear_stale(const struct sockaddr_un *a, struct err *e)
{
	struct stat st;
	int fd, r;

	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0
				       : err_set(e, -errno, "%s: %s", a->sun_path, strerror(errno));
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, -EEXIST, "%s exists and is not a socket", a->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = connect(fd, (const struct sockaddr *)a, sizeof(*a)) < 0 ? -errno : 0;
	close(fd);
	if (r == 0 || r == -EAGAIN)
		return err_set(e, -EADDRINUSE, "%s: another daemon serves it", a->sun_path);
	if (unlink(a->sun_path) < 0 && errno != ENOENT)
		return err_set(e, -errno, "%s: %s", a->sun_path, strerror(errno));
	return 0;
}

static void make_parent(const char *path)
{
	char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
	char *slash;

	strcpy(dir, path);
	slash = strrchr(dir, '/');
	if (slash && slash != dir) {
		*slash = '\0';
		(void)mkdir(dir, 0755);
	}
}

int server_listen_unix(const char *path, gid_t gid, int *ret_fd, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd, r;

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(e, -ENAMETOOLONG, "%s: a socket's path has at most %zu bytes", path,
			       sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	make_parent(path);
	r = clear_stale(&a, e);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(e, -errno, "socket: %s", strerror(errno));
	/* The mode of an unbound socket is that of the file which bind() makes. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
	    (gid != (gid_t)-1 && chown(path, (uid_t)-1, gid) < 0) || chmod(path, 0660) < 0 ||
	    listen(fd, LISTEN_BACKLOG) < 0) {
		r = -errno;
		close(fd);
		return err_set(e, r, "cannot listen on %s: %s", path, strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}
