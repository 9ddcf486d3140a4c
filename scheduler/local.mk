# scheduler/: decides and remembers. One line a file: the .c and its header. Sorted.
# main.c belongs to spokesyncd and client*.c to spokesync; all else to the library.
noinst_LIBRARIES += libscheduler.a
libscheduler_a_SOURCES =
libscheduler_a_SOURCES += scheduler/args.c scheduler/args.h
libscheduler_a_SOURCES += scheduler/call.c scheduler/handler.h
libscheduler_a_SOURCES += scheduler/command.c scheduler/command.h
libscheduler_a_SOURCES += scheduler/control.c scheduler/control.h
libscheduler_a_SOURCES += scheduler/core.h
libscheduler_a_SOURCES += scheduler/daemon.c scheduler/daemon.h scheduler/daemon_run.h
libscheduler_a_SOURCES += scheduler/db.c scheduler/db.h
libscheduler_a_SOURCES += scheduler/hub.h
libscheduler_a_SOURCES += scheduler/joblog.c scheduler/joblog.h
libscheduler_a_SOURCES += scheduler/log.c scheduler/log.h
libscheduler_a_SOURCES += scheduler/notify.c scheduler/notify.h
libscheduler_a_SOURCES += scheduler/signals.c scheduler/signals.h
libscheduler_a_SOURCES += scheduler/timetext.c scheduler/timetext.h
