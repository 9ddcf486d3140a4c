# scheduler/: decides and remembers. One line a file: the .c and its header. Sorted.
# main.c belongs to spokesyncd and client*.c to spokesync; all else to the library.
noinst_LIBRARIES += libscheduler.a
libscheduler_a_SOURCES =
libscheduler_a_SOURCES += scheduler/core.h
libscheduler_a_SOURCES += scheduler/daemon.h
libscheduler_a_SOURCES += scheduler/db.c scheduler/db.h
libscheduler_a_SOURCES += scheduler/hub.h
libscheduler_a_SOURCES += scheduler/joblog.h
libscheduler_a_SOURCES += scheduler/log.h
