# policy/: answers questions. One line a file: the .c and its header. Sorted.
noinst_LIBRARIES += libpolicy.a
libpolicy_a_SOURCES =
libpolicy_a_SOURCES += policy/base.c
libpolicy_a_SOURCES += policy/base.h
libpolicy_a_SOURCES += policy/config.h
libpolicy_a_SOURCES += policy/filter.h
libpolicy_a_SOURCES += policy/limit.c policy/limit.h
libpolicy_a_SOURCES += policy/order.c policy/order.h
libpolicy_a_SOURCES += policy/override.h
libpolicy_a_SOURCES += policy/rate.h
libpolicy_a_SOURCES += policy/retry.h
libpolicy_a_SOURCES += policy/units.c
libpolicy_a_SOURCES += policy/units.h
libpolicy_a_SOURCES += policy/window.h
libpolicy_a_SOURCES += policy/zone.h
