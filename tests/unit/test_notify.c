/*
 * test_notify.c: what the service manager is told, received on a socket of the test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "scheduler/notify.h"

/* An abstract socket, named after the process. Returns it and sets $NOTIFY_SOCKET. */
static int listener(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char name[64];
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), len;

	len = snprintf(name, sizeof(name), "@test_notify.%d", getpid());
	memcpy(addr.sun_path, name, (size_t)len);
	addr.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&addr,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len)),
			 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void messages(void **state)
{
	int fd = listener();
	char buf[256] = "";

	(void)state;
	assert_int_equal(notify_ready("hub, 2 groups"), 0);
	assert_true(recv(fd, buf, sizeof(buf) - 1, 0) > 0);
	assert_string_equal(buf, "READY=1\nSTATUS=hub, 2 groups\n");
	memset(buf, 0, sizeof(buf));
	assert_int_equal(notify_reloading(), 0);
	assert_true(recv(fd, buf, sizeof(buf) - 1, 0) > 0);
	assert_memory_equal(buf, "RELOADING=1\nMONOTONIC_USEC=", 27);
	close(fd);
	/* Nobody there is an error that the caller may ignore; no socket named is none. */
	assert_true(notify_send("STOPPING=1\n") < 0);
	setenv("NOTIFY_SOCKET", "relative/path", 1);
	assert_int_equal(notify_send("STOPPING=1\n"), 0);
	unsetenv("NOTIFY_SOCKET");
	assert_int_equal(notify_send("STOPPING=1\n"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(messages)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
