/* zones.h: zones with odd rules, and some without any, for the tests of zone.c and window.c. */
#ifndef SPOKESYNC_TESTS_UNIT_ZONES_H
#define SPOKESYNC_TESTS_UNIT_ZONES_H

static const char *const zones[] = {
	"UTC",
	"Europe/Berlin",
	"Europe/Dublin", /* winter time is the exception there */
	"America/New_York",
	"America/St_Johns", /* half an hour off */
	"America/Havana",   /* changes at midnight */
	"America/Santiago", /* changes at midnight, on a saturday */
	"America/Asuncion",
	"America/Sao_Paulo",	/* gave up its summer time */
	"America/Scoresbysund", /* moved its zone */
	"America/Nuuk",
	"Africa/Cairo",
	"Africa/Casablanca", /* summer time but for ramadan */
	"Africa/El_Aaiun",
	"Asia/Amman",
	"Asia/Beirut", /* changes at midnight */
	"Asia/Gaza",
	"Asia/Kathmandu", /* 5:45 */
	"Asia/Kolkata",
	"Asia/Tehran",
	"Australia/Lord_Howe", /* summer time is half an hour */
	"Antarctica/Troll",    /* two hours */
	"Pacific/Apia",
	"Pacific/Chatham",    /* 12:45 */
	"Pacific/Kiritimati", /* 14:00 */
	"Pacific/Norfolk",
};

#endif
